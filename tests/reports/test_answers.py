"""Response times against the target, teams, and who answered late: apart from who owned it (SPEC 2.6)."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse

from helpdesk.reports.bands import NAMES, NO_ANSWER
from helpdesk.reports.breaches import Filters, Part, selection
from helpdesk.reports.charts import histogram
from helpdesk.reports.figures import report
from helpdesk.reports.verification import verify_report
from helpdesk.sla.models import Clock
from helpdesk.tickets import services
from helpdesk.tickets.models import Ticket
from tests.factories import StaffFactory, TeamFactory, make_ticket
from tests.reports.test_breach_figures import NOVEMBER

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def manager():
    return StaffFactory(staff_role="manager", time_zone="Europe/Berlin")


def answered_after(minutes: float | None, *, now, by=None, owner=None) -> Ticket:
    """A ticket with a target of an hour."""
    ticket = make_ticket(now=now)
    if owner:
        services.assign(ticket=ticket, owner=owner, actor=owner, now=now)
    if minutes is not None:
        services.reply(ticket=ticket, actor=by or StaffFactory(), body="Done.", now=now + minutes * MINUTE)
    return ticket


def found(manager, *, now):
    return report(Filters(period=NOVEMBER), reader=manager, now=now + timedelta(days=1))


def parts(manager, part: Part, *, now) -> set[int]:
    clocks = selection(Filters(period=NOVEMBER), reader=manager, now=now + timedelta(days=1), part=part)
    return set(clocks.values_list("ticket_id", flat=True))


@pytest.mark.parametrize(
    ("minutes", "band"),
    [
        (0, 0),
        (15, 0),
        (15.1, 1),
        (30, 1),
        (45, 2),
        (60, 3),
        (60.1, 4),
        (90, 4),
        (120, 5),
        (240, 6),
        (241, 7),
        (None, 8),
    ],
)
def test_each_answer_is_in_one_band_and_the_band_opens_it(manager, now, minutes, band):
    ticket = answered_after(minutes, now=now)
    rows = found(manager, now=now).bands
    assert [row.key for row in rows if row.now.due] == [band]
    for place in range(len(NAMES)):
        assert parts(manager, Part(band=place), now=now) == ({ticket.pk} if place == band else set())


def test_the_bands_add_up_and_the_highest_bar_is_the_fullest_band(manager, now):
    for minutes in (1, 2, 61, None):
        answered_after(minutes, now=now)
    report_ = found(manager, now=now)
    assert sum(row.now.due for row in report_.bands) == report_.total.now.due == 4
    bars = histogram(report_)
    assert [bar.height for bar in bars if bar.row.now.due] == ["140.0", "70.0", "70.0"]
    assert [str(bar.share) for bar in bars if bar.row.now.due] == ["50", "25", "25"]
    assert len(bars) == NO_ANSWER + 1


def test_who_answered_late_is_apart_from_who_owned_it(manager, now):
    ada, ben = StaffFactory(full_name="Ada Ash"), StaffFactory(full_name="Ben Birch")
    late = answered_after(90, now=now, by=ben, owner=ada)
    met = answered_after(10, now=now, by=ben)
    answered_after(None, now=now, owner=ada)
    report_ = found(manager, now=now)
    assert [(row.label, row.now.due, row.now.late) for row in report_.specialists] == [
        ("Ada Ash", 2, 2),
        ("Ben Birch", 1, 0),
    ]
    assert [(row.label, row.now.due, row.now.late, row.now.late_p50) for row in report_.late_repliers] == [
        ("Ben Birch", 2, 1, 30 * MINUTE)
    ]
    assert report_.late_repliers[0].now.is_few
    assert parts(manager, Part(replier=ben.pk), now=now) == {late.pk, met.pk}
    assert parts(manager, Part(replier=ben.pk, outcome="answered_late"), now=now) == {late.pk}


def test_who_answered_everything_in_time_is_no_late_replier(manager, now):
    answered_after(10, now=now)
    assert found(manager, now=now).late_repliers == []


def test_teams_have_their_line_and_so_has_no_team(manager, now, client):
    team = TeamFactory(name="Night shift")
    theirs, nobodys = answered_after(90, now=now), answered_after(10, now=now)
    Ticket.objects.filter(pk=theirs.pk).update(team=team)
    Ticket.objects.filter(pk=nobodys.pk).update(team=None)
    rows = [(row.label, row.now.due, row.now.late) for row in found(manager, now=now).teams]
    assert rows == [("Night shift", 1, 1), ("", 1, 0)]
    assert parts(manager, Part(no_team=True), now=now) == {nobodys.pk}
    client.force_login(manager)
    with time_machine.travel(now + timedelta(days=1), tick=False):
        page = client.get(reverse("admin:breach_report")).text
    assert f"team={team.pk}" in page
    assert "noteam=yes" in page


@pytest.mark.parametrize("given", [{"band": "9"}, {"band": "-1"}, {"replier": "0"}, {"noteam": "x"}])
def test_a_part_that_no_link_names_does_not_exist(client, manager, now, given):
    client.force_login(manager)
    assert client.get(reverse("admin:breach_list"), given).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_wrong_author_or_time_is_found_by_the_recount(now):
    late = answered_after(90, now=now)
    answered_after(10, now=now)
    assert verify_report(NOVEMBER, now=now + timedelta(days=1)).differing == 0
    clock = Clock.objects.filter(ticket=late)
    clock.update(answered_by=StaffFactory())
    assert "replier" in " ".join(verify_report(NOVEMBER, now=now + timedelta(days=1)).examples)
    clock.update(started_at=now + 50 * MINUTE)
    assert "band" in " ".join(verify_report(NOVEMBER, now=now + timedelta(days=1)).examples)
