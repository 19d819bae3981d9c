"""Which guarantees will be missed in the coming hours, if work goes on as it does (SPEC 2.8).

The method is plain, so that a manager can judge it. The unanswered guarantees stand in a line by their deadlines,
those that are late already in front, and are answered in this order. Whoever's turn comes behind their
deadline will be missed. What is still to come in is not in it. How many an hour are answered is taken in two ways:

- by the pace of the last two hours,
- by the people at work: so many people have answered in the last two hours, and one of them answered so many an
  hour in the last seven days. This way also says what another number of people would change.

Both are tried at instants of the last four weeks; the one that was off by less is used.

The database does the counting: a busy service has tens of thousands of targets in four weeks, of which only the
few that will be missed are read.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Case, F, Q, QuerySet, When

from helpdesk.accounts.models import User
from helpdesk.reports.breaches import visible_to
from helpdesk.sla.clock import OPEN, Metric, Promise, State
from helpdesk.sla.models import Clock

HOUR = timedelta(hours=1)
HORIZON = 4 * HOUR
PACE_OF = 2 * HOUR  # how far back the pace is measured, and who answered within is at work
USUAL = 7 * 24 * HOUR  # how far back it is measured what one person at work answers
STALE = 24 * HOUR  # late for longer than this, a target is nobody's next turn
BACK, EVERY = timedelta(days=28), 4 * HOUR
TRIED = BACK // EVERY  # instants that the method is tried at: those whose horizon is over. The one after them is now
STRETCHES = EVERY // PACE_OF  # the past is cut into stretches as long as `PACE_OF`, so many between two instants
MOST_LISTED = 100
MOST_PEOPLE = 500  # that can be asked about
BY_PACE, BY_PEOPLE, ASKED = "pace", "people", "asked"

# Instants are numbered, EVERY apart, so that each target names the few at which it stood in the line, and no
# instant has to look through all targets; stretches end PACE_OF apart, the first instant being the end of the
# stretch nought. A turn comes `place` answers after its instant; to compare whole numbers with it, a
# way's answers an hour stay a fraction, `above / below` answers in `PACE_OF`, and nobody divides by nought.
_STATEMENT = """
WITH target AS MATERIALIZED ({picked}),
reply AS (
    SELECT ceil(EXTRACT(EPOCH FROM ended - %(first)s) / %(pace_of)s)::integer AS stretch, person,
           -- What is due later is read for no instant, so that the present is measured as the past is.
           promise = %(guaranteed)s AND due <= %(first)s + make_interval(secs => %(horizon)s
               + %(pace_of)s * ceil(EXTRACT(EPOCH FROM ended - %(first)s) / %(pace_of)s)) AS counts
    FROM ({replies}) AS replies
),
person AS (SELECT stretch, person, count(*) FILTER (WHERE counts) AS answers FROM reply GROUP BY stretch, person),
stretch AS (
    SELECT number, coalesce(sum(answers), 0)::bigint AS answers, count(person) AS people
    FROM generate_series(1 - %(usual)s, %(tried)s * %(stretches)s) AS every (number)
    LEFT JOIN person ON stretch = number GROUP BY number
),
staffed AS (
    SELECT number, answers, people, sum(answers) OVER usual AS usual_answers, sum(people) OVER usual AS usual_people
    FROM stretch WINDOW usual AS (ORDER BY number ROWS BETWEEN %(usual)s - 1 PRECEDING AND CURRENT ROW)
),
way AS (
    SELECT number / %(stretches)s AS number, way, above, below
    FROM staffed CROSS JOIN LATERAL (VALUES
        ('pace', answers, 1),
        ('people', people * usual_answers, greatest(usual_people, 1)),
        ('asked', %(asked)s * usual_answers, greatest(usual_people, 1))
    ) AS ways (way, above, below)
    WHERE number >= 0 AND number %% %(stretches)s = 0 AND (way <> 'asked' OR number = %(tried)s * %(stretches)s)
),
line AS (
    SELECT tried.number, ticket_id, due, ended, %(first)s + tried.number * make_interval(secs => %(every)s) AS at,
           row_number() OVER (PARTITION BY tried.number ORDER BY due, id) AS place
    FROM target
    CROSS JOIN LATERAL generate_series(
        greatest(0, ceil(EXTRACT(EPOCH FROM
            greatest(started_at, due - make_interval(secs => %(horizon)s)) - %(first)s) / %(every)s)::integer),
        least(%(tried)s,
              floor(EXTRACT(EPOCH FROM due + make_interval(secs => %(stale)s) - %(first)s) / %(every)s)::integer,
              ceil(EXTRACT(EPOCH FROM ended - %(first)s) / %(every)s)::integer - 1)
    ) AS tried (number)
),
turns AS (
    SELECT line.*, way, due > at AS ahead,
           place * %(pace_of)s * below > above * EXTRACT(EPOCH FROM due - at) AS behind
    FROM line JOIN way USING (number)
),
instants AS (
    SELECT number, way, count(*) FILTER (WHERE NOT ahead) AS late, count(*) FILTER (WHERE ahead) AS due,
           count(*) FILTER (WHERE ahead AND behind) AS predicted,
           count(*) FILTER (WHERE ahead AND (ended IS NULL OR ended > due)) AS came
    FROM turns GROUP BY number, way
),
missed AS (
    SELECT way, ticket_id AS ticket, EXTRACT(EPOCH FROM due) AS due, place,
           row_number() OVER (PARTITION BY way ORDER BY place) AS nth
    FROM turns WHERE number = %(tried)s AND ahead AND behind
)
SELECT (SELECT json_agg(instants) FROM instants),
       (SELECT json_agg(missed ORDER BY place) FROM missed WHERE nth <= %(listed)s),
       (SELECT json_agg(staffed) FROM staffed WHERE number = %(tried)s * %(stretches)s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One in the line that will be missed; `at` is when its turn would come, None at no pace at all."""

    ticket: int
    due: datetime
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """What the method said for `count` instants, and what came: missed in the `HORIZON` after each, on average."""

    count: int = TRIED
    predicted: float = 0.0
    actual: float = 0.0
    off: float = 0.0  # the mean distance between the two
    exact: int = TRIED  # instants at which it was off by one at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What one way of taking the pace says; `turns` are `MOST_LISTED` at most, by deadline."""

    pace: float = 0.0  # guarantees answered an hour
    missed: int = 0
    turns: list[Turn] = field(default_factory=list)
    error: Error = Error()


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """As of `now`: how many stand in front late and fall due within `HORIZON`, and how many will be missed each way."""

    now: datetime
    late: int = 0
    due: int = 0
    people: int = 0  # different people who answered within `PACE_OF`
    per_person: float | None = None  # guarantees one of them answers an hour; None: nobody answered within `USUAL`
    by_pace: Way = Way()
    by_people: Way = Way()
    asked: Way | None = None  # by another number of people; its error is that of `by_people`

    @property
    def is_by_people(self) -> bool:
        """Whether the people at work tell more than the pace: over the past they were off by less."""
        return self.by_people.error.off < self.by_pace.error.off

    @property
    def used(self) -> Way:
        return self.by_people if self.is_by_people else self.by_pace


def forecast(*, reader: User, now: datetime, people: int | None = None) -> Forecast:
    """The coming `HORIZON`, and how far off each way was; with `people` at work, too. One query, whatever there is."""
    try:
        picked, of_targets = _picked(reader, now=now).query.sql_with_params()
        replies, of_replies = _replies(reader, now=now).query.sql_with_params()
    except EmptyResultSet:  # a reader who may count nothing
        return Forecast(now=now)
    statement, given = _named(_STATEMENT, {"picked": (picked, of_targets), "replies": (replies, of_replies)})
    with connection.cursor() as cursor:
        cursor.execute(statement, given | _given(now=now, people=people))
        instants, missed, staffed = (_documents(value) for value in cursor.fetchone())
    (here,) = staffed
    usual = here["usual_answers"] / here["usual_people"] if here["usual_people"] else None
    paces = {BY_PACE: here["answers"], BY_PEOPLE: here["people"] * (usual or 0), ASKED: (people or 0) * (usual or 0)}
    ways = {
        name: _way(
            pace / (PACE_OF / HOUR),
            {row["number"]: row for row in instants if row["way"] == name},
            [row for row in missed if row["way"] == name],
            now=now,
        )
        for name, pace in paces.items()
    }
    in_line = next((row for row in instants if row["number"] == TRIED), {})
    return Forecast(
        now=now,
        late=in_line.get("late", 0),
        due=in_line.get("due", 0),
        people=here["people"],
        per_person=None if usual is None else usual / (PACE_OF / HOUR),
        by_pace=ways[BY_PACE],
        by_people=ways[BY_PEOPLE],
        asked=None if people is None else replace(ways[ASKED], error=ways[BY_PEOPLE].error),
    )


def _given(*, now: datetime, people: int | None) -> dict[str, Any]:
    """The statement's numbers; seconds where it counts time, whole ones, so that nothing is rounded."""
    return {
        "first": now - BACK,
        "every": int(EVERY.total_seconds()),
        "pace_of": int(PACE_OF.total_seconds()),
        "horizon": int(HORIZON.total_seconds()),
        "stale": int(STALE.total_seconds()),
        "usual": USUAL // PACE_OF,
        "tried": TRIED,
        "stretches": STRETCHES,
        "asked": people or 0,
        "guaranteed": Promise.GUARANTEED.value,
        "listed": MOST_LISTED,
    }


def _named(statement: str, parts: dict[str, tuple[str, Sequence[Any]]]) -> tuple[str, dict[str, Any]]:
    """The statement with Django's queries put in, whose parameters have no names: each gets one."""
    given: dict[str, Any] = {}
    texts = {}
    for part, (text, values) in parts.items():
        names = [f"{part}_{number}" for number in range(len(values))]
        texts[part] = text % tuple(f"%({name})s" for name in names)
        given |= dict(zip(names, values, strict=True))
    return statement.format(**texts), given


def _way(pace: float, instants: dict[int, dict[str, Any]], missed: list[dict[str, Any]], *, now: datetime) -> Way:
    return Way(
        pace=pace,
        missed=instants.get(TRIED, {}).get("predicted", 0),
        turns=[
            Turn(
                ticket=row["ticket"],
                due=datetime.fromtimestamp(row["due"], tz=now.tzinfo),
                at=now + row["place"] * HOUR / pace if pace else None,
            )
            for row in missed
        ],
        error=_error([instants[number] for number in range(TRIED) if number in instants]),
    )


def _error(instants: list[dict[str, int]]) -> Error:
    """Of the instants at which anybody stood in the line; at the others the method said nought, and nought came."""
    off = [abs(row["predicted"] - row["came"]) for row in instants]
    return Error(
        predicted=sum(row["predicted"] for row in instants) / TRIED,
        actual=sum(row["came"] for row in instants) / TRIED,
        off=sum(off) / TRIED,
        exact=TRIED - sum(distance > 1 for distance in off),
    )


def _counted(reader: User) -> QuerySet[Clock]:
    """Targets; those that left the figures were nobody's to answer."""
    return (
        visible_to(reader)
        .filter(metric__in=[metric.value for metric in Metric])  # as the index has it
        .exclude(state__in=(State.CANCELLED, State.EXEMPT))
        .annotate(due=F("counted_at"), ended=Case(When(~Q(state__in=OPEN), then=F("ended_at"))))
    )


def _picked(reader: User, *, now: datetime) -> QuerySet[Clock, dict[str, Any]]:
    """Whoever may have stood in the line."""
    return (
        _counted(reader)
        .filter(promise=Promise.GUARANTEED, counted_at__gt=now - BACK - STALE, counted_at__lte=now + HORIZON)
        .values("id", "ticket_id", "started_at", "due", "ended")
    )


def _replies(reader: User, *, now: datetime) -> QuerySet[Clock, dict[str, Any]]:
    """Who answered when: objectives, too, as whoever answers these is at work."""
    return (
        _counted(reader)
        .filter(promise__in=[promise.value for promise in Promise], answered_by__isnull=False)
        .filter(ended_at__gt=now - BACK - USUAL, ended_at__lte=now)
        .exclude(state__in=OPEN)
        .values("promise", "due", "ended", person=F("answered_by"))
    )


def _documents(value: Any) -> list[dict[str, Any]]:
    # Django leaves JSON of a plain cursor as text.
    return json.loads(value) if isinstance(value, str) else value or []
