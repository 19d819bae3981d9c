"""The breach report: every figure of a period and of the one before it, from one statement.

One statement is one snapshot: the totals and the parts add up even while specialists reply. It
reads the selection once, and groups it by every dimension in that one pass.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import BooleanField, DateField, ExpressionWrapper, F, Q
from django.db.models.functions import Cast, Trunc
from django.utils.translation import gettext as _

from helpdesk.accounts.models import Account, User
from helpdesk.reports.breaches import Filters, judged, names_of, scope, wall_time, within
from helpdesk.reports.periods import DAY, Period, Window
from helpdesk.sla.models import BreachCause
from helpdesk.subscriptions.models import Hub

FEW = 20  # fewer due than this say little (SPEC 2.6)
DIMENSIONS = ("hub", "account", "specialist", "bucket", "slot", "cause")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Counts of targets due, and how late the late ones are (half, nine in ten, the worst)."""

    due: int = 0
    met: int = 0
    answered_late: int = 0
    unanswered: int = 0
    late_p50: timedelta | None = None
    late_p90: timedelta | None = None
    late_max: timedelta | None = None

    @property
    def late(self) -> int:
        return self.answered_late + self.unanswered

    @property
    def attainment(self) -> Decimal | None:
        """Met of due in per cent, cut to a tenth so that 100 means all of them; None when nothing was due."""
        return Decimal(self.met * 1000 // self.due) / 10 if self.due else None

    @property
    def is_few(self) -> bool:
        return self.due < FEW


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table: this period, and the one before it."""

    key: Any
    label: str
    now: Figures
    before: Figures

    @property
    def change(self) -> Decimal | None:
        """Points of attainment gained; None where either period has too few to compare."""
        if self.now.is_few or self.before.is_few:
            return None
        return self.now.attainment - self.before.attainment


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Elapsed time from the start to the answer: half, nine in ten, 99 in 100 took no longer."""

    p50: timedelta | None = None
    p90: timedelta | None = None
    p99: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    filters: Filters
    window: Window
    previous: Window
    total: Row
    answers: Answers
    answers_before: Answers
    hubs: list[Row]
    accounts: list[Row]
    specialists: list[Row]
    step: str
    buckets: list[Row]
    slots: dict[tuple[int, int], int]
    causes: list[Row]

    @property
    def uncoded(self) -> Row:
        return next(row for row in self.causes if row.key == "")


def report(filters: Filters, *, reader: User, now: datetime) -> Report:
    """The breach report. Four queries, whatever there is to count."""
    counts, spread, answers = _read(filters, reader=reader, now=now)
    rows = {name: _rows(name, counts, spread) for name in DIMENSIONS}
    accounts = dict(Account.objects.filter(pk__in=rows["account"]).values_list("pk", "name"))
    people = names_of(rows["specialist"])
    hubs = dict(Hub.objects.values_list("pk", "name"))
    step = step_of(filters.period)
    return Report(
        filters=filters,
        window=filters.period.window(now=now),
        previous=filters.period.previous(now=now),
        total=Row(key=None, label="", **_rows("", counts, spread).get(None, _NOTHING)),
        answers=_answers(answers, ""),
        answers_before=_answers(answers, "_before"),
        hubs=[Row(key=key, label=name, **rows["hub"].get(key, _NOTHING)) for key, name in hubs.items()],
        accounts=_worst_first(rows["account"], lambda key: accounts.get(key, "")),
        specialists=_worst_first(rows["specialist"], lambda key: people.get(key, "")),
        step=step,
        buckets=[
            Row(key=day, label="", **rows["bucket"].get(day.isoformat(), _NOTHING))
            for day in buckets(filters.period, step, now=now)
        ],
        slots={divmod(int(key), 24): row["now"].late for key, row in rows["slot"].items() if row["now"].late},
        causes=_causes(rows["cause"]),
    )


def step_of(period: Period) -> str:
    """How wide a column of the trend is: about as many as a screen shows well."""
    if period.days <= 14:
        return "day"
    return "week" if period.days <= 26 * 7 else "month"


def buckets(period: Period, step: str, *, now: datetime) -> list[date]:
    """First days of the columns of the trend, up to today."""
    day, last = _bucket(period.first, step), min(period.last, now.astimezone(period.zone).date())
    days = []
    while day <= last:
        days.append(day)
        day = next_bucket(day, step)
    return days


def next_bucket(day: date, step: str) -> date:
    """The first day of the column after the one that begins on `day`."""
    if step == "month":
        return (day.replace(day=28) + 4 * DAY).replace(day=1)
    return day + (DAY if step == "day" else 7 * DAY)


def _bucket(day: date, step: str) -> date:
    if step == "month":
        return day.replace(day=1)
    return day - day.weekday() * DAY if step == "week" else day


_NOTHING = {"now": Figures(), "before": Figures()}
_COUNTS = ", ".join(
    f"count(*) FILTER (WHERE {'' if before else 'NOT'} previous {test}) AS {name}{before}"
    for before in ("", "_before")
    for name, test in (
        ("due", ""),
        ("met", "AND verdict = 'met'"),
        ("answered_late", "AND verdict = 'answered_late'"),
        ("unanswered", "AND verdict = 'unanswered'"),
    )
)
_LATENESS = "EXTRACT(EPOCH FROM lateness)"
_LATE = ", ".join(
    f"percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY {_LATENESS}) FILTER (WHERE {test}) AS shares{before}, "
    f"max({_LATENESS}) FILTER (WHERE {test}) AS worst{before}"
    for before, test in (("", "NOT previous"), ("_before", "previous"))
)
_TOOK = ", ".join(
    "percentile_disc(ARRAY[0.5, 0.9, 0.99]) WITHIN GROUP (ORDER BY EXTRACT(EPOCH FROM took))"
    f" FILTER (WHERE {test}) AS took{before}"
    for before, test in (("", "NOT previous"), ("_before", "previous"))
)
# Counts hash into all their groups in one pass; percentiles need a sort, which only the few late rows
# and the whole get. percentile_disc gives the time of an actual ticket, never one between two.
_STATEMENT = """
WITH picked AS MATERIALIZED ({picked}),
counts AS (
    SELECT GROUPING(hub, account, specialist, bucket, slot, cause) AS level,
           hub, account, specialist, bucket, slot, cause, {counts}
    FROM picked
    GROUP BY GROUPING SETS ((), (hub), (account), (specialist), (bucket), (slot), (cause))
),
spread AS (
    SELECT GROUPING(hub, account, specialist) AS level, hub, account, specialist, {late}
    FROM picked WHERE verdict <> 'met'
    GROUP BY GROUPING SETS ((), (hub), (account), (specialist))
),
answers AS (SELECT {took} FROM picked WHERE took IS NOT NULL)
SELECT (SELECT json_agg(counts) FROM counts),
       (SELECT json_agg(spread) FROM spread),
       (SELECT to_json(answers) FROM answers)
"""


def _read(filters: Filters, *, reader: User, now: datetime) -> tuple[list[dict], list[dict], dict]:
    """The groups as the database counts them: counts, spread of lateness, times to answer."""
    window, previous = filters.period.window(now=now), filters.period.previous(now=now)
    clocks = scope(filters, reader=reader).filter(within(Window(previous.start, window.end)))
    if previous.end < window.start:
        clocks = clocks.exclude(within(Window(previous.end, window.start)))
    zone = filters.period.zone
    day = Trunc("counted_at", step_of(filters.period), tzinfo=zone, output_field=DateField())
    wall = wall_time(zone)
    picked = (
        judged(clocks, now=now)
        .annotate(
            previous=ExpressionWrapper(Q(counted_at__lt=window.start), output_field=BooleanField()),
            hub=F("ticket__hub_id"),
            account=F("ticket__account_id"),
            bucket=Cast(day, DateField()),
            slot=wall["weekday"] * 24 + wall["hour"],
        )
        .values("previous", "verdict", "lateness", "took", *DIMENSIONS)
    )
    try:
        sql, params = picked.query.sql_with_params()
    except EmptyResultSet:  # a reader who may count nothing
        return [], [], {}
    statement = _STATEMENT.format(picked=sql, counts=_COUNTS, late=_LATE, took=_TOOK)
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        counts, spread, answers = cursor.fetchone()
    return _documents(counts) or [], _documents(spread) or [], _documents(answers) or {}


def _documents(value: Any) -> Any:
    # Django leaves JSON of a plain cursor as text.
    return json.loads(value) if isinstance(value, str) else value


def _level(name: str, names: tuple[str, ...]) -> int:
    """GROUPING's mask of the groups by `name`: a bit is set for what is not grouped by; empty for the whole."""
    return sum(1 << index for index, other in enumerate(reversed(names)) if other != name)


def _rows(name: str, counts: list[dict], spread: list[dict]) -> dict[Any, dict[str, Figures]]:
    """Figures of this period and of the one before, by the keys of a dimension."""
    level = _level(name, DIMENSIONS[:3])
    late = {row.get(name): row for row in spread if row["level"] == level} if name in ("", *DIMENSIONS[:3]) else {}
    level = _level(name, DIMENSIONS)
    return {
        row.get(name): {
            when: _figures(row, late.get(row.get(name), {}), suffix)
            for when, suffix in (("now", ""), ("before", "_before"))
        }
        for row in counts
        if row["level"] == level
    }


def _figures(counts: dict, spread: dict, suffix: str) -> Figures:
    p50, p90 = spread.get(f"shares{suffix}") or (None, None)
    return Figures(
        **{name: counts[name + suffix] for name in ("due", "met", "answered_late", "unanswered")},
        late_p50=_duration(p50),
        late_p90=_duration(p90),
        late_max=_duration(spread.get(f"worst{suffix}")),
    )


def _answers(row: dict, suffix: str) -> Answers:
    p50, p90, p99 = (_duration(seconds) for seconds in row.get(f"took{suffix}") or (None, None, None))
    return Answers(p50=p50, p90=p90, p99=p99)


def _duration(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _worst_first(rows: dict[Any, dict[str, Figures]], label: Callable[[Any], str]) -> list[Row]:
    """The most late on top; those with nothing due in this period are left out."""
    found = [Row(key=key, label=label(key), **figures) for key, figures in rows.items() if figures["now"].due]
    return sorted(found, key=lambda row: (-row.now.late, -row.now.due, row.label))


def _causes(rows: dict[str, dict[str, Figures]]) -> list[Row]:
    """Every cause that late targets have, the most frequent first; those not yet coded come last, always."""
    coded = [
        Row(key=cause.value, label=str(cause.label), **rows[cause])
        for cause in BreachCause
        if cause in rows and rows[cause]["now"].late
    ]
    coded.sort(key=lambda row: -row.now.late)
    return [*coded, Row(key="", label=str(_("Not yet coded")), **rows.get("", _NOTHING))]
