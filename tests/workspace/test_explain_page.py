"""*Explain this deadline* for staff: the page, the customer's view of it, and the file."""

import csv
import io
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.accounts.models import StaffRole
from helpdesk.escalation.models import Escalation
from helpdesk.sla.models import ClockEvent, ExceptionCode
from helpdesk.tickets import services
from helpdesk.tickets.models import Status
from tests.factories import DesignatedFactory, StaffFactory, UserFactory, make_ticket

pytestmark = pytest.mark.django_db
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def frozen(now):
    with time_machine.travel(now, tick=False):
        yield now


@pytest.fixture
def anna(client):
    person = StaffFactory(full_name="Anna Meier", time_zone="Europe/Berlin")
    client.force_login(person)
    return person


@pytest.fixture
def mina():
    return DesignatedFactory(user=UserFactory(full_name="Mina Okafor", time_zone="Asia/Tokyo", language="ja"))


def url(ticket, query: str = "") -> str:
    return f"/admin/helpdesk/ticket/{ticket.pk}/explain/{query}"


def pause_often(ticket, staff, *, times: int, start) -> None:
    for n in range(times):
        services.set_status(ticket=ticket, status=Status.WAITING, actor=staff, now=start + 2 * n * MINUTE)
        services.set_status(ticket=ticket, status=Status.OPEN, actor=staff, now=start + (2 * n + 1) * MINUTE)


def test_the_page_answers_in_a_sentence_a_picture_and_words(client, anna, mina, frozen):
    ticket = make_ticket(mina, critical=True, now=frozen - 10 * MINUTE)
    page = client.get(url(ticket)).content.decode()
    for text in (
        "Explain this deadline",
        "Due <b>Tuesday 24 November, 13:25:00</b>, Berlin time.",
        'Of <b>30 minutes</b>, 10m have counted; <b class="c-left">20m are left</b>.',
        "Counted. Mina Okafor wrote.",
        "30 minutes, Guaranteed",
        "Business critical, designated super admins, version 1, as of Tue 12:55:00",
        "Always open",
        "50 %, Tue 13:10:00: the owner, or the team while there is none",
        "Berlin time, UTC+1.",
        'aria-label="First response. Mina Okafor wrote 12:55:00;',
    ):
        assert text in page, text
    assert " style=" not in page
    assert page.count('role="img"') == 2  # across and down, one of which is shown


def test_every_clock_on_the_ticket_leads_to_its_explanation(client, anna, mina, frozen):
    ticket = make_ticket(mina, now=frozen - HOUR)
    services.reply(ticket=ticket, actor=anna, body="?", now=frozen - 50 * MINUTE)
    services.customer_reply(ticket=ticket, actor=mina.user, body="!", now=frozen - 40 * MINUTE)
    page = client.get(f"/admin/helpdesk/ticket/{ticket.pk}/change/").content.decode()
    for clock in ticket.clocks.all():
        assert f"{url(ticket)}?clock={clock.pk}" in page
    first, following = ticket.clocks.order_by("pk")
    assert client.get(url(ticket)).context["told"].clock == following  # the running one comes first
    chosen = client.get(url(ticket, f"?clock={first.pk}"))
    assert (chosen.context["told"].clock, [row.clock for row in chosen.context["others"]]) == (first, [following])
    assert "answered" in chosen.context["told"].picture.text


@pytest.mark.parametrize("clock", ["", "0", "x", "9" * 30, "\0", "another"])
def test_a_clock_of_another_ticket_does_not_exist(client, anna, mina, frozen, clock):
    ticket, other = make_ticket(mina, now=frozen), make_ticket(mina, now=frozen)
    wanted = str(other.clocks.get().pk) if clock == "another" else clock
    assert client.get(url(ticket), {"clock": wanted}).status_code == 404
    assert client.get(f"/admin/helpdesk/ticket/{10**12}/explain/").status_code == 404


def test_a_questioned_pause_is_pointed_at(client, anna, mina, frozen):
    ticket = make_ticket(mina, now=frozen - HOUR)
    services.reply(ticket=ticket, actor=anna, body="?", now=frozen - 55 * MINUTE)
    services.customer_reply(ticket=ticket, actor=mina.user, body="!", now=frozen - 50 * MINUTE)
    pause_often(ticket, anna, times=5, start=frozen - 40 * MINUTE)
    page = client.get(url(ticket)).content.decode()
    assert "The pause from Tue 12:25:00 began while a message of the customer was unanswered." in page
    assert "And 2 more." in page
    assert page.count("overlaps an unanswered message") == 5


def test_what_fired_is_listed_with_its_three_instants_and_who_was_told(client, anna, mina, frozen):
    ticket = make_ticket(mina, now=frozen - HOUR)
    common = {"clock": ticket.clocks.get(), "ticket": ticket, "deadline_version": 1, "told": [anna.pk, 10**9]}
    at = frozen - 30 * MINUTE
    Escalation.objects.create(
        **common, percent=50, due_at=at, detected_at=at + timedelta(seconds=2), delivered_at=at + timedelta(seconds=5)
    )
    for n in range(1, 10):
        state = Escalation.State.SUPERSEDED if n < 3 else Escalation.State.FIRED
        Escalation.objects.create(**common, percent=100, reminder=n, due_at=at, detected_at=at, state=state)
    page = client.get(url(ticket)).content.decode()
    for text in ("Tue 12:35:00", "Tue 12:35:02", "Tue 12:35:05", "Anna Meier, –", "100 %, reminder 9"):
        assert text in page
    assert "1 earlier reminder is not shown." in page
    assert "2 reminders were superseded" in page
    assert "reminder 3" not in page


def test_gross_stands_beside_net_where_an_exception_parted_them(client, anna, mina, frozen):
    ticket = make_ticket(mina, now=frozen - 2 * HOUR)
    manager = StaffFactory(full_name="Helen Marsh", staff_role=StaffRole.MANAGER)
    asked = services.request_exception(
        clock=ticket.clocks.get(),
        code=ExceptionCode.objects.get(pk="scheduled-maintenance"),
        wish=services.Wish(effect="pause", out_from=frozen - 100 * MINUTE, out_until=frozen - 20 * MINUTE),
        evidence="Status page",
        actor=anna,
        now=frozen,
    )
    services.decide_exception(exception=asked, approve=True, note="", actor=manager, now=frozen)
    page = client.get(url(ticket)).content.decode()
    assert "due Tue 12:05:00, as if there were no exception" in page
    assert "missed Tue 12:05:00; net it is not" in page
    assert "Approved by Helen Marsh" in page


def test_only_who_may_see_a_policy_gets_a_link_to_it(client, anna, mina, frozen):
    ticket = make_ticket(mina, now=frozen)
    assert "/admin/helpdesk/policy/" not in client.get(url(ticket)).content.decode()
    client.force_login(StaffFactory(staff_role=StaffRole.MANAGER))
    assert "/admin/helpdesk/policy/" in client.get(url(ticket)).content.decode()


def test_as_the_customer_sees_it_is_in_their_language_at_their_time(client, anna, mina, frozen):
    ticket = make_ticket(mina, now=frozen - 10 * MINUTE)
    services.reply(ticket=ticket, actor=anna, body="?", now=frozen - 5 * MINUTE)
    page = client.get(url(ticket, "?as=customer"))
    preview = page.context["preview"]
    assert "東京" in preview
    assert "20:55" in preview  # nine hours ahead of UTC
    for internal in ("Anna Meier", "Standard, designated super admins", "/admin/helpdesk/policy"):
        assert internal not in preview
    assert '<div lang="ja">' in page.content.decode()
    assert "This is what Mina Okafor reads" in page.content.decode()


def test_a_ticket_without_a_promise_says_so(client, anna, mina, frozen):
    ticket = make_ticket(mina, now=frozen)
    ticket.clocks.update(ticket=make_ticket(mina, now=frozen), cycle=2)
    assert "No policy fits this ticket" in client.get(url(ticket)).content.decode()


def test_a_clock_that_contradicts_itself_is_said_to(client, anna, mina, frozen):
    ticket = make_ticket(mina, now=frozen)
    ClockEvent.objects.create(
        clock=ticket.clocks.get(), number=2, kind="resume", at=frozen, recorded_at=frozen, data={}
    )
    page = client.get(url(ticket))
    assert (page.status_code, "This clock cannot be explained" in page.content.decode()) == (200, True)


def test_the_file_has_every_event_and_runs_nothing(client, mina, frozen):
    anna = StaffFactory(full_name="=HYPERLINK(1)", time_zone="Europe/Berlin")
    client.force_login(anna)
    ticket = make_ticket(mina, critical=True, now=frozen - HOUR)
    services.judge_claim(ticket=ticket, actor=anna, confirmed=False, reason="One.", now=frozen - 50 * MINUTE)
    answer = client.get(f"/admin/helpdesk/ticket/{ticket.pk}/explain.csv")
    assert answer["Content-Disposition"] == f'attachment; filename="{ticket.reference}-events.csv"'
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    heading, *rows = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert len({len(row) for row in (heading, *rows)}) == 1
    assert [row[4:7] for row in rows] == [
        ["1", "Started", "2026-11-24T12:05:00+01:00"],
        ["2", "Target changed", "2026-11-24T12:15:00+01:00"],
    ]
    assert rows[1][8] == "'=HYPERLINK(1)"
    assert '"reason": "claim declined"' in rows[1][-1]
    assert client.get("/admin/helpdesk/ticket/999999/explain.csv").status_code == 404


@pytest.mark.parametrize("query", ["", "?as=customer"])
def test_the_number_of_queries_depends_neither_on_pauses_nor_on_clocks(client, anna, mina, frozen, query):
    ticket = make_ticket(mina, now=frozen - 9 * HOUR)
    services.reply(ticket=ticket, actor=anna, body="?", now=frozen - 8 * HOUR)
    services.customer_reply(ticket=ticket, actor=mina.user, body="!", now=frozen - 7 * HOUR)
    pause_often(ticket, anna, times=1, start=frozen - 6 * HOUR)

    def count() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert client.get(url(ticket, query)).status_code == 200
        return len(caught)

    count()
    few = count()
    pause_often(ticket, anna, times=29, start=frozen - 5 * HOUR)
    assert ClockEvent.objects.filter(clock__ticket=ticket, kind="pause").count() == 30
    for n in range(30):
        at = frozen - 3 * HOUR + 2 * n * MINUTE
        services.reply(ticket=ticket, actor=anna, body="?", now=at)
        services.customer_reply(ticket=ticket, actor=mina.user, body="!", now=at + MINUTE)
    assert ticket.clocks.count() == 32
    assert count() == few
    assert few <= 18
