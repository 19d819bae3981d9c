"""How a deadline came about, on lives that one can follow with a finger (SPEC 2.2)."""

from datetime import UTC, date, datetime, timedelta

import pytest

from helpdesk.sla import clock as pure
from helpdesk.sla.calendar import ALWAYS_OPEN, BusinessCalendar
from helpdesk.sla.clock import Effect
from helpdesk.sla.explain import Explanation, Kind, Landing, Mark, Shut, explain, folded, reasons
from helpdesk.sla.fold import fold
from helpdesk.sla.target import Target

FRIDAY = datetime(2026, 11, 20, 14, 20, tzinfo=UTC)  # 15:20 in Oslo, where the office closes at 17:00
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WEEK = ["mon", "tue", "wed", "thu", "fri"]
OFFICE = BusinessCalendar.from_dict(
    {
        "timezone": "Europe/Oslo",
        "weekly": dict.fromkeys(WEEK, [["08:00", "17:00"]]),
        "holidays": ["2026-11-24"],
        "special_days": {"2026-11-25": [["10:00", "12:00"]]},
    }
)
LUNCH = BusinessCalendar.from_dict(
    {"timezone": "Europe/Oslo", "weekly": dict.fromkeys(WEEK[1:], [["08:00", "12:00"], ["13:00", "17:00"]])}
)

SNACKS = BusinessCalendar.from_dict(
    {
        "timezone": "Europe/Oslo",
        "weekly": dict.fromkeys(WEEK, [["08:00", "10:00"], ["10:15", "12:50"], ["13:00", "17:00"]]),
    }
)
NOON = BusinessCalendar.from_dict(
    {"timezone": "Europe/Oslo", "weekly": dict.fromkeys(WEEK, [["08:00", "12:50"], ["13:00", "17:00"]])}
)
LATE = BusinessCalendar.from_dict(
    {
        "timezone": "Europe/Oslo",
        "weekly": dict.fromkeys(WEEK[:4], [["08:00", "17:00"]]),
        "special_days": {"2026-11-20": [["10:00", "12:00"], ["18:00", "20:00"]]},
    }
)


def oslo(day: int, clock: str) -> datetime:
    hour, minute = clock.split(":")
    return datetime(2026, 11, day, int(hour) - 1, int(minute), tzinfo=UTC)


def told(events, *, now, calendar=ALWAYS_OPEN) -> Explanation:
    return explain(events, calendar=calendar, now=now)


def rows(made: Explanation) -> list[tuple[str, float, float]]:
    """Kind, minutes since the first instant at its end, sum in minutes."""
    return [(row.kind, (row.end - made.begin) / MINUTE, row.total / MINUTE) for row in made.stretches]


def marks(made: Explanation) -> list[tuple[str, float]]:
    return [(marker.mark, (marker.at - made.begin) / MINUTE) for marker in made.markers]


def started(seconds=3600, calendar=ALWAYS_OPEN, at=FRIDAY, days=None) -> list:
    target = Target(business_days=days) if days else Target(seconds=seconds)
    return [pure.start(at=at, target=target, calendar=calendar)]


def then(events, make, **values) -> list:
    return [*events, *make(fold(events), **values)]


def test_half_of_a_running_hour_is_ahead():
    made = told(started(), now=FRIDAY + 30 * MINUTE)
    assert rows(made) == [("counted", 30, 30), ("ahead", 60, 60)]
    assert marks(made) == [("started", 0), ("now", 30), ("due", 60)]
    assert (made.counted, made.left, made.if_resumed, made.carried) == (30 * MINUTE, 30 * MINUTE, None, None)


def test_what_an_early_answer_left_over_was_not_needed():
    events = then(started(), pure.fulfil, at=FRIDAY + 20 * MINUTE, by=1, owner=1)
    made = told(events, now=FRIDAY + 9 * DAY)
    assert rows(made) == [("counted", 20, 20), ("spare", 60, 60)]
    assert marks(made) == [("started", 0), ("answered", 20), ("due", 60)]
    assert [marker.event for marker in made.markers] == [0, 1, None]
    assert made.if_resumed is None


def test_after_the_deadline_it_is_late_until_the_answer():
    events = then(started(), pure.fulfil, at=FRIDAY + 75 * MINUTE, by=1, owner=1)
    made = told(events, now=FRIDAY + 9 * DAY)
    assert rows(made) == [("counted", 60, 60), ("over", 75, 75)]
    assert marks(made) == [("started", 0), ("due", 60), ("answered", 75)]
    assert made.counted == HOUR


def test_a_pause_and_a_weekend_do_not_count():
    """The mock-up's own example: 4 hours, of which 24 minutes 40 seconds are left."""
    events = started(4 * 3600, OFFICE)
    monday = oslo(23, "08:40")
    events = then(events, pure.pause, at=monday, questioned=True)
    resumed = monday + timedelta(hours=1, minutes=7, seconds=11)
    events = then(events, pure.resume, at=resumed, calendar=OFFICE)
    made = told(events, now=resumed + timedelta(hours=1, minutes=15, seconds=20), calendar=OFFICE)
    assert [(row.kind, row.counted) for row in made.stretches] == [
        (Kind.COUNTED, 100 * MINUTE),
        (Kind.CLOSED, timedelta(0)),
        (Kind.COUNTED, 40 * MINUTE),
        (Kind.PAUSED, timedelta(0)),
        (Kind.COUNTED, timedelta(hours=1, minutes=15, seconds=20)),
        (Kind.AHEAD, timedelta(minutes=24, seconds=40)),
    ]
    assert made.stretches[-1].total == 4 * HOUR
    assert made.clock.due_at == datetime(2026, 11, 23, 10, 27, 11, tzinfo=UTC)
    assert [row.cause for row in made.stretches] == [0, None, None, 1, 2, None]
    assert made.hours == ((FRIDAY, oslo(20, "17:00")), (oslo(23, "08:00"), made.end))


def test_a_pause_over_a_night_is_one_pause_and_knows_how_long_the_office_was_open():
    events = then(started(4 * 3600, OFFICE), pure.pause, at=FRIDAY + HOUR)
    made = told(events, now=oslo(23, "09:00"), calendar=OFFICE)
    pause = made.stretches[-1]
    assert (pause.kind, pause.begin, pause.end, pause.open) == (
        Kind.PAUSED,
        FRIDAY + HOUR,
        oslo(23, "09:00"),
        100 * MINUTE,
    )
    assert made.if_resumed == oslo(23, "12:00")
    assert made.left == 3 * HOUR
    assert marks(made)[-1][0] == "now"


def test_two_pauses_that_touch_stay_two():
    events = then(started(), pure.pause, at=FRIDAY + 10 * MINUTE)
    events = then(events, pure.resume, at=FRIDAY + 20 * MINUTE, calendar=ALWAYS_OPEN)
    events = then(events, pure.pause, at=FRIDAY + 20 * MINUTE)
    made = told(events, now=FRIDAY + 30 * MINUTE)
    assert [(row.kind, row.cause) for row in made.stretches] == [("counted", 0), ("paused", 1), ("paused", 3)]


def test_a_declined_claim_leaves_the_old_deadline_as_a_mark():
    change = {"target": Target(seconds=3600), "calendar": ALWAYS_OPEN, "reason": "claim declined", "owner": None}
    events = then(started(1800), pure.retarget, at=FRIDAY + 8 * MINUTE, **change)
    made = told(events, now=FRIDAY + 9 * MINUTE)
    assert marks(made) == [("started", 0), ("retargeted", 8), ("now", 9), ("was_due", 30), ("due", 60)]
    assert [marker.event for marker in made.markers] == [0, 1, None, None, None]


def test_a_renewed_promise_drops_what_was_before():
    change = {"target": Target(seconds=1800), "calendar": ALWAYS_OPEN, "reason": "raised to critical", "owner": None}
    events = then(started(3600), pure.retarget, at=FRIDAY + 40 * MINUTE, **change)
    made = told(events, now=FRIDAY + 50 * MINUTE)
    assert rows(made) == [("dropped", 40, 0), ("counted", 50, 10), ("ahead", 70, 30)]
    assert [mark for mark, _at in marks(made)] == ["started", "breached", "retargeted", "now", "was_due", "due"]
    assert made.stretches[0].cause == 2


def test_an_exception_leaves_a_stretch_out():
    out = (FRIDAY + 10 * MINUTE, FRIDAY + 25 * MINUTE)
    change = {"effect": Effect.PAUSE, "calendar": ALWAYS_OPEN, "out": out, "reason": "maintenance"}
    events = then(started(), pure.exempt, at=FRIDAY + 30 * MINUTE, **change)
    made = told(events, now=FRIDAY + 30 * MINUTE)
    assert rows(made) == [("counted", 10, 10), ("exempted", 25, 10), ("counted", 30, 15), ("ahead", 75, 60)]
    assert made.stretches[1].cause == 1
    assert marks(made) == [("started", 0), ("exempted", 30), ("now", 30), ("was_due", 60), ("due", 75)]


def test_a_stretch_is_explained_by_the_event_that_took_it_out_and_not_by_one_before_it():
    """The page would name another person's decision as the reason."""
    change = {"calendar": ALWAYS_OPEN, "reason": "maintenance"}
    target = {"effect": Effect.RETARGET, "target": Target(seconds=7200)}
    events = then(started(), pure.exempt, at=FRIDAY + 5 * MINUTE, **change, **target)
    out = (FRIDAY + 10 * MINUTE, FRIDAY + 20 * MINUTE)
    events = then(events, pure.exempt, at=FRIDAY + 30 * MINUTE, effect=Effect.PAUSE, out=out, **change)
    events = then(events, pure.pause, at=FRIDAY + 40 * MINUTE)
    made = told(events, now=FRIDAY + 50 * MINUTE)
    assert [(row.kind, row.cause) for row in made.stretches] == [
        ("counted", 0),
        ("exempted", 2),
        ("counted", None),
        ("paused", 3),
    ]


def test_a_call_for_later_is_counted_from_the_hour_that_was_agreed():
    asked = FRIDAY - 30 * MINUTE
    events = [pure.start(at=FRIDAY, target=Target(seconds=3600), calendar=ALWAYS_OPEN, asked=asked)]
    events = then(events, pure.pause, at=FRIDAY + 10 * MINUTE)
    made = told(events, now=FRIDAY + 20 * MINUTE)
    assert made.begin == asked
    assert rows(made) == [("dropped", 30, 0), ("counted", 40, 10), ("paused", 50, 10)]
    assert [row.cause for row in made.stretches] == [0, 0, 1]


def test_the_office_is_closed_before_the_first_hour_and_at_night():
    """A ticket of the evening: nothing counts before the morning, nor when one looks at it by night."""
    made = told(started(3600, OFFICE, at=oslo(19, "20:00")), now=oslo(19, "22:00"), calendar=OFFICE)
    assert rows(made) == [("closed", 720, 0), ("ahead", 780, 60)]
    assert made.stretches[0].cause == 0
    made = told(started(2 * 3600, OFFICE), now=oslo(20, "20:00"), calendar=OFFICE)
    assert [(row.kind, row.end) for row in made.stretches] == [
        ("counted", oslo(20, "17:00")),
        ("closed", oslo(23, "08:00")),
        ("ahead", oslo(23, "08:20")),
    ]


def test_a_void_clock_waits_on_without_a_verdict():
    change = {"effect": Effect.VOID, "calendar": ALWAYS_OPEN, "reason": "incident"}
    events = then(started(), pure.exempt, at=FRIDAY + 30 * MINUTE, **change)
    made = told(events, now=FRIDAY + 90 * MINUTE)
    assert rows(made) == [("counted", 60, 60), ("over", 90, 90)]


@pytest.mark.parametrize(
    ("start", "calendar", "opening", "landed", "landing"),
    [
        (oslo(19, "10:30"), OFFICE, oslo(19, "10:30"), oslo(20, "10:30"), Landing.SAME),
        (oslo(20, "18:00"), OFFICE, oslo(23, "08:00"), oslo(25, "10:00"), Landing.OPENING),  # a holiday, a late opening
        (oslo(23, "15:00"), OFFICE, oslo(23, "15:00"), oslo(25, "12:00"), Landing.CLOSING),  # a short day
        (oslo(20, "16:59"), LUNCH, oslo(20, "16:59"), oslo(24, "16:59"), Landing.SAME),  # no Mondays
    ],
)
def test_business_days_are_carried_over_on_the_wall(start, calendar, opening, landed, landing):
    made = told(started(days=1, calendar=calendar, at=start), now=start, calendar=calendar)
    carried = made.carried
    assert (carried.opening, carried.landed, carried.landing, carried.moved_on) == (
        opening,
        landed,
        landing,
        timedelta(0),
    )
    assert (made.clock.due_at, made.left) == (landed, None)


def test_a_pause_moves_business_days_on():
    start = oslo(19, "10:30")
    events = then(started(days=1, calendar=OFFICE, at=start), pure.pause, at=start + HOUR)
    events = then(events, pure.resume, at=start + 3 * HOUR, calendar=OFFICE)
    made = told(events, now=start + 3 * HOUR, calendar=OFFICE)
    assert (made.carried.landed, made.carried.moved_on) == (oslo(20, "10:30"), 2 * HOUR)
    assert made.clock.due_at == oslo(20, "12:30")


def test_closed_for_good_counts_day_and_night():
    once = BusinessCalendar.from_dict({"timezone": "Europe/Oslo", "special_days": {"2026-11-20": [["08:00", "17:00"]]}})
    made = told(started(4 * 3600, once), now=FRIDAY, calendar=once)
    assert made.calendar == ALWAYS_OPEN
    assert rows(made) == [("ahead", 240, 240)]


def weeks_late() -> Explanation:
    events = started(3600, OFFICE)
    events += pure.settle(fold(events), now=FRIDAY + 30 * DAY, owner=None)
    return told(events, now=oslo(20, "16:30") + 28 * DAY, calendar=OFFICE)


def test_weeks_are_folded_in_the_middle():
    made = weeks_late()
    shown = folded(made.stretches, most=9, marks=[marker.at for marker in made.markers])
    assert len(made.stretches) > 35
    assert [(row.kind, bool(row.inside)) for row in shown] == [
        ("counted", False),
        ("over", False),
        ("closed", False),
        ("over", True),
        ("closed", False),
        ("over", False),
    ]
    assert shown[3].counted == sum((row.counted for row in shown[3].inside), timedelta(0))


def test_the_day_of_a_mark_is_not_folded():
    made = weeks_late()
    mark = oslo(20, "09:00") + 14 * DAY
    shown = folded(made.stretches, most=14, marks=[mark])
    (row,) = (row for row in shown if row.begin <= mark < row.end)
    assert not row.inside
    assert sum(bool(row.inside) for row in shown) == 2


def test_many_pauses_are_folded_where_nothing_else_will_do():
    events = started()
    for n in range(30):
        events = then(events, pure.pause, at=FRIDAY + (2 * n + 1) * MINUTE)
        events = then(events, pure.resume, at=FRIDAY + (2 * n + 2) * MINUTE, calendar=ALWAYS_OPEN)
    made = told(events, now=FRIDAY + 61 * MINUTE)
    assert len(made.stretches) == 62
    shown = folded(made.stretches, most=9)
    assert [bool(row.inside) for row in shown] == [False] * 4 + [True] + [False] * 4
    assert made.stretches[-1].total == HOUR
    assert folded(made.stretches, most=70) == list(made.stretches)


@pytest.mark.parametrize(
    ("calendar", "begin", "end", "found"),
    [
        (OFFICE, oslo(19, "17:00"), oslo(20, "08:00"), [(Shut.NIGHT, date(2026, 11, 19))]),
        (
            OFFICE,
            oslo(20, "17:00"),
            oslo(23, "08:00"),
            [(Shut.WEEKEND, date(2026, 11, 21)), (Shut.WEEKEND, date(2026, 11, 22)), (Shut.NIGHT, date(2026, 11, 20))],
        ),
        (OFFICE, oslo(24, "01:00"), oslo(24, "20:00"), [(Shut.HOLIDAY, date(2026, 11, 24))]),
        (LUNCH, oslo(20, "12:00"), oslo(20, "13:00"), [(Shut.BREAK, date(2026, 11, 20))]),
        (LUNCH, oslo(20, "12:30"), oslo(20, "13:00"), [(Shut.BREAK, date(2026, 11, 20))]),
        (LUNCH, oslo(20, "06:30"), oslo(20, "08:00"), [(Shut.NIGHT, date(2026, 11, 20))]),
        (LUNCH, oslo(20, "17:00"), oslo(20, "23:00"), [(Shut.NIGHT, date(2026, 11, 20))]),
        (OFFICE, oslo(20, "17:00"), oslo(20, "23:00"), [(Shut.NIGHT, date(2026, 11, 20))]),
        (SNACKS, oslo(20, "10:00"), oslo(20, "10:15"), [(Shut.BREAK, date(2026, 11, 20))]),
        (SNACKS, oslo(20, "12:50"), oslo(20, "13:00"), [(Shut.BREAK, date(2026, 11, 20))]),
        (NOON, oslo(20, "12:50"), oslo(20, "13:00"), [(Shut.BREAK, date(2026, 11, 20))]),
        (LATE, oslo(19, "17:00"), oslo(20, "10:00"), [(Shut.NIGHT, date(2026, 11, 19))]),  # that break is tomorrow's
        (LUNCH, oslo(23, "01:00"), oslo(24, "01:00") - HOUR, [(Shut.DAY, date(2026, 11, 23))]),  # closed on Mondays
        (LATE, oslo(27, "01:00"), oslo(27, "20:00"), [(Shut.DAY, date(2026, 11, 27))]),  # and others on Fridays
        (
            OFFICE,
            oslo(21, "01:00"),
            oslo(22, "23:00"),
            [(Shut.WEEKEND, date(2026, 11, 21)), (Shut.WEEKEND, date(2026, 11, 22))],
        ),
    ],
)
def test_why_the_office_is_closed(calendar, begin, end, found):
    assert reasons(calendar, begin, end) == found


def test_a_clock_that_just_began_and_ended_has_no_stretch():
    events = then(started(), pure.pause, at=FRIDAY)
    made = told(then(events, pure.cancel, at=FRIDAY, reason="spam"), now=FRIDAY + DAY)
    assert made.stretches == ()
    assert [marker.mark for marker in made.markers] == [Mark.STARTED, Mark.ENDED]


SHORT = BusinessCalendar.from_dict({"timezone": "Europe/Oslo", "weekly": dict.fromkeys(WEEK, [["15:00", "16:00"]])})


def outdone(*earlier: dict) -> list:
    """Eight hours became two business days by an exception; then the office got hours in which eight take longer."""
    events = started(8 * 3600, OFFICE)
    for values in earlier:
        events = then(events, pure.exempt, at=oslo(20, "15:25"), calendar=OFFICE, reason="", **values)
    values = {"at": oslo(20, "15:25"), "calendar": OFFICE, "reason": "", "target": Target(business_days=2)}
    events = then(events, pure.exempt, effect=Effect.RETARGET, **values)
    return then(events, pure.retarget, **values | {"calendar": SHORT, "target": Target(seconds=8 * 3600)}, owner=None)


def test_where_the_promise_is_due_later_than_an_exceptions_target_the_sum_is_the_promises():
    """The customer would add up eight hours, and be told that the target is two days."""
    made = told(outdone(), calendar=SHORT, now=oslo(20, "15:40"))
    assert (made.clock.target, made.basis.target) == (Target(business_days=2), Target(seconds=8 * 3600))
    assert made.outdone == oslo(24, "15:20")
    assert made.clock.due_at == made.clock.gross_due_at == made.end == oslo(30, "15:20") + 2 * DAY
    assert made.stretches[-1].total == 8 * HOUR
    assert (made.counted, made.left) == (20 * MINUTE, 7 * HOUR + 40 * MINUTE)
    assert made.carried is None


@pytest.mark.parametrize(
    "earlier",
    [
        {"effect": Effect.PAUSE, "out": (oslo(20, "15:21"), oslo(20, "15:24"))},
        {"effect": Effect.RESTART, "since": oslo(20, "15:24")},
    ],
)
def test_the_sum_of_the_promise_knows_of_no_exception(earlier):
    """Neither of what one left out, nor of the later beginning that one gave: it is due as if there had been none."""
    made, plain = (told(events, calendar=SHORT, now=oslo(20, "15:40")) for events in (outdone(earlier), outdone()))
    assert made.outdone is not None
    assert (made.end, made.counted, made.left) == (plain.end, plain.counted, plain.left)
    assert rows(made) == rows(plain)


def test_a_pause_foretells_the_deadline_of_the_promise_too():
    events = then(outdone(), pure.pause, at=oslo(20, "15:40"))
    made = told(events, calendar=SHORT, now=oslo(20, "15:50"))
    resumed = fold(pure.resume(made.clock, at=oslo(20, "15:50"), calendar=SHORT), made.clock)
    assert made.if_resumed == resumed.due_at == resumed.gross_due_at
    assert made.basis.target == Target(seconds=8 * 3600)


def test_an_exceptions_later_deadline_is_explained_as_its_own():
    made = told(outdone()[:2], calendar=OFFICE, now=oslo(20, "15:40"))
    assert (made.basis, made.outdone) == (made.clock, None)
    assert made.clock.due_at > made.clock.gross_due_at


def test_an_exception_for_a_time_that_new_hours_close_outdoes_nothing():
    values = {"at": oslo(20, "16:40"), "reason": ""}
    out = {"effect": Effect.PAUSE, "out": (oslo(20, "16:10"), oslo(20, "16:30"))}
    events = then(started(8 * 3600, OFFICE), pure.exempt, **values, **out, calendar=OFFICE)
    events = then(events, pure.retarget, **values, target=Target(seconds=8 * 3600), calendar=SHORT, owner=None)
    made = told(events, calendar=SHORT, now=oslo(20, "16:50"))
    assert made.clock.due_at == made.clock.gross_due_at
    assert (made.basis, made.outdone) == (made.clock, None)
