"""An account's own figures, as its super admins see them: the same selection as the breach report (SPEC 2.6, 2.7).

First replies only, guarantees and aims apart. A target counts in the month in which it fell due, on the
wall clock of the account. Nothing here knows a colleague's name or a note.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, DateField, Q, QuerySet
from django.db.models.functions import TruncMonth

from helpdesk.accounts.models import Account
from helpdesk.core.zones import zone_of
from helpdesk.reports.breaches import ANSWERED_LATE, MET, OUTCOMES, UNANSWERED, counts, judged
from helpdesk.reports.figures import Figures
from helpdesk.reports.percentile import Percentile
from helpdesk.reports.periods import Window, day_start, month_start, today
from helpdesk.sla.clock import OPEN, Metric, Promise, State
from helpdesk.sla.models import Clock
from helpdesk.tickets.models import Severity

MONTHS = 12
SHOWN_MISSED = 10
SHOWN_OPEN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Targets of one month (all months: None) and one promise. `took`: half, and nine in ten, took no longer."""

    month: date | None
    figures: Figures
    critical: Figures
    standard: Figures
    p50: timedelta | None
    p90: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFigures:
    zone: ZoneInfo
    first: date
    guaranteed: Line
    aims: Line
    months: list[Line]  # of guarantees, the latest first
    open: list[Clock]
    more_open: bool
    missed: list[Clock]
    more_missed: bool = field(default=False)


def window_of(account: Account, *, month: date | None, now: datetime) -> Window:
    """One month of the account's wall clock, or the last twelve with the present one; never beyond `now`."""
    zone = zone_of(account.time_zone)
    first = month or month_start(today(now=now, zone=zone), 1 - MONTHS)
    start = day_start(first, zone)
    end = day_start(month_start(month, 1), zone) if month else now
    return Window(start, max(start, min(end, now)))


def due(account: Account, *, month: date | None, now: datetime) -> QuerySet[Clock]:
    """The account's first replies that fell due in a month (or the last twelve), judged."""
    clocks = Clock.objects.filter(ticket__account=account, metric=Metric.FIRST_RESPONSE)
    clocks = judged(clocks.exclude(state=State.CANCELLED), now=now)
    return clocks.filter(counts(window_of(account, month=month, now=now)))


def part(
    account: Account,
    *,
    month: date | None,
    now: datetime,
    outcome: str = "",
    severity: str = "",
    promise: str = Promise.GUARANTEED.value,
) -> QuerySet[Clock]:
    """The targets behind one number, the latest first."""
    clocks = due(account, month=month, now=now).filter(promise=promise)
    if outcome:
        clocks = clocks.filter(verdict__in=OUTCOMES[outcome])
    if severity:
        clocks = clocks.filter(ticket__severity=severity)
    return shown(clocks.order_by("-counted_at", "-pk"))


def running(account: Account, *, now: datetime) -> QuerySet[Clock]:
    """Guaranteed first replies that are still to come and not late, the next deadline first."""
    clocks = Clock.objects.filter(ticket__account=account, promise=Promise.GUARANTEED, state__in=OPEN)
    clocks = clocks.filter(metric=Metric.FIRST_RESPONSE)
    ahead = clocks.filter(breached_at=None).exclude(due_at__lt=now)
    return shown(judged(ahead, now=now).order_by("due_at", "pk"))


def shown(clocks: QuerySet[Clock]) -> QuerySet[Clock]:
    return clocks.select_related("ticket__hub", "ticket__requester")


def account_figures(account: Account, *, now: datetime) -> AccountFigures:
    """Five queries, whatever the account has."""
    zone = zone_of(account.time_zone)
    rows = due(account, month=None, now=now).annotate(
        month=TruncMonth("counted_at", tzinfo=zone, output_field=DateField())
    )
    counted = list(_counted(rows))
    spans = {(row["month"], row["promise"]): row for row in _spans(rows, "month", "promise")}
    spans |= {(None, row["promise"]): row for row in _spans(rows, "promise")}
    months = sorted({row["month"] for row in counted if row["promise"] == Promise.GUARANTEED}, reverse=True)
    missed = list(part(account, month=None, now=now, outcome="late")[: SHOWN_MISSED + 1])
    open_ = list(running(account, now=now)[: SHOWN_OPEN + 1])
    return AccountFigures(
        zone=zone,
        first=window_of(account, month=None, now=now).start.astimezone(zone).date(),
        guaranteed=_line(counted, spans, Promise.GUARANTEED, None),
        aims=_line(counted, spans, Promise.OBJECTIVE, None),
        months=[_line(counted, spans, Promise.GUARANTEED, month) for month in months],
        open=open_[:SHOWN_OPEN],
        more_open=len(open_) > SHOWN_OPEN,
        missed=missed[:SHOWN_MISSED],
        more_missed=len(missed) > SHOWN_MISSED,
    )


def _counted(rows: QuerySet[Clock]) -> Iterable[dict]:
    return (
        rows.order_by()
        .values("month", "promise", "ticket__severity")
        .annotate(
            due=Count("pk"),
            met=Count("pk", filter=Q(verdict=MET)),
            answered_late=Count("pk", filter=Q(verdict=ANSWERED_LATE)),
            unanswered=Count("pk", filter=Q(verdict=UNANSWERED)),
        )
    )


def _spans(rows: QuerySet[Clock], *by: str) -> Iterable[dict]:
    return rows.order_by().values(*by).annotate(p50=Percentile("took", share=0.5), p90=Percentile("took", share=0.9))


def _line(counted: list[dict], spans: dict, promise: Promise, month: date | None) -> Line:
    mine = [row for row in counted if row["promise"] == promise and month in (None, row["month"])]
    span = spans.get((month, promise), {})

    def figures(severity: str = "") -> Figures:
        fitting = [row for row in mine if severity in ("", row["ticket__severity"])]
        names = ("due", "met", "answered_late", "unanswered")
        return Figures(**{name: sum(row[name] for row in fitting) for name in names})

    return Line(
        month=month,
        figures=figures(),
        critical=figures(Severity.CRITICAL),
        standard=figures(Severity.STANDARD),
        p50=span.get("p50"),
        p90=span.get("p90"),
    )
