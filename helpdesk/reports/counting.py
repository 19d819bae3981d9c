"""The one statement behind the breach report: what counts net and gross, grouped by every dimension."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import BooleanField, DateField, Expression, ExpressionWrapper, F, Q
from django.db.models.functions import Cast, Trunc

from helpdesk.accounts.models import User
from helpdesk.reports.breaches import Filters, counts, counts_gross, instant, judged, scope, wall_time
from helpdesk.reports.periods import Period, step_of

SPREAD = ("hub", "account", "specialist", "team", "replier")  # those that say how late, too
DIMENSIONS = (*SPREAD, "bucket", "slot", "cause", "band")
# What is picked of a target, besides its groups.
_COLUMNS = (
    "id",
    "net",
    "gross",
    "previous",
    "gross_previous",
    "gross_bucket",
    "verdict",
    "gross_verdict",
    "lifted",
    "lateness",
    "took",
)
VERDICTS = ("met", "answered_late", "unanswered")


def _sums(count: str, *, suffix: str = "") -> str:
    """Due and each verdict of one count (`net` or `gross`) and period, as columns."""
    prefix, verdict = ("gross_", "gross_verdict") if count == "gross" else ("", "verdict")
    when = f"{count} AND {'' if suffix else 'NOT'} {prefix}previous"
    columns = [f"count(*) FILTER (WHERE {when}) AS {prefix}due{suffix}"]
    columns += [
        f"count(*) FILTER (WHERE {when} AND {verdict} = '{name}') AS {prefix}{name}{suffix}" for name in VERDICTS
    ]
    return ", ".join(columns)


_COUNTS = ", ".join(_sums(count, suffix=suffix) for count in ("net", "gross") for suffix in ("", "_before"))
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
    SELECT GROUPING({dimensions}) AS level, {dimensions}, {counts}
    FROM picked GROUP BY GROUPING SETS ((), {each_dimension})
),
spread AS (
    SELECT GROUPING({spread}) AS level, {spread}, {late}
    FROM picked WHERE net AND verdict <> 'met' GROUP BY GROUPING SETS ((), {each_spread})
),
gross_buckets AS (SELECT gross_bucket AS bucket, {gross} FROM picked WHERE gross AND NOT gross_previous GROUP BY 1),
codes AS (
    SELECT code_id AS code, effect, count(DISTINCT picked.id) AS targets,
           count(DISTINCT picked.id) FILTER (WHERE lifted) AS lifted
    FROM picked JOIN helpdesk_clockexception AS exception ON exception.clock_id = picked.id
    WHERE gross AND NOT gross_previous AND exception.state = 'approved'
    GROUP BY CUBE (code_id, effect)
),
answers AS (SELECT {took} FROM picked WHERE net AND took IS NOT NULL)
SELECT (SELECT json_agg(counts) FROM counts),
       (SELECT json_agg(spread) FROM spread),
       (SELECT json_agg(gross_buckets) FROM gross_buckets),
       (SELECT json_agg(codes) FROM codes),
       (SELECT to_json(answers) FROM answers)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The groups as the database counts them; a field for each part of the statement, in its order."""

    counts: list[dict] = field(default_factory=list)
    spread: list[dict] = field(default_factory=list)
    gross_buckets: list[dict] = field(default_factory=list)
    codes: list[dict] = field(default_factory=list)
    answers: dict = field(default_factory=dict)


def read(filters: Filters, *, reader: User, now: datetime) -> Found:
    """Count what a person may count. One query."""
    window = filters.period.window(now=now)
    net, gross = (_in_either(test, filters, now=now) for test in (counts, counts_gross))
    wall = wall_time(filters)
    at, gross_at = instant(filters.dates), instant(filters.dates, gross=True)
    picked = (
        judged(scope(filters, reader=reader).filter(net | gross), now=now)
        .annotate(
            net=_as_column(net),
            gross=_as_column(gross),
            previous=_as_column(Q(**{f"{at}__lt": window.start})),
            gross_previous=_as_column(Q(**{f"{gross_at}__lt": window.start})),
            hub=F("ticket__hub_id"),
            account=F("ticket__account_id"),
            team=F("ticket__team_id"),
            replier=F("answered_by_id"),
            bucket=_column_of(at, filters.period),
            gross_bucket=_column_of(gross_at, filters.period),
            slot=wall["weekday"] * 24 + wall["hour"],
        )
        .values(*_COLUMNS, *DIMENSIONS)
    )
    try:
        sql, params = picked.query.sql_with_params()
    except EmptyResultSet:  # a reader who may count nothing
        return Found()
    statement = _STATEMENT.format(
        picked=sql,
        dimensions=", ".join(DIMENSIONS),
        each_dimension=_each(DIMENSIONS),
        spread=", ".join(SPREAD),
        each_spread=_each(SPREAD),
        counts=_COUNTS,
        late=_LATE,
        gross=_sums("gross"),
        took=_TOOK,
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        found = [_documents(value) for value in cursor.fetchone()]
    return Found(
        **{name: value for name, value in zip(Found.__dataclass_fields__, found, strict=True) if value is not None}
    )


def _each(names: tuple[str, ...]) -> str:
    return ", ".join(f"({name})" for name in names)


def _in_either(test: Callable[..., Q], filters: Filters, *, now: datetime) -> Q:
    """What counts in this period or in the one before it."""
    window, previous = filters.period.window(now=now), filters.period.previous(now=now)
    return test(window, dates=filters.dates, now=now) | test(previous, dates=filters.dates, now=now)


def _as_column(test: Q) -> Expression:
    return ExpressionWrapper(test, output_field=BooleanField())


def _column_of(name: str, period: Period) -> Expression:
    """The first day of the trend's column that an instant is in."""
    day = Trunc(name, step_of(period), tzinfo=period.zone, output_field=DateField())
    return Cast(day, DateField())


def _documents(value: Any) -> Any:
    # Django leaves JSON of a plain cursor as text.
    return json.loads(value) if isinstance(value, str) else value
