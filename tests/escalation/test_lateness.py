"""Every escalation keeps when it was due, noticed and delivered; each of its readers hears once (SPEC 2.5)."""

import re
from collections import Counter
from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.escalation import lateness as module
from helpdesk.escalation.lateness import lateness, note_delivered, undelivered
from helpdesk.escalation.models import Escalation
from helpdesk.escalation.sweep import sweep
from helpdesk.notifications.models import Delivery, OutboxMail
from helpdesk.notifications.services import LEASE, deliver
from helpdesk.tickets.models import Ticket
from tests.at_once import at_once
from tests.factories import DesignatedFactory, MembershipFactory, make_ticket
from tests.killed import killed_while

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
# Of a ticket sent at NOW: to the team's three people at 30 minutes, their lead at 45, the manager at 60.
HALF, DUE = NOW + 30 * MINUTE, NOW + 60 * MINUTE


def tickets(number: int) -> list[Ticket]:
    membership = DesignatedFactory()
    opened = [make_ticket(membership, now=NOW) for _ in range(number)]
    OutboxMail.objects.all().delete()  # what their customers hear is another matter
    return opened


def delivered() -> Counter:
    return Counter(Escalation.objects.filter(state="fired").values_list("delivered_at", flat=True))


def test_due_detected_and_delivered(crew, smtp):
    smtp()
    tickets(1)
    sweep(now=HALF + SECOND)
    row = Escalation.objects.get()
    assert (row.due_at, row.detected_at, row.delivered_at) == (HALF, HALF + SECOND, None)
    deliver(now=HALF + 4 * SECOND)
    assert note_delivered() == 1
    assert note_delivered() == 0
    row.refresh_from_db()
    assert row.delivered_at == HALF + 4 * SECOND


def test_it_is_delivered_when_the_last_of_its_mails_has_left(crew, smtp):
    inbox = smtp()
    inbox.refused.add(crew.jan.email)
    tickets(1)
    sweep(now=HALF + SECOND)
    deliver(now=HALF + 2 * SECOND)
    assert note_delivered() == 0
    assert undelivered() == 1
    inbox.refused.clear()
    deliver(now=HALF + MINUTE)
    assert note_delivered() == 1
    assert delivered() == {HALF + MINUTE: 1}
    assert undelivered() == 0


def test_in_a_digest_it_is_delivered_with_the_digest(crew, smtp):
    smtp()
    tickets(6)
    sweep(now=HALF + SECOND)
    deliver(now=HALF + 5 * SECOND)
    assert Counter(OutboxMail.objects.values_list("state", flat=True)) == {"bundled": 18, "sent": 3}
    assert note_delivered() == 6
    assert delivered() == {HALF + 5 * SECOND: 6}


def test_a_mail_that_was_given_up_is_not_delivered(crew):
    tickets(1)
    sweep(now=HALF + SECOND)
    OutboxMail.objects.update(state=Delivery.DEAD, next_attempt_at=None)
    assert note_delivered() == 0
    assert undelivered() == 1


def test_what_a_killed_worker_left_unmarked_the_next_one_marks_with_the_true_instant(crew, smtp):
    smtp()
    tickets(2)
    sweep(now=HALF + SECOND)
    deliver(now=HALF + 2 * SECOND)  # and the worker is gone
    assert undelivered() == 2
    assert note_delivered() == 2
    assert delivered() == {HALF + 2 * SECOND: 2}


def test_superseded_steps_are_never_delivered(crew, smtp):
    smtp()
    tickets(1)
    sweep(now=DUE + SECOND)
    deliver(now=DUE + SECOND)
    assert note_delivered() == 1
    assert set(Escalation.objects.filter(state="superseded").values_list("delivered_at", flat=True)) == {None}


def test_lateness_is_counted_from_due(crew, smtp):
    smtp()
    tickets(1)
    sweep(now=HALF + 2 * SECOND)
    deliver(now=HALF + 5 * SECOND)
    note_delivered()
    assert lateness(now=HALF + MINUTE) == {
        "detected_p50": 2, "detected_p99": 2, "detected_max": 2,
        "delivered_p50": 5, "delivered_p99": 5, "delivered_max": 5,
    }  # fmt: skip
    assert set(lateness(now=HALF + 2 * HOUR).values()) == {0}  # nothing in the last hour


def test_lateness_is_told_to_the_millisecond(crew):
    tickets(1)
    sweep(now=HALF + timedelta(microseconds=1_234_567))
    assert lateness(now=HALF + MINUTE)["detected_max"] == 1.235


def test_of_superseded_steps_no_mail_is_missing(crew):
    tickets(1)
    sweep(now=DUE + SECOND)
    assert (Escalation.objects.filter(delivered_at=None).count(), undelivered()) == (3, 1)


def test_quantiles_over_many(crew):
    tickets(100)
    sweep(now=HALF + SECOND)
    for seconds, row in enumerate(Escalation.objects.order_by("pk"), start=1):
        Escalation.objects.filter(pk=row.pk).update(
            due_at=row.detected_at - seconds * SECOND, delivered_at=row.detected_at + 10 * SECOND
        )
    assert lateness(now=HALF + MINUTE) == {
        "detected_p50": 50.5, "detected_p99": 99.01, "detected_max": 100,
        "delivered_p50": 60.5, "delivered_p99": 109.01, "delivered_max": 110,
    }  # fmt: skip


def test_what_has_not_left_counts_with_its_lateness_so_far(crew):
    tickets(1)
    sweep(now=HALF + 2 * SECOND)
    assert lateness(now=HALF + 10 * MINUTE)["delivered_max"] == 600


def test_a_mail_that_waits_for_quiet_hours_is_not_late(crew, climb):
    climb({"percent": 50, "recipients": ["manager"]}, policy="All other users")
    crew.helen.quiet_from, crew.helen.quiet_until = time(0), time(18)
    crew.helen.save()
    make_ticket(MembershipFactory(), now=NOW)
    at = NOW + 5 * HOUR
    sweep(now=at)
    assert OutboxMail.objects.get(template="escalation").held_until == at.replace(hour=18, minute=0)
    assert lateness(now=at + 10 * MINUTE)["delivered_max"] == 0
    assert lateness(now=at + 10 * MINUTE)["detected_max"] > 0


def test_the_catch_up_walks_the_undelivered_and_looks_mails_up_by_index(crew):
    tickets(3)
    sweep(now=HALF + SECOND)
    with CaptureQueriesContext(connection) as queries:
        note_delivered()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # three rows tempt the planner
        plans = []
        for statement, values in ((queries[-1]["sql"], None), (module._FIGURES, {"now": DUE, "since": NOW})):
            cursor.execute("EXPLAIN " + statement, values)
            plans.append("\n".join(line for (line,) in cursor.fetchall()))
    assert len(queries) == 1
    note, figures = plans
    assert "escalation_undelivered" in note
    assert "escalation_detected" in figures
    for plan in plans:
        assert "outbox_about" in plan
        assert "Seq Scan" not in plan


@pytest.mark.django_db(transaction=True)
def test_deliveries_at_once_mark_side_by_side(crew, smtp):
    smtp()
    tickets(40)
    sweep(now=HALF + SECOND)
    deliver(now=HALF + SECOND)
    assert at_once(*[lambda: [note_delivered() for _ in range(5)]] * 4) == []
    assert undelivered() == 0


class Hall:
    """Who heard of which step, read from what the mail server was given."""

    def __init__(self, inbox) -> None:
        self.heard = Counter()
        for mail in inbox.mails:
            text = mail.get_body(("plain",)).get_content()
            found = re.findall(r"^\[(PS-\d+)\]", text, re.MULTILINE)
            self.heard.update((mail["To"], reference) for reference in found)


def expected() -> Counter:
    """Each fired escalation, once for each of those it told."""
    pairs = Escalation.objects.filter(state="fired").values_list("ticket", "told")
    people = dict(OutboxMail.objects.filter(template="escalation").values_list("recipient", "recipient__email"))
    return Counter((people[pk], f"PS-{ticket}") for ticket, told in pairs for pk in told)


SWEEPER = """
from helpdesk.escalation import sweep as module
written = module._save
def save(clocks):
    save.batches += 1
    if save.batches == 3:
        die()
    written(clocks)
save.batches = 0
module._save = save
module.sweep(now=NOW, batch_size=10)
"""
DELIVERER = """
from helpdesk.notifications import services
def render(mail, real=services.render):
    render.mails += 1
    if render.mails == 3:
        die()  # after two mails have left and are marked, one leased
    return real(mail)
render.mails = 0
services.render = render
while services.deliver(now=NOW, limit=5)["sent"]:
    pass
"""


@pytest.mark.django_db(transaction=True)
def test_every_escalation_reaches_each_of_its_people_exactly_once_whatever_is_killed(crew, smtp, settings):
    """Two sweepers at once, one killed half-way; a mail server that is down at first; a delivery that is killed."""
    tickets(60)
    killed_while(SWEEPER, now=HALF + SECOND)
    assert Escalation.objects.count() == 20
    assert at_once(*[lambda: sweep(now=HALF + 2 * SECOND, batch_size=10)] * 2) == []
    assert Counter(Escalation.objects.values_list("percent", "state")) == {(50, "fired"): 60}

    assert deliver(now=HALF + 3 * SECOND)["sent"] == 0
    inbox = smtp()
    # One more mail for the manager and one to a customer; the three people of the team get one digest each.
    make_ticket(now=HALF - 45 * MINUTE + SECOND, hub="marketing")
    sweep(now=HALF + 4 * SECOND)
    server = f"smtp://127.0.0.1:{settings.EMAIL_PORT}"
    killed_while(DELIVERER, now=HALF + 5 * SECOND, EMAIL_URL=server)
    after = HALF + 5 * SECOND + LEASE
    assert at_once(*[lambda: [deliver(now=after, limit=2) for _ in range(10)]] * 2) == []
    assert Hall(inbox).heard == expected()
    assert note_delivered() > 0
    assert undelivered() == 0
