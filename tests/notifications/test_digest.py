"""More than three mails for one person become one; every one of them reaches its reader once (SPEC 2.5)."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from helpdesk.notifications import digest, services
from helpdesk.notifications.digest import LISTED, bundle
from helpdesk.notifications.models import Delivery, OutboxMail
from helpdesk.notifications.rendering import render
from helpdesk.notifications.services import LEASE, MAX_ATTEMPTS, Reader, Telling, deliver, send_again, tell
from tests.at_once import at_once
from tests.factories import StaffFactory, make_ticket
from tests.killed import killed_while

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def reader(person, **also) -> Reader:
    return Reader(email=person.email, user_id=person.pk, language=person.language, time_zone=person.time_zone, **also)


def escalate(person, *numbers: int, now=NOW, kind: str = "escalation", guaranteed: bool = True, **also) -> None:
    """Tell a person of tickets; the number of a ticket is how many minutes ago it was due."""
    tellings = [
        Telling(
            key=f"{kind}/{number}",
            kind=kind,
            context={
                "reference": f"PS-{number}",
                "subject": f"Case <{number}>",
                "account": "Kestrel & Sons",
                "hub": "Content Hub",
                "severity": "standard",
                "owner": "",
                "metric": "first_response",
                "is_guaranteed": guaranteed,
                "percent": 100,
                "reminder": 0,
                "due_at": (NOW - number * MINUTE).isoformat(),
                "step_due_at": (NOW - number * MINUTE).isoformat(),
                "detected_at": now.isoformat(),
                "url": f"http://127.0.0.1/admin/helpdesk/ticket/{number}/change/",
                "rank": f"{0 if guaranteed else 1} {(NOW - number * MINUTE).isoformat()}",
            },
            url="/x/",
            readers=[reader(person, **also)],
            may_wait=not guaranteed,
        )
        for number in numbers
    ]
    tell(tellings, now=now)


def states(**narrow) -> Counter:
    return Counter(OutboxMail.objects.filter(**narrow).values_list("template", "state"))


def references(mail) -> list[str]:
    """Which tickets a received mail tells of, in order."""
    text = mail.get_body(("plain",)).get_content()
    return [line.split("]")[0][1:] for line in text.splitlines() if line.startswith("[PS-")]


def test_three_go_by_themselves_and_four_as_one(smtp):
    inbox = smtp()
    few, many = StaffFactory(), StaffFactory()
    escalate(few, 1, 2, 3)
    escalate(many, 11, 12, 13, 14)
    assert deliver(now=NOW) == {"sent": 4, "failed": 0, "dead": 0}
    assert Counter(to for _id, (to,), _subject in inbox.received) == {few.email: 3, many.email: 1}
    (whole,) = [mail for mail in inbox.mails if mail["To"] == many.email]
    assert whole["Subject"].startswith("4 escalations: [PS-14] Promise missed, first reply was due 11:51")
    assert references(whole) == ["PS-14", "PS-13", "PS-12", "PS-11"]
    assert states() == {
        ("escalation", "sent"): 3,
        ("escalation", "bundled"): 4,
        ("escalation_digest", "sent"): 1,
    }


def test_what_a_digest_holds_counts_as_sent_with_it(smtp):
    person = StaffFactory()
    smtp()
    escalate(person, 1, 2, 3, 4, 5)
    deliver(now=NOW + MINUTE)
    made = OutboxMail.objects.get(template="escalation_digest")
    assert made.sent_at == NOW + MINUTE
    members = OutboxMail.objects.filter(template="escalation")
    assert set(members.values_list("state", "digest", "sent_at", "next_attempt_at")) == {
        (Delivery.BUNDLED, made.pk, NOW + MINUTE, None)
    }
    assert (made.recipient, made.to, made.context["count"], made.context["more"]) == (person, [person.email], 5, 0)


def test_the_most_urgent_come_first_and_guarantees_before_aims(smtp):
    inbox = smtp()
    person = StaffFactory()
    escalate(person, 90, 3, guaranteed=False)
    escalate(person, 1, 60, 2)
    deliver(now=NOW)
    assert references(inbox.mails[0]) == ["PS-60", "PS-2", "PS-1", "PS-90", "PS-3"]


def test_a_hundred_are_listed_and_the_rest_counted(smtp):
    inbox = smtp()
    person = StaffFactory()
    escalate(person, *range(1, 131))
    assert deliver(now=NOW)["sent"] == 1
    (mail,) = inbox.mails
    assert mail["Subject"].startswith("130 escalations: ")
    assert references(mail) == [f"PS-{number}" for number in range(130, 30, -1)]
    assert len(references(mail)) == LISTED
    assert "30 more stand in the list of escalations." in mail.get_body(("plain",)).get_content()
    assert states() == {("escalation", "bundled"): 130, ("escalation_digest", "sent"): 1}


@pytest.mark.parametrize("language", ["en", "ja"])
def test_it_reads_well_in_both_languages_and_escapes_what_people_wrote(language):
    person = StaffFactory(language=language, time_zone="Europe/Berlin")
    escalate(person, 1, 2, 3, 4)
    bundle(now=NOW)
    mail = render(OutboxMail.objects.get(template="escalation_digest"))
    page = mail.alternatives[0].content
    assert f'<html lang="{language}">' in page
    assert "Case &lt;4&gt;" in page
    assert "Case <4>" in mail.body
    assert "Kestrel &amp; Sons" in page
    assert "Kestrel & Sons" in mail.body
    assert "12:51" not in mail.body  # 12:01 in UTC is 13:01 in Berlin
    assert "13:01" in mail.body
    assert 'href="http://127.0.0.1/admin/helpdesk/ticket/4/change/"' in page


def test_other_kinds_and_other_people_are_left_alone(smtp):
    inbox = smtp()
    first, second = StaffFactory(), StaffFactory()
    escalate(first, 1, 2, 3)
    escalate(second, 4, 5)
    for _ in range(3):
        make_ticket(now=NOW)  # acknowledgements to customers
    assert bundle(now=NOW) == 0
    assert deliver(now=NOW)["sent"] == 8
    assert len(inbox.received) == 8


def test_mails_of_several_sweeps_come_together_in_one_after_an_hour_without_a_server(smtp):
    """However often delivery tried meanwhile: one mail, not hundreds, and not one for each attempt."""
    person = StaffFactory()
    number = 0
    for minute in range(60):
        now = NOW + minute * MINUTE
        escalate(person, *range(number, number + 5), now=now)
        number += 5
        assert deliver(now=now)["sent"] == 0
    assert states() == {("escalation", "pending"): 300}
    inbox = smtp()
    assert deliver(now=NOW + HOUR)["sent"] == 1
    assert inbox.mails[0]["Subject"].startswith("300 escalations: ")
    deliver(now=NOW + 2 * HOUR)
    assert len(inbox.received) == 1
    assert states() == {("escalation", "bundled"): 300, ("escalation_digest", "sent"): 1}


def test_what_waits_for_quiet_hours_stays_out_until_they_end_and_then_comes_as_one(smtp):
    inbox = smtp()
    person = StaffFactory()
    escalate(person, 1, 2, 3, 4, 5, guaranteed=False, quiet_until=NOW + HOUR)
    escalate(person, 11, 12)
    assert deliver(now=NOW)["sent"] == 2
    assert deliver(now=NOW + 59 * MINUTE)["sent"] == 0
    assert deliver(now=NOW + HOUR)["sent"] == 1
    assert references(inbox.mails[-1]) == ["PS-5", "PS-4", "PS-3", "PS-2", "PS-1"]


def test_a_server_that_refuses_the_digest_gets_it_again_and_nothing_else(smtp):
    inbox = smtp()
    person = StaffFactory()
    inbox.refused.add(person.email)
    escalate(person, 1, 2, 3, 4)
    assert deliver(now=NOW) == {"sent": 0, "failed": 1, "dead": 0}
    assert deliver(now=NOW + SECOND) == {"sent": 0, "failed": 0, "dead": 0}
    inbox.refused.clear()
    assert deliver(now=NOW + MINUTE)["sent"] == 1
    assert references(inbox.mails[0]) == ["PS-4", "PS-3", "PS-2", "PS-1"]


def test_a_digest_that_was_given_up_can_be_sent_again(smtp):
    inbox = smtp()
    person = StaffFactory()
    inbox.refused.add(person.email)
    escalate(person, 1, 2, 3, 4)
    for hours in range(MAX_ATTEMPTS):
        deliver(now=NOW + 2 * hours * HOUR)
    made = OutboxMail.objects.get(template="escalation_digest")
    assert made.state == Delivery.DEAD
    assert set(made.bundled.values_list("sent_at", flat=True)) == {None}
    inbox.refused.clear()
    later = NOW + timedelta(days=3)
    assert send_again(mail_ids=[made.pk], now=later) == 1
    assert deliver(now=later)["sent"] == 1
    assert set(made.bundled.values_list("sent_at", flat=True)) == {later}


def test_a_mail_that_a_worker_holds_or_may_have_sent_is_never_bundled(smtp):
    """Its reader would hear of it twice."""
    inbox = smtp()
    person = StaffFactory()
    escalate(person, 1)
    services._lease(now=NOW, limit=10)  # and the worker is gone
    escalate(person, 2, 3, 4)
    assert deliver(now=NOW)["sent"] == 3
    assert deliver(now=NOW + LEASE)["sent"] == 1
    assert states() == {("escalation", "sent"): 4}
    assert len(inbox.received) == 4


def test_a_mail_whose_answer_from_the_server_was_lost_goes_on_by_itself(smtp, monkeypatch):
    inbox = smtp()
    person = StaffFactory()
    escalate(person, 1, 2, 3)
    real = services.render

    def lost(mail):
        raise TimeoutError("the answer to the mail never came")

    monkeypatch.setattr(services, "render", lost)
    assert deliver(now=NOW) == {"sent": 0, "failed": 3, "dead": 0}
    monkeypatch.setattr(services, "render", real)
    escalate(person, 4, 5)
    assert deliver(now=NOW + MINUTE)["sent"] == 5
    assert states() == {("escalation", "sent"): 5}
    assert set(inbox.message_ids.values()) == {1}


def test_the_newest_address_of_a_person_counts(smtp):
    inbox = smtp()
    person = StaffFactory()
    escalate(person, 9, 8)
    person.email = "new@premium.example"
    escalate(person, 7, 6)
    deliver(now=NOW)
    assert [to for _id, to, _subject in inbox.received] == [("new@premium.example",)]


def test_a_digest_costs_the_same_number_of_queries_for_four_mails_as_for_forty(smtp):
    def count(*numbers: int) -> int:
        escalate(StaffFactory(), *numbers)
        with CaptureQueriesContext(connection) as queries:
            assert bundle(now=NOW) == 1
        return len(queries)

    assert count(*range(4)) == count(*range(100, 140))


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_bring_each_mail_to_its_reader_once(smtp):
    inbox = smtp()
    people = [StaffFactory() for _ in range(6)]
    for place, person in enumerate(people):
        escalate(person, *range(100 * place, 100 * place + 30))
    more = threading.Barrier(4)

    def work():
        more.wait(timeout=20)
        while deliver(now=NOW, limit=3)["sent"]:
            pass

    def write():
        more.wait(timeout=20)
        for place, person in enumerate(people):
            escalate(person, *range(100 * place + 50, 100 * place + 60))

    assert at_once(work, work, work, write) == []
    while deliver(now=NOW)["sent"]:
        pass
    heard = Counter((mail["To"], reference) for mail in inbox.mails for reference in told(mail))
    expected = {
        (person.email, f"PS-{100 * place + number}"): 1
        for place, person in enumerate(people)
        for number in [*range(30), *range(50, 60)]
    }
    assert heard == expected
    assert not OutboxMail.objects.filter(sent_at=None).exists()


def told(mail) -> list[str]:
    """The tickets of a digest, or the one of a mail by itself."""
    return references(mail) if mail["Subject"][0].isdigit() else [mail["Subject"].split("]")[0][1:]]


KILLED = """
from helpdesk.notifications import services
from helpdesk.notifications.services import deliver
{what}
deliver(now=NOW)
"""
IN_THE_MIDDLE = [
    # The digest is written, nothing is committed.
    "from django.db.models import QuerySet; import helpdesk.notifications.digest as digest; update = QuerySet.update\n"
    "QuerySet.update = lambda rows, **values: die() if 'digest' in values else update(rows, **values)",
    # The digest is there and leased.
    "services.render = die",
]


@pytest.mark.parametrize("what", IN_THE_MIDDLE)
@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_in_the_middle_loses_nothing_and_doubles_nothing(smtp, settings, what):
    person = StaffFactory()
    escalate(person, *range(20))
    inbox = smtp()
    killed_while(
        KILLED.format(what=what), now=NOW, EMAIL_URL=f"smtp://127.0.0.1:{settings.EMAIL_PORT}", SITE_URL="http://x"
    )
    deliver(now=NOW + LEASE)
    assert Counter(reference for mail in inbox.mails for reference in told(mail)) == {
        f"PS-{number}": 1 for number in range(20)
    }
    assert OutboxMail.objects.filter(template="escalation_digest").count() == 1


@pytest.mark.django_db(transaction=True)
def test_bundlers_side_by_side_take_different_mails(monkeypatch):
    person = StaffFactory()
    escalate(person, *range(8))
    locked, leave = threading.Event(), threading.Event()
    make = digest._make

    def slowly(members, *, now):
        make(members, now=now)
        locked.set()
        leave.wait(timeout=30)

    def first():
        monkeypatch.setattr(digest, "_make", slowly)
        bundle(now=NOW)

    def second():
        locked.wait(timeout=30)
        monkeypatch.setattr(digest, "_make", make)
        try:
            with transaction.atomic():
                assert bundle(now=NOW) == 0  # all of them are held: nothing is left to bundle
        finally:
            leave.set()

    assert at_once(first, second) == []
    assert states() == {("escalation", "bundled"): 8, ("escalation_digest", "pending"): 1}
