"""A split copies and leaves the record and its clocks alone."""

import pytest

from helpdesk.notifications.models import OutboxMail
from helpdesk.tickets import services
from helpdesk.tickets.models import (
    Source,
    TicketLink,
)
from helpdesk.tickets.services import Refused
from tests.factories import make_ticket
from tests.tickets.organising.scene import a_file, kinds, split
from tests.tickets.scenes import at, first_response, reply, write

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven")]


def test_a_split_copies_and_leaves_the_record_and_its_clocks_alone(ticket, specialist):
    second = write(ticket, 5)
    a_file(ticket, second)
    new = split(ticket, specialist, [second])
    assert (new.source, new.requester, new.account, new.hub) == (
        Source.STAFF,
        ticket.requester,
        ticket.account,
        ticket.hub,
    )
    copy = new.messages.get()
    assert copy.body == f"From {ticket.reference}:\n\nAnd now?"
    assert [file.name for file in copy.attachments.all()] == ["log.txt"]
    assert ticket.messages.filter(kind="customer").count() == 2
    assert first_response(ticket).due_at == at(60)
    clock = first_response(new)
    assert (clock.promise, clock.started_at) == ("objective", at(10))
    assert (kinds(ticket)[-1], kinds(new)[-1]) == ("split", "split")
    assert (TicketLink.objects.get().first, TicketLink.objects.get().second) == (ticket, new)
    assert OutboxMail.objects.filter(template="acknowledgement").count() == 2


def test_of_several_messages_each_carries_its_author(ticket, specialist):
    answer, question = reply(ticket, specialist, 3), write(ticket, 5)
    new = split(ticket, specialist, [answer, question])
    assert new.messages.get().body == (
        f"From {ticket.reference}:\n\n{specialist}:\nHere.\n\n{ticket.requester}:\nAnd now?"
    )


def test_split_is_pressed_twice_and_done_once(ticket, specialist):
    first, again = (split(ticket, specialist, [ticket.messages.get()], submission="a" * 32) for _ in range(2))
    assert first == again
    assert kinds(ticket).count("split") == 1


def test_what_cannot_be_split(ticket, specialist, customer):
    note = services.add_note(ticket=ticket, actor=specialist, body="Budget is thin.", now=at(1))
    foreign = make_ticket(now=at(0))
    with pytest.raises(Refused, match="customer would read it"):
        split(ticket, specialist, [ticket.messages.first(), note])
    for messages, subject, words in (
        ([], "x", "at least one"),
        ([foreign.messages.get()], "x", "at least one"),
        ([ticket.messages.first()], " ", "subject"),
    ):
        with pytest.raises(Refused, match=words):
            split(ticket, specialist, messages, subject)
    customer.account.subscriptions.update(premium_support=False)
    with pytest.raises(Refused, match="no premium support for Content Hub"):
        split(ticket, specialist, [ticket.messages.first()])
    customer.delete()
    with pytest.raises(Refused, match="does not belong to"):
        split(ticket, specialist, [ticket.messages.first()])
