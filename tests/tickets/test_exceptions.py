"""An exception takes what one person asked for and another approved, and hides nothing (SPEC 2.4)."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import IntegrityError, transaction

from helpdesk.accounts.models import Membership, StaffRole
from helpdesk.notifications.models import Notice, OutboxMail
from helpdesk.notifications.rendering import render
from helpdesk.sla.clock import Effect
from helpdesk.sla.models import Clock, ClockException, ExceptionCode
from helpdesk.sla.verification import check, verify
from helpdesk.tickets import services
from helpdesk.tickets.models import Status, TicketEvent
from helpdesk.tickets.services import Refused, Wish
from helpdesk.tickets.services.exceptions import WrongValue, outlook, preview_exception
from tests.factories import DesignatedFactory, MembershipFactory, StaffFactory, TeamFactory, add_to_team, make_ticket

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(minutes: float) -> datetime:
    return NOW + minutes * MINUTE


def later(instant: datetime | None) -> float | None:
    """Minutes from the ticket's opening on."""
    return None if instant is None else (instant - NOW) / MINUTE


VOID = Wish(effect=Effect.VOID)
RESTART_20 = Wish(effect=Effect.RESTART, since=at(20))
RETARGET_90 = Wish(effect=Effect.RETARGET, target_seconds=90 * 60)


def pause(begin: float, end: float) -> Wish:
    return Wish(effect=Effect.PAUSE, out_from=at(begin), out_until=at(end))


@pytest.fixture
def anna():
    return StaffFactory(full_name="Anna Meier")


@pytest.fixture
def helen():
    return StaffFactory(full_name="Helen Falk", staff_role=StaffRole.MANAGER)


@pytest.fixture
def every_effect():
    """A code that allows whatever there is."""
    return ExceptionCode.objects.create(code="anything", name="Anything", name_ja="何でも", effects=list(Effect))


@pytest.fixture
def ask(anna, every_effect):
    def ask_(clock: Clock, wish: Wish, *, minutes: float, **other) -> ClockException:
        values = {"code": every_effect, "evidence": "See the log.", "actor": anna, **other}
        return services.request_exception(clock=clock, wish=wish, now=at(minutes), **values)

    return ask_


@pytest.fixture
def grant(ask, helen):
    """Ask, approve a minute later; the clock as it then is."""

    def grant_(clock: Clock, wish: Wish, *, minutes: float) -> Clock:
        asked = ask(clock, wish, minutes=minutes)
        services.decide_exception(exception=asked, approve=True, note="", actor=helen, now=at(minutes + 1))
        clock.refresh_from_db()
        return clock

    return grant_


def first(ticket) -> Clock:
    return ticket.clocks.get(metric="first_response")


def net_and_gross(clock: Clock) -> tuple:
    return (
        clock.state,
        later(clock.due_at),
        later(clock.breached_at),
        later(clock.gross_due_at),
        later(clock.gross_breached_at),
    )


def all_is_well() -> bool:
    return verify(now=NOW).examples == []


# Effect, what the clock is after it (state, net due, net breach, gross due, gross breach).
RUNNING = [
    (VOID, ("exempt", 60, None, 60, None)),
    (pause(10, 25), ("running", 75, None, 60, None)),
    (RESTART_20, ("running", 80, None, 60, None)),
    (RETARGET_90, ("running", 90, None, 60, None)),
]


@pytest.mark.parametrize(("wish", "expected"), RUNNING)
def test_of_a_running_clock(grant, anna, wish, expected):
    """The net deadline moves, the gross one stays; an answer between the two is met net and late gross."""
    ticket = make_ticket(now=NOW)
    clock = grant(first(ticket), wish, minutes=30)
    assert net_and_gross(clock) == expected
    services.reply(ticket=ticket, actor=anna, body="Done.", now=at(70))
    clock.refresh_from_db()
    assert (clock.is_met, later(clock.breached_at)) == (wish != VOID, None)
    assert (later(clock.ended_at), clock.answered_by, later(clock.gross_breached_at)) == (70, anna, 60)
    assert all_is_well()


BREACHED = [
    (VOID, ("exempt", 60, 60, 60, 60)),
    (pause(10, 45), ("running", 95, None, 60, 60)),
    (pause(10, 15), ("running", 65, 65, 60, 60)),
    (Wish(effect=Effect.RESTART, since=at(40)), ("running", 100, None, 60, 60)),
    (Wish(effect=Effect.RETARGET, target_seconds=75 * 60), ("running", 75, 75, 60, 60)),
    (RETARGET_90, ("running", 90, None, 60, 60)),
]


@pytest.mark.parametrize(("wish", "expected"), BREACHED)
def test_of_a_breached_clock_that_nobody_answered(grant, wish, expected):
    """The net breach moves to the new deadline, or is gone while that lies ahead; the gross one stays."""
    clock = grant(first(make_ticket(now=NOW)), wish, minutes=80)
    assert net_and_gross(clock) == expected
    assert all_is_well()


def test_a_breach_that_was_lifted_can_happen_again(grant, anna):
    ticket = make_ticket(now=NOW)
    grant(first(ticket), pause(10, 45), minutes=80)
    services.assign(ticket=ticket, owner=anna, actor=anna, now=at(90))
    services.reply(ticket=ticket, actor=anna, body="Done.", now=at(96))
    clock = first(ticket)
    assert net_and_gross(clock) == ("fulfilled", 95, 95, 60, 60)
    assert clock.owner_at_due == anna
    assert [event.kind for event in clock.events.all()] == ["start", "breach", "exempt", "breach", "fulfil"]


ANSWERED_LATE = [
    (VOID, ("exempt", 60, 60, 60, 60)),
    (pause(10, 25), ("fulfilled", 75, None, 60, 60)),
    (pause(10, 12), ("fulfilled", 62, 62, 60, 60)),
    (pause(55, 100), ("fulfilled", 105, None, 60, 60)),
    (RESTART_20, ("fulfilled", 80, None, 60, 60)),
    (RETARGET_90, ("fulfilled", 90, None, 60, 60)),
]


@pytest.mark.parametrize(("wish", "expected"), ANSWERED_LATE)
def test_of_a_clock_that_was_answered_late(grant, anna, wish, expected):
    """Judged again by when it was answered; the answer and its author stay."""
    ticket = make_ticket(now=NOW)
    services.reply(ticket=ticket, actor=anna, body="Done.", now=at(70))
    clock = grant(first(ticket), wish, minutes=120)
    assert net_and_gross(clock) == expected
    assert (later(clock.ended_at), clock.answered_by) == (70, anna)
    assert clock.is_met == (expected[0] == "fulfilled" and expected[2] is None)
    assert all_is_well()


@pytest.mark.parametrize("wish", [pause(10, 25), RESTART_20, RETARGET_90])
def test_of_a_clock_that_was_answered_in_time_the_verdict_stays(grant, anna, wish):
    ticket = make_ticket(now=NOW)
    services.reply(ticket=ticket, actor=anna, body="Done.", now=at(50))
    clock = grant(first(ticket), wish, minutes=120)
    assert (clock.is_met, clock.gross_breached_at, later(clock.gross_due_at)) == (True, None, 60)


ENDED = [
    (VOID, ("exempt", 60, 60, 60, 60)),
    (pause(10, 25), ("exempt", 75, None, 60, 60)),
    (pause(10, 12), ("ended", 62, 62, 60, 60)),
    (RESTART_20, ("exempt", 80, None, 60, 60)),
    (RETARGET_90, ("exempt", 90, None, 60, 60)),
]


@pytest.mark.parametrize(("wish", "expected"), ENDED)
def test_of_a_clock_that_ended_unanswered(grant, wish, expected):
    """Closed before the new deadline it leaves the net figures, as if it had been closed in time."""
    ticket = make_ticket(now=NOW)
    services.close_by_customer(ticket=ticket, actor=ticket.requester, now=at(70))
    clock = grant(first(ticket), wish, minutes=120)
    assert net_and_gross(clock) == expected
    assert later(clock.ended_at) == 70
    assert all_is_well()


# A next response, 4 business hours from minute 10 on: due at minute 250. Waiting from minute 30 on.
PAUSED = [
    (pause(15, 25), 290, 280),
    (Wish(effect=Effect.RESTART, since=at(20)), 290, 280),
    (Wish(effect=Effect.RETARGET, target_seconds=250 * 60), 290, 280),
    (pause(20, 40), 290, 280),  # half of it paused already: left out once
]


@pytest.mark.parametrize(("wish", "due", "gross_due"), PAUSED)
def test_of_a_paused_clock(grant, anna, wish, due, gross_due):
    """Nobody knows the deadline before it goes on; then both lie apart by what was excepted."""
    ticket = make_ticket(now=NOW)
    services.reply(ticket=ticket, actor=anna, body="Which one?", now=NOW)
    services.customer_reply(ticket=ticket, actor=ticket.requester, body="This one.", now=at(10))
    services.set_status(ticket=ticket, status=Status.WAITING, actor=anna, now=at(30))
    clock = grant(ticket.clocks.get(metric="next_response"), wish, minutes=40)
    assert net_and_gross(clock) == ("paused", None, None, None, None)
    services.set_status(ticket=ticket, status=Status.OPEN, actor=anna, now=at(60))
    clock.refresh_from_db()
    assert net_and_gross(clock) == ("running", due, None, gross_due, None)
    assert all_is_well()


def test_a_void_clock_waits_for_its_answer_and_bothers_nobody(grant, anna):
    ticket = make_ticket(now=NOW)
    clock = grant(first(ticket), VOID, minutes=30)
    ticket.refresh_from_db()
    assert (clock.next_check_at, ticket.next_due_at, clock.ended_at) == (None, None, None)
    services.reply(ticket=ticket, actor=anna, body="Done.", now=at(50))
    clock.refresh_from_db()
    assert (clock.state, later(clock.ended_at), clock.gross_breached_at) == ("exempt", 50, None)


def test_the_queue_follows_the_net_deadline(grant):
    ticket = make_ticket(now=NOW)
    grant(first(ticket), pause(10, 25), minutes=30)
    ticket.refresh_from_db()
    assert later(ticket.next_due_at) == 75


def test_two_exceptions_add_up_and_gross_stays(grant):
    clock = first(make_ticket(now=NOW))
    grant(clock, pause(10, 25), minutes=26)
    grant(clock, RETARGET_90, minutes=30)
    assert net_and_gross(clock) == ("running", 105, None, 60, None)


def test_both_judgements_and_their_authors_stay(grant, anna, helen):
    ticket = make_ticket(now=NOW)
    grant(first(ticket), pause(10, 25), minutes=30)
    exempted = ClockException.objects.get().clock.events.get(kind="exempt")
    assert (exempted.actor, exempted.at) == (helen, at(31))
    assert exempted.data == {
        "effect": "pause",
        "reason": "anything",
        "exception": ClockException.objects.get().pk,
        "from": at(10).isoformat(),
        "until": at(25).isoformat(),
        "due_at": at(75).isoformat(),
    }
    kinds = TicketEvent.Kind
    rows = ticket.events.filter(kind__startswith="exception").values_list("kind", "actor", "at", "data__text")
    assert list(rows) == [
        (kinds.EXCEPTION_ASKED, anna.pk, at(30), "See the log."),
        (kinds.EXCEPTION_GRANTED, helen.pk, at(31), ""),
    ]


def test_asking_alone_changes_no_clock(ask):
    clock = first(make_ticket(now=NOW))
    ask(clock, VOID, minutes=30)
    before = Clock.objects.filter(pk=clock.pk).values().get()
    assert (before["state"], before["due_at"], before["event_count"]) == ("running", at(60), 1)


def test_nobody_approves_what_they_asked_for_of_a_guarantee(ask, helen):
    asked = ask(first(make_ticket(now=NOW)), VOID, minutes=30, actor=helen)
    with pytest.raises(Refused, match="Another person"):
        services.decide_exception(exception=asked, approve=True, note="", actor=helen, now=at(31))
    with pytest.raises(IntegrityError, match="exception_two_people"), transaction.atomic():
        ClockException.objects.filter(pk=asked.pk).update(state="approved", decided_by=helen, decided_at=at(31))
    asked.refresh_from_db()
    assert (asked.state, first(asked.clock.ticket).state) == ("asked", "running")


def test_who_asked_cannot_be_exchanged_to_approve_it_after_all(ask, anna, helen):
    asked = ask(first(make_ticket(now=NOW)), VOID, minutes=30, actor=helen)
    for change in ({"requested_by": anna}, {"is_guaranteed": False}, {"evidence": "Better."}, {"effect": "pause"}):
        with pytest.raises(IntegrityError, match="is never changed"), transaction.atomic():
            ClockException.objects.filter(pk=asked.pk).update(**change)


def test_of_an_aim_one_person_may_do_both(ask, helen):
    ticket = make_ticket(MembershipFactory(role=Membership.Role.USER), now=NOW)
    asked = ask(first(ticket), VOID, minutes=30, actor=helen)
    services.decide_exception(exception=asked, approve=True, note="", actor=helen, now=at(31))
    assert first(ticket).state == "exempt"


def test_who_decides(ask):
    team, ticket = TeamFactory(), make_ticket(now=NOW)
    ticket.team = team
    ticket.save()
    ours, theirs = (StaffFactory(staff_role=StaffRole.TEAM_LEAD) for _ in range(2))
    add_to_team(team, ours, lead=True)
    add_to_team(TeamFactory(), theirs, lead=True)
    member = StaffFactory(staff_role=StaffRole.TEAM_LEAD)
    add_to_team(team, member)
    leading_specialist = StaffFactory()
    add_to_team(team, leading_specialist, lead=True)
    asked = ask(first(ticket), VOID, minutes=30)
    for person in (theirs, member, leading_specialist, StaffFactory(), ticket.requester):
        with pytest.raises(Refused, match="lead of the ticket's team"):
            services.decide_exception(exception=asked, approve=True, note="", actor=person, now=at(31))
    services.decide_exception(exception=asked, approve=True, note="", actor=ours, now=at(32))


def test_a_ticket_without_a_team_is_for_managers_only(ask, helen):
    asked = ask(first(make_ticket(now=NOW)), VOID, minutes=30)
    lead = StaffFactory(staff_role=StaffRole.TEAM_LEAD)
    assert not services.may_decide(lead, asked.clock.ticket)
    for role in (StaffRole.MANAGER, StaffRole.ADMINISTRATOR):
        assert services.may_decide(StaffFactory(staff_role=role), asked.clock.ticket)


def test_one_request_waits_at_a_time(ask, helen):
    clock = first(make_ticket(now=NOW))
    asked = ask(clock, VOID, minutes=30)
    with pytest.raises(Refused, match="waits for approval already"):
        ask(clock, RETARGET_90, minutes=31)
    services.decide_exception(exception=asked, approve=False, note="No incident then.", actor=helen, now=at(32))
    assert ask(clock, RETARGET_90, minutes=33).state == "asked"


def test_what_is_refused_changes_nothing_and_says_why(ask, helen):
    clock = first(make_ticket(now=NOW))
    asked = ask(clock, VOID, minutes=30)
    with pytest.raises(WrongValue, match="Say why") as refusal:
        services.decide_exception(exception=asked, approve=False, note=" ", actor=helen, now=at(31))
    assert refusal.value.field == "note"
    services.decide_exception(exception=asked, approve=False, note="No incident then.", actor=helen, now=at(31))
    clock.refresh_from_db()
    assert net_and_gross(clock) == ("running", 60, None, 60, None)
    event = clock.ticket.events.get(kind=TicketEvent.Kind.EXCEPTION_REFUSED)
    assert (event.actor, event.data["text"]) == (helen, "No incident then.")


def test_one_takes_back_ones_own_request_only(ask, anna, helen):
    asked = ask(first(make_ticket(now=NOW)), VOID, minutes=30)
    with pytest.raises(Refused, match="Only the person who asked"):
        services.withdraw_exception(exception=asked, actor=helen, now=at(31))
    services.withdraw_exception(exception=asked, actor=anna, now=at(31))
    with pytest.raises(Refused, match="decided this already"):
        services.decide_exception(exception=asked, approve=True, note="", actor=helen, now=at(32))
    assert asked.clock.ticket.events.filter(kind=TicketEvent.Kind.EXCEPTION_WITHDRAWN).count() == 1


@pytest.mark.parametrize("approve", [True, False])
def test_what_is_decided_stays_so(ask, helen, approve):
    asked = ask(first(make_ticket(now=NOW)), VOID, minutes=30)
    services.decide_exception(exception=asked, approve=approve, note="Seen.", actor=helen, now=at(31))
    rows = ClockException.objects.filter(pk=asked.pk)
    for change in (
        lambda: rows.update(decision_note="Something else."),
        lambda: rows.update(state="asked", decided_by=None),
        rows.delete,
    ):
        with pytest.raises(IntegrityError, match="is never changed"), transaction.atomic():
            change()
    with pytest.raises(Refused, match="decided this already"):
        services.decide_exception(exception=asked, approve=not approve, note="No.", actor=helen, now=at(32))


@pytest.mark.parametrize(
    ("wish", "field", "words"),
    [
        (Wish(effect=Effect.PAUSE, out_until=at(20)), "out_from", "Give the day"),
        (Wish(effect=Effect.PAUSE, out_from=at(10)), "out_until", "Give the day"),
        (pause(25, 10), "out_until", "before the beginning"),
        (pause(10, 10), "out_until", "before the beginning"),
        (pause(-60, -10), "out_from", "would not come later"),
        (pause(60, 70), "out_from", "would not come later"),
        (Wish(effect=Effect.PAUSE, out_from=at(10), out_until=NOW + timedelta(days=40)), "out_until", "month"),
        (Wish(effect=Effect.RESTART), "since", "Give the day"),
        (Wish(effect=Effect.RESTART, since=at(-1)), "since", "between the start"),
        (Wish(effect=Effect.RESTART, since=at(31)), "since", "between the start"),
        (Wish(effect=Effect.RESTART, since=NOW), "since", "would not come later"),
        (Wish(effect=Effect.RETARGET), "target_seconds", "Give the new target"),
        (Wish(effect=Effect.RETARGET, target_seconds=60, target_business_days=1), "target_seconds", "Give the new"),
        (Wish(effect=Effect.RETARGET, target_seconds=0), "target_seconds", "longer than nothing"),
        (Wish(effect=Effect.RETARGET, target_business_days=-1), "target_seconds", "longer than nothing"),
        (Wish(effect=Effect.RETARGET, target_seconds=2**40), "target_seconds", "90 days"),
        (Wish(effect=Effect.RETARGET, target_business_days=32767), "target_seconds", "90 days"),
        (Wish(effect=Effect.RETARGET, target_seconds=3600), "target_seconds", "would not come later"),
        (Wish(effect=Effect.RETARGET, target_seconds=60), "target_seconds", "would not come later"),
    ],
)
def test_a_wrong_value_is_named(ask, wish, field, words):
    """Above all: no exception takes from what was promised."""
    clock = first(make_ticket(now=NOW))
    with pytest.raises(WrongValue, match=words) as refusal:
        ask(clock, wish, minutes=30)
    assert refusal.value.field == field
    with pytest.raises(WrongValue, match=words):
        preview_exception(clock=clock, wish=wish, now=at(30))
    assert not ClockException.objects.exists()


def test_information_that_arrived_after_the_answer_restarts_nothing(ask, anna):
    ticket = make_ticket(now=NOW)
    services.reply(ticket=ticket, actor=anna, body="Done.", now=at(70))
    with pytest.raises(WrongValue, match="ended by then"):
        ask(first(ticket), Wish(effect=Effect.RESTART, since=at(71)), minutes=80)


def test_a_code_allows_its_own_effects_while_it_is_used(ask, every_effect):
    clock = first(make_ticket(now=NOW))
    with pytest.raises(WrongValue, match="does not allow") as refusal:
        ask(clock, VOID, minutes=30, code=ExceptionCode.objects.get(code="scheduled-maintenance"))
    assert refusal.value.field == "effect"
    every_effect.is_active = False
    with pytest.raises(WrongValue, match="no longer used") as refusal:
        ask(clock, VOID, minutes=30)
    assert refusal.value.field == "code"
    with pytest.raises(WrongValue, match="evidence"):
        ask(clock, VOID, minutes=30, code=ExceptionCode.objects.get(code="force-majeure"), evidence=" \n")


def test_customers_ask_for_none(ask):
    ticket = make_ticket(now=NOW)
    with pytest.raises(Refused, match="Only staff"):
        ask(first(ticket), VOID, minutes=30, actor=ticket.requester)


def test_what_counts_nowhere_is_not_excepted(ask, grant, anna):
    spam = make_ticket(now=NOW)
    services.mark_spam(ticket=spam, actor=anna, reason="Casino.", now=at(10))
    void = make_ticket(now=NOW)
    grant(first(void), VOID, minutes=30)
    for ticket in (spam, void):
        with pytest.raises(Refused, match="does not count any more"):
            ask(first(ticket), RETARGET_90, minutes=40)


def test_what_has_lost_its_object_cannot_be_approved(ask, anna, helen):
    """Asked for while it ran, cancelled before anybody decided."""
    ticket = make_ticket(now=NOW)
    asked = ask(first(ticket), RETARGET_90, minutes=30)
    services.mark_spam(ticket=ticket, actor=anna, reason="Casino.", now=at(40))
    with pytest.raises(Refused, match="does not count any more"):
        services.decide_exception(exception=asked, approve=True, note="", actor=helen, now=at(41))
    services.decide_exception(exception=asked, approve=False, note="Spam.", actor=helen, now=at(42))


def test_an_exception_on_a_stretch_that_pauses_took_meanwhile_changes_nothing(ask, anna, helen):
    ticket = make_ticket(now=NOW)
    services.reply(ticket=ticket, actor=anna, body="Which one?", now=NOW)
    services.customer_reply(ticket=ticket, actor=ticket.requester, body="This one.", now=at(10))
    asked = ask(ticket.clocks.get(metric="next_response"), pause(40, 50), minutes=20)
    services.set_status(ticket=ticket, status=Status.WAITING, actor=anna, now=at(30))
    services.set_status(ticket=ticket, status=Status.OPEN, actor=anna, now=at(60))
    with pytest.raises(Refused, match="would not come later"):
        services.decide_exception(exception=asked, approve=True, note="", actor=helen, now=at(61))


def test_the_preview_is_what_an_approval_then_does(ask, helen):
    ticket = make_ticket(now=NOW)
    promised = preview_exception(clock=first(ticket), wish=pause(10, 45), now=at(80))
    assert (later(promised.before.breached_at), promised.after.breached_at) == (60, None)
    asked = ask(first(ticket), pause(10, 45), minutes=80)
    waiting = outlook(asked, now=at(80))
    services.decide_exception(exception=asked, approve=True, note="", actor=helen, now=at(80))
    asked.refresh_from_db()
    done = outlook(asked, now=at(500))
    clock = first(ticket).folded()
    assert [found.after for found in (promised, waiting, done)] == [clock] * 3
    assert [found.before for found in (promised, waiting, done)] == [promised.before] * 3


def test_what_was_refused_or_cannot_be_any_more_did_nothing(ask, anna, helen):
    ticket = make_ticket(now=NOW)
    asked = ask(first(ticket), VOID, minutes=30)
    services.mark_spam(ticket=ticket, actor=anna, reason="Casino.", now=at(40))
    asked.refresh_from_db()
    assert outlook(ClockException.objects.get(), now=at(41)) is None
    services.decide_exception(exception=asked, approve=False, note="Spam.", actor=helen, now=at(42))
    assert outlook(ClockException.objects.get(), now=at(43)) is None


def hear(kind: str) -> set[str]:
    """Who got a notice and a mail of that kind."""
    told = set(Notice.objects.filter(kind=kind).values_list("recipient__email", flat=True))
    mailed = {address for mail in OutboxMail.objects.filter(template=kind) for address in mail.to}
    assert told == mailed
    return told


def test_the_leads_of_the_team_and_the_managers_hear_that_it_waits(ask, helen):
    team, ticket = TeamFactory(), make_ticket(now=NOW)
    ticket.team = team
    ticket.save()
    lead, other, away = (StaffFactory(staff_role=StaffRole.TEAM_LEAD) for _ in range(3))
    add_to_team(team, lead, lead=True)
    add_to_team(team, other)
    add_to_team(team, away, lead=True)
    away.is_active = False
    away.save()
    StaffFactory(staff_role=StaffRole.ADMINISTRATOR)
    ask(first(ticket), VOID, minutes=30)
    assert hear("exception_asked") == {lead.email, helen.email}


def test_who_asks_is_not_told_and_where_nobody_else_decides_administrators_are(ask, helen):
    administrator = StaffFactory(staff_role=StaffRole.ADMINISTRATOR)
    ask(first(make_ticket(now=NOW)), VOID, minutes=30, actor=helen)
    assert hear("exception_asked") == {administrator.email}


def test_who_asked_hears_what_became_of_it(ask, anna, helen):
    for approve, note in ((True, ""), (False, "No incident then.")):
        asked = ask(first(make_ticket(now=NOW)), VOID, minutes=30)
        services.decide_exception(exception=asked, approve=approve, note=note, actor=helen, now=at(31))
    assert hear("exception_decided") == {anna.email}
    assert Notice.objects.filter(kind="exception_decided").count() == 2
    assert set(Notice.objects.values_list("url", flat=True)) > {
        f"/admin/helpdesk/ticket/{asked.clock.ticket_id}/change/"
    }


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("wish", [VOID, pause(10, 25), RESTART_20, RETARGET_90])
def test_the_mails_say_what_it_is_about(ask, anna, helen, language, wish):
    for person in (anna, helen):
        person.language = language
        person.save()
    asked = ask(first(make_ticket(now=NOW)), wish, minutes=30, evidence="Announced <b>on Monday</b>.")
    services.decide_exception(exception=asked, approve=False, note="Never announced.", actor=helen, now=at(31))
    mails = {
        row.template: render(row) for row in OutboxMail.objects.filter(template__startswith="exception").order_by("id")
    }
    assert set(mails) == {"exception_asked", "exception_decided"}
    for mail in mails.values():
        html = mail.alternatives[0].content
        assert asked.clock.ticket.reference in mail.subject
        for text in (mail.body, html):
            assert ("Anything" if language == "en" else "何でも") in text
            assert "Forms show a blank page" in text
        assert "<b>on Monday" not in html
    assert "Announced <b>on Monday</b>." in mails["exception_asked"].body
    assert "Never announced." in mails["exception_decided"].body
    assert f"/admin/helpdesk/clockexception/{asked.pk}/change/" in mails["exception_asked"].body


@pytest.mark.parametrize("minutes", [60, 61])
def test_a_deadline_at_the_very_answer_is_kept(grant, anna, minutes):
    """A net deadline is met at its very instant, as every deadline is."""
    ticket = make_ticket(now=NOW)
    services.reply(ticket=ticket, actor=anna, body="Done.", now=at(minutes + 10))
    clock = grant(first(ticket), Wish(effect=Effect.RETARGET, target_seconds=70 * 60), minutes=120)
    assert clock.is_met == (minutes == 60)


def test_designated_or_not_the_request_keeps_what_kind_of_promise_it_was(ask):
    guaranteed = ask(first(make_ticket(DesignatedFactory(), now=NOW)), VOID, minutes=30)
    aim = ask(first(make_ticket(MembershipFactory(), now=NOW)), VOID, minutes=30)
    assert (guaranteed.is_guaranteed, aim.is_guaranteed) == (True, False)


@pytest.mark.parametrize("guaranteed", [True, False])
def test_in_quiet_hours_only_a_mail_about_an_aim_waits(ask, helen, guaranteed):
    helen.quiet_from, helen.quiet_until = time(12, 0), time(14, 0)
    helen.save()
    member = DesignatedFactory() if guaranteed else MembershipFactory()
    ask(first(make_ticket(member, now=NOW)), VOID, minutes=30)
    mail = OutboxMail.objects.get(template="exception_asked")
    assert mail.next_attempt_at == (at(30) if guaranteed else datetime(2026, 11, 24, 14, 0, tzinfo=UTC))
    assert Notice.objects.filter(kind="exception_asked", recipient=helen).exists()


def test_waiting_again_pauses_a_clock_that_an_exception_let_run_again_and_says_who_did_it(grant, anna):
    ticket = make_ticket(now=NOW)
    services.reply(ticket=ticket, actor=anna, body="Which list?", now=at(5), status=Status.OPEN)
    services.customer_reply(ticket=ticket, actor=ticket.requester, body="This one.", now=at(10))
    clock = ticket.clocks.get(metric="next_response")
    services.set_status(ticket=ticket, status=Status.WAITING, actor=anna, now=at(251))  # breached: it doesn't pause
    clock.refresh_from_db()
    assert (clock.state, clock.breached_at) == ("running", at(250))
    assert grant(clock, Wish(effect=Effect.RETARGET, target_seconds=300 * 60), minutes=260).breached_at is None
    services.set_status(ticket=ticket, status=Status.WAITING, actor=anna, now=at(270))
    clock.refresh_from_db()
    assert (clock.state, clock.paused_at) == ("paused", at(270))
    last = ticket.events.last()
    assert (last.kind, last.actor, last.at, last.data["after"]) == ("status", anna, at(270), "waiting")
    assert check([clock.pk]).examples == []
