"""What an answer costs, counted in lines of Python; and a table that threads share."""

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from tests.sla.openings import PLAIN, at, calendar, hours


def test_threads_share_a_calendar_while_its_table_grows():
    starts = [at("2026-03-02T10:00+01:00") + timedelta(days=700 * n) for n in (0, 5, -5, 9, -9, 3, -12, 14)] * 8
    grown = calendar("Europe/Vienna", hours=[["09:00", "12:00"], ["13:00", "17:00"]])
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda start: grown.add(start, hours(80)), starts))
    assert found == [PLAIN.add(start, hours(80)) for start in starts]


def lines_run(call) -> int:
    """How many lines of Python an answer takes: work that can be counted, on a machine of any speed."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += event == "line"
        return trace

    call()  # the table of these years is there
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def test_a_long_target_and_ten_years_of_holidays_cost_no_more_than_a_short_target_without():
    start = at("2026-03-02T10:00+01:00")
    holidays = [
        f"{year}-{month:02}-{day:02}" for year in range(2020, 2031) for month in range(1, 13) for day in (3, 17)
    ]
    costs = {
        lines_run(lambda opening=opening, n=n: opening.add(start, hours(n)))
        for opening in (PLAIN, calendar("Europe/Berlin", holidays=holidays), calendar("Europe/Berlin", "mon"))
        for n in (8, 80, 800)
    }
    assert len(costs) == 1
    assert costs.pop() < 30
    assert len({lines_run(lambda n=n: PLAIN.add_business_days(start, n)) for n in (5, 50, 500)}) == 1
    assert len({lines_run(lambda n=n: PLAIN.between(start, start + hours(n))) for n in (8, 80, 800)}) == 1


def test_pauses_cost_in_proportion_to_their_number():
    start = at("2026-03-02T09:00+01:00")

    def cost(count: int) -> int:
        pauses = [(start + hours(2 * n), start + hours(2 * n + 1)) for n in range(count)]
        return lines_run(lambda: PLAIN.add(start, hours(2000), pauses))

    assert cost(200) - cost(100) == cost(300) - cost(200) < 100 * 40
