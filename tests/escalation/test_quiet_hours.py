"""Quiet hours hold mail about objectives, never a guarantee and never a notice on screen (SPEC 2.5)."""

from datetime import UTC, datetime, time, timedelta

import pytest

from helpdesk.escalation.models import Escalation
from helpdesk.escalation.sweep import sweep
from helpdesk.notifications.models import OutboxMail
from helpdesk.notifications.services import deliver
from tests.factories import DesignatedFactory, MembershipFactory, make_ticket

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
# Half of the business day after a Tuesday's noon is over at 16:00: in Tokyo it is one at night.
STEP = datetime(2026, 11, 24, 16, 32, 30, tzinfo=UTC)
MORNING = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)  # 07:00 in Tokyo


@pytest.fixture
def sleeper(crew):
    """Helen, who reads in Tokyo and sleeps from ten to seven."""
    crew.helen.time_zone, crew.helen.quiet_from, crew.helen.quiet_until = "Asia/Tokyo", time(22), time(7)
    crew.helen.save()
    return crew.helen


def mail(person) -> OutboxMail:
    return OutboxMail.objects.get(template="escalation", recipient=person)


def test_a_mail_about_an_aim_waits_for_the_morning_and_the_notice_is_there_at_once(smtp, sleeper, climb, now):
    climb({"percent": 50, "recipients": ["manager"]}, policy="All other users")
    inbox = smtp()
    make_ticket(MembershipFactory(), now=now)
    sweep(now=STEP)
    row = mail(sleeper)
    assert (row.held_until, row.next_attempt_at) == (MORNING, MORNING)
    assert sleeper.notices.get().created_at == STEP
    deliver(now=MORNING - timedelta(seconds=1))
    assert [to for _id, to, _subject in inbox.received if to == (sleeper.email,)] == []
    deliver(now=MORNING)
    assert [to for _id, to, _subject in inbox.received if to == (sleeper.email,)] == [(sleeper.email,)]
    row.refresh_from_db()
    assert row.sent_at == MORNING


def test_a_mail_about_a_guarantee_never_waits(sleeper, climb, now):
    climb({"percent": 50, "recipients": ["manager"]})
    at = STEP - HOUR
    make_ticket(DesignatedFactory(), now=at)
    sweep(now=STEP)
    row = mail(sleeper)
    assert (row.held_until, row.next_attempt_at) == (None, STEP)


def test_who_is_awake_gets_the_mail_at_once(crew, sleeper, climb, now):
    climb({"percent": 50, "recipients": ["manager", "team_lead"]}, policy="All other users")
    make_ticket(MembershipFactory(), now=now)
    sweep(now=STEP)
    assert mail(crew.olu).next_attempt_at == STEP
    assert mail(sleeper).next_attempt_at == MORNING
    assert Escalation.objects.get().told == [sleeper.pk, crew.olu.pk]
