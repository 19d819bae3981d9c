"""Two people, or a person and the sweep, at one moment: nothing lost, nothing doubled, no deadlock (SPEC 2.2)."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError

from helpdesk.escalation.models import Escalation
from helpdesk.escalation.sweep import sweep
from helpdesk.notifications.models import OutboxMail
from helpdesk.sla.models import Clock, ClockEvent
from helpdesk.sla.verification import verify
from helpdesk.subscriptions.entitlement import entitlements
from helpdesk.tickets import services
from helpdesk.tickets.intake import receive, receive_reply
from helpdesk.tickets.models import Claim, Message, Source, Status, Ticket
from helpdesk.tickets.queue import take_next
from helpdesk.tickets.services import NewTicket, Refused
from tests.at_once import at_once
from tests.factories import StaffFactory, make_ticket

NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DUE = NOW + 60 * MINUTE
BIT = timedelta(milliseconds=10)

pytestmark = pytest.mark.django_db(transaction=True)


def all_is_well() -> bool:
    return verify(now=NOW).differing == 0


@pytest.mark.parametrize("_again", range(3))
def test_two_specialists_reply_at_once(_again):
    """Both replies are kept and mailed; the first response is answered once."""
    ticket, first, second = make_ticket(now=NOW), StaffFactory(), StaffFactory()
    raised = at_once(
        lambda: services.reply(ticket=ticket, actor=first, body="One", now=NOW + MINUTE),
        lambda: services.reply(ticket=ticket, actor=second, body="Two", now=NOW + MINUTE + BIT),
    )
    assert raised == []
    assert set(ticket.messages.filter(kind="reply").values_list("body", flat=True)) == {"One", "Two"}
    assert ClockEvent.objects.filter(kind="fulfil").count() == 1
    assert OutboxMail.objects.filter(template="reply").count() == 2
    assert all_is_well()


@pytest.mark.parametrize("_again", range(3))
def test_the_same_reply_is_pressed_four_times_at_once(_again):
    ticket, actor = make_ticket(now=NOW), StaffFactory()

    def press():
        services.reply(ticket=ticket, actor=actor, body="Once", now=NOW + MINUTE, submission="a" * 32)

    assert [type(error) for error in at_once(*[press] * 4)] == [IntegrityError] * 3
    assert ticket.messages.filter(kind="reply").count() == 1
    assert OutboxMail.objects.filter(template="reply").count() == 1
    assert all_is_well()


@pytest.mark.parametrize("_again", range(3))
def test_send_is_pressed_four_times_at_once(_again):
    """One ticket, and everybody who pressed is led to it; the same for a further message."""
    member = make_ticket(now=NOW).requester.memberships.get()
    right = entitlements(account=member.account, now=NOW)[0]
    new = NewTicket(membership=member, entitlement=right, subject="Once", body="Blank")
    found = []

    def send():
        found.append(receive(source=Source.FORM, external_id="1/a", new=new, now=NOW).ticket.pk)

    assert at_once(*[send] * 4) == []
    assert set(found) == {Ticket.objects.get(subject="Once").pk}
    assert len(found) == 4

    ticket = Ticket.objects.get(subject="Once")

    def write():
        receive_reply(
            source=Source.FORM, external_id="1/b", ticket=ticket, actor=member.user, body="And?", now=NOW + MINUTE
        )

    assert at_once(*[write] * 4) == []
    assert ticket.messages.filter(body="And?").count() == 1
    assert all_is_well()


@pytest.mark.parametrize("_again", range(3))
def test_a_claim_is_judged_twice_at_once(_again):
    """One judgement counts, the other person hears that there is none left to judge."""
    ticket, first, second = make_ticket(now=NOW, critical=True), StaffFactory(), StaffFactory()

    def judge(actor, confirmed):
        services.judge_claim(ticket=ticket, actor=actor, confirmed=confirmed, reason="So", now=NOW + MINUTE)

    raised = at_once(lambda: judge(first, True), lambda: judge(second, False))
    assert [type(error) for error in raised] == [Refused]
    assert Ticket.objects.get(pk=ticket.pk).claim in (Claim.CONFIRMED, Claim.DECLINED)
    assert OutboxMail.objects.filter(template="judgement").count() == 1
    assert all_is_well()


@pytest.mark.parametrize("_again", range(3))
def test_the_customer_closes_while_the_specialist_replies_and_the_sweep_comes_by(_again):
    ticket, actor = make_ticket(now=NOW), StaffFactory()
    raised = at_once(
        lambda: services.close_by_customer(ticket=ticket, actor=ticket.requester, now=DUE + MINUTE),
        lambda: services.reply(ticket=ticket, actor=actor, body="Sorry", now=DUE + MINUTE + BIT),
        lambda: sweep(now=DUE + MINUTE + 2 * BIT),
        lambda: services.customer_reply(ticket=ticket, actor=ticket.requester, body="Well", now=DUE + MINUTE),
    )
    assert raised == []
    clock = Clock.objects.get(metric="first_response")
    assert (clock.state in ("fulfilled", "ended"), clock.breached_at) == (True, DUE)
    assert set(ticket.messages.values_list("body", flat=True)) >= {"Sorry", "Well"}
    assert all_is_well()


@pytest.mark.parametrize("_again", range(3))
def test_ten_specialists_take_the_next_of_eight(_again):
    tickets = [make_ticket(now=NOW) for _ in range(8)]
    people, given = [StaffFactory() for _ in range(10)], []
    assert at_once(*[lambda who=who: given.append(take_next(actor=who, now=NOW)) for who in people]) == []
    taken = [ticket.pk for ticket in given if ticket]
    assert len(taken) == len(set(taken))
    assert set(taken) <= {ticket.pk for ticket in tickets}
    owners = Ticket.objects.exclude(owner=None).values_list("owner", flat=True)
    assert len(set(owners)) == len(taken)


@pytest.mark.parametrize("_again", range(3))
def test_a_reply_at_the_deadline_meets_it_whoever_comes_first(_again):
    """The reply was sent before the deadline: that a sweep was quicker to the row makes it no breach."""
    ticket, actor = make_ticket(now=NOW), StaffFactory()
    raised = at_once(
        lambda: services.reply(ticket=ticket, actor=actor, body="In time", now=DUE - BIT),
        lambda: sweep(now=DUE + BIT),
        lambda: sweep(now=DUE + 2 * BIT),
    )
    assert raised == []
    clock = Clock.objects.get()
    assert (clock.state, clock.breached_at, clock.answered_by) == ("fulfilled", None, actor)
    assert Message.objects.filter(kind="reply").count() == 1
    assert Escalation.objects.filter(percent=100).count() <= 1
    assert all_is_well()


def test_a_reply_sent_in_time_and_written_after_the_sweep_is_in_time():
    ticket, actor = make_ticket(now=NOW), StaffFactory()
    sweep(now=DUE + BIT)
    assert Clock.objects.get().breached_at == DUE
    services.reply(ticket=ticket, actor=actor, body="In time", now=DUE - BIT)
    clock = Clock.objects.get()
    assert (clock.state, clock.breached_at, clock.owner_at_due) == ("fulfilled", None, None)
    assert all_is_well()


def test_a_close_sent_in_time_and_written_after_the_sweep_is_no_breach():
    ticket = make_ticket(now=NOW)
    sweep(now=DUE + BIT)
    services.close_by_customer(ticket=ticket, actor=ticket.requester, now=DUE - BIT)
    assert Clock.objects.get().state == "cancelled"
    assert Ticket.objects.get().status == Status.CLOSED
    assert all_is_well()
