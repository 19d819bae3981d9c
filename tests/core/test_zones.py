"""A time zone that this machine doesn't know locks nobody out, and stops no mail."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse

from helpdesk.accounts.models import Account, User
from helpdesk.core.zones import zone_of
from helpdesk.notifications.models import OutboxMail
from helpdesk.notifications.services import deliver
from tests.factories import DesignatedFactory, make_ticket

GONE = "US/Pacific-New"  # left the IANA data in 2020


@pytest.mark.parametrize("name", [GONE, "", "../../etc/passwd", "Europe", "\0"])
def test_an_unknown_zone_is_utc(name):
    assert zone_of(name) == ZoneInfo("UTC")


def test_a_known_zone_is_itself():
    at = datetime(2026, 11, 24, 12, 5, tzinfo=UTC).astimezone(zone_of("Asia/Kathmandu"))
    assert f"{at:%H:%M}" == "17:50"


@pytest.mark.django_db
def test_a_person_whose_zone_is_gone_gets_pages_and_mails(client):
    membership = DesignatedFactory()
    User.objects.update(time_zone=GONE)
    Account.objects.update(time_zone=GONE)
    membership.refresh_from_db()
    ticket = make_ticket(membership)
    client.force_login(User.objects.get(pk=membership.user_id))
    for name in ("home", "tickets", "ticket_new", "account"):
        assert client.get(reverse(f"portal:{name}")).status_code == 200
    assert client.get(reverse("portal:ticket", args=[ticket.pk])).status_code == 200
    assert deliver(now=OutboxMail.objects.get().created_at) == {"sent": 1, "failed": 0, "dead": 0}
