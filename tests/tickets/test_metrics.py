"""The five metrics: from when to when each runs, what pauses it, what answers it (SPEC 2.2)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from helpdesk.core.channels import Channel
from helpdesk.escalation.sweep import sweep
from helpdesk.sla.clock import Effect, Metric, Promise, State
from helpdesk.sla.models import Clock, ExceptionCode, Policy
from helpdesk.sla.target import Target
from helpdesk.sla.terms import Hours, TargetTerms
from helpdesk.sla.versions import publish_policy
from helpdesk.tickets import services
from helpdesk.tickets.models import Source, Status, Ticket
from helpdesk.tickets.services import Refused, Wish
from tests.factories import MembershipFactory, make_ticket
from tests.tickets.scenes import OPENED, at, first_response, raised, reply, write

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven")]
EIGHT_HOURS = 8 * 60


@pytest.fixture
def resolution(db) -> None:
    """Policies promise a resolution within eight hours, day and night: due at 20:05."""
    target = TargetTerms(
        metric=Metric.RESOLUTION,
        promise=Promise.OBJECTIVE,
        target=Target(seconds=EIGHT_HOURS * 60),
        hours=Hours.ALWAYS,
    )
    for policy in Policy.objects.all():
        terms = policy.versions.get().terms
        changed = replace(terms, targets=(*terms.targets, target))
        publish_policy(policy=policy, terms=changed, actor=None, now=at(-60))


def status(ticket: Ticket, status: Status, actor, minutes: float) -> Ticket:
    return services.set_status(ticket=ticket, status=status, actor=actor, now=at(minutes))


def cycles(ticket: Ticket, metric: str) -> list[Clock]:
    return list(ticket.clocks.filter(metric=metric).order_by("cycle"))


def metrics(ticket: Ticket) -> set[str]:
    return set(ticket.clocks.values_list("metric", flat=True))


# First response


@pytest.mark.parametrize(
    ("channel", "source", "metric"),
    [
        (Channel.EMAIL, Source.FORM, "first_response"),
        (Channel.CHAT, Source.CHAT, "chat_pickup"),
        (Channel.PHONE, Source.CALLBACK, "callback"),
    ],
)
def test_each_channel_starts_its_own_clock_and_resolution_only_where_a_policy_has_it(channel, source, metric):
    ticket = make_ticket(channel=channel, source=source, now=OPENED)
    assert metrics(ticket) == {metric}
    assert ticket.clocks.get().started_at == OPENED


def test_where_no_policy_promises_anything_a_ticket_is_worked_on_all_the_same(specialist):
    Policy.objects.update(is_active=False)
    ticket = make_ticket(now=OPENED)
    assert (ticket.policy_version, ticket.next_due_at) == (None, None)
    raised(ticket, specialist, 5)
    write(ticket, 6)
    reply(ticket, specialist, 7, status=Status.SOLVED)
    assert metrics(ticket) == set()


def test_waiting_never_pauses_a_first_response(specialist):
    ticket = make_ticket(now=OPENED)
    status(ticket, Status.WAITING, specialist, 5)
    clock = first_response(ticket)
    assert (clock.state, clock.due_at, clock.event_count) == (State.RUNNING, at(60), 1)


@pytest.mark.parametrize(
    "channel", [(Channel.EMAIL, Source.FORM), (Channel.CHAT, Source.CHAT), (Channel.PHONE, Source.CALLBACK)]
)
@pytest.mark.parametrize("over", [Status.SOLVED, Status.CLOSED])
def test_no_change_of_status_ends_what_is_owed_to_the_customer(channel, over, specialist):
    ticket = make_ticket(channel=channel[0], source=channel[1], now=OPENED)
    with pytest.raises(Refused, match="no reply yet"):
        status(ticket, over, specialist, 1)
    for moved_by_an_act in (Status.NEW, Status.SPAM, Status.MERGED):
        with pytest.raises(Refused, match="act of its own"):
            status(ticket, moved_by_an_act, specialist, 1)
    assert ticket.clocks.get().state == State.RUNNING


# Next response


def test_a_next_response_runs_from_the_oldest_unanswered_message_to_the_next_reply(specialist):
    ticket = make_ticket(now=OPENED)
    write(ticket, 3)  # the first response waits for an answer to this, too
    assert metrics(ticket) == {"first_response"}
    reply(ticket, specialist, 5)
    for minutes in (10, 20, 30):
        write(ticket, minutes)
    services.add_note(ticket=ticket, actor=specialist, body="Hm", now=at(31))
    (first,) = cycles(ticket, "next_response")
    assert (first.started_at, first.due_at, first.promise) == (at(10), at(250), "objective")
    reply(ticket, specialist, 40)
    write(ticket, 50)
    sweep(now=at(1300))
    reply(ticket, specialist, 1300)
    first, second = cycles(ticket, "next_response")
    assert (first.is_met, first.ended_at) == (True, at(40))
    assert (second.started_at, second.breached_at) == (at(50), at(290))


def test_others_wait_a_business_day(specialist):
    ticket = make_ticket(MembershipFactory(), now=OPENED)
    reply(ticket, specialist, 5)
    write(ticket, 10)
    assert cycles(ticket, "next_response")[0].due_at == at(10 + 24 * 60)


def test_a_next_response_is_paused_while_waiting_and_goes_on_with_the_customers_message(specialist):
    ticket = make_ticket(now=OPENED)
    reply(ticket, specialist, 5)
    write(ticket, 10)
    status(ticket, Status.WAITING, specialist, 20)
    status(ticket, Status.WAITING, specialist, 25)  # once more changes nothing
    write(ticket, 50)
    (clock,) = cycles(ticket, "next_response")  # the oldest message counts, and there is one cycle
    assert (clock.due_at, clock.pauses) == (at(280), [[at(20).isoformat(), at(50).isoformat()]])
    status(ticket, Status.WAITING, specialist, 60)
    status(ticket, Status.OPEN, specialist, 70)  # or when a specialist takes the ticket up again
    clock.refresh_from_db()
    assert clock.due_at == at(290)


def test_solved_without_a_further_reply_a_next_response_is_no_longer_owed(specialist):
    thanked, late = (make_ticket(now=OPENED) for _ in range(2))
    for ticket in (thanked, late):
        reply(ticket, specialist, 5)
        write(ticket, 10)
    status(thanked, Status.SOLVED, specialist, 20)
    status(late, Status.SOLVED, specialist, 251)
    ends = [cycles(ticket, "next_response")[0] for ticket in (thanked, late)]
    assert [(clock.state, clock.breached_at) for clock in ends] == [
        (State.CANCELLED, None),
        (State.ENDED, at(250)),
    ]


def test_after_a_void_first_response_the_next_message_is_watched_again(specialist, manager):
    """An incident took the first response out. What the customer asks after it is owed an answer."""
    ticket = make_ticket(now=OPENED)
    exception = services.request_exception(
        clock=first_response(ticket),
        code=ExceptionCode.objects.get(code="declared-incident"),
        wish=Wish(effect=Effect.VOID),
        evidence="Incident 7",
        actor=specialist,
        now=at(10),
    )
    services.decide_exception(exception=exception, approve=True, note="", actor=manager, now=at(11))
    assert Ticket.objects.get().next_due_at is None
    write(ticket, 20)
    (clock,) = cycles(ticket, "next_response")
    assert (clock.state, clock.started_at) == (State.RUNNING, at(20))
    reply(ticket, specialist, 70)
    clock.refresh_from_db()
    void = first_response(ticket)
    assert clock.is_met
    assert (void.state, void.answered_by, void.gross_breached_at) == (State.EXEMPT, specialist, at(60))


# Resolution


def test_a_resolution_runs_from_the_opening_to_solved(resolution, specialist):
    ticket = make_ticket(now=OPENED)
    (clock,) = cycles(ticket, "resolution")
    assert (clock.started_at, clock.due_at, clock.promise) == (at(0), at(EIGHT_HOURS), "objective")
    reply(ticket, specialist, 30)
    clock.refresh_from_db()
    assert clock.state == State.RUNNING
    reply(ticket, specialist, EIGHT_HOURS, status=Status.SOLVED)
    clock.refresh_from_db()
    assert (clock.is_met, clock.answered_by) == (True, specialist)


def test_solved_too_late_is_a_breach_of_the_resolution_only(resolution, specialist):
    ticket = make_ticket(now=OPENED)
    reply(ticket, specialist, 30)
    status(ticket, Status.SOLVED, specialist, EIGHT_HOURS + 1)
    (clock,) = cycles(ticket, "resolution")
    assert (clock.state, clock.breached_at) == (State.FULFILLED, at(EIGHT_HOURS))
    assert first_response(ticket).is_met


@pytest.mark.parametrize("how", ["with the reply", "by hand"])
def test_a_resolution_is_paused_while_waiting_for_the_customer(how, resolution, specialist):
    ticket = make_ticket(now=OPENED)
    if how == "with the reply":
        reply(ticket, specialist, 30, status=Status.WAITING)
    else:
        reply(ticket, specialist, 20)
        status(ticket, Status.WAITING, specialist, 30)
    (clock,) = cycles(ticket, "resolution")
    assert (clock.state, clock.questioned_pauses) == (State.PAUSED, 0)  # everything was answered
    write(ticket, 90)
    clock.refresh_from_db()
    assert (clock.state, clock.due_at) == (State.RUNNING, at(EIGHT_HOURS + 60))
    reply(ticket, specialist, 100, status=Status.WAITING)
    reply(ticket, specialist, 130)  # a specialist goes on unasked
    clock.refresh_from_db()
    assert clock.due_at == at(EIGHT_HOURS + 60 + 30)


def test_solved_while_waiting_it_is_judged_by_the_time_that_was_left(resolution, specialist):
    """Seven hours in, it waits for a day; solved then, it is in time."""
    ticket = make_ticket(now=OPENED)
    reply(ticket, specialist, 30)
    status(ticket, Status.WAITING, specialist, 7 * 60)
    status(ticket, Status.SOLVED, specialist, 31 * 60)
    (clock,) = cycles(ticket, "resolution")
    assert (clock.is_met, clock.due_at) == (True, at(32 * 60))


def test_breached_wins_over_waiting(resolution, specialist):
    ticket = make_ticket(now=OPENED)
    reply(ticket, specialist, EIGHT_HOURS + 5, status=Status.WAITING)
    (clock,) = cycles(ticket, "resolution")
    assert (clock.state, clock.breached_at) == (State.RUNNING, at(EIGHT_HOURS))


@pytest.mark.parametrize("over", [Status.SOLVED, Status.CLOSED])
def test_reopened_by_the_customer_a_new_cycle_starts_and_the_first_verdict_stays(over, resolution, specialist):
    ticket = make_ticket(now=OPENED)
    reply(ticket, specialist, EIGHT_HOURS + 1, status=over)
    write(ticket, 1000)
    first, second = cycles(ticket, "resolution")
    assert (first.state, first.breached_at) == (State.FULFILLED, at(EIGHT_HOURS))
    assert (second.started_at, second.due_at, second.state) == (at(1000), at(1000 + EIGHT_HOURS), State.RUNNING)
    reply(ticket, specialist, 1100, status=Status.SOLVED)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.breached_at, second.is_met) == (at(EIGHT_HOURS), True)


@pytest.mark.parametrize("how", ["with a reply", "by hand"])
@pytest.mark.parametrize(("after", "state"), [(Status.OPEN, State.RUNNING), (Status.WAITING, State.PAUSED)])
def test_reopened_by_a_specialist_it_starts_anew_and_waits_where_the_ticket_waits(
    how, after, state, resolution, specialist
):
    ticket = make_ticket(now=OPENED)
    reply(ticket, specialist, 30, status=Status.SOLVED)
    if how == "with a reply":
        reply(ticket, specialist, 60, status=after)
    else:
        status(ticket, after, specialist, 60)
    first, second = cycles(ticket, "resolution")
    assert first.is_met
    assert (second.started_at, second.state, second.questioned_pauses) == (at(60), state, 0)


def test_from_solved_to_closed_nothing_starts(resolution, specialist):
    ticket = make_ticket(now=OPENED)
    reply(ticket, specialist, 30, status=Status.SOLVED)
    status(ticket, Status.CLOSED, specialist, 60)
    reply(ticket, specialist, 70, status=Status.CLOSED)  # a last word
    assert len(cycles(ticket, "resolution")) == 1


@pytest.mark.parametrize("how", ["a reply", "a call"])
def test_the_customers_close_after_an_answer_resolves_it(how, resolution, specialist):
    ticket = make_ticket(now=OPENED)
    if how == "a reply":
        reply(ticket, specialist, 30)
    else:
        services.record_call(ticket=ticket, actor=specialist, connected=True, note="", now=at(30))
    services.close_by_customer(ticket=ticket, actor=ticket.requester, now=at(60))
    (clock,) = cycles(ticket, "resolution")
    assert (clock.is_met, clock.ended_at) == (True, at(60))


@pytest.mark.parametrize(
    ("minutes", "state", "breached"),
    [(50, State.CANCELLED, None), (EIGHT_HOURS + 1, State.ENDED, EIGHT_HOURS)],
)
def test_the_customers_close_before_any_answer_ends_it(minutes, state, breached, resolution, specialist):
    ticket = make_ticket(now=OPENED)
    services.record_call(ticket=ticket, actor=specialist, connected=False, note="engaged", now=at(5))
    services.close_by_customer(ticket=ticket, actor=ticket.requester, now=at(minutes))
    (clock,) = cycles(ticket, "resolution")
    assert (clock.state, clock.breached_at) == (state, breached and at(breached))


def test_merged_the_survivors_resolution_counts(resolution, specialist):
    member = make_ticket(now=OPENED).requester.memberships.get()
    other, over = make_ticket(member, now=at(1)), make_ticket(member, now=at(2))
    reply(over, specialist, 10, status=Status.SOLVED)
    services.merge(ticket=other, into=over, actor=specialist, reason="", now=at(20))
    assert cycles(other, "resolution")[0].state == State.CANCELLED
    first, second = cycles(over, "resolution")
    assert (first.is_met, second.state, second.started_at) == (True, State.RUNNING, at(20))  # it goes on


# Pause integrity


def questioned(clock: Clock) -> list[bool]:
    """Of each pause, as its event says it."""
    return ["questioned" in event.data for event in clock.events.filter(kind="pause")]


def test_a_pause_over_an_unanswered_message_is_flagged_on_the_clock_and_its_event(resolution, specialist):
    ticket = make_ticket(now=OPENED)
    reply(ticket, specialist, 5)
    write(ticket, 10)
    services.add_note(ticket=ticket, actor=specialist, body="Later", now=at(11))  # a note answers nothing
    status(ticket, Status.WAITING, specialist, 20)
    for metric in ("next_response", "resolution"):
        (clock,) = cycles(ticket, metric)
        assert (clock.state, clock.questioned_pauses, questioned(clock)) == (State.PAUSED, 1, [True])
    write(ticket, 30)
    reply(ticket, specialist, 40, status=Status.WAITING)
    (clock,) = cycles(ticket, "resolution")
    assert (clock.questioned_pauses, questioned(clock)) == (1, [True, False])


def test_so_is_one_before_any_answer(resolution, specialist):
    ticket = make_ticket(now=OPENED)
    status(ticket, Status.WAITING, specialist, 5)
    (clock,) = cycles(ticket, "resolution")
    assert (clock.questioned_pauses, first_response(ticket).questioned_pauses) == (1, 0)


def test_what_was_answered_on_the_phone_is_not_in_question(resolution, specialist):
    ticket = make_ticket(now=OPENED)
    services.record_call(ticket=ticket, actor=specialist, connected=True, note="", now=at(5))
    status(ticket, Status.WAITING, specialist, 6)
    (clock,) = cycles(ticket, "resolution")
    assert (clock.state, clock.questioned_pauses) == (State.PAUSED, 0)
    write(ticket, 10)
    services.record_call(ticket=ticket, actor=specialist, connected=False, note="engaged", now=at(15))
    status(ticket, Status.WAITING, specialist, 20)
    clock.refresh_from_db()
    assert clock.questioned_pauses == 1


def test_a_void_clock_goes_on_for_the_gross_figures(resolution, specialist, manager):
    """As if there were no exception: it pauses, is given another target, and is judged by its own deadline."""
    ticket = make_ticket(now=OPENED)
    reply(ticket, specialist, 5)
    write(ticket, 10)
    (clock,) = cycles(ticket, "next_response")
    exception = services.request_exception(
        clock=clock,
        code=ExceptionCode.objects.get(code="third-party"),
        wish=Wish(effect=Effect.VOID),
        evidence="Their status page",
        actor=specialist,
        now=at(15),
    )
    status(ticket, Status.WAITING, specialist, 20)
    services.decide_exception(exception=exception, approve=True, note="", actor=manager, now=at(30))
    clock.refresh_from_db()
    assert (clock.state, clock.gross_due_at) == (State.EXEMPT, None)  # paused
    status(ticket, Status.OPEN, specialist, 50)
    clock.refresh_from_db()
    assert (clock.state, clock.gross_due_at) == (State.EXEMPT, at(10 + 240 + 30))
    status(ticket, Status.WAITING, specialist, 60)
    reply(ticket, specialist, 281)
    clock.refresh_from_db()
    assert (clock.state, clock.gross_breached_at) == (State.EXEMPT, None)  # half a day of it was paused
    assert clock.ended_at - clock.started_at == timedelta(minutes=271)
