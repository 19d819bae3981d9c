"""The one statement behind the breach report: what counts net and gross, grouped by every dimension."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import BooleanField, DateField, Expression, ExpressionWrapper, F, IntegerField, Q
from django.db.models.functions import Cast, Trunc

from helpdesk.accounts.models import User
from helpdesk.reports.breaches import CREATED, REPLIED, Filters, counts, counts_gross, instant, judged, scope, wall_time
from helpdesk.reports.periods import Period, step_of
from helpdesk.reports.promptness import PROMPTNESS
from helpdesk.sla.models import APART
from helpdesk.tickets.models import Ticket

SPREAD = ("hub", "account", "specialist", "team", "replier")  # those that say how late, too
DIMENSIONS = (*SPREAD, "bucket", "gross_bucket", "slot", "cause", "band")
# What is picked of a target, besides its groups.
_COLUMNS = (
    "id",
    "counted_at",
    "net",
    "gross",
    "previous",
    "gross_previous",
    "verdict",
    "gross_verdict",
    "lifted",
    "lateness",
    "took",
)
VERDICTS = ("met", "answered_late", "unanswered")
OLDEST = 8  # unanswered targets that are named


def _place(count: str, prefix: str) -> str:
    """Where in `VERDICTS` a target stands in one count, further on for the period before; none where it isn't in it.

    It is found once for each target, so that each of the many sums has but a number to compare.
    """
    verdict = " ".join(f"WHEN '{name}' THEN {place}" for place, name in enumerate(VERDICTS))
    before = f"CASE WHEN {prefix}previous THEN {len(VERDICTS)} ELSE 0 END"
    return f"CASE WHEN {count} THEN CASE {prefix}verdict {verdict} END + {before} END AS {prefix}place"


def _sums(prefix: str) -> Iterator[str]:
    """Each verdict of one count, of this period and of the one before, as columns."""
    for place, name in enumerate(f"{verdict}{suffix}" for suffix in ("", "_before") for verdict in VERDICTS):
        yield f"count(*) FILTER (WHERE {prefix}place = {place}) AS {prefix}{name}"


_PLACES = f"{_place('net', '')}, {_place('gross', 'gross_')}"
_COUNTS = ", ".join([*_sums(""), *_sums("gross_")])
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
WITH picked AS MATERIALIZED (SELECT *, {places} FROM ({picked}) AS part),
counts AS (
    SELECT GROUPING({dimensions}) AS level, {dimensions}, {counts}
    FROM picked GROUP BY GROUPING SETS ((), {each_dimension})
),
spread AS (
    SELECT GROUPING({spread}) AS level, {spread}, {late}
    FROM picked WHERE net AND verdict <> 'met' GROUP BY GROUPING SETS ((), {each_spread})
),
codes AS (
    SELECT code_id AS code, effect, count(DISTINCT picked.id) AS targets,
           count(DISTINCT picked.id) FILTER (WHERE lifted) AS lifted
    FROM picked JOIN helpdesk_clockexception AS exception ON exception.clock_id = picked.id
    WHERE gross AND NOT gross_previous AND exception.state = 'approved'
    GROUP BY CUBE (code_id, effect)
),
answers AS (SELECT {took} FROM picked WHERE net AND took IS NOT NULL),
prompt AS (
    SELECT {prompt} FROM picked JOIN helpdesk_escalation AS escalation ON escalation.clock_id = picked.id
    WHERE net AND NOT previous AND escalation.state = 'fired'
),
oldest AS (
    SELECT id, counted_at FROM picked WHERE net AND NOT previous AND verdict = 'unanswered'
    ORDER BY counted_at, id LIMIT {oldest}
)
SELECT (SELECT json_agg(counts) FROM counts),
       (SELECT json_agg(spread) FROM spread),
       (SELECT json_agg(codes) FROM codes),
       (SELECT to_json(answers) FROM answers),
       (SELECT to_json(prompt) FROM prompt),
       (SELECT json_agg(id ORDER BY counted_at, id) FROM oldest)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The groups as the database counts them; a field for each part of the statement, in its order."""

    counts: list[dict] = field(default_factory=list)
    spread: list[dict] = field(default_factory=list)
    codes: list[dict] = field(default_factory=list)
    answers: dict = field(default_factory=dict)
    prompt: dict = field(default_factory=dict)
    oldest: list[int] = field(default_factory=list)


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
            slot=Cast(wall["weekday"] * 24 + wall["hour"], IntegerField()),
        )
        .values(*_COLUMNS, *DIMENSIONS)
    )
    try:
        parts = [picked.filter(part).query.sql_with_params() for part in _parts(filters, now=now)]
    except EmptyResultSet:  # a reader who may count nothing
        return Found()
    statement = _STATEMENT.format(
        picked=" UNION ALL ".join(sql for sql, _params in parts),
        places=_PLACES,
        dimensions=", ".join(DIMENSIONS),
        each_dimension=_each(DIMENSIONS),
        spread=", ".join(SPREAD),
        each_spread=_each(SPREAD),
        counts=_COUNTS,
        late=_LATE,
        took=_TOOK,
        prompt=PROMPTNESS,
        oldest=OLDEST,
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [value for _sql, params in parts for value in params])
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


def _parts(filters: Filters, *, now: datetime) -> list[Q]:
    """All that may count in either period, in parts without overlap, each over an index of its own.

    One condition over two columns would read every target there ever was.
    """
    start, end = filters.period.previous(now=now).start, filters.period.window(now=now).end
    if filters.dates == REPLIED:
        return [Q(ended_at__gte=start, ended_at__lt=end)]
    # Nothing falls due before its ticket is created; a ticket that took another one in may keep an older promise.
    end = now if filters.dates == CREATED else end
    net = Q(counted_at__gte=start, counted_at__lt=end)
    gross = APART & Q(gross_counted_at__gte=start, gross_counted_at__lt=end)
    not_net = _outside("counted_at", start, end)
    parts = [net, gross & not_net]
    if filters.dates == CREATED:
        taken_in = Ticket.objects.filter(merged_into__isnull=False).values("merged_into")
        parts.append(Q(ticket__in=taken_in) & not_net & _outside("gross_counted_at", start, end))
    return parts


def _outside(field: str, start: datetime, end: datetime) -> Q:
    """A paused clock has no instant: in SQL, what isn't within a period is then not outside of it either."""
    return Q(**{field: None}) | Q(**{f"{field}__lt": start}) | Q(**{f"{field}__gte": end})


def _as_column(test: Q) -> Expression:
    return ExpressionWrapper(test, output_field=BooleanField())


def _column_of(name: str, period: Period) -> Expression:
    """The first day of the trend's column that an instant is in."""
    day = Trunc(name, step_of(period), tzinfo=period.zone, output_field=DateField())
    return Cast(day, DateField())


def _documents(value: Any) -> Any:
    # Django leaves JSON of a plain cursor as text.
    return json.loads(value) if isinstance(value, str) else value
