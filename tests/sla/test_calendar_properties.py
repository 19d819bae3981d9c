"""What holds for every calendar, against a model that looks at the clock on the wall minute by minute."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from helpdesk.sla.calendar import ALWAYS_OPEN, DAY_NAMES, BusinessCalendar

MINUTE = timedelta(minutes=1)
WINDOW = timedelta(days=8)
TICK = timedelta(microseconds=1)

# Where something happens to the clocks: forward, back, by half an hour, at midnight, over a whole day, or nothing.
CHANGES = {
    "Europe/Berlin": ["2026-03-29T01:00", "2026-10-25T01:00", "2026-12-31T23:00"],
    "America/New_York": ["2026-03-08T07:00", "2026-11-01T06:00"],
    "Australia/Lord_Howe": ["2026-10-03T15:30", "2026-04-04T15:00"],
    "Australia/Sydney": ["2026-10-03T16:00", "2026-04-04T16:00"],
    "America/Sao_Paulo": ["2018-11-04T03:00", "2018-02-18T02:00"],
    "Asia/Beirut": ["2022-03-26T22:00", "2022-10-29T21:00"],
    "Africa/Cairo": ["2023-04-27T22:00", "2023-10-26T21:00"],
    "America/Havana": ["2026-03-08T05:00", "2026-11-01T05:00"],
    "America/St_Johns": ["2006-10-29T02:31", "2006-04-02T03:31"],
    "Pacific/Apia": ["2011-12-30T10:00"],
    "Pacific/Kiritimati": ["1994-12-31T10:00"],
    "Asia/Kathmandu": ["2028-02-29T00:00"],
    "Africa/Casablanca": ["2026-02-15T02:00", "2026-03-22T02:00"],
}


class MinuteModel:
    """The definition read literally: a minute counts when the wall shows a time inside an interval of its date."""

    def __init__(self, definition: dict, begin: datetime):
        self.begin = begin
        zone = ZoneInfo(definition["timezone"])
        local = [(begin + number * MINUTE).astimezone(zone) for number in range(WINDOW // MINUTE)]
        self.walls = [str(at)[:16].split() for at in local]
        self.open = [self.counts(definition, at, *wall) for at, wall in zip(local, self.walls, strict=True)]

    @staticmethod
    def counts(definition: dict, at: datetime, day: str, time: str) -> bool:
        if day in definition["holidays"]:
            return False
        hours = definition["special_days"].get(day, definition["weekly"].get(DAY_NAMES[at.weekday()], []))
        return any(begin <= time < end for begin, end in hours)

    def index(self, at: datetime) -> int:
        return (at - self.begin) // MINUTE

    def counted(self, pauses: list) -> list[bool]:
        counted = list(self.open)
        for begin, end in pauses:
            for number in range(max(0, self.index(begin)), min(len(counted), self.index(end))):
                counted[number] = False
        return counted

    def add(self, start: datetime, minutes: int, pauses: list) -> datetime | None:
        counted, at = self.counted(pauses), self.index(start)
        while minutes:
            if at == len(counted):
                return None
            minutes -= counted[at]
            at += 1
        return self.begin + at * MINUTE

    def between(self, start: datetime, end: datetime, pauses: list) -> timedelta:
        return sum(self.counted(pauses)[self.index(start) : self.index(end)]) * MINUTE

    def add_business_days(self, start: datetime, n: int) -> datetime | None:
        numbers = range(len(self.open))
        anchor = next((number for number in numbers[self.index(start) :] if self.open[number]), None)
        if anchor is None:
            return None
        today, wall = self.walls[anchor]
        working_days = sorted({self.walls[number][0] for number in numbers if self.open[number]} - {today})
        later = [day for day in working_days if day > today]
        if len(later) <= n:  # one more than needed, so that the day is certain to lie in the window as a whole
            return None
        of_the_day = [number for number in numbers if self.walls[number][0] == later[n - 1]]
        closings = [number + 1 for number in of_the_day if self.open[number]]
        reached = next((number for number in of_the_day if self.walls[number][1] >= wall), closings[-1])
        stops = {*closings, *(number for number in of_the_day if self.open[number])}
        due = next((number for number in numbers[reached:] if number in stops), closings[-1])
        return self.begin + min(due, closings[-1]) * MINUTE


def written(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


@st.composite
def hours(draw) -> list[list[str]]:
    if draw(st.integers(0, 3)) == 0:
        return [["00:00", "24:00"]]
    grid = st.integers(0, 96).map(lambda quarter: quarter * 15) | st.integers(0, 1440)
    edges = sorted(draw(st.lists(grid, unique=True, max_size=6)))
    pairs = [[written(begin), written(end)] for begin, end in zip(edges[::2], edges[1::2], strict=False)]
    if len(pairs) > 1 and draw(st.booleans()):
        pairs[1][0] = pairs[0][1]  # intervals that touch
    return pairs


@st.composite
def cases(draw) -> tuple[dict, datetime]:
    """A definition that opens at some time, and an instant close to a change of its clocks."""
    zone = draw(st.sampled_from(sorted(CHANGES)))
    change = datetime.fromisoformat(draw(st.sampled_from(CHANGES[zone]))).replace(tzinfo=UTC)
    dates = st.integers(-3, 5).map(lambda days: (change + timedelta(days=days)).date().isoformat())
    definition = {
        "timezone": zone,
        "weekly": draw(st.dictionaries(st.sampled_from(DAY_NAMES), hours(), max_size=7)),
        "holidays": sorted(draw(st.sets(dates, max_size=2))),
        "special_days": draw(st.dictionaries(dates, hours(), max_size=2)),
    }
    assume(any(definition["weekly"].values()))
    return definition, change + draw(st.integers(-3000, 2000)) * MINUTE


minutes = st.integers(0, 4000)
micros = st.integers(0, 40 * 86_400_000_000).map(lambda number: timedelta(microseconds=number))


@st.composite
def pauses_around(draw, start: datetime) -> list[tuple[datetime, datetime]]:
    """Unsorted, overlapping, empty, reversed and early ones too."""
    pairs = draw(st.lists(st.tuples(st.integers(-600, 5000), st.integers(-300, 2000)), max_size=5))
    return [(start + begin * MINUTE, start + (begin + length) * MINUTE) for begin, length in pairs]


relaxed = settings(deadline=None, derandomize=True, max_examples=60, database=None)


@relaxed
@given(cases(), minutes, st.data())
def test_add_and_between_say_what_a_person_with_a_stopwatch_would(case, length, data):
    definition, start = case
    calendar, model = BusinessCalendar.from_dict(definition), MinuteModel(definition, start - timedelta(days=1))
    pauses = data.draw(pauses_around(start))
    expected = model.add(start, length, pauses)
    if expected is not None:
        assert calendar.add(start, length * MINUTE, pauses) == expected
    end = start + data.draw(st.integers(-100, 9000)) * MINUTE
    assert calendar.between(start, end, pauses) == (model.between(start, end, pauses) if end > start else timedelta(0))


@relaxed
@given(cases())
def test_every_minute_is_open_or_closed_as_the_wall_says(case):
    definition, start = case
    calendar, model = BusinessCalendar.from_dict(definition), MinuteModel(definition, start)
    stretches = list(calendar.open_intervals(start, start + WINDOW))
    expected = [number for number, is_open in enumerate(model.open) if is_open]
    found = [n for begin, end in stretches for n in range(model.index(begin), model.index(end))]
    assert found == expected
    assert all(first[1] < second[0] for first, second in zip(stretches, stretches[1:], strict=False))
    following = None
    for number in reversed(range(len(model.open))):
        following = number if model.open[number] else following
        if number % 11 == 0:
            assert calendar.is_open(start + number * MINUTE) == model.open[number]
            if following is not None:
                assert calendar.next_opening(start + number * MINUTE) == start + following * MINUTE


@relaxed
@given(cases(), st.integers(1, 4))
def test_business_days_keep_the_wall_time_within_the_days_hours(case, n):
    definition, start = case
    expected = MinuteModel(definition, start).add_business_days(start, n)
    assume(expected is not None)
    assert BusinessCalendar.from_dict(definition).add_business_days(start, n) == expected


@relaxed
@given(cases(), micros, micros)
def test_adding_and_measuring_undo_each_other_to_the_microsecond(case, odd, duration):
    calendar, start = BusinessCalendar.from_dict(case[0]), case[1] + odd
    due = calendar.add(start, duration)
    assert calendar.between(start, due) == duration
    if duration:
        assert calendar.between(start, due - TICK) == duration - TICK  # the earliest such instant
        assert calendar.is_open(due - TICK)
    else:
        assert due == start
    end = start + duration
    assert calendar.add(start, calendar.between(start, end)) <= end


@relaxed
@given(cases(), micros, micros, micros, st.data())
def test_pauses_leave_the_inverse_intact(case, odd, duration, far, data):
    calendar, start = BusinessCalendar.from_dict(case[0]), case[1] + odd
    pauses = data.draw(pauses_around(start))
    due = calendar.add(start, duration, pauses)
    assert calendar.between(start, due, pauses) == duration
    if duration:
        assert calendar.between(start, due - TICK, pauses) == duration - TICK
    kept, at, end = timedelta(0), start, start + far
    for begin, resumed in sorted(pause for pause in pauses if pause[0] < pause[1]):
        kept += calendar.between(at, min(begin, end))
        at = max(at, resumed)
    assert calendar.between(start, end, pauses) == kept + calendar.between(at, end)


@relaxed
@given(cases(), micros, micros, micros)
def test_a_later_start_or_a_longer_target_is_never_due_earlier(case, odd, first, second):
    calendar, start = BusinessCalendar.from_dict(case[0]), case[1] + odd
    assert calendar.add(start, first) <= calendar.add(start + second, first)
    assert calendar.add(start, first) <= calendar.add(start, first + second)
    assert calendar.add(calendar.add(start, first), second) == calendar.add(start, first + second)


@relaxed
@given(cases(), micros, micros)
def test_open_time_is_the_sum_of_its_parts(case, first, second):
    calendar, start = BusinessCalendar.from_dict(case[0]), case[1]
    middle, end = start + first, start + first + second
    assert calendar.between(start, middle) + calendar.between(middle, end) == calendar.between(start, end)
    stretches = list(calendar.open_intervals(start, end))
    assert sum((until - begin for begin, until in stretches), timedelta(0)) == calendar.between(start, end)


@relaxed
@given(cases(), st.randoms(use_true_random=False))
def test_a_definition_survives_being_stored(case, random):
    definition, _ = case
    shuffled = {
        **definition,
        "weekly": {name: random.sample(pairs, len(pairs)) for name, pairs in definition["weekly"].items()},
        "holidays": random.sample(definition["holidays"] * 2, len(definition["holidays"] * 2)),
    }
    calendar = BusinessCalendar.from_dict(shuffled)
    assert calendar.to_dict() == definition
    assert BusinessCalendar.from_dict(calendar.to_dict()) == calendar


@relaxed
@given(st.datetimes(timezones=st.timezones()), micros)
def test_the_calendar_that_never_closes_is_plain_arithmetic(start, duration):
    assume(2 <= start.year <= 9998)
    due = ALWAYS_OPEN.add(start, duration)
    assert due == start.astimezone(UTC) + duration
    assert ALWAYS_OPEN.between(start, due) == duration
    assert ALWAYS_OPEN.is_open(start)
