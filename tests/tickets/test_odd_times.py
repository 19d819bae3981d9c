"""Time misbehaves: the server's clock is set back, calendars run out. No message of a customer may be lost for it."""

import random
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.urls import reverse

from helpdesk.accounts.models import Membership
from helpdesk.escalation.sweep import sweep
from helpdesk.sla.models import Calendar, CalendarVersion, Clock, PolicyVersion
from helpdesk.sla.verification import verify
from helpdesk.tickets import services
from helpdesk.tickets.models import Status, Ticket
from tests.factories import DesignatedFactory, MembershipFactory, StaffFactory, make_ticket

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


def acts(ticket: Ticket, *, customer, staff):
    """Everything that can happen to a ticket, by name; each takes the instant."""
    common = {"ticket": ticket, "actor": staff}
    return {
        "reply": lambda now: services.reply(**common, body="Hello", now=now, status=Status.WAITING),
        "note": lambda now: services.add_note(**common, body="Hm", now=now),
        "write": lambda now: services.customer_reply(ticket=ticket, actor=customer, body="And?", now=now),
        "wait": lambda now: services.set_status(**common, status=Status.WAITING, now=now),
        "open": lambda now: services.set_status(**common, status=Status.OPEN, now=now),
        "solve": lambda now: services.set_status(**common, status=Status.SOLVED, now=now),
        "assign": lambda now: services.assign(**common, owner=staff, now=now),
        "decline": lambda now: services.judge_claim(**common, confirmed=False, reason="One user", now=now),
        "confirm": lambda now: services.judge_claim(**common, confirmed=True, reason="", now=now),
        "close": lambda now: services.close_by_customer(ticket=ticket, actor=customer, now=now),
        "sweep": lambda now: sweep(now=now),
    }


@pytest.mark.parametrize("seed", range(25))
def test_whatever_the_servers_clock_does_nothing_breaks_and_clocks_fit_their_events(client, seed):
    """A clock set back must not cost a customer's message, nor the pages that show it."""
    dice = random.Random(seed)  # noqa: S311 - a deterministic walk
    staff = StaffFactory()
    membership = (DesignatedFactory if seed % 2 else MembershipFactory)()
    ticket = make_ticket(membership, now=NOW, critical=bool(seed % 2))
    possible = acts(ticket, customer=membership.user, staff=staff)
    for _step in range(12):
        act = possible[dice.choice(sorted(possible))]
        try:
            act(NOW + timedelta(minutes=dice.randint(-600, 600)))
        except services.Refused:
            continue

    found = verify(now=NOW)
    assert (found.checked, found.differing, found.examples) == (Clock.objects.count(), 0, [])
    client.force_login(membership.user)
    for name in ("portal:ticket", "portal:tickets", "portal:home"):
        assert client.get(reverse(name, args=[ticket.pk] if name == "portal:ticket" else [])).status_code == 200
    client.force_login(staff)
    assert client.get(reverse("admin:helpdesk_ticket_change", args=[ticket.pk])).status_code == 200
    assert client.get(reverse("admin:helpdesk_ticket_changelist") + "?view=open").status_code == 200


# A calendar that was made for one fair day, and is over.
OVER = {"timezone": "Europe/Berlin", "special_days": {"2026-11-20": [["09:00", "17:00"]]}}
# Works from 09:00 to 17:00 on two days more, and never again.
ENDING = {
    "timezone": "Europe/Berlin",
    "special_days": {"2026-11-24": [["09:00", "17:00"]], "2026-11-25": [["09:00", "10:00"]]},
}


def colleague(definition: dict) -> Membership:
    """A user (no guarantee: an aim in business hours) of an account with this calendar."""
    calendar = Calendar.objects.create(name="Fair")
    CalendarVersion.objects.create(calendar=calendar, number=1, definition=definition, is_current=True, created_at=NOW)
    return MembershipFactory(account__calendar=calendar)


def test_a_customer_whose_calendar_has_ended_can_still_ask_and_somebody_is_told(client):
    """Nobody gets an error page for it; the aim counts day and night, so that the ticket is watched."""
    membership = colleague(OVER)
    ticket = make_ticket(membership, now=NOW)

    assert ticket.clocks.get().due_at == NOW + 24 * HOUR
    with time_machine.travel(NOW, tick=False):
        client.force_login(membership.user)
        for name in ("home", "account", "ticket_new", "promise", "tickets"):
            assert client.get(reverse(f"portal:{name}")).status_code == 200
        assert client.get(reverse("portal:ticket", args=[ticket.pk])).status_code == 200
    assert sweep(now=NOW + 25 * HOUR).breached == 1
    assert sweep(now=NOW + 26 * HOUR).fired == 1  # and the reminders go on


def test_a_customer_can_write_on_when_the_calendar_has_ended_during_a_pause():
    """The time that was left has no open hour any more; the message counts all the same."""
    membership, staff = colleague(ENDING), StaffFactory()
    ticket = make_ticket(membership, now=NOW)
    services.reply(ticket=ticket, actor=staff, body="Try again", now=NOW + HOUR)
    services.customer_reply(ticket=ticket, actor=membership.user, body="No", now=NOW + 2 * HOUR)
    services.set_status(ticket=ticket, status=Status.WAITING, actor=staff, now=NOW + 3 * HOUR)
    services.customer_reply(ticket=ticket, actor=membership.user, body="Still no", now=NOW + 500 * HOUR)

    assert ticket.messages.filter(kind="customer").count() == 3
    assert ticket.clocks.get(metric="next_response").state == "running"
    sweep(now=NOW + 700 * HOUR)
    assert verify(now=NOW).differing == 0


def test_steps_behind_the_last_opening_of_a_calendar_stop_no_sweep():
    """One clock whose calendar is over must not keep everybody's escalations from firing."""
    membership = colleague(ENDING)
    ticket = make_ticket(membership, now=NOW)
    clock = ticket.clocks.get()
    document = clock.policy_version.document | {
        "steps": [{"percent": percent, "recipients": ["manager"]} for percent in (100, 300)]
    }
    version = PolicyVersion.objects.create(
        policy=clock.policy_version.policy, number=2, document=document, is_current=False, created_at=NOW
    )
    Clock.objects.filter(pk=clock.pk).update(policy_version=version)
    StaffFactory(staff_role="manager")

    sweep(now=NOW + 200 * HOUR)
    assert clock.escalations.count() >= 2
