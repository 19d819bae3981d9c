"""What a step's notice and mail have to say with, entry by entry: the template leaves out what is missing."""

from datetime import UTC, datetime, timedelta

import pytest

from helpdesk.escalation.sweep import sweep
from helpdesk.notifications.models import Notice, OutboxMail
from helpdesk.tickets import services
from tests.factories import DesignatedFactory, MembershipFactory, UserFactory, make_ticket

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_of_a_guarantee_that_was_missed(crew, settings):
    membership = DesignatedFactory(user=UserFactory(full_name="Lena Dahl"))
    ticket = make_ticket(membership, subject="Nothing loads", now=NOW)
    services.assign(ticket=ticket, owner=crew.anna, actor=crew.olu, now=NOW)
    clock = ticket.clocks.get()
    sweep(now=NOW + 91 * MINUTE)
    url = f"/admin/helpdesk/ticket/{ticket.pk}/change/"
    due = (NOW + 60 * MINUTE).isoformat()
    key = f"escalation/{clock.pk}/{clock.version}/100/1"
    notice = Notice.objects.get(recipient=crew.helen)
    assert (notice.url, notice.key.startswith(key)) == (url, True)
    mail = OutboxMail.objects.get(template="escalation", recipient=crew.helen)
    said = {name: mail.context[name] for name in mail.context if name not in ("name", "zone")}
    assert said == {
        "reference": ticket.reference,
        "subject": "Nothing loads",
        "account": membership.account.name,
        "hub": "Content Hub",
        "requester": "Lena Dahl",
        "requester_role": ticket.requester_role,
        "severity": ticket.severity,
        "owner": "Anna Meier",
        "metric": "first_response",
        "is_guaranteed": True,
        "target_seconds": 3600,
        "target_business_days": None,
        "percent": 100,
        "reminder": 1,
        "due_at": due,
        "breached_at": due,
        "step_due_at": (NOW + 90 * MINUTE).isoformat(),
        "detected_at": (NOW + 91 * MINUTE).isoformat(),
        "url": settings.SITE_URL + url,
        "rank": f"0 {due}",
    }


def test_of_an_aim_of_a_ticket_that_nobody_owns(crew, climb):
    climb({"percent": 50, "recipients": ["manager"]}, policy="All other users")
    ticket = make_ticket(MembershipFactory(), now=NOW)
    due = ticket.clocks.get().due_at.isoformat()
    sweep(now=NOW + timedelta(hours=23))
    said = OutboxMail.objects.get(template="escalation").context
    told = [said[name] for name in ("owner", "is_guaranteed", "target_seconds", "target_business_days", "breached_at")]
    assert told == ["", False, None, 1, None]
    assert said["rank"] == f"1 {due}"  # after every guarantee
