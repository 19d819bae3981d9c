"""Asking for a call, changing it, cancelling it: what becomes of its clock (SPEC 2.2, 2.3, 2.7)."""

from datetime import timedelta

import pytest

from helpdesk.channels.callback import calling, services
from helpdesk.channels.callback.models import CallAttempt, CallRequest
from helpdesk.escalation.models import Escalation
from helpdesk.escalation.sweep import sweep
from helpdesk.notifications.models import Notice, OutboxMail
from helpdesk.notifications.rendering import render
from helpdesk.sla.clock import State
from helpdesk.sla.explain import Kind, Mark, explain
from helpdesk.tickets.models import Source, Status, Ticket
from helpdesk.tickets.services import Refused, close_by_customer, mark_spam, merge, not_spam, set_status
from tests.at_once import at_once
from tests.factories import DesignatedFactory, MembershipFactory, SubscriptionFactory, make_ticket

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven")]
HOUR = timedelta(hours=1)


def window(begin):
    return begin, begin + HOUR


def test_a_call_for_now_is_a_ticket_whose_clock_runs_for_five_minutes(ask, at, now, team):
    call = ask()
    ticket = call.ticket
    assert (ticket.channel, ticket.source, ticket.subject, ticket.team) == (
        "phone",
        Source.CALLBACK,
        "Deals don't move",
        team,
    )
    clock = ticket.clocks.get()
    assert (clock, clock.metric, clock.promise) == (call.clock, "callback", "objective")
    assert (clock.started_at, clock.due_at, ticket.next_due_at) == (now, at(5), at(5))
    assert [event.kind for event in ticket.events.all()] == ["opened", "acknowledged", "call_asked"]
    assert str(call.number) not in str(list(ticket.events.values_list("data")))  # nobody could ever erase it there


def test_a_window_counts_from_its_beginning_and_the_queue_shows_its_deadline_at_once(ask, at, now):
    begin = at(115)
    call = ask(window=window(begin))
    clock = call.clock
    assert (clock.started_at, clock.due_at) == (begin, begin + timedelta(minutes=5))
    call.ticket.refresh_from_db()
    assert call.ticket.next_due_at == clock.due_at
    # The first step of the ladder lies in the window, and not in the time before it.
    assert clock.next_check_at == begin + timedelta(minutes=2, seconds=30)


def test_the_ladder_of_a_window_is_climbed_in_it_and_a_missed_call_is_breached_at_its_instant(ask, at, anna, olu):
    begin = at(115)
    clock = ask(window=window(begin)).clock
    sweep(now=at(100))
    assert Escalation.objects.count() == 0
    sweep(now=begin + timedelta(minutes=3))
    assert [(row.percent, row.due_at) for row in Escalation.objects.all()] == [(50, begin + timedelta(minutes=2.5))]
    sweep(now=begin + timedelta(minutes=47))  # an outage: noticed long after
    clock.refresh_from_db()
    assert clock.breached_at == begin + timedelta(minutes=5)


def test_the_explanation_says_that_it_counts_from_the_beginning_of_the_window(ask, at, now):
    begin = at(115)
    clock = ask(window=window(begin)).clock
    made = explain([row.folded() for row in clock.events.all()], calendar=clock.hours, now=at(10))
    assert [(row.kind, row.begin, row.end) for row in made.stretches] == [
        (Kind.DROPPED, now, begin),
        (Kind.AHEAD, begin, begin + timedelta(minutes=5)),
    ]
    assert made.stretches[0].cause == 0
    assert [(marker.mark, marker.at) for marker in made.markers] == [
        (Mark.NOW, at(10)),
        (Mark.STARTED, begin),
        (Mark.DUE, begin + timedelta(minutes=5)),
    ]


def test_a_call_before_its_window_is_in_time_and_took_no_time(ask, at, anna):
    call = ask(window=window(at(115)))
    attempt = calling.dial(call=call, actor=anna, now=at(20), early=True)
    calling.finish(attempt=attempt, actor=anna, outcome=CallAttempt.Outcome.CONNECTED, note="Solved.", now=at(25))
    call.clock.refresh_from_db()
    assert (call.clock.is_met, call.clock.ended_at) == (True, at(25))


def test_however_often_it_is_sent_it_is_one_call(new_call, now):
    first, second = (services.ask(new=new_call(), now=now) for _ in range(2))
    assert (first.created, second.created, first.call) == (True, False, second.call)
    assert (Ticket.objects.count(), CallRequest.objects.count(), OutboxMail.objects.count()) == (1, 1, 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("keys", [("A" * 22, "A" * 22), ("A" * 22, "B" * 22)])
def test_two_windows_of_a_browser_at_one_moment_make_one_call(new_call, now, keys):
    made = []

    def send(key):
        made.append(services.ask(new=new_call(key=key), now=now).call.pk)

    assert at_once(*(lambda key=key: send(key) for key in keys)) == []
    assert (Ticket.objects.count(), CallRequest.objects.count(), len(set(made))) == (1, 1, 1)


def test_a_second_call_of_the_same_person_leads_to_the_first_a_colleague_has_their_own(ask, mina):
    first = ask()
    assert ask(key="B" * 22, subject="Something else") == first
    colleague = MembershipFactory(account=mina.account)
    assert ask(colleague, key="C" * 22) != first
    elsewhere = DesignatedFactory(user=mina.user)
    SubscriptionFactory(account=elsewhere.account)
    assert ask(elsewhere, key="D" * 22) != first


def test_the_acknowledgement_speaks_of_a_call_and_says_from_when_it_counts(ask, at, now):
    begin = at(115)  # 14:00 in London, 15:00 in Berlin
    ask(window=window(begin))
    mail = render(OutboxMail.objects.get(template="acknowledgement"))
    assert "We aim to call you by 15:05" in mail.subject
    assert "A specialist aims to call you by 15:05" in mail.body
    assert "The clock started at 15:00." in mail.body
    assert "not the call that you asked for" in mail.body
    assert "reply by" not in mail.body


def test_without_the_channel_nobody_is_called(ask, mina, new_call, now):
    entitlement = new_call().entitlement
    object.__setattr__(entitlement, "channels", ("email",))
    with pytest.raises(Refused, match="doesn't include calls"):
        ask(entitlement=entitlement)
    assert Ticket.objects.count() == 0


def test_another_time_ends_the_clock_without_a_trace_and_counts_from_the_new_beginning(ask, at, mina):
    call = ask()
    call = services.change(
        call=call, actor=mina.user, number="+33123456789", time_zone="Europe/Paris", window=window(at(55)), now=at(2)
    )
    first, second = call.ticket.clocks.order_by("cycle")
    assert (first.state, first.breached_at) == (State.CANCELLED, None)
    assert (second, second.started_at, second.due_at) == (call.clock, at(55), at(60))
    assert (call.number, call.time_zone, call.callable_at) == ("+33123456789", "Europe/Paris", at(55))
    call = services.change(call=call, actor=mina.user, number=call.number, time_zone="UTC", window=None, now=at(10))
    assert (call.clock.cycle, call.clock.started_at, call.clock.due_at) == (3, at(10), at(15))


def test_another_number_touches_no_clock(ask, at, mina):
    call = ask()
    services.change(call=call, actor=mina.user, number="+33123456789", time_zone="UTC", window=None, now=at(2))
    assert call.ticket.clocks.get().due_at == at(5)


def test_a_change_after_the_deadline_leaves_the_breach(ask, at, mina):
    call = ask()
    call = services.change(
        call=call, actor=mina.user, number=call.number, time_zone="UTC", window=window(at(55)), now=at(6)
    )
    missed, renewed = call.ticket.clocks.order_by("cycle")
    assert (missed.state, missed.breached_at) == (State.ENDED, at(5))
    assert (renewed.state, renewed.due_at) == (State.RUNNING, at(60))


@pytest.mark.parametrize(("minutes", "state", "breached"), [(4, State.CANCELLED, False), (6, State.ENDED, True)])
def test_cancelled_before_it_was_due_it_does_not_count_after_it_the_breach_stays(
    ask, at, mina, minutes, state, breached
):
    call = services.cancel(call=ask(), actor=mina.user, now=at(minutes))
    clock = call.ticket.clocks.get()
    assert (clock.state, clock.breached_at) == (state, at(5) if breached else None)
    call.ticket.refresh_from_db()
    assert (call.state, call.ticket.status) == (CallRequest.State.CANCELLED, Status.CLOSED)
    assert call.ticket.events.filter(kind="call_cancelled", actor=mina.user).count() == 1
    with pytest.raises(Refused, match="over"):
        services.cancel(call=call, actor=mina.user, now=at(minutes + 1))


def test_while_it_rings_nothing_is_changed(ask, at, mina, anna):
    call = ask()
    calling.dial(call=call, actor=anna, now=at(1))
    with pytest.raises(Refused, match="at this moment"):
        services.cancel(call=call, actor=mina.user, now=at(2))
    with pytest.raises(Refused, match="at this moment"):
        services.change(call=call, actor=mina.user, number="+33123456789", time_zone="UTC", window=None, now=at(2))


def test_those_who_may_call_hear_of_it_once_when_its_time_has_come(ask, at, anna, olu):
    call = ask(window=window(at(55)))
    assert Notice.objects.count() == 0
    for minutes in (54, 55, 55, 56):
        services.mind_calls(now=at(minutes))
    assert sorted(Notice.objects.values_list("recipient", "kind")) == [(anna.pk, "call"), (olu.pk, "call")]
    assert services.mind_calls(now=at(60)) == {"announced": 0, "freed": 0, "ended": 0}
    call.refresh_from_db()
    assert call.announced_at == at(55)


def test_a_call_that_was_taken_and_left_is_free_again_after_ten_minutes(ask, at, anna, olu):
    call = ask()
    calling.take(call=call, actor=anna, now=at(1))
    services.mind_calls(now=at(11))
    with pytest.raises(Refused, match="Anna Meier has taken"):
        calling.take(call=call, actor=olu, now=at(11))
    services.mind_calls(now=at(11.5))
    assert calling.take(call=call, actor=olu, now=at(12)).taken_by == olu


def test_an_attempt_that_nobody_wrote_the_end_of_stops_by_itself_and_counts_for_nothing(ask, at, anna):
    call = ask()
    attempt = calling.dial(call=call, actor=anna, now=at(1))
    services.mind_calls(now=at(46.5))
    attempt.refresh_from_db()
    call.refresh_from_db()
    assert (attempt.outcome, call.state, call.attempts, call.taken_by) == ("stopped", "waiting", 0, None)


def test_a_ticket_that_is_over_takes_its_call_with_it(ask, at, mina):
    call = ask()
    close_by_customer(ticket=call.ticket, actor=mina.user, now=at(1))
    assert not CallRequest.objects.to_make().exists()
    assert services.mind_calls(now=at(2))["ended"] == 1
    assert ask(key="B" * 22, at=at(3)) != call


def test_an_attempt_in_which_somebody_speaks_goes_on_for_hours(ask, at, anna):
    attempt = calling.dial(call=ask(), actor=anna, now=at(1))
    CallAttempt.objects.update(dial="placed", progress="in-progress")
    assert services.mind_calls(now=at(4 * 60))["freed"] == 0
    assert services.mind_calls(now=at(4 * 60 + 2))["freed"] == 1
    attempt.refresh_from_db()
    assert attempt.outcome == "stopped"


def test_the_call_of_spam_is_off_and_back_with_its_ticket(ask, at, anna, mina):
    call = ask()
    mark_spam(ticket=call.ticket, actor=anna, reason="a joke", now=at(1))
    assert services.mind_calls(now=at(2))["ended"] == 0
    assert not CallRequest.objects.to_make().exists()
    call = CallRequest.objects.get()
    assert (call.is_open, call.shown_state) == (False, "cancelled")
    for act in (
        lambda: services.cancel(call=call, actor=mina.user, now=at(2)),
        lambda: services.change(call=call, actor=mina.user, number="+1", time_zone="UTC", window=None, now=at(2)),
        lambda: calling.dial(call=call, actor=anna, now=at(2)),
    ):
        with pytest.raises(Refused, match="over"):
            act()
    not_spam(ticket=call.ticket, actor=anna, now=at(3))
    services.mind_calls(now=at(3))
    call = CallRequest.objects.to_make().get()
    assert (call.is_open, call.clock.state, call.clock.due_at) == (True, State.RUNNING, at(5))
    calling.finish(
        attempt=calling.dial(call=call, actor=anna, now=at(4)),
        actor=anna,
        outcome=CallAttempt.Outcome.CONNECTED,
        note="Solved.",
        now=at(4),
    )
    call.clock.refresh_from_db()
    assert call.clock.is_met


def test_whoever_asks_again_after_spam_gets_a_call_of_their_own(ask, at, anna):
    call = ask()
    mark_spam(ticket=call.ticket, actor=anna, reason="a joke", now=at(1))
    assert ask(key="B" * 22, at=at(3)) != call
    call.refresh_from_db()
    assert call.state == CallRequest.State.CANCELLED


def test_the_call_of_a_merged_ticket_goes_on_where_it_went(ask, at, anna, mina):
    call, other = ask(), make_ticket(mina, now=at(1))
    merge(ticket=call.ticket, into=other, actor=anna, reason="the same", now=at(2))
    services.mind_calls(now=at(3))
    call.refresh_from_db()
    assert (call.ticket, call.state) == (other, "waiting")
    assert (call.clock, call.clock.due_at) == (other.clocks.get(metric="callback"), at(5))
    attempt = calling.dial(call=call, actor=anna, now=at(4))
    calling.finish(attempt=attempt, actor=anna, outcome="connected", note="Solved.", now=at(5))
    assert other.events.filter(kind="called", data__connected=True).count() == 1
    call.clock.refresh_from_db()
    assert call.clock.is_met


def test_of_two_calls_in_one_ticket_each_has_the_clock_that_is_due_first(ask, at, anna, mina):
    colleague = MembershipFactory(account=mina.account)
    call, other = ask(), ask(colleague, key="C" * 22, at=at(1))
    merge(ticket=call.ticket, into=other.ticket, actor=anna, reason="the same", now=at(2))
    services.mind_calls(now=at(3))
    assert [row.clock for row in CallRequest.objects.to_make()] == [other.clock] * 2


def test_asked_again_at_the_moment_of_a_merge_it_is_still_one_call(ask, at, anna, mina):
    call, other = ask(), make_ticket(mina, now=at(1))
    merge(ticket=call.ticket, into=other, actor=anna, reason="the same", now=at(2))
    assert ask(key="B" * 22, at=at(2)) == call


def test_a_new_call_goes_on_with_the_ticket_of_the_one_before(ask, at, anna, mina):
    call = ask()
    set_status(ticket=call.ticket, status=Status.WAITING, actor=anna, now=at(1))
    CallRequest.objects.filter(pk=call.pk).update(state="given_up", ended_at=at(1))
    again = ask(key="B" * 22, ticket=call.ticket, at=at(7))
    assert (again.ticket, again.clock.cycle, again.clock.due_at) == (call.ticket, 2, at(12))
    call.ticket.refresh_from_db()
    assert call.ticket.status == Status.OPEN
    assert [clock.breached_at for clock in call.ticket.clocks.order_by("cycle")] == [at(5), None]
