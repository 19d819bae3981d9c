"""A period begins and ends where the manager's own calendar says (SPEC 2.6)."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from helpdesk.reports.breaches import Filters
from helpdesk.reports.charts import heat_map, trend
from helpdesk.reports.figures import Answers, Figures, Report, Row, buckets, step_of
from helpdesk.reports.periods import Period, Window, preset

BERLIN = ZoneInfo("Europe/Berlin")


def at(month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


NOW = at(11, 24, 23, 30)  # in Berlin it is Wednesday the 25th, 00:30


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("today", date(2026, 11, 25), date(2026, 11, 25)),
        ("7d", date(2026, 11, 19), date(2026, 11, 25)),
        ("30d", date(2026, 10, 27), date(2026, 11, 25)),
        ("13w", date(2026, 8, 31), date(2026, 11, 29)),
        ("month", date(2026, 11, 1), date(2026, 11, 30)),
        ("last_month", date(2026, 10, 1), date(2026, 10, 31)),
        ("quarter", date(2026, 10, 1), date(2026, 12, 31)),
    ],
)
def test_presets_follow_the_local_day(name, first, last):
    assert preset(name, now=NOW, zone=BERLIN) == Period(first=first, last=last, zone=BERLIN)


def test_in_february_of_a_leap_year_and_in_december():
    leap = datetime(2028, 2, 29, 12, tzinfo=UTC)
    assert preset("month", now=leap, zone=BERLIN).last == date(2028, 2, 29)
    december = datetime(2026, 12, 31, 12, tzinfo=UTC)
    assert preset("month", now=december, zone=BERLIN).last == date(2026, 12, 31)
    assert preset("quarter", now=december, zone=BERLIN).last == date(2026, 12, 31)
    assert preset("last_month", now=datetime(2027, 1, 1, 12, tzinfo=UTC), zone=BERLIN).first == date(2026, 12, 1)


@pytest.mark.parametrize(
    ("zone", "day", "window"),
    [
        ("Europe/Berlin", date(2026, 10, 25), Window(at(10, 24, 22), at(10, 25, 23))),  # 25 hours
        ("Europe/Berlin", date(2026, 3, 29), Window(at(3, 28, 23), at(3, 29, 22))),  # 23 hours
        ("Africa/Cairo", date(2026, 4, 24), Window(at(4, 23, 22), at(4, 24, 21))),  # midnight itself is skipped
        ("Asia/Kathmandu", date(2026, 5, 1), Window(at(4, 30, 18, 15), at(5, 1, 18, 15))),
    ],
)
def test_a_day_is_as_long_as_its_clocks_make_it(zone, day, window):
    assert Period(first=day, last=day, zone=ZoneInfo(zone)).window(now=NOW) == window


def test_a_period_that_still_runs_ends_now_and_is_compared_up_to_the_same_wall_time():
    running = Period(first=date(2026, 11, 1), last=date(2026, 11, 30), zone=BERLIN)
    assert running.window(now=NOW) == Window(at(10, 31, 23), NOW)
    # 30 days before 25 November 00:30 is 26 October 00:30, in winter time too; 1 October began in summer time.
    assert running.previous(now=NOW) == Window(at(10, 1, 22), at(10, 25, 23, 30))


def test_a_period_that_is_over_is_compared_with_as_many_whole_days():
    october = Period(first=date(2026, 10, 1), last=date(2026, 10, 31), zone=BERLIN)
    assert october.window(now=NOW) == Window(at(9, 30, 22), at(10, 31, 23))
    assert october.previous(now=NOW) == Window(at(8, 30, 22), at(9, 30, 22))


def test_a_period_ahead_is_empty():
    ahead = Period(first=date(2026, 12, 1), last=date(2026, 12, 2), zone=BERLIN)
    assert ahead.window(now=NOW) == Window(at(11, 30, 23), at(11, 30, 23))


@pytest.mark.parametrize(
    ("days", "step", "columns"),
    [
        ((date(2026, 11, 12), date(2026, 11, 25)), "day", 14),
        ((date(2026, 11, 11), date(2026, 11, 25)), "week", 3),
        ((date(2026, 8, 31), date(2026, 11, 29)), "week", 13),
        ((date(2025, 11, 26), date(2026, 11, 25)), "month", 13),
    ],
)
def test_the_trend_has_as_many_columns_as_a_screen_shows_well(days, step, columns):
    period = Period(first=days[0], last=days[1], zone=BERLIN)
    assert step_of(period) == step
    assert len(buckets(period, step, now=NOW)) == columns


def drawn(**given) -> Report:
    period = Period(first=date(2026, 11, 11), last=date(2026, 11, 25), zone=BERLIN)
    row = Row(key=None, label="", now=Figures(), before=Figures())
    plain = {
        "filters": Filters(period=period),
        "window": period.window(now=NOW),
        "previous": period.previous(now=NOW),
        "total": row,
        "answers": Answers(),
        "answers_before": Answers(),
        "hubs": [],
        "accounts": [],
        "specialists": [],
        "step": "week",
        "buckets": [],
        "slots": {},
        "causes": [],
    }
    return Report(**{**plain, **given})


def test_a_week_without_targets_is_a_gap_in_the_line_and_not_100():
    weeks = [
        Row(key=day, label="", now=figures, before=Figures())
        for day, figures in (
            (date(2026, 11, 9), Figures(due=4, met=4)),
            (date(2026, 11, 16), Figures()),
            (date(2026, 11, 23), Figures(due=4, met=2, unanswered=2)),
        )
    ]
    chart = trend(drawn(buckets=weeks))
    assert [column.y for column in chart.columns] == ["16.0", None, "98.0"]
    assert chart.lines == []
    assert [(column.first, column.last) for column in chart.columns] == [
        (date(2026, 11, 11), date(2026, 11, 15)),
        (date(2026, 11, 16), date(2026, 11, 22)),
        (date(2026, 11, 23), date(2026, 11, 25)),
    ]


def test_the_strongest_cell_is_the_worst_hour():
    cells = heat_map(drawn(slots={(0, 10): 1200, (4, 17): 150, (6, 23): 1}))
    assert [(cell.level, cell.text) for cell in (cells[0][10], cells[4][17], cells[6][23], cells[2][2])] == [
        (4, "1k"),
        (1, "150"),
        (1, "1"),
        (0, "0"),
    ]
