"""The table of SPEC 2.3, row by row; spam, merges and new rules have files of their own."""

from datetime import UTC, datetime

import pytest

from helpdesk.core.channels import Channel
from helpdesk.escalation.sweep import sweep
from helpdesk.notifications.models import OutboxMail
from helpdesk.sla.clock import Effect, State
from helpdesk.sla.models import BreachCause, ExceptionCode
from helpdesk.tickets import services
from helpdesk.tickets.models import Claim, Severity, Source, Status
from helpdesk.tickets.services import Refused, Wish
from tests.factories import MembershipFactory, TeamFactory, make_ticket
from tests.tickets.scenes import (
    MINUTE,
    OPENED,
    asked,
    at,
    decline,
    first_response,
    judgements,
    raised,
    reply,
    write,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven")]

# A super admin ticks "business critical"


def test_claimed_the_thirty_minutes_run_at_once(specialist):
    ticket = make_ticket(critical=True, now=OPENED)
    clock = first_response(ticket)
    assert (ticket.claim, ticket.severity) == (Claim.CLAIMED, Severity.CRITICAL)
    assert (clock.promise, clock.due_at) == ("guaranteed", at(30))
    reply(ticket, specialist, 29)
    assert first_response(ticket).is_met  # though nobody has judged the claim yet


def test_confirmed_both_judgements_stay_and_the_customer_hears_why(specialist):
    ticket = make_ticket(critical=True, now=OPENED)
    services.judge_claim(ticket=ticket, actor=specialist, confirmed=True, reason="All forms are down.", now=at(4))
    ticket.refresh_from_db()
    assert (ticket.claim, ticket.claim_reason) == (Claim.CONFIRMED, "All forms are down.")
    assert list(ticket.events.filter(kind__in=["claimed", "confirmed"]).values_list("actor", "at")) == [
        (ticket.requester_id, at(0)),
        (specialist.pk, at(4)),
    ]
    (told,) = judgements(ticket)
    assert (told["reason"], told["author"], told["claim"]) == ("All forms are down.", specialist.full_name, "confirmed")
    assert told["due_at"] == at(30).isoformat()
    assert first_response(ticket).due_at == at(30)


def test_declined_in_time_it_is_sixty_minutes_from_creation(specialist):
    ticket = make_ticket(critical=True, now=OPENED)
    decline(ticket, specialist, 20)
    ticket.refresh_from_db()
    assert (ticket.claim, ticket.severity) == (Claim.DECLINED, Severity.STANDARD)
    clock = first_response(ticket)
    assert (clock.due_at, clock.started_at, clock.breached_at) == (at(60), at(0), None)
    (told,) = judgements(ticket)
    assert (told["reason"], told["due_at"], told["renewed"]) == ("One list only.", at(60).isoformat(), False)
    reply(ticket, specialist, 59)
    assert first_response(ticket).is_met


def test_declined_at_the_very_deadline_is_in_time(specialist):
    ticket = make_ticket(critical=True, now=OPENED)
    decline(ticket, specialist, 30)
    assert first_response(ticket).due_at == at(60)


@pytest.mark.parametrize("swept", [True, False])
def test_declined_late_the_breach_stays_and_a_manager_may_exempt_it(specialist, manager, swept):
    ticket = make_ticket(critical=True, now=OPENED)
    if swept:
        sweep(now=at(31))
    decline(ticket, specialist, 31)
    clock = first_response(ticket)
    assert (clock.breached_at, clock.due_at, clock.cause) == (at(30), at(30), BreachCause.DECLINED_LATE)
    exception = services.request_exception(
        clock=clock,
        code=ExceptionCode.objects.get(code="not-confirmed-critical"),
        wish=Wish(effect=Effect.RETARGET, target_seconds=3600),
        evidence="One list of one person.",
        actor=specialist,
        now=at(35),
    )
    services.decide_exception(exception=exception, approve=True, note="", actor=manager, now=at(40))
    clock = first_response(ticket)
    assert (clock.breached_at, clock.due_at, clock.gross_breached_at) == (None, at(60), at(30))
    reply(ticket, specialist, 50)
    clock = first_response(ticket)
    assert (clock.is_met, clock.gross_breached_at) == (True, at(30))  # net and gross, side by side


def test_a_claim_is_judged_once_and_declined_with_a_reason(specialist, colleague):
    ticket = make_ticket(critical=True, now=OPENED)
    with pytest.raises(Refused, match="customer reads the reason"):
        decline(ticket, specialist, 5, reason="  ")
    decline(ticket, specialist, 5)
    with pytest.raises(Refused, match="no open claim"):
        decline(ticket, colleague, 6)
    with pytest.raises(Refused, match="no open claim"):
        decline(make_ticket(now=OPENED), colleague, 6)


# Raised to critical later


@pytest.mark.parametrize(("act", "claim"), [(raised, Claim.CONFIRMED), (asked, Claim.CLAIMED)])
def test_raised_in_time_it_is_thirty_minutes_from_creation(act, claim, specialist):
    ticket = make_ticket(now=OPENED)
    act(ticket, specialist, 20)
    ticket.refresh_from_db()
    assert (ticket.claim, ticket.severity) == (claim, Severity.CRITICAL)
    clock = first_response(ticket)
    assert (clock.due_at, clock.breached_at, clock.cause) == (at(30), None, "")
    (told,) = judgements(ticket)
    assert (told["due_at"], told["is_guaranteed"], told["renewed"]) == (at(30).isoformat(), True, False)
    reply(ticket, specialist, 30)
    assert first_response(ticket).is_met


@pytest.mark.parametrize("act", [raised, asked])
def test_raised_after_the_thirty_minutes_it_is_one_breach_and_the_guarantee_applies_from_the_request(act, specialist):
    ticket = make_ticket(now=OPENED)
    act(ticket, specialist, 40)
    clock = first_response(ticket)
    assert (clock.breached_at, clock.cause) == (at(30), BreachCause.LATE_RECLASSIFICATION)
    assert clock.due_at == at(70)
    (told,) = judgements(ticket)
    assert (told["due_at"], told["renewed"], told["breached_at"]) == (at(70).isoformat(), True, None)
    # Missed again: still one breach, of that deadline and cause.
    sweep(now=at(75))
    reply(ticket, specialist, 80)
    clock = first_response(ticket)
    assert (clock.breached_at, clock.cause) == (at(30), BreachCause.LATE_RECLASSIFICATION)
    assert clock.events.filter(kind="breach").count() == 1


def test_raised_after_the_hour_there_is_one_breach_of_the_hour_and_a_new_time(specialist):
    ticket = make_ticket(now=OPENED)
    raised(ticket, specialist, 70)
    clock = first_response(ticket)
    assert (clock.breached_at, clock.due_at, clock.cause) == (at(60), at(100), "")


def test_an_exception_moves_the_renewed_time_but_not_the_breach_before_it(specialist, manager):
    ticket = make_ticket(now=OPENED)
    asked(ticket, specialist, 40)
    exception = services.request_exception(
        clock=first_response(ticket),
        code=ExceptionCode.objects.get(code="not-confirmed-critical"),
        wish=Wish(effect=Effect.RETARGET, target_seconds=3600),
        evidence="One list of one person.",
        actor=specialist,
        now=at(45),
    )
    services.decide_exception(exception=exception, approve=True, note="", actor=manager, now=at(50))
    clock = first_response(ticket)
    assert (clock.breached_at, clock.due_at, clock.gross_due_at) == (at(30), at(100), at(70))


def test_a_customer_who_asked_is_judged_like_one_who_claimed(specialist):
    ticket = make_ticket(now=OPENED)
    asked(ticket, specialist, 10)
    decline(ticket, specialist, 20)
    assert first_response(ticket).due_at == at(60)
    with pytest.raises(Refused, match="declined"):
        asked(ticket, specialist, 21)
    raised(ticket, specialist, 25)  # but staff may find that it has become worse
    ticket.refresh_from_db()
    assert (ticket.claim, first_response(ticket).due_at) == (Claim.CONFIRMED, at(30))


def test_who_can_raise_what(specialist):
    ticket = make_ticket(critical=True, now=OPENED)
    with pytest.raises(Refused, match="already"):
        raised(ticket, specialist, 1)
    colleagues = make_ticket(MembershipFactory(), now=OPENED)
    with pytest.raises(Refused, match="designated super admin"):
        asked(colleagues, specialist, 1)
    by_chat = make_ticket(channel=Channel.CHAT, source=Source.CHAT, now=OPENED)
    with pytest.raises(Refused, match="designated super admin"):
        asked(by_chat, specialist, 1)
    with pytest.raises(Refused, match="customer reads the reason"):
        services.raise_to_critical(ticket=colleagues, actor=specialist, reason=" ", now=at(1))
    # Staff may: what there is of targets for it counts.
    raised(colleagues, specialist, 1)
    assert (first_response(colleagues).promise, first_response(colleagues).version) == ("objective", 1)
    closed = make_ticket(now=OPENED)
    services.close_by_customer(ticket=closed, actor=closed.requester, now=at(1))
    with pytest.raises(Refused, match="Only an open ticket"):
        raised(closed, specialist, 2)


# Reassigned, moved to another team


def test_moved_to_another_team_nothing_is_reset_and_both_names_are_kept(specialist, colleague, lead):
    ticket = make_ticket(now=OPENED)
    others = TeamFactory()
    services.assign(ticket=ticket, owner=specialist, actor=lead, now=at(10))
    services.assign(ticket=ticket, owner=specialist, team=others, actor=lead, now=at(20))
    clock = first_response(ticket)
    assert (clock.due_at, clock.version, clock.event_count) == (at(60), 1, 1)
    services.assign(ticket=ticket, owner=colleague, team=others, actor=lead, now=at(61))
    reply(ticket, colleague, 65)
    clock = first_response(ticket)
    assert (clock.owner_at_due, clock.answered_by, clock.breached_at) == (specialist, colleague, at(60))
    ticket.refresh_from_db()
    assert (ticket.team, ticket.owner) == (others, colleague)


def test_given_back_to_nobody_it_was_nobodys_when_due(specialist, lead):
    ticket = make_ticket(now=OPENED)
    services.assign(ticket=ticket, owner=specialist, actor=lead, now=at(10))
    services.assign(ticket=ticket, owner=None, actor=lead, now=at(50))
    reply(ticket, specialist, 65)
    clock = first_response(ticket)
    assert (clock.owner_at_due, clock.answered_by) == (None, specialist)


def test_a_customer_or_somebody_who_left_cannot_own_a_ticket(specialist, lead):
    ticket = make_ticket(now=OPENED)
    with pytest.raises(Refused, match="member of staff"):
        services.assign(ticket=ticket, owner=ticket.requester, actor=lead, now=at(1))
    specialist.is_active = False
    with pytest.raises(Refused, match="member of staff"):
        services.assign(ticket=ticket, owner=specialist, actor=lead, now=at(1))


# Reopened after a first response


@pytest.mark.parametrize("over", [Status.SOLVED, Status.CLOSED])
def test_reopened_the_first_response_stays_answered_and_a_cycle_of_next_response_starts(over, specialist):
    ticket = make_ticket(now=OPENED)
    reply(ticket, specialist, 10, status=over)
    write(ticket, 100)
    ticket.refresh_from_db()
    assert ticket.status == Status.OPEN
    assert (first_response(ticket).is_met, first_response(ticket).ended_at) == (True, at(10))
    clock = ticket.clocks.get(metric="next_response")
    # Four business hours: 195 minutes are left of Tuesday, 45 come on Wednesday morning.
    assert (clock.started_at, clock.state) == (at(100), State.RUNNING)
    assert clock.due_at == datetime(2026, 11, 25, 9, 45, tzinfo=UTC)


# The customer closes before any reply


@pytest.mark.parametrize("minutes", [59, 60])
def test_closed_by_the_customer_before_it_is_due_it_is_cancelled(minutes):
    ticket = make_ticket(now=OPENED)
    services.close_by_customer(ticket=ticket, actor=ticket.requester, now=at(minutes))
    clock = first_response(ticket)
    assert (clock.state, clock.breached_at) == (State.CANCELLED, None)
    assert clock.events.last().data["reason"] == "closed by the customer"
    with pytest.raises(Refused, match="closed already"):
        services.close_by_customer(ticket=ticket, actor=ticket.requester, now=at(61))


@pytest.mark.parametrize("swept", [True, False])
def test_closed_by_the_customer_after_it_was_due_it_is_a_breach(swept):
    ticket = make_ticket(now=OPENED)
    if swept:
        sweep(now=at(61))
    services.close_by_customer(ticket=ticket, actor=ticket.requester, now=at(62))
    clock = first_response(ticket)
    assert (clock.state, clock.breached_at, clock.ended_at) == (State.ENDED, at(60), at(62))


# Not by the form


@pytest.mark.parametrize("source", [Source.STAFF, Source.MAIL])
@pytest.mark.parametrize("critical", [False, True])
def test_opened_by_staff_or_by_a_mail_it_is_an_aim(source, critical, specialist):
    ticket = make_ticket(source=source, now=OPENED)
    if critical:
        raised(ticket, specialist, 5)
    clock = first_response(ticket)
    assert (clock.promise, clock.due_at) == ("objective", at(30 if critical else 60))
    assert OutboxMail.objects.get(template="acknowledgement").context["is_guaranteed"] is False


# Breached and paused


def test_breached_and_paused_breached_wins(specialist):
    ticket = make_ticket(now=OPENED)
    reply(ticket, specialist, 5)
    write(ticket, 10)  # an aim of four hours in business hours, which end at 17:00
    due = at(10 + 240)
    services.set_status(ticket=ticket, status=Status.WAITING, actor=specialist, now=due + MINUTE)
    clock = ticket.clocks.get(metric="next_response")
    assert (clock.state, clock.breached_at, clock.due_at) == (State.RUNNING, due, due)
    assert clock.questioned_pauses == 0  # there was none
    reply(ticket, specialist, 300)
    clock.refresh_from_db()
    assert (clock.state, clock.breached_at) == (State.FULFILLED, due)
