"""The list of exceptions and what the pages cost."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.accounts.models import StaffRole
from helpdesk.sla.models import ClockException
from helpdesk.tickets import services
from tests.factories import (
    DesignatedFactory,
    make_ticket,
)
from tests.workspace.exceptions.pages import LIST, MINUTE, NOW, ask, enter, form_of, lead_of, page_of, text_of

pytestmark = pytest.mark.django_db


def test_what_waits_longest_comes_first_with_its_age():
    client, person = enter(StaffRole.MANAGER)
    clocks = [make_ticket(now=NOW).clocks.get() for _ in range(3)]
    asked = [ask(clock, minutes=minutes) for clock, minutes in zip(clocks, (20, 5, 10), strict=True)]
    services.decide_exception(exception=asked[2], approve=False, note="No.", actor=person, now=NOW + 12 * MINUTE)
    response = client.get(LIST)
    assert response.context["cl"].result_list == [asked[1], asked[0]]
    assert "25m 00s" in text_of(response)


def test_filters_by_state_code_and_effect():
    client, person = enter(StaffRole.MANAGER)
    rows = {}
    for state in ("asked", "approved", "refused", "withdrawn"):
        row = rows[state] = ask(make_ticket(now=NOW).clocks.get())
        if state == "withdrawn":
            services.withdraw_exception(exception=row, actor=row.requested_by, now=NOW)
        elif state != "asked":
            services.decide_exception(exception=row, approve=state == "approved", note="Seen.", actor=person, now=NOW)

    def shown(**query) -> list:
        return client.get(LIST, query).context["cl"].result_list

    assert shown() == [rows["asked"]]
    for state in ("approved", "refused", "withdrawn"):
        assert shown(state=state) == [rows[state]]
    assert len(shown(state="all")) == 4
    assert len(shown(state="all", code="third-party")) == 4
    assert shown(state="all", code="force-majeure") == []
    assert shown(state="all", effect="pause") == []
    assert len(shown(state="all", effect="void")) == 4


def test_the_list_takes_as_many_queries_for_thirty_as_for_one():
    client, _person = enter(StaffRole.TEAM_LEAD)

    def queries() -> int:
        with CaptureQueriesContext(connection) as context:
            assert client.get(LIST).status_code == 200
        return len(context)

    ask(make_ticket(now=NOW).clocks.get())
    queries()
    one = queries()
    member = DesignatedFactory()
    for _index in range(29):
        ask(make_ticket(member, now=NOW).clocks.get())
    assert len(client.get(LIST).context["cl"].result_list) == 30
    assert queries() == one <= 10


def test_the_ticket_takes_as_many_queries_for_many_exceptions_as_for_one(clock):
    client, manager = lead_of(clock.ticket)

    def queries() -> int:
        with CaptureQueriesContext(connection) as context:
            assert client.get(page_of(clock)).status_code == 200
        return len(context)

    ask(clock)
    queries()
    one = queries()
    for _index in range(10):
        waiting = ClockException.objects.get(state="asked")
        services.decide_exception(exception=waiting, approve=False, note="No.", actor=manager, now=NOW + MINUTE)
        ask(clock)
    assert queries() == one


def test_the_form_takes_a_few_queries(clock):
    client, _person = enter()
    client.get(form_of(clock))
    with CaptureQueriesContext(connection) as context:
        client.get(form_of(clock))
    assert len(context) <= 12


def test_the_navigation_has_it_for_those_who_decide():
    for role in StaffRole:
        client, _person = enter(role)
        entries = [entry["url"] for entry in client.get("/admin/helpdesk/ticket/").context["nav"]]
        assert (LIST in entries) == (role != StaffRole.SPECIALIST)
