"""Replies on their way, with several workers, a killed one, and somebody who takes one back at the last moment."""

import threading
import time
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from helpdesk.notifications.models import OutboxMail
from helpdesk.tickets.models import Draft, Message
from helpdesk.tickets.services import Refused, Typed, leave_drafts, send, take_back
from helpdesk.tickets.services.files import attach_file, give_to
from helpdesk.tickets.services.form_drafts import discard_form
from tests.at_once import at_once
from tests.factories import StaffFactory, make_ticket
from tests.killed import killed_while
from tests.tickets.scenes import OPENED, at

pytestmark = pytest.mark.django_db(transaction=True)
UNDO = timedelta(seconds=10)


def pressed(number: int = 0):
    ticket, actor = make_ticket(now=OPENED), StaffFactory()
    typed = Typed(body="Once", submission=f"{number:032x}")
    send(ticket=ticket, actor=actor, typed=typed, undo=UNDO, now=at(5))
    return ticket, actor


def replies() -> int:
    return Message.objects.filter(kind="reply").count()


def test_three_workers_say_each_reply_once():
    for number in range(6):
        pressed(number)
    assert at_once(*[lambda: leave_drafts(now=at(6))] * 3) == []
    leave_drafts(now=at(6))  # what one of them skipped because another held it
    assert (replies(), OutboxMail.objects.filter(template="reply").count(), Draft.objects.count()) == (6, 6, 0)


@pytest.mark.parametrize("_again", range(3))
def test_taken_back_or_said_but_never_both(_again):
    ticket, actor = pressed()
    raised = at_once(lambda: leave_drafts(now=at(6)), lambda: take_back(ticket=ticket, actor=actor, now=at(6)))
    assert all(isinstance(error, Refused) for error in raised)
    assert replies() + Draft.objects.filter(leaves_at=None).count() == 1


@pytest.mark.parametrize("_again", range(3))
def test_send_pressed_four_times_at_once(_again):
    ticket, actor = make_ticket(now=OPENED), StaffFactory()
    typed = Typed(body="Once", submission="c" * 32)
    raised = at_once(*[lambda: send(ticket=ticket, actor=actor, typed=typed, undo=UNDO, now=at(5))] * 4)
    assert raised == []
    leave_drafts(now=at(6))
    assert replies() == 1


BEFORE_THE_MAIL = """
from helpdesk.tickets.services import conversation
conversation.mails.reply = die
"""
AFTER_ALL_OF_IT = """
from helpdesk.tickets.services import drafts
right = drafts.reply
drafts.reply = lambda **values: (right(**values), die())
"""


@pytest.mark.parametrize("place", [BEFORE_THE_MAIL, AFTER_ALL_OF_IT])
def test_a_worker_killed_at_it_leaves_everything_to_the_next(place):
    """Whether it had made the message already or not: the customer gets one mail."""
    pressed()
    killed_while(f"{place}\nfrom helpdesk.tickets.services import leave_drafts\nleave_drafts(now=NOW)", now=at(6))
    assert (replies(), Draft.objects.count()) == (0, 1)
    assert leave_drafts(now=at(7)) == {"left": 1, "held": 0, "failed": 0}
    assert (replies(), OutboxMail.objects.filter(template="reply").count()) == (1, 1)


def test_a_form_that_is_discarded_while_it_is_sent_takes_no_file_out_of_the_message():
    """In one window *Send*, in another *Discard*: what a message has taken is the message's."""
    ticket = make_ticket(now=OPENED)
    person, upload = ticket.requester, SimpleUploadedFile("log.txt", b"It broke.")
    file = attach_file(ticket=ticket, actor=person, upload=upload, now=OPENED, form_key="A" * 22)
    taken = threading.Event()

    def send_it() -> None:
        with transaction.atomic():
            give_to(ticket.messages.get(), [file])
            taken.set()
            time.sleep(0.3)  # discarding begins before this is committed

    def discard() -> None:
        taken.wait(10)
        discard_form(user=person, key="A" * 22)

    assert at_once(send_it, discard) == []
    file.refresh_from_db()
    assert (file.message, file.file.read()) == (ticket.messages.get(), b"It broke.")
