"""Who watches hears of what others do, and of nothing else."""

import pytest

from helpdesk.notifications.models import Notice, OutboxMail
from helpdesk.notifications.rendering import render
from helpdesk.tickets import services
from helpdesk.tickets.models import (
    Message,
    Reading,
    Status,
    Watch,
)
from helpdesk.tickets.services import Refused
from tests.factories import make_ticket
from tests.tickets.organising.scene import split
from tests.tickets.scenes import at, reply, write

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven")]


def told(person) -> list[str]:
    return [notice.context["event"] for notice in Notice.objects.filter(recipient=person).order_by("id")]


def test_who_watches_hears_of_what_others_do_and_of_nothing_else(ticket, specialist, colleague):
    colleague.mail_about = ["watched"]
    colleague.save()
    for person in (specialist, colleague, colleague):
        services.watch(ticket=ticket, user=person, now=at(0))
    assert Watch.objects.count() == 2
    write(ticket, 1)
    reply(ticket, specialist, 2)
    services.add_note(ticket=ticket, actor=specialist, body="Internally.", now=at(3))
    services.set_status(ticket=ticket, status=Status.WAITING, actor=specialist, now=at(4))
    services.set_status(ticket=ticket, status=Status.WAITING, actor=specialist, now=at(5))
    assert told(colleague) == ["customer_wrote", "replied", "status"]
    assert told(specialist) == ["customer_wrote"]
    mails = OutboxMail.objects.filter(template="watched")
    assert [mail.to for mail in mails] == [[colleague.email]] * 3
    services.unwatch(ticket=ticket, user=colleague)
    write(ticket, 6)
    assert len(told(colleague)) == 3


def test_who_watches_hears_that_it_was_merged_or_spam(ticket, customer, specialist, colleague):
    into, spam = make_ticket(customer, now=at(0)), make_ticket(customer, now=at(0))
    for row in (ticket, spam):
        services.watch(ticket=row, user=colleague, now=at(0))
    services.merge(ticket=ticket, into=into, actor=specialist, reason="", now=at(1))
    services.mark_spam(ticket=spam, actor=specialist, reason="", now=at(2))
    services.not_spam(ticket=spam, actor=specialist, now=at(3))
    assert told(colleague) == ["merged", "spam", "not_spam"]


def test_who_left_the_staff_hears_nothing(ticket, colleague):
    services.watch(ticket=ticket, user=colleague, now=at(0))
    colleague.is_active = False
    colleague.save()
    write(ticket, 1)
    assert told(colleague) == []
    with pytest.raises(Refused):
        services.watch(ticket=ticket, user=ticket.requester, now=at(2))


def test_a_reading_is_one_row_that_moves(ticket, specialist):
    for minutes in (1, 2):
        services.note_reading(ticket=ticket, user=specialist, now=at(minutes))
    assert Reading.objects.get().at == at(2)


def test_a_mail_to_who_watches_says_who_said_what(ticket, colleague, rendered):
    colleague.mail_about = ["watched"]
    colleague.save()
    services.watch(ticket=ticket, user=colleague, now=at(0))
    write(ticket, 1)
    subject, text = rendered(OutboxMail.objects.get(template="watched"))
    assert subject == f"[{ticket.reference}] {ticket.requester} wrote · Forms show a blank page"
    assert "> And now?" in text
    assert f"/admin/helpdesk/ticket/{ticket.pk}/change/" in text


def test_what_a_customer_calls_themselves_is_text_in_the_mail_too(ticket, colleague):
    colleague.mail_about = ["watched"]
    colleague.save()
    type(ticket.requester).objects.filter(pk=ticket.requester_id).update(
        full_name="<a href='https://x.example'>Sign in</a>"
    )
    ticket.refresh_from_db()
    services.watch(ticket=ticket, user=colleague, now=at(0))
    write(ticket, 1)
    message = render(OutboxMail.objects.get(template="watched"))
    assert "<a href='https://x.example'>" not in message.alternatives[0].content
    assert "<a href='https://x.example'>Sign in</a> wrote" in message.body


@pytest.fixture
def rendered():
    def make(mail):
        message = render(mail)
        return message.subject, message.body

    return make


def test_messages_of_the_two_survive_a_split_and_a_merge_back(ticket, specialist):
    new = split(ticket, specialist, [ticket.messages.get()])
    services.merge(ticket=new, into=ticket, actor=specialist, reason="One matter after all", now=at(12))
    assert ticket.messages.filter(kind=Message.Kind.CUSTOMER).count() == 2
