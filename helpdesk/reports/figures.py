"""The breach report: every figure of a period and of the one before it, from one statement.

One statement is one snapshot: the totals and the parts add up even while specialists reply. It
reads the selection once, what counts net and what counts gross, and groups it by every dimension.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from helpdesk.accounts.models import Account, Team, User
from helpdesk.core.shares import FEW, per_cent
from helpdesk.reports.bands import NAMES
from helpdesk.reports.breaches import Filters, names_of
from helpdesk.reports.counting import DIMENSIONS, SPREAD, VERDICTS, Found, read
from helpdesk.reports.periods import DAY, Period, Window, month_start, step_of
from helpdesk.reports.promptness import Promptness, promptness
from helpdesk.sla.models import BreachCause, ExceptionCode
from helpdesk.subscriptions.models import Hub


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
        """Met of due in per cent; None when nothing was due."""
        return per_cent(self.met, self.due)

    @property
    def is_few(self) -> bool:
        return self.due < FEW


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table: this period, and the one before it; what counts net, and the same gross."""

    key: Any
    label: str
    now: Figures
    before: Figures
    gross: Figures = Figures()
    gross_before: Figures = Figures()

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
class Excepted:
    """Targets with approved exceptions of one code (all codes: an empty key), counted in the period gross.

    `effects` are parts of `targets`, and may overlap: one target can have several. `lifted` are those
    that are late gross and not net.
    """

    key: str
    label: str
    targets: int = 0
    effects: Mapping[str, int] = field(default_factory=dict)
    lifted: int = 0


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
    excepted: Excepted = Excepted(key="", label="")
    codes: list[Excepted] = field(default_factory=list)
    teams: list[Row] = field(default_factory=list)
    repliers: list[Row] = field(default_factory=list)
    bands: list[Row] = field(default_factory=list)
    prompt: Promptness = Promptness()
    oldest: list[int] = field(default_factory=list)  # clocks of unanswered targets, some

    @property
    def is_parted(self) -> bool:
        """Whether net and gross differ anywhere."""
        rows = (self.total, *self.buckets)
        return any((row.now.due, row.now.met) != (row.gross.due, row.gross.met) for row in rows)

    @property
    def late_repliers(self) -> list[Row]:
        """Those who answered late, whoever had owned the ticket when it fell due."""
        return [row for row in self.repliers if row.now.answered_late]

    @property
    def uncoded(self) -> Row:
        return next(row for row in self.causes if row.key == "")


def report(filters: Filters, *, reader: User, now: datetime) -> Report:
    """The breach report. Six queries, whatever there is to count."""
    found = read(filters, reader=reader, now=now)
    rows = {name: _rows(name, found) for name in DIMENSIONS}
    rows["bucket"] = _buckets(rows["bucket"], rows["gross_bucket"])
    accounts = dict(Account.objects.filter(pk__in=rows["account"]).values_list("pk", "name"))
    people = names_of([*rows["specialist"], *rows["replier"]])
    teams = dict(Team.objects.values_list("pk", "name"))
    hubs = dict(Hub.objects.values_list("pk", "name"))
    step = step_of(filters.period)
    return Report(
        filters=filters,
        window=filters.period.window(now=now),
        previous=filters.period.previous(now=now),
        total=Row(key=None, label="", **_rows("", found).get(None, _NOTHING)),
        answers=_answers(found.answers, ""),
        answers_before=_answers(found.answers, "_before"),
        hubs=[Row(key=key, label=name, **rows["hub"].get(key, _NOTHING)) for key, name in hubs.items()],
        accounts=_worst_first(rows["account"], lambda key: accounts.get(key, "")),
        specialists=_worst_first(rows["specialist"], lambda key: people.get(key, "")),
        teams=_worst_first(rows["team"], lambda key: teams.get(key, "")),
        repliers=_worst_first(
            {key: found for key, found in rows["replier"].items() if key}, lambda key: people.get(key, "")
        ),
        bands=[Row(key=key, label=str(name), **rows["band"].get(key, _NOTHING)) for key, name in enumerate(NAMES)],
        step=step,
        buckets=[
            Row(key=day, label="", **rows["bucket"].get(day.isoformat(), _NOTHING))
            for day in buckets(filters.period, step, now=now)
        ],
        slots={divmod(int(key), 24): row["now"].late for key, row in rows["slot"].items() if row["now"].late},
        causes=_causes(rows["cause"]),
        prompt=promptness(found.prompt),
        oldest=found.oldest,
        excepted=next(_excepted(found.codes, ""), Excepted(key="", label="")),
        codes=[row for code in ExceptionCode.objects.all() for row in _excepted(found.codes, code.pk, label=str(code))],
    )


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
        return month_start(day, 1)
    return day + (DAY if step == "day" else 7 * DAY)


def _bucket(day: date, step: str) -> date:
    if step == "month":
        return month_start(day)
    return day - day.weekday() * DAY if step == "week" else day


Rows = dict[Any, dict[str, Figures]]  # by the key of a dimension: this period and the one before, net and gross
_NOTHING = {"now": Figures(), "before": Figures(), "gross": Figures(), "gross_before": Figures()}


def _level(name: str, names: tuple[str, ...]) -> int:
    """GROUPING's mask of the groups by `name`: a bit is set for what is not grouped by; empty for the whole."""
    return sum(1 << index for index, other in enumerate(reversed(names)) if other != name)


def _rows(name: str, found: Found) -> Rows:
    """Figures of this period and of the one before, net and gross, by the keys of a dimension."""
    level = _level(name, SPREAD)
    spread = name in ("", *SPREAD)
    late = {row.get(name): row for row in found.spread if row["level"] == level} if spread else {}
    level = _level(name, DIMENSIONS)
    return {
        row.get(name): {
            when: _figures(row, {} if prefix else late.get(row.get(name), {}), prefix, suffix)
            for when, prefix, suffix in (
                ("now", "", ""),
                ("before", "", "_before"),
                ("gross", "gross_", ""),
                ("gross_before", "gross_", "_before"),
            )
        }
        for row in found.counts
        if row["level"] == level
    }


def _buckets(net: Rows, gross: Rows) -> Rows:
    """A target may count gross at another time than net, so each count has columns of its own."""
    days = {*net, *gross}
    return {day: {**net.get(day, _NOTHING), "gross": gross.get(day, _NOTHING)["gross"]} for day in days}


def _figures(counts: dict, spread: dict, prefix: str, suffix: str) -> Figures:
    p50, p90 = spread.get(f"shares{suffix}") or (None, None)
    found = {name: counts[f"{prefix}{name}{suffix}"] for name in VERDICTS}
    return Figures(
        **found,
        due=sum(found.values()),
        late_p50=_duration(p50),
        late_p90=_duration(p90),
        late_max=_duration(spread.get(f"worst{suffix}")),
    )


def _excepted(codes: list[dict], code: str, *, label: str = "") -> Iterator[Excepted]:
    """The targets excepted by a code, or by any; nothing where there are none."""
    rows = [row for row in codes if (row["code"] or "") == code]
    for row in rows:
        if row["effect"] is None and row["targets"]:
            effects = {part["effect"]: part["targets"] for part in rows if part["effect"]}
            yield Excepted(key=code, label=label, targets=row["targets"], effects=effects, lifted=row["lifted"])


def _answers(row: dict, suffix: str) -> Answers:
    p50, p90, p99 = (_duration(seconds) for seconds in row.get(f"took{suffix}") or (None, None, None))
    return Answers(p50=p50, p90=p90, p99=p99)


def _duration(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _worst_first(rows: Rows, label: Callable[[Any], str]) -> list[Row]:
    """The most late on top; those with nothing due in this period are left out."""
    found = [
        Row(key=key, label=label(key), **figures)
        for key, figures in rows.items()
        if figures["now"].due or figures["gross"].due
    ]
    return sorted(found, key=lambda row: (-row.now.late, -row.now.due, row.label))


def _causes(rows: Rows) -> list[Row]:
    """Every cause that late targets have, the most frequent first; those not yet coded come last, always."""
    coded = [
        Row(key=cause.value, label=str(cause.label), **rows[cause])
        for cause in BreachCause
        if cause in rows and rows[cause]["now"].late
    ]
    coded.sort(key=lambda row: -row.now.late)
    return [*coded, Row(key="", label=str(_("Not yet coded")), **rows.get("", _NOTHING))]
