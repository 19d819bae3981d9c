"""What is promised to whom, and what answers it (SPEC 1, 2.2, 2.3)."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from helpdesk.accounts.models import Membership
from helpdesk.core.channels import Channel
from helpdesk.notifications.models import OutboxMail
from helpdesk.sla.models import BreachCause, CalendarVersion, Clock, Policy, PolicyVersion
from helpdesk.sla.verification import difference
from helpdesk.subscriptions.models import Hub
from helpdesk.tickets import services
from helpdesk.tickets.models import Claim, Severity, Source, Status, TicketEvent
from tests.factories import DesignatedFactory, MembershipFactory, StaffFactory, TeamFactory, make_ticket

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def first_response(ticket) -> Clock:
    return ticket.clocks.get(metric="first_response")


@pytest.mark.parametrize(
    ("role", "designated", "critical", "promise", "minutes"),
    [
        (Membership.Role.SUPER_ADMIN, True, False, "guaranteed", 60),
        (Membership.Role.SUPER_ADMIN, True, True, "guaranteed", 30),
    ],
)
def test_a_designated_super_admin_is_guaranteed_a_reply(role, designated, critical, promise, minutes, now):
    membership = MembershipFactory(role=role, is_designated=designated)
    ticket = make_ticket(membership, critical=critical, now=now)
    clock = first_response(ticket)
    assert clock.promise == promise
    assert clock.due_at == now + minutes * MINUTE
    assert ticket.next_due_at == clock.due_at


@pytest.mark.parametrize("role", Membership.Role)
def test_anybody_else_gets_the_aim_of_one_business_day(role, now):
    clock = first_response(make_ticket(MembershipFactory(role=role), now=now))
    assert clock.promise == "objective"
    assert clock.due_at == datetime(2026, 11, 25, 12, 5, tzinfo=UTC)  # Tuesday to Wednesday, the same wall time


@pytest.mark.parametrize("role", Membership.Role)
def test_only_designated_super_admins_can_claim_critical(role, now):
    with pytest.raises(services.Refused):
        make_ticket(MembershipFactory(role=role), critical=True, now=now)


def test_critical_is_for_the_email_channel_only(now):
    with pytest.raises(services.Refused):
        make_ticket(DesignatedFactory(), critical=True, channel=Channel.CHAT, now=now)


@pytest.mark.parametrize("source", [Source.MAIL, Source.STAFF])
def test_a_ticket_that_did_not_come_by_the_form_is_an_objective(source, now):
    clock = first_response(make_ticket(source=source, now=now))
    assert clock.promise == "objective"
    assert clock.due_at == now + 60 * MINUTE


def test_nor_are_its_further_replies_guaranteed_whatever_the_policy_says(now):
    ticket = make_ticket(source=Source.MAIL, now=now)
    old = ticket.policy_version
    targets = [{**row, "promise": "guaranteed", "hours": "always"} for row in old.document["targets"]]
    ticket.policy_version = PolicyVersion.objects.create(
        policy=old.policy, number=2, document={**old.document, "targets": targets}, is_current=False, created_at=now
    )
    ticket.save()
    services.reply(ticket=ticket, actor=StaffFactory(), body="?", now=now + MINUTE)
    services.customer_reply(ticket=ticket, actor=ticket.requester, body="!", now=now + 2 * MINUTE)
    assert ticket.clocks.get(metric="next_response").promise == "objective"


def test_the_promise_survives_a_change_of_the_account(now):
    membership = DesignatedFactory()
    ticket = make_ticket(membership, now=now)
    membership.is_designated = False
    membership.save()
    ticket.account.subscriptions.update(premium_support=False)
    services.add_note(ticket=ticket, actor=StaffFactory(), body="looking", now=now + MINUTE)
    ticket.refresh_from_db()
    assert ticket.requester_role == "designated"
    assert ticket.entitlement["hub"] == "content"
    assert first_response(ticket).promise == "guaranteed"


def test_a_reply_in_time_meets_the_promise_and_is_mailed(now):
    ticket = make_ticket(now=now)
    specialist = StaffFactory()
    services.reply(ticket=ticket, actor=specialist, body="We are on it.", now=now + 17 * MINUTE)
    clock = first_response(ticket)
    assert clock.is_met
    assert clock.ended_at == now + 17 * MINUTE
    assert clock.answered_by == specialist
    assert clock.next_check_at is None
    ticket.refresh_from_db()
    assert (ticket.status, ticket.owner, ticket.next_due_at) == (Status.OPEN, specialist, None)
    assert OutboxMail.objects.get(template="reply").to == [ticket.requester.email]


@pytest.mark.parametrize(("late", "met"), [(timedelta(0), True), (timedelta(microseconds=1), False)])
def test_a_reply_at_the_very_deadline_is_in_time(late, met, now):
    ticket = make_ticket(now=now)
    services.reply(ticket=ticket, actor=StaffFactory(), body="Here.", now=now + 60 * MINUTE + late)
    assert first_response(ticket).is_met is met


def test_a_late_reply_breaches_at_the_instant_it_was_due(now):
    ticket = make_ticket(now=now)
    services.reply(ticket=ticket, actor=StaffFactory(), body="Sorry.", now=now + 300 * MINUTE)
    clock = first_response(ticket)
    assert clock.breached_at == now + 60 * MINUTE
    assert clock.ended_at == now + 300 * MINUTE
    assert [event.kind for event in clock.events.all()] == ["start", "breach", "fulfil"]


def test_the_owner_when_due_is_kept_though_another_one_replied(now):
    ticket = make_ticket(now=now)
    owner, rescuer, lead = StaffFactory(), StaffFactory(), StaffFactory(staff_role="team_lead")
    services.assign(ticket=ticket, owner=owner, actor=lead, now=now + MINUTE)
    services.assign(ticket=ticket, owner=rescuer, actor=lead, now=now + 70 * MINUTE)
    services.reply(ticket=ticket, actor=rescuer, body="Sorry.", now=now + 80 * MINUTE)
    clock = first_response(ticket)
    assert (clock.owner_at_due, clock.answered_by) == (owner, rescuer)


def test_notes_assignment_and_status_answer_nothing(now):
    ticket = make_ticket(now=now)
    specialist = StaffFactory()
    services.add_note(ticket=ticket, actor=specialist, body="hm", now=now + MINUTE)
    services.assign(ticket=ticket, owner=specialist, actor=specialist, now=now + MINUTE)
    services.set_status(ticket=ticket, status=Status.WAITING, actor=specialist, now=now + MINUTE)
    clock = first_response(ticket)
    assert (clock.state, clock.due_at) == ("running", now + 60 * MINUTE)
    with pytest.raises(services.Refused):
        services.set_status(ticket=ticket, status=Status.SOLVED, actor=specialist, now=now + MINUTE)


def test_declined_in_time_moves_the_deadline_to_an_hour_from_creation(now):
    ticket = make_ticket(critical=True, now=now)
    specialist = StaffFactory()
    services.judge_claim(
        ticket=ticket, actor=specialist, confirmed=False, reason="One list only.", now=now + 13 * MINUTE
    )
    ticket.refresh_from_db()
    assert (ticket.claim, ticket.severity, ticket.claim_reason) == (Claim.DECLINED, Severity.STANDARD, "One list only.")
    clock = first_response(ticket)
    assert (clock.due_at, clock.version, clock.breached_at) == (now + 60 * MINUTE, 2, None)
    assert ticket.next_due_at == clock.due_at
    services.reply(ticket=ticket, actor=specialist, body="Held.", now=now + 45 * MINUTE)
    assert first_response(ticket).is_met


def test_declined_after_the_deadline_keeps_the_breach(now):
    ticket = make_ticket(critical=True, now=now)
    services.judge_claim(ticket=ticket, actor=StaffFactory(), confirmed=False, reason="No.", now=now + 31 * MINUTE)
    clock = first_response(ticket)
    assert (clock.breached_at, clock.cause) == (now + 30 * MINUTE, BreachCause.DECLINED_LATE)


def test_declined_after_a_late_reply_says_why_it_was_late(now):
    ticket = make_ticket(critical=True, now=now)
    specialist = StaffFactory()
    services.reply(ticket=ticket, actor=specialist, body="Sorry.", now=now + 45 * MINUTE)
    services.judge_claim(ticket=ticket, actor=specialist, confirmed=False, reason="No.", now=now + 50 * MINUTE)
    clock = first_response(ticket)
    assert (clock.breached_at, clock.cause) == (now + 30 * MINUTE, BreachCause.DECLINED_LATE)


def test_a_cause_that_somebody_has_coded_is_kept(now):
    ticket = make_ticket(critical=True, now=now)
    services.add_note(ticket=ticket, actor=StaffFactory(), body="hm", now=now + 31 * MINUTE)
    ticket.clocks.update(cause=BreachCause.SYSTEM_FAULT)
    services.judge_claim(ticket=ticket, actor=StaffFactory(), confirmed=False, reason="No.", now=now + 40 * MINUTE)
    assert first_response(ticket).cause == BreachCause.SYSTEM_FAULT


def test_confirmed_keeps_the_thirty_minutes(now):
    ticket = make_ticket(critical=True, now=now)
    services.judge_claim(ticket=ticket, actor=StaffFactory(), confirmed=True, reason="", now=now + 5 * MINUTE)
    ticket.refresh_from_db()
    assert (ticket.claim, ticket.severity) == (Claim.CONFIRMED, Severity.CRITICAL)
    assert first_response(ticket).due_at == now + 30 * MINUTE


def test_a_further_message_starts_a_cycle_of_next_response(now):
    ticket = make_ticket(now=now)
    specialist = StaffFactory()
    services.reply(ticket=ticket, actor=specialist, body="?", now=now + MINUTE, status=Status.WAITING)
    services.customer_reply(ticket=ticket, actor=ticket.requester, body="!", now=now + 5 * MINUTE)
    services.customer_reply(ticket=ticket, actor=ticket.requester, body="!!", now=now + 6 * MINUTE)
    ticket.refresh_from_db()
    assert ticket.status == Status.OPEN
    clock = ticket.clocks.get(metric="next_response")  # one cycle, from the oldest unanswered message
    assert (clock.started_at, clock.due_at) == (now + 5 * MINUTE, now + 5 * MINUTE + timedelta(hours=4))
    services.reply(ticket=ticket, actor=specialist, body="Done", now=now + 9 * MINUTE)
    services.customer_reply(ticket=ticket, actor=ticket.requester, body="Again", now=now + 10 * MINUTE)
    assert list(ticket.clocks.filter(metric="next_response").order_by("cycle").values_list("cycle", "state")) == [
        (1, "fulfilled"),
        (2, "running"),
    ]


@pytest.mark.parametrize(("after", "state", "breached"), [(59, "cancelled", False), (61, "ended", True)])
def test_a_customer_who_closes_before_any_reply(after, state, breached, now):
    ticket = make_ticket(now=now)
    services.close_by_customer(ticket=ticket, actor=ticket.requester, now=now + after * MINUTE)
    clock = first_response(ticket)
    assert (clock.state, clock.breached_at is not None) == (state, breached)


def test_every_clock_is_the_fold_of_its_events_and_every_change_names_its_actor(now):
    ticket = make_ticket(critical=True, now=now)
    specialist = StaffFactory()
    services.judge_claim(ticket=ticket, actor=specialist, confirmed=False, reason="No.", now=now + MINUTE)
    services.reply(ticket=ticket, actor=specialist, body="Hi", now=now + 90 * MINUTE)
    for clock in ticket.clocks.all():
        assert difference(clock, list(clock.events.order_by("number"))) == ""
    assert list(ticket.events.order_by("id").values_list("kind", "actor")) == [
        ("opened", ticket.requester_id),
        ("claimed", ticket.requester_id),
        ("acknowledged", None),
        ("declined", specialist.pk),
        ("replied", specialist.pk),
        ("assigned", specialist.pk),
        ("status", specialist.pk),
    ]


def test_events_and_versions_cannot_be_changed_or_deleted(now):
    ticket = make_ticket(now=now)
    for act in (
        lambda: PolicyVersion.objects.update(document={}),
        lambda: CalendarVersion.objects.update(definition={}),
        lambda: TicketEvent.objects.filter(ticket=ticket).update(kind="noted"),
        lambda: TicketEvent.objects.filter(ticket=ticket).delete(),
        lambda: first_response(ticket).events.update(kind="fulfil"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            act()


def test_waiting_pauses_a_next_response_and_its_answer_still_counts(now):
    ticket = make_ticket(now=now)
    specialist = StaffFactory()
    services.reply(ticket=ticket, actor=specialist, body="?", now=now + MINUTE)
    services.customer_reply(ticket=ticket, actor=ticket.requester, body="!", now=now + 5 * MINUTE)
    services.set_status(ticket=ticket, status=Status.WAITING, actor=specialist, now=now + 15 * MINUTE)
    clock = ticket.clocks.get(metric="next_response")
    assert (clock.state, clock.due_at, clock.next_check_at) == ("paused", None, None)
    services.reply(ticket=ticket, actor=specialist, body="Done.", now=now + 45 * MINUTE)
    clock.refresh_from_db()
    assert clock.is_met
    assert clock.due_at == now + (5 + 240 + 30) * MINUTE  # four hours from the message, and the half hour of the pause


def test_who_left_the_account_reads_no_more_of_its_mail(now):
    ticket = make_ticket(now=now)
    heir = MembershipFactory(account=ticket.account, role=Membership.Role.SUPER_ADMIN).user
    ticket.requester.memberships.all().delete()
    services.reply(ticket=ticket, actor=StaffFactory(), body="Confidential.", now=now + MINUTE)
    assert OutboxMail.objects.get(template="reply").to == [heir.email]
    heir.is_active = False
    heir.save()
    services.reply(ticket=ticket, actor=StaffFactory(), body="For nobody.", now=now + 2 * MINUTE)
    assert OutboxMail.objects.filter(template="reply").count() == 1


def test_replies_thread_below_the_acknowledgement_and_only_they_go_to_the_people_in_copy(now):
    ticket = make_ticket(now=now)
    ticket.cc = ["ops@kestrel.example"]
    ticket.save()
    specialist = StaffFactory()
    services.customer_reply(ticket=ticket, actor=ticket.requester, body="One more thing.", now=now + MINUTE)
    services.reply(ticket=ticket, actor=specialist, body="Here.", now=now + 2 * MINUTE)
    acknowledgement, reply = OutboxMail.objects.order_by("id")
    assert reply.in_reply_to == acknowledgement.message_id
    assert (acknowledgement.cc, reply.cc) == ([], ["ops@kestrel.example"])


def test_a_declined_claim_falls_back_on_the_promise_of_its_own_day(now):
    standard = Policy.objects.get(name="Standard, designated super admins")
    old = standard.versions.get()
    PolicyVersion.objects.filter(pk=old.pk).update(created_at=now - timedelta(days=1), is_current=False)
    ticket = make_ticket(critical=True, now=now)
    targets = [{**row, "seconds": 7200} for row in old.document["targets"]]
    PolicyVersion.objects.create(
        policy=standard, number=2, document={**old.document, "targets": targets}, created_at=now + MINUTE
    )
    services.judge_claim(ticket=ticket, actor=StaffFactory(), confirmed=False, reason="No.", now=now + 5 * MINUTE)
    clock = first_response(ticket)
    assert (clock.due_at, clock.policy_version) == (now + 60 * MINUTE, old)
    assert first_response(make_ticket(now=now + 5 * MINUTE)).due_at == now + 125 * MINUTE


def test_the_team_that_serves_the_hub_on_this_channel_gets_the_ticket(now):
    callers, writers = TeamFactory(channels=["phone"]), TeamFactory(channels=["email", "chat"])
    Hub.objects.get(code="content").teams.set([callers, writers])
    assert make_ticket(now=now).team == writers
    assert make_ticket(now=now, channel=Channel.PHONE, source=Source.CALLBACK).team == callers
