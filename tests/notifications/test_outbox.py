"""Mail leaves once, survives a server that is down and a worker that is killed, and never gets lost (SPEC 2.5)."""

import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection

from helpdesk.notifications import services
from helpdesk.notifications.models import Delivery, OutboxMail
from helpdesk.notifications.services import LEASE, MAX_ATTEMPTS, deliver, send_again
from tests.factories import DesignatedFactory, UserFactory, make_ticket

pytestmark = pytest.mark.django_db
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def waiting(number: int, now) -> list[OutboxMail]:
    """So many acknowledgements in the outbox."""
    membership = DesignatedFactory()
    for _ in range(number):
        make_ticket(membership, now=now)
    return list(OutboxMail.objects.order_by("id"))


def states() -> Counter:
    return Counter(OutboxMail.objects.values_list("state", flat=True))


def test_a_mail_is_delivered_once(smtp, now):
    inbox = smtp()
    (mail,) = waiting(1, now)
    assert deliver(now=now) == {"sent": 1, "failed": 0, "dead": 0}
    assert deliver(now=now + MINUTE) == {"sent": 0, "failed": 0, "dead": 0}
    ((message_id, to, subject),) = inbox.received
    assert (message_id, to) == (mail.message_id, tuple(mail.to))
    assert "Forms show a blank page" in subject
    mail.refresh_from_db()
    assert (mail.state, mail.sent_at, mail.next_attempt_at) == (Delivery.SENT, now, None)


def test_nothing_is_sent_before_its_time(smtp, now):
    inbox = smtp()
    waiting(1, now)
    deliver(now=now - SECOND)
    assert inbox.received == []


def test_a_server_that_is_down_loses_nothing(smtp, now):
    waiting(3, now)
    assert deliver(now=now) == {"sent": 0, "failed": 3, "dead": 0}
    assert deliver(now=now + SECOND) == {"sent": 0, "failed": 0, "dead": 0}  # it waits before it tries again
    for minutes in range(1, 60 * 24, 5):  # a whole day: no mail is given up for it
        deliver(now=now + minutes * MINUTE)
    assert states() == {"pending": 3}
    assert "ConnectionRefusedError" in OutboxMail.objects.first().last_error
    inbox = smtp()
    assert deliver(now=now + timedelta(days=1, minutes=1)) == {"sent": 3, "failed": 0, "dead": 0}
    assert set(inbox.message_ids.values()) == {1}
    assert states() == {"sent": 3}


def test_one_mail_that_is_refused_does_not_hold_up_the_others(smtp, now):
    inbox = smtp()
    first, *others = waiting(3, now)
    OutboxMail.objects.filter(pk=first.pk).update(to=["nobody@kestrel.example"])
    inbox.refused.add("nobody@kestrel.example")
    assert deliver(now=now) == {"sent": 2, "failed": 1, "dead": 0}
    assert set(inbox.message_ids) == {mail.message_id for mail in others}
    first.refresh_from_db()
    assert (first.state, first.attempts) == (Delivery.PENDING, 1)
    assert "550" in first.last_error or "no such person" in first.last_error


def test_the_pauses_between_attempts_grow(smtp, now, monkeypatch):
    monkeypatch.setattr(services, "_jitter", lambda: 1.0)
    inbox = smtp()
    (mail,) = waiting(1, now)
    inbox.refused.update(mail.to)
    pauses = []
    while mail.state != Delivery.DEAD:
        at = mail.next_attempt_at
        deliver(now=at)
        mail.refresh_from_db()
        if mail.next_attempt_at:
            pauses.append(round((mail.next_attempt_at - at).total_seconds()))
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600]
    assert mail.attempts == MAX_ATTEMPTS


def test_a_mail_that_was_given_up_can_be_sent_again(smtp, now):
    inbox = smtp()
    (mail,) = waiting(1, now)
    inbox.refused.update(mail.to)
    for hours in range(MAX_ATTEMPTS):
        last = deliver(now=now + hours * timedelta(hours=2))
    assert last == {"sent": 0, "failed": 0, "dead": 1}
    assert deliver(now=now + timedelta(days=9)) == {"sent": 0, "failed": 0, "dead": 0}
    inbox.refused.clear()
    later = now + timedelta(days=10)
    assert send_again(mail_ids=[mail.pk], now=later) == 1
    assert deliver(now=later)["sent"] == 1
    assert inbox.message_ids == {mail.message_id: 1}
    assert send_again(mail_ids=[mail.pk], now=later) == 0  # one that was sent stays sent


def test_a_mail_whose_template_is_broken_is_given_up_and_the_rest_goes_out(smtp, now):
    inbox = smtp()
    broken, whole = waiting(2, now)
    OutboxMail.objects.filter(pk=broken.pk).update(template="does-not-exist")
    assert deliver(now=now) == {"sent": 1, "failed": 1, "dead": 0}
    assert set(inbox.message_ids) == {whole.message_id}
    broken.refresh_from_db()
    assert "TemplateDoesNotExist" in broken.last_error


def test_the_lease_of_a_worker_that_died_runs_out(smtp, now):
    inbox = smtp()
    (mail,) = waiting(1, now)
    services._lease(now=now, limit=10)  # and then the worker is gone
    assert deliver(now=now + LEASE - SECOND) == {"sent": 0, "failed": 0, "dead": 0}
    assert deliver(now=now + LEASE) == {"sent": 1, "failed": 0, "dead": 0}
    assert inbox.message_ids == {mail.message_id: 1}


def test_a_worker_that_is_slow_leaves_the_rest_of_its_lease_to_others(smtp, now, monkeypatch):
    """Otherwise it would send mails that another worker has taken over in the meantime; and they wait no longer."""
    inbox = smtp()
    waiting(3, now)
    times = iter([0.0, 1.0, 1.0, 31.0])  # begun, before and after the first mail, before the second
    monkeypatch.setattr(services, "monotonic", lambda: next(times))
    assert deliver(now=now)["sent"] == 1
    monkeypatch.undo()
    assert deliver(now=now + SECOND)["sent"] == 2
    assert set(inbox.message_ids.values()) == {1}
    assert len(inbox.received) == 3


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_send_each_mail_exactly_once(smtp, now):
    inbox = smtp()
    mails = waiting(40, now)
    begin = threading.Barrier(3)

    def work():
        begin.wait(timeout=10)
        try:
            while deliver(now=now, limit=5)["sent"]:
                pass
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    assert inbox.message_ids == {mail.message_id: 1 for mail in mails}
    assert states() == {"sent": 40}


def test_a_retry_is_the_same_mail(smtp, now):
    """A worker that dies between sending and noting it repeats the mail under the same Message-ID."""
    inbox = smtp()
    (mail,) = waiting(1, now)
    deliver(now=now)
    OutboxMail.objects.update(state=Delivery.SENDING, next_attempt_at=now + LEASE)
    deliver(now=now + LEASE)
    assert inbox.message_ids == {mail.message_id: 2}


def test_tellings_are_written_once_and_in_the_readers_language(now):
    reader = services.Reader(
        email="aiko@premium.example", user_id=UserFactory().pk, language="ja", time_zone="Asia/Tokyo"
    )
    telling = services.Telling(
        key="step/1", kind="escalation", context={"subject": "“”\\ \t é 日本"}, url="/x/", readers=[reader]
    )
    services.tell([telling], now=now)
    services.tell([telling], now=now + MINUTE)
    mail = OutboxMail.objects.get()
    assert (mail.to, mail.cc, mail.language, mail.time_zone) == (["aiko@premium.example"], [], "ja", "Asia/Tokyo")
    assert (mail.state, mail.attempts, mail.created_at, mail.next_attempt_at) == (Delivery.PENDING, 0, now, now)
    assert mail.context == {"subject": "“”\\ \t é 日本"}
    assert mail.recipient.notices.get().context == mail.context
