"""How a promised time came about, for the customer: exact, in their language, and nothing internal (SPEC 2.2)."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.accounts.models import StaffRole
from helpdesk.sla.models import ExceptionCode
from helpdesk.tickets import services
from helpdesk.tickets.models import Status
from tests.factories import DesignatedFactory, MembershipFactory, StaffFactory, make_ticket

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def page_at(moment, client, ticket, query: str = ""):
    with time_machine.travel(moment, tick=False):
        return client.get(f"/tickets/{ticket.pk}/promise/{query}")


@pytest.fixture
def asked_again(kestrel, now):
    """A ticket with an answered guarantee, and an aim that was put on hold by staff and runs again."""
    staff = StaffFactory(full_name="Secret Admirer")
    ticket = make_ticket(kestrel.mina, critical=True, now=now - 3 * HOUR)
    services.judge_claim(ticket=ticket, actor=staff, confirmed=False, reason="One list.", now=now - 170 * MINUTE)
    services.reply(ticket=ticket, actor=staff, body="?", now=now - 160 * MINUTE)
    services.add_note(ticket=ticket, actor=staff, body="between us", now=now - 155 * MINUTE)
    services.customer_reply(ticket=ticket, actor=kestrel.mina.user, body="!", now=now - 2 * HOUR)
    services.set_status(ticket=ticket, status=Status.WAITING, actor=staff, now=now - HOUR)
    services.set_status(ticket=ticket, status=Status.OPEN, actor=staff, now=now - 30 * MINUTE)
    return ticket


def test_the_running_time_is_told_first_and_adds_up(kestrel, sign_in, now, asked_again):
    page = page_at(now, sign_in(kestrel.mina), asked_again)
    for text in (
        "How this time came about",
        "Due <b>Tuesday 24 November, 15:35:00</b>, Berlin time.",
        "Of <b>4 hours</b>, 1h 30m have counted",
        "aim, not guaranteed",
        "Counted. Mina Okafor wrote.",
        "Paused: we waited for an answer of yours.",
        "Monday to Friday, 09:00 to 17:00, UTC",
    ):
        assert text in page.text, text
    assert [row.clock.metric for row in page.context["others"]] == ["first_response"]


def test_nothing_internal_is_on_it(kestrel, sign_in, now, asked_again):
    client = sign_in(kestrel.mina)
    for clock in asked_again.clocks.all():
        for query in (f"?clock={clock.pk}", f"?clock={clock.pk}&whole=1", "?as=staff"):
            text = page_at(now, client, asked_again, query).text
            for internal in ("Secret Admirer", "between us", "designated super admins", "overlaps", "/admin/", "50 %"):
                assert internal not in text, (query, internal)


def test_it_is_reached_from_the_ticket(kestrel, sign_in, now, asked_again):
    first, following = asked_again.clocks.order_by("pk")
    with time_machine.travel(now, tick=False):
        text = sign_in(kestrel.mina).get(f"/tickets/{asked_again.pk}/").text
    for clock in (first, following):
        assert f'href="/tickets/{asked_again.pk}/promise/?clock={clock.pk}"' in text
    chosen = page_at(now, sign_in(kestrel.mina), asked_again, f"?clock={first.pk}")
    assert chosen.context["told"].clock == first
    assert "10:15:00 Business critical declined, 30 minutes → 1 hour" in chosen.text


def test_only_who_sees_the_ticket_sees_its_times(kestrel, sign_in, now, asked_again):
    theirs = make_ticket(DesignatedFactory(), now=now)
    assert page_at(now, sign_in(kestrel.tomas), asked_again).status_code == 200
    assert page_at(now, sign_in(kestrel.aoife), asked_again).status_code == 404
    client = sign_in(kestrel.mina)
    assert page_at(now, client, theirs).status_code == 404
    foreign = theirs.clocks.get()
    for wanted in (foreign.pk, "", "x", "9" * 40):
        assert page_at(now, client, asked_again, f"?clock={wanted}").status_code == 404
    assert client.post(f"/tickets/{asked_again.pk}/promise/").status_code == 405


def test_it_speaks_the_readers_language(kestrel, sign_in, now, asked_again):
    kestrel.mina.user.language = "ja"
    kestrel.mina.user.save()
    text = page_at(now, sign_in(kestrel.mina), asked_again).text
    assert '<html lang="ja">' in text
    assert "火曜 12:05:00" in text
    assert " style=" not in text


def test_a_ticket_without_a_promise_says_so(kestrel, sign_in, now, asked_again):
    asked_again.clocks.update(ticket=make_ticket(kestrel.mina, now=now), cycle=7)
    assert "No time was promised for this ticket." in page_at(now, sign_in(kestrel.mina), asked_again).text


def test_the_number_of_queries_does_not_depend_on_pauses(kestrel, sign_in, now, asked_again):
    client, staff = sign_in(kestrel.mina), StaffFactory()

    def count() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert page_at(now, client, asked_again).status_code == 200
        return len(caught)

    few = count()
    for n in range(29):
        services.set_status(ticket=asked_again, status=Status.WAITING, actor=staff, now=now - (29 - n / 2) * MINUTE)
        services.set_status(ticket=asked_again, status=Status.OPEN, actor=staff, now=now - (28.7 - n / 2) * MINUTE)
    assert len(asked_again.clocks.get(metric="next_response").pauses) == 30
    assert count() == few
    assert few <= 8


@pytest.mark.parametrize(
    ("code", "wish", "line"),
    [
        (
            "declared-incident",
            {"effect": "void"},
            "Taken out by an approved exception.",
        ),
        (
            "scheduled-maintenance",
            {"effect": "pause", "out_from": 5 * MINUTE, "out_until": 15 * MINUTE},
            "By an approved exception, 13:10 to 13:20 does not count. New time: 14:15.",
        ),
        (
            "insufficient-information",
            {"effect": "restart", "since": 10 * MINUTE},
            "By an approved exception, it counts from 13:15. New time: 14:15.",
        ),
        (
            "not-confirmed-critical",
            {"effect": "retarget", "target_seconds": 7200},
            "By an approved exception, it is 2 hours. New time: 15:05.",
        ),
    ],
)
def test_the_ticket_says_what_an_exception_did(kestrel, sign_in, now, code, wish, line):
    ticket = make_ticket(kestrel.mina, now=now)
    values = {name: now + value if isinstance(value, timedelta) else value for name, value in wish.items()}
    asked = services.request_exception(
        clock=ticket.clocks.get(),
        code=ExceptionCode.objects.get(pk=code),
        wish=services.Wish(**values),
        evidence="Status page.",
        actor=StaffFactory(),
        now=now + 20 * MINUTE,
    )
    manager = StaffFactory(staff_role=StaffRole.MANAGER)
    services.decide_exception(exception=asked, approve=True, note="", actor=manager, now=now + 20 * MINUTE)
    with time_machine.travel(now + 21 * MINUTE, tick=False):
        text = sign_in(kestrel.mina).get(f"/tickets/{ticket.pk}/").text
    assert line in text


def test_the_ticket_says_why_its_time_changed(kestrel, sign_in, now):
    ticket = make_ticket(kestrel.mina, now=now)
    services.raise_to_critical(ticket=ticket, actor=StaffFactory(), reason="Everybody.", now=now + 5 * MINUTE)
    with time_machine.travel(now + 6 * MINUTE, tick=False):
        text = sign_in(kestrel.mina).get(f"/tickets/{ticket.pk}/").text
    assert "Raised to business critical. New time: 13:35, 30 minutes." in text


def test_staff_are_sent_to_their_workspace(kestrel, sign_in, asked_again):
    answer = sign_in(StaffFactory()).get(f"/tickets/{asked_again.pk}/promise/")
    assert answer.url == f"/admin/helpdesk/ticket/{asked_again.pk}/change/"
    assert sign_in(MembershipFactory()).get(f"/tickets/{asked_again.pk}/promise/").status_code == 404
