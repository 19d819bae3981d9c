"""The live board: what a lead decides by in the middle of the day."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.accounts.models import Absence, StaffRole
from helpdesk.escalation.sweep import sweep
from helpdesk.tickets import services
from helpdesk.workspace.board import SLOTS, board
from helpdesk.workspace.board_drawing import BASE, TOP, draw
from tests.factories import MembershipFactory, StaffFactory, TeamFactory, add_to_team, make_ticket

pytestmark = pytest.mark.django_db
BOARD = "/admin/board/"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def manager():
    return StaffFactory(full_name="Helen Okoye", staff_role=StaffRole.MANAGER)


def the_board(manager, now, *, team=None, present=None):
    return board(viewer=manager, team=team, present=present, now=now)


def test_late_and_soon_are_counted_apart_with_what_is_guaranteed_in_them(manager, now):
    late = make_ticket(now=now - 61 * MINUTE)
    make_ticket(now=now - 50 * MINUTE)
    make_ticket(MembershipFactory(), now=now - timedelta(days=3))  # an aim, missed
    make_ticket(now=now)  # due in an hour
    shown = the_board(manager, now)
    wanted = {"late": 2, "late_guaranteed": 1, "soon": 1, "soon_free": 1, "hour": 2, "hour_guaranteed": 2}
    assert {name: shown.counts[name] for name in wanted} == wanted
    assert [row.ticket.pk for row in shown.at_risk][1] == late.pk
    assert [row.face.state for row in shown.at_risk] == ["breach", "breach", "soon", "ok"]


def test_who_is_away_makes_no_room_and_who_leaves_makes_less(manager, now):
    stays, leaves, away, elsewhere = (StaffFactory(full_name=name) for name in ("Ann", "Bo", "Cy", "Di"))
    Absence.objects.create(user=leaves, starts_at=now + 31 * MINUTE, ends_at=now + timedelta(hours=5))
    Absence.objects.create(user=away, starts_at=now - MINUTE, ends_at=now + MINUTE)
    shown = the_board(manager, now, present={stays.pk, leaves.pk, away.pk})
    assert ([row.user for row in shown.here], shown.staff) == ([stays, leaves], 4)
    assert (shown.next_to_leave.user, shown.next_to_leave.until) == (leaves, now + 31 * MINUTE)
    assert [slot.room for slot in shown.hour] == [1.0] * 6 + [0.5] * 6
    assert elsewhere not in [row.user for row in shown.here]


def test_where_nobody_knows_who_is_present_all_who_are_not_away_count(manager, now):
    StaffFactory.create_batch(3)
    assert len(the_board(manager, now).here) == 3


def test_the_hour_shows_each_ticket_in_its_five_minutes(manager, now):
    for minutes in (7, 8, 59):
        make_ticket(now=now - timedelta(hours=1) + minutes * MINUTE)
    shown = the_board(manager, now, present=set())
    assert [slot.guaranteed for slot in shown.hour] == [0, 2] + [0] * 9 + [1]
    assert len(shown.hour) == SLOTS
    assert [slot.begins - now for slot in shown.short] == [5 * MINUTE, 55 * MINUTE]
    assert shown.short_of == (3, 0)


def test_the_drawing_holds_its_tallest_bar(manager, now):
    for _number in range(9):
        make_ticket(now=now - 58 * MINUTE)
    drawing = draw(the_board(manager, now, present=set()).hour)
    tallest = drawing.bars[0]
    assert tallest.guaranteed_height > 0
    assert TOP <= tallest.objective_y <= BASE
    assert [value for value, _y in drawing.grid] == [0, 3, 6, 9]


def test_what_waits_for_a_decision_is_on_it(manager, now):
    claim = make_ticket(now=now - 20 * MINUTE, critical=True)
    sweep(now=now)
    shown = the_board(manager, now)
    assert [row.ticket.pk for row in shown.claims] == [claim.pk]
    assert [row.ticket_id for row in shown.escalations] == [claim.pk]
    assert (shown.sweep.is_late, shown.sweep.detail["fired"]) == (False, 1)
    assert the_board(manager, now + MINUTE).sweep.is_late


def test_one_team_sees_its_own_tickets_and_people(manager, now):
    team, other = TeamFactory(), TeamFactory()
    member = StaffFactory()
    add_to_team(team, member)
    add_to_team(other, StaffFactory())
    ours, theirs = make_ticket(now=now - 50 * MINUTE), make_ticket(now=now - 50 * MINUTE)
    for ticket, its_team in ((ours, team), (theirs, other)):
        services.assign(ticket=ticket, owner=None, team=its_team, actor=manager, now=now)
    shown = the_board(manager, now, team=team)
    assert ([row.ticket.pk for row in shown.at_risk], [row.user for row in shown.here]) == ([ours.pk], [member])


def test_a_leads_board_opens_with_the_team_that_they_lead(client):
    lead = StaffFactory(staff_role=StaffRole.TEAM_LEAD)
    TeamFactory(name="A first one")
    led = TeamFactory(name="Led")
    client.force_login(lead)
    assert client.get(BOARD).context["team"] is None
    add_to_team(led, lead, lead=True)
    assert client.get(BOARD).context["team"] == led
    assert client.get(f"{BOARD}?team=").context["team"] is None
    assert [client.get(f"{BOARD}?team={team}").status_code for team in ("0", "x", "9" * 30)] == [404, 404, 404]


def test_the_part_that_is_asked_for_again_is_no_whole_page(client, manager):
    client.force_login(manager)
    make_ticket()
    part = client.get(f"{BOARD}?part=1").content.decode()
    assert ("At risk now" in part, "<html" in part) == (True, False)


def test_more_tickets_cost_no_more_queries(client, manager):
    client.force_login(manager)

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as caught:
            assert client.get(BOARD).status_code == 200
        return len(caught)

    make_ticket(critical=True)
    few = queries()
    for _number in range(12):
        make_ticket(critical=True)
    assert (queries(), few <= 18) == (few, True)
