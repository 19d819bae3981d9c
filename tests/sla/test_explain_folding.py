"""A long story is shown short: which stretches become one, told by a letter for each stretch (SPEC 2.2)."""

from datetime import UTC, datetime, timedelta

import pytest

from helpdesk.sla.explain import ADDED_UP, Kind, Stretch, folded

HOUR = timedelta(hours=1)
BEGIN = datetime(2026, 11, 23, 8, tzinfo=UTC)
KINDS = {"c": Kind.COUNTED, "-": Kind.CLOSED, "p": Kind.PAUSED, "a": Kind.AHEAD, "o": Kind.OVER}
LETTERS = {kind: letter for letter, kind in KINDS.items()}


def line(letters: str) -> list[Stretch]:
    """Stretches of one hour each."""
    rows, total = [], timedelta(0)
    for place, letter in enumerate(letters):
        counted = HOUR if KINDS[letter] in ADDED_UP else timedelta(0)
        total += counted
        times = {"begin": BEGIN + place * HOUR, "end": BEGIN + (place + 1) * HOUR}
        rows.append(Stretch(kind=KINDS[letter], **times, open=counted, counted=counted, total=total, cause=place))
    return rows


def shown(rows: list[Stretch]) -> str:
    """A letter for each; what was folded with all that is inside: `c(c-c)`."""
    return "".join(
        LETTERS[row.kind] + (f"({''.join(LETTERS[one.kind] for one in row.inside)})" if row.inside else "")
        for row in rows
    )


@pytest.mark.parametrize(
    ("letters", "most", "short"),
    [
        ("c-c-c", 5, "c-c-c"),  # nothing to do
        ("c-c-c-c", 5, "c-c(c-c)-c"),
        ("c-c-c-c-c", 7, "c-c(c-c-c)-c"),
        ("-c-c-c-c-c", 7, "-cc(-c-c-c)-c"),  # begins while the office is closed
        ("cp-c-c-c-c", 8, "cp-cc(-c-c)-c"),
        ("cpp-c-c-c-c", 8, "cpp-cc(-c-c)-c"),
        ("cppc-c-c-c-c", 9, "cppc-c(c-c-c)-c"),
        ("c-c-c-cp-c-c-c-c-cp-c-c-c", 18, "c-c(c-c)-cp-cc(-c-c-c)-cp-c-c-c"),  # the longest run first
        ("c-c-c-c-c-cp-c-c-cp-c-c-c", 20, "c-c(c-c-c-c)-cp-c-c-cp-c-c-c"),
        ("c-c-c-c-a-a-a-a", 13, "c-c(c-c-)c-a-a-a-a"),  # what counted and what is still to come are two runs
        ("p-p-p-p-p-p", 9, "p-p-p(p-p)-p-p"),  # pauses are no working days
    ],
)
def test_runs_of_working_days_are_folded_without_their_first_and_last_day(letters, most, short):
    assert shown(folded(line(letters), most=most)) == short


@pytest.mark.parametrize(
    ("letters", "most", "short"),
    [
        ("cpcpcpcpcp", 8, "cpc-(pcp)cpcp"),
        ("cpcpcpcpcp", 9, "cpcp-(cp)cpcp"),
        ("cpcpcpcpcpc", 6, "cp-(cpcpcp)cpc"),
        ("pppppppp", 5, "ppp(pppp)pp"),  # pauses that touch stay pauses
        ("c-c-cp", 5, "c-c(c-)cp"),
        ("c-c-c-p", 5, "c-c(c-c)-p"),
        ("c-c-c-ppp", 8, "c-cc(-c)-ppp"),  # two stretches between the first and the last day are no run
    ],
)
def test_where_there_are_no_working_days_to_fold_it_is_the_middle(letters, most, short):
    assert shown(folded(line(letters), most=most)) == short


@pytest.mark.parametrize(
    ("hour", "short"),
    [
        (2.5, "c-c-cc(-c-c-c-c)-c"),
        (3, "c-c-cc(-c-c-c-c)-c"),  # the end of one stretch, the beginning of the next
        (4, "c-c-c-c(c-c-c-c)-c"),
        (6, "c-c-c-c-c(c-c-c)-c"),
    ],
)
def test_no_run_goes_over_a_mark(hour, short):
    """Else the instant of a reminder or a missed deadline would have no place in the picture."""
    assert shown(folded(line("c-c-c-c-c-c-c-c"), most=12, marks=[BEGIN + hour * HOUR])) == short


def test_what_was_folded_says_what_it_all_adds_up_to():
    rows = line("c-c-c-c-c")
    one = folded(rows, most=7)[2]
    assert (one.begin, one.end, one.length) == (BEGIN + 2 * HOUR, BEGIN + 7 * HOUR, 5 * HOUR)
    assert (one.open, one.counted, one.total, one.cause) == (3 * HOUR, 3 * HOUR, 4 * HOUR, None)
    assert one.inside == tuple(rows[2:7])
