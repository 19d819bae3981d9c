"""Merged: the survivor keeps the earliest running guaranteed clock, the other's leave the denominators (SPEC 2.3)."""

import pytest

from helpdesk.accounts.people import remove
from helpdesk.core.channels import Channel
from helpdesk.escalation.sweep import sweep
from helpdesk.sla.clock import Effect, State
from helpdesk.sla.models import BreachCause, Clock, ClockEvent, ExceptionCode
from helpdesk.tickets import services
from helpdesk.tickets.models import Claim, Severity, Source, Status, Ticket
from helpdesk.tickets.services import Refused, Wish
from tests.at_once import at_once
from tests.factories import DesignatedFactory, MembershipFactory, StaffFactory, make_ticket
from tests.tickets.proofs import prove_all
from tests.tickets.scenes import at, decline, first_response, raised, reply, write

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven")]


@pytest.fixture
def customer():
    return DesignatedFactory()


def merge(ticket: Ticket, into: Ticket, actor, minutes: float) -> Ticket:
    survivor = services.merge(ticket=ticket, into=into, actor=actor, reason="The same outage", now=at(minutes))
    ticket.refresh_from_db()
    into.refresh_from_db()
    return survivor


def running(ticket: Ticket) -> Clock:
    return ticket.clocks.get(state=State.RUNNING)


def counted(*tickets: Ticket) -> list[Clock]:
    """What the figures count: everything but what was cancelled."""
    return list(Clock.objects.filter(ticket__in=tickets).exclude(state=State.CANCELLED).order_by("id"))


def test_the_other_one_is_earlier(customer, specialist):
    other, survivor = make_ticket(customer, now=at(0)), make_ticket(customer, now=at(20))
    merge(other, survivor, specialist, 30)
    (clock,) = counted(other, survivor)
    assert (clock.ticket, clock.promise, clock.started_at, clock.due_at) == (survivor, "guaranteed", at(0), at(60))
    assert other.clocks.get().events.last().data["reason"] == f"merged into {survivor.reference}"
    assert survivor.next_due_at == at(60)
    reply(survivor, specialist, 60)
    assert counted(other, survivor)[0].is_met


def test_the_other_one_is_later(customer, specialist):
    survivor, other = make_ticket(customer, now=at(0)), make_ticket(customer, now=at(20))
    merge(other, survivor, specialist, 30)
    (clock,) = counted(other, survivor)
    assert (clock, clock.due_at, clock.event_count) == (first_response(survivor), at(60), 1)


def test_of_two_with_one_deadline_the_survivors_own_stays(customer, specialist):
    survivor, other = make_ticket(customer, now=at(0)), make_ticket(customer, now=at(0))
    merge(other, survivor, specialist, 30)
    assert counted(other, survivor) == [first_response(survivor)]


def test_a_critical_one_is_earlier_though_it_came_later(customer, specialist):
    survivor, other = make_ticket(customer, now=at(0)), make_ticket(customer, critical=True, now=at(10))
    merge(other, survivor, specialist, 15)
    (clock,) = counted(other, survivor)
    assert (clock.due_at, clock.target_seconds, clock.started_at) == (at(40), 1800, at(10))


def test_the_survivor_was_answered_already(customer, specialist):
    survivor, other = make_ticket(customer, now=at(0)), make_ticket(customer, now=at(10))
    reply(survivor, specialist, 5, status=Status.SOLVED)
    merge(other, survivor, specialist, 30)
    met, clock = counted(other, survivor)
    assert (met.is_met, met.ended_at) == (True, at(5))
    assert (clock.ticket, clock.due_at, clock.cycle) == (survivor, at(70), 2)
    assert survivor.status == Status.OPEN  # it goes on: something is owed
    reply(survivor, specialist, 69)
    assert all(clock.is_met for clock in counted(other, survivor))


def test_the_other_was_answered_already(customer, specialist):
    survivor, other = make_ticket(customer, now=at(0)), make_ticket(customer, now=at(0))
    reply(other, specialist, 70)
    merge(other, survivor, specialist, 80)
    assert [(clock.ticket, clock.state, clock.breached_at) for clock in counted(other, survivor)] == [
        (survivor, State.RUNNING, at(60)),
        (other, State.FULFILLED, at(60)),
    ]


def test_the_survivor_was_opened_by_staff(customer, specialist):
    survivor, other = make_ticket(customer, source=Source.STAFF, now=at(0)), make_ticket(customer, now=at(20))
    merge(other, survivor, specialist, 30)
    (clock,) = counted(other, survivor)
    assert (clock.ticket, clock.promise, clock.due_at) == (survivor, "guaranteed", at(80))
    own = first_response_of_its_own(survivor)
    assert own.events.last().data["reason"] == f"the guarantee of {other.reference} counts"


def first_response_of_its_own(ticket: Ticket) -> Clock:
    return ticket.clocks.get(metric="first_response", cycle=1)


def test_the_other_was_opened_by_staff(customer, specialist):
    survivor, other = make_ticket(customer, now=at(20)), make_ticket(customer, source=Source.STAFF, now=at(0))
    merge(other, survivor, specialist, 30)
    assert counted(other, survivor) == [first_response(survivor)]


def test_both_are_aims_and_the_survivors_own_stays(specialist):
    user = MembershipFactory()
    survivor, other = make_ticket(user, now=at(20)), make_ticket(user, now=at(0))
    merge(other, survivor, specialist, 30)
    assert counted(other, survivor) == [first_response(survivor)]


def test_an_aim_is_kept_where_the_survivor_has_none(specialist):
    user = MembershipFactory()
    survivor, other = make_ticket(user, now=at(0)), make_ticket(user, now=at(10))
    reply(survivor, specialist, 5)
    merge(other, survivor, specialist, 30)
    assert (running(survivor).promise, running(survivor).started_at) == ("objective", at(10))


def test_the_other_was_breached_already(customer, specialist, colleague, lead):
    """A merge is no way out of a breach: it is the survivor's now, once, with its owner and its cause."""
    other, survivor = make_ticket(customer, now=at(0)), make_ticket(customer, now=at(50))
    services.assign(ticket=other, owner=colleague, actor=lead, now=at(10))
    sweep(now=at(61))
    other.clocks.update(cause=BreachCause.CAPACITY, cause_note="Two were ill")
    merge(other, survivor, specialist, 65)
    (clock,) = counted(other, survivor)
    assert (clock.ticket, clock.breached_at, clock.owner_at_due) == (survivor, at(60), colleague)
    assert (clock.cause, clock.cause_note) == (BreachCause.CAPACITY, "Two were ill")
    reply(survivor, specialist, 70)
    clock.refresh_from_db()
    assert (clock.state, clock.breached_at, clock.answered_by) == (State.FULFILLED, at(60), specialist)


def test_a_breach_whose_promise_was_renewed_is_not_lost(customer, specialist):
    other, survivor = make_ticket(customer, now=at(0)), make_ticket(customer, now=at(35))
    raised(other, specialist, 40)
    merge(other, survivor, specialist, 45)
    (clock,) = counted(other, survivor)
    assert (clock.breached_at, clock.due_at) == (at(30), at(70))
    assert clock.cause == BreachCause.LATE_RECLASSIFICATION


def test_the_survivor_was_breached_already(customer, specialist):
    survivor, other = make_ticket(customer, now=at(0)), make_ticket(customer, now=at(50))
    merge(other, survivor, specialist, 65)
    (clock,) = counted(other, survivor)
    assert (clock, clock.breached_at) == (first_response(survivor), at(60))


def test_a_pause_is_kept_as_long_as_the_survivor_waits_and_goes_on_where_it_doesnt(customer, specialist):
    """Two questions in one: what waited with the other ticket goes on with the survivor."""
    other, survivor = make_ticket(customer, now=at(0)), make_ticket(customer, now=at(0))
    for ticket in (other, survivor):
        reply(ticket, specialist, 5)
    write(other, 10)
    services.set_status(ticket=other, status=Status.WAITING, actor=specialist, now=at(20))
    merge(other, survivor, specialist, 30)
    clock = running(survivor)
    assert (clock.metric, clock.due_at) == ("next_response", at(10 + 240 + 10))
    assert (survivor.status, clock.questioned_pauses) == (Status.OPEN, 1)


def test_what_the_survivor_was_waiting_for_goes_on_too(customer, specialist):
    survivor, other = make_ticket(customer, now=at(0)), make_ticket(customer, now=at(0))
    reply(survivor, specialist, 5)
    write(survivor, 10)
    services.set_status(ticket=survivor, status=Status.WAITING, actor=specialist, now=at(20))
    merge(other, survivor, specialist, 30)
    assert survivor.status == Status.OPEN
    due = {clock.metric: clock.due_at for clock in survivor.clocks.filter(state=State.RUNNING)}
    assert due == {"first_response": at(60), "next_response": at(10 + 240 + 10)}


def test_nothing_unanswered_moves_the_survivor_nowhere(customer, specialist):
    over, waiting = make_ticket(customer, now=at(0)), make_ticket(customer, now=at(0))
    reply(over, specialist, 5, status=Status.SOLVED)
    reply(waiting, specialist, 6, status=Status.WAITING)
    merge(waiting, over, specialist, 30)
    assert (over.status, over.next_due_at) == (Status.SOLVED, None)


def test_a_callback_that_is_owed_is_kept(customer, specialist):
    survivor = make_ticket(customer, now=at(0))
    other = make_ticket(customer, channel=Channel.PHONE, source=Source.CALLBACK, now=at(0))
    reply(other, specialist, 1)
    reply(survivor, specialist, 2, status=Status.WAITING)
    merge(other, survivor, specialist, 3)
    assert (running(survivor).metric, running(survivor).due_at, survivor.status) == ("callback", at(5), Status.OPEN)


def test_a_void_promise_is_not_taken_over_and_the_question_is_not_forgotten(customer, specialist, manager):
    survivor, other = make_ticket(customer, now=at(0)), make_ticket(customer, now=at(0))
    reply(survivor, specialist, 5, status=Status.SOLVED)
    exception = services.request_exception(
        clock=first_response(other),
        code=ExceptionCode.objects.get(code="declared-incident"),
        wish=Wish(effect=Effect.VOID),
        evidence="Incident 7",
        actor=specialist,
        now=at(10),
    )
    services.decide_exception(exception=exception, approve=True, note="", actor=manager, now=at(11))
    merge(other, survivor, specialist, 20)
    assert counted(other, survivor) == [first_response(survivor)]
    assert (survivor.status, survivor.messages.count()) == (Status.OPEN, 3)


def test_a_chain_of_merges_hands_the_first_promise_on(customer, specialist):
    first, second, third = (make_ticket(customer, now=at(minutes)) for minutes in (0, 10, 20))
    merge(first, second, specialist, 25)
    merge(second, third, specialist, 26)
    (clock,) = counted(first, second, third)
    assert (clock.ticket, clock.started_at, clock.due_at) == (third, at(0), at(60))
    assert third.messages.count() == 3
    assert (first.merged_into, second.merged_into) == (second, third)
    reply(third, specialist, 61)
    clock.refresh_from_db()
    assert (clock.breached_at, clock.state) == (at(60), State.FULFILLED)


def test_the_conversation_moves_over_and_who_asked_comes_in_copy(customer, specialist):
    colleague = MembershipFactory(account=customer.account)
    other, survivor = make_ticket(colleague, now=at(0)), make_ticket(customer, now=at(1))
    other.cc = ["ops@kestrel.example", customer.user.email]
    other.save()
    services.add_note(ticket=other, actor=specialist, body="The same one", now=at(2))
    merge(other, survivor, specialist, 3)
    assert survivor.cc == sorted([colleague.user.email, "ops@kestrel.example"])
    assert survivor.messages.count() == 3
    assert (other.messages.count(), other.status, other.closed_at) == (0, Status.MERGED, at(3))
    gone, taken = other.events.get(kind="merged"), survivor.events.get(kind="absorbed")
    assert (gone.data["into"], taken.data["ticket"]) == (survivor.pk, other.pk)
    assert gone.data["messages"] == taken.data["messages"] != []
    assert gone.data["reason"] == taken.data["reason"] == "The same outage"
    with pytest.raises(Refused, match="reply there"):
        reply(other, specialist, 4)
    with pytest.raises(Refused, match="open a new one"):
        write(other, 4)


def test_what_cannot_be_merged(customer, specialist):
    ticket, into, foreign = make_ticket(customer, now=at(0)), make_ticket(customer, now=at(0)), make_ticket(now=at(0))
    spam = make_ticket(customer, now=at(0))
    services.mark_spam(ticket=spam, actor=specialist, reason="", now=at(1))
    merge(ticket, into, specialist, 1)
    for one, other, words in (
        (into, into, "into itself"),
        (into, foreign, "same account"),
        (into, spam, f"{spam.reference} is marked as spam"),
        (spam, into, f"{spam.reference} is marked as spam"),
        (ticket, into, f"{ticket.reference} was merged into {into.reference} already"),
        (into, ticket, f"{ticket.reference} was merged into {into.reference} already"),
    ):
        with pytest.raises(Refused, match=words):
            merge(one, other, specialist, 2)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_again", range(3))
def test_two_merges_that_cross(_again):
    """Each into the other at one moment: one is done, the other refused, and one promise is left."""
    customer, first, second = DesignatedFactory(), StaffFactory(), StaffFactory()
    one, two = make_ticket(customer, now=at(0)), make_ticket(customer, now=at(10))
    refused = at_once(lambda: merge(one, two, first, 20), lambda: merge(two, one, second, 20))
    assert [type(error) for error in refused] == [Refused]
    (clock,) = counted(one, two)
    assert (clock.due_at, clock.ticket.status) == (at(60), Status.NEW)
    assert sorted(Ticket.objects.values_list("status", flat=True)) == [Status.MERGED, Status.NEW]
    prove_all()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_again", range(3))
def test_a_merge_while_the_other_is_answered_and_swept(_again):
    """Whoever is first: one target on the two tickets, met or breached once."""
    customer, first, second = DesignatedFactory(), StaffFactory(), StaffFactory()
    other, survivor = make_ticket(customer, now=at(0)), make_ticket(customer, now=at(30))

    def answer():
        try:
            reply(other, second, 61)
        except Refused:  # it was merged meanwhile: the reply belongs into the survivor
            reply(survivor, second, 61)

    assert at_once(lambda: merge(other, survivor, first, 61), answer, lambda: sweep(now=at(62))) == []
    assert ClockEvent.objects.filter(kind="breach", clock__in=counted(other, survivor)).count() == 1
    assert {clock.breached_at for clock in counted(other, survivor)} <= {at(60), None}
    prove_all()


def test_who_has_left_the_account_is_put_in_copy_by_no_merge(customer, specialist):
    left = MembershipFactory(account=customer.account)
    other, survivor = make_ticket(left, now=at(0)), make_ticket(customer, now=at(5))
    remove(membership=left, actor=customer.user, now=at(6))
    merge(other, survivor, specialist, 30)
    assert survivor.cc == []


def test_a_claim_goes_where_its_ticket_goes_and_is_judged_there(customer, specialist):
    """Else the survivor would be no critical one in any list or figure, and its 30 minutes nobody's to judge."""
    survivor, other = make_ticket(customer, now=at(0)), make_ticket(customer, critical=True, now=at(10))
    merge(other, survivor, specialist, 15)
    assert (survivor.severity, survivor.claim) == (Severity.CRITICAL, Claim.CLAIMED)
    with pytest.raises(Refused, match="no open claim"):
        decline(other, specialist, 20)
    decline(survivor, specialist, 20)
    survivor.refresh_from_db()
    assert (survivor.severity, running(survivor).due_at) == (Severity.STANDARD, at(70))


def test_a_merge_claims_nothing_again_that_was_declined_and_nothing_for_a_ticket_that_is_over(customer, specialist):
    declined = make_ticket(customer, critical=True, now=at(0))
    decline(declined, specialist, 5)
    merge(make_ticket(customer, critical=True, now=at(10)), declined, specialist, 15)
    assert (declined.severity, declined.claim) == (Severity.STANDARD, Claim.DECLINED)
    old, survivor = make_ticket(customer, critical=True, now=at(20)), make_ticket(customer, now=at(21))
    reply(old, specialist, 22, status=Status.SOLVED)
    merge(old, survivor, specialist, 23)
    assert (survivor.severity, survivor.claim) == (Severity.STANDARD, Claim.NONE)


def test_what_was_confirmed_stays_so_on_the_ticket_that_stays(customer, specialist):
    survivor, other = make_ticket(customer, now=at(0)), make_ticket(customer, now=at(1))
    raised(other, specialist, 5)
    merge(other, survivor, specialist, 6)
    assert (survivor.severity, survivor.claim) == (Severity.CRITICAL, Claim.CONFIRMED)
    assert survivor.claim_reason == "All forms are down."
