"""Which targets a report counts, and how each of them ended: the one place that decides (SPEC 2.6).

Figures, lists and exports all start from `selection`, so that a number and the tickets behind it
cannot disagree. A target counts in the period in which it fell due: at its breach, or else at its
deadline, once that has passed. Cancelled targets never count; a paused one has no deadline.

There are two counts (SPEC 2.4). *Net* is what counts: void targets don't, and an approved exception has
moved a deadline. *Gross* is the same as if no exception had been approved, by deadlines of its own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Exists,
    Expression,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Coalesce, ExtractHour, ExtractIsoWeekDay, Greatest
from django.utils.translation import gettext_lazy as _

from helpdesk.accounts.models import User
from helpdesk.escalation.models import Escalation
from helpdesk.reports.bands import band
from helpdesk.reports.periods import Period, Window
from helpdesk.sla.clock import OPEN, Metric, Promise, State
from helpdesk.sla.models import BreachCause, Clock, ClockException
from helpdesk.tickets.models import Status

MET, ANSWERED_LATE, UNANSWERED, VOID, NOT_DUE = "met", "answered_late", "unanswered", "void", "not_due"
# The last two are in no figure of their own count: a target may count gross and not, or not yet, net.
VERDICTS = {
    MET: _("Met"),
    ANSWERED_LATE: _("Answered late"),
    UNANSWERED: _("Unanswered"),
    VOID: _("Does not count"),
    NOT_DUE: _("Not due yet"),
}
LATE = (ANSWERED_LATE, UNANSWERED)
# The verdicts behind the numbers of a report.
OUTCOMES = {
    MET: (MET,),
    "late": LATE,
    ANSWERED_LATE: (ANSWERED_LATE,),
    UNANSWERED: (UNANSWERED,),
    "answered": (MET, ANSWERED_LATE),
}


# What puts a target into a period. Whichever it is, only what has fallen due counts: an attainment has no other sense.
DUE, CREATED, REPLIED = "due", "created", "replied"
DATES = [(DUE, _("Due")), (CREATED, _("Ticket created")), (REPLIED, _("Answered"))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which targets to count. One promise and one metric always: they are never mixed in a figure."""

    period: Period
    promise: str = Promise.GUARANTEED.value
    metric: str = Metric.FIRST_RESPONSE.value
    hub: str = ""
    account: int | None = None
    team: int | None = None
    channel: str = ""
    severity: str = ""
    dates: str = DUE


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The part of the counted targets that stands behind one number; every field that is given must fit."""

    outcome: str = ""
    gross: bool = False  # by the gross count, its period and its verdicts
    excepted: str = ""  # by exceptions with this code; see ANY_CODE. These parts are of the gross count
    effect: str = ""
    lifted: bool = False  # late gross, and not late net
    specialist: int | None = None
    nobody: bool = False
    replier: int | None = None  # who answered, whoever owned it
    no_team: bool = False
    band: int | None = None  # see `bands`
    escalated: str = ""  # see ESCALATED
    cause: str | None = None  # an empty string: not yet coded
    weekday: int | None = None  # Monday is 0
    hour: int | None = None


EVERYTHING = Part()
ESCALATED = ("fired", "waiting", "late")  # an escalation fired; nobody acknowledged it; it was noticed late
LATE_NOTICE = timedelta(minutes=1)
ANY_CODE = "any"


def visible_to(user: User) -> QuerySet[Clock]:
    """The clocks that a person may count: a manager's are all, everybody else's none (SPEC 2.1)."""
    return Clock.objects.all() if user.is_active and user.is_managing else Clock.objects.none()


def selection(filters: Filters, *, reader: User, now: datetime, part: Part = EVERYTHING) -> QuerySet[Clock]:
    """The targets that fell due in the period, judged (see `judged`), or the part behind one number."""
    window = filters.period.window(now=now)
    clocks = judged(scope(filters, reader=reader), now=now)
    counted = counts_gross if part.gross else counts
    clocks = clocks.filter(counted(window, dates=filters.dates, now=now))
    if part.outcome:
        clocks = clocks.filter(**{f"{'gross_' if part.gross else ''}verdict__in": OUTCOMES[part.outcome]})
    if part.excepted or part.effect:
        clocks = clocks.filter(Exists(_exceptions(part)))
    if part.nobody:
        clocks = clocks.filter(specialist=None)
    if part.escalated:
        clocks = clocks.filter(Exists(_escalations(part)))
    if part.no_team:
        clocks = clocks.filter(ticket__team=None)
    given = {"specialist": part.specialist, "answered_by": part.replier, "cause": part.cause, "band": part.band}
    given["lifted"] = part.lifted or None
    clocks = clocks.filter(**{name: value for name, value in given.items() if value is not None})
    return _of_the_week(clocks, part, filters)


def _of_the_week(clocks: QuerySet[Clock], part: Part, filters: Filters) -> QuerySet[Clock]:
    for name, value in (("weekday", part.weekday), ("hour", part.hour)):
        if value is not None:
            clocks = clocks.alias(**{name: wall_time(filters)[name]}).filter(**{name: value})
    return clocks


def _exceptions(part: Part) -> QuerySet[ClockException]:
    approved = ClockException.objects.filter(clock=OuterRef("pk"), state=ClockException.State.APPROVED)
    if part.excepted not in ("", ANY_CODE):
        approved = approved.filter(code=part.excepted)
    return approved.filter(effect=part.effect) if part.effect else approved


def _escalations(part: Part) -> QuerySet[Escalation]:
    fired = Escalation.objects.filter(clock=OuterRef("pk"), state=Escalation.State.FIRED)
    if part.escalated == "waiting":
        return fired.filter(acknowledged_at=None)
    return fired.filter(detected_at__gt=F("due_at") + LATE_NOTICE) if part.escalated == "late" else fired


def wall_time(filters: Filters) -> dict[str, Expression]:
    """Weekday (Monday is 0) and hour of the instant that counts, on the wall clocks of the period's zone."""
    at, zone = instant(filters.dates), filters.period.zone
    return {"weekday": ExtractIsoWeekDay(at, tzinfo=zone) - 1, "hour": ExtractHour(at, tzinfo=zone)}


def scope(filters: Filters, *, reader: User) -> QuerySet[Clock]:
    """What the filters let through, of any time, whatever exceptions made of it."""
    clocks = visible_to(reader).filter(promise=filters.promise, metric=filters.metric)
    given = {
        "ticket__hub": filters.hub,
        "ticket__account": filters.account,
        "ticket__team": filters.team,
        "ticket__channel": filters.channel,
        "ticket__severity": filters.severity,
    }
    given = {name: value for name, value in given.items() if value not in ("", None)}
    return clocks.filter(**given).exclude(state=State.CANCELLED)


def instant(dates: str, *, gross: bool = False) -> str:
    """The field that decides in which period a target counts; see `DATES`."""
    return {CREATED: "ticket__created_at", REPLIED: "ended_at"}.get(dates, f"{'gross_' if gross else ''}counted_at")


def counts(window: Window, *, dates: str = DUE, now: datetime | None = None) -> Q:
    """Counts net, and fell due in a window; or has fallen due by `now`, and was created or answered in the window."""
    return _within(window, dates, gross=False, now=now) & ~Q(state=State.EXEMPT)


def counts_gross(window: Window, *, dates: str = DUE, now: datetime | None = None) -> Q:
    return _within(window, dates, gross=True, now=now)


def _within(window: Window, dates: str, *, gross: bool, now: datetime | None) -> Q:
    field = instant(dates, gross=gross)
    within = Q(**{f"{field}__gte": window.start, f"{field}__lt": window.end})
    if dates == DUE:
        return within
    within &= Q(**{f"{instant(DUE, gross=gross)}__lt": now})
    return within & Q(answered_by__isnull=False) if dates == REPLIED else within


def judged(clocks: QuerySet[Clock], *, now: datetime) -> QuerySet[Clock]:
    """Annotate targets: `verdict`, `gross_verdict`, `lifted`, `lateness`, `took`, `specialist`, `band`.

    A deadline that has passed is a breach, whether or not a sweep has written it down. `lateness`
    runs from the deadline to the answer, to the end without one, or to `now`; `took` from the start
    to the answer. The specialist is the owner when due; of an answer in time, its owner or author.
    """
    answered = Q(answered_by__isnull=False)
    judged_ = clocks.annotate(
        verdict=Case(
            When(state=State.EXEMPT, then=Value(VOID)),
            When(answered & Q(breached_at=None), then=Value(MET)),
            When(answered, then=Value(ANSWERED_LATE)),
            When(_ahead("due_at", "breached_at", now=now) & Q(state__in=OPEN), then=Value(NOT_DUE)),
            default=Value(UNANSWERED),
            output_field=CharField(),
        ),
        gross_verdict=Case(
            When(answered & Q(gross_breached_at=None), then=Value(MET)),
            When(answered, then=Value(ANSWERED_LATE)),
            When(_ahead("gross_due_at", "gross_breached_at", now=now) & Q(ended_at=None), then=Value(NOT_DUE)),
            default=Value(UNANSWERED),
            output_field=CharField(),
        ),
        lateness=Case(
            When(answered & Q(breached_at=None), then=None),
            default=Coalesce("ended_at", Value(now)) - F("counted_at"),
        ),
        # A call that came before its window took no time.
        took=Case(When(answered, then=Greatest(F("ended_at") - F("started_at"), Value(timedelta(0))))),
        specialist=Case(
            When(breached_at__isnull=False, then=F("owner_at_due_id")),
            When(answered, then=Coalesce("owner_at_due_id", "answered_by_id")),
            default=F("ticket__owner_id"),
        ),
    )
    return judged_.annotate(
        band=band(met=MET, unanswered=UNANSWERED),
        lifted=ExpressionWrapper(Q(gross_verdict__in=LATE) & ~Q(verdict__in=LATE), output_field=BooleanField()),
    )


def _ahead(deadline: str, breach: str, *, now: datetime) -> Q:
    """Not breached, and the deadline is to come; a paused clock has none."""
    return Q(**{breach: None}) & (Q(**{deadline: None}) | Q(**{f"{deadline}__gte": now}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One counted target, as lists and exports show it."""

    clock: int
    ticket: int
    reference: str
    subject: str
    language: str
    account: str
    hub: str
    team: str
    channel: str
    severity: str
    status: Status
    promise: str
    metric: str
    specialist: str
    answered_by: str
    started_at: datetime
    due_at: datetime | None
    gross_due_at: datetime | None
    ended_at: datetime | None
    verdict: str
    gross_verdict: str
    lateness: timedelta | None
    cause: str
    cause_note: str
    exceptions: list[str]  # the codes of those that were approved

    @property
    def answered_at(self) -> datetime | None:
        return self.ended_at if self.gross_verdict in OUTCOMES["answered"] else None

    @property
    def is_late(self) -> bool:
        return self.verdict in LATE

    @property
    def is_late_gross(self) -> bool:
        return self.gross_verdict in LATE

    @property
    def is_missed(self) -> bool:
        """Late by one of the two counts: what a cause is asked for."""
        return self.is_late or self.is_late_gross

    @property
    def cause_words(self) -> str:
        return str(BreachCause(self.cause).label) if self.cause else ""

    @property
    def verdict_words(self) -> str:
        return str(VERDICTS[self.verdict])

    @property
    def gross_words(self) -> str:
        return str(VERDICTS[self.gross_verdict])


_COLUMNS = (
    "pk",
    "ticket_id",
    "ticket__subject",
    "ticket__language",
    "ticket__account__name",
    "ticket__hub__name",
    "ticket__team__name",
    "ticket__channel",
    "ticket__severity",
    "ticket__status",
    "promise",
    "metric",
    "specialist",
    "answered_by",
    "started_at",
    "counted_at",
    "gross_counted_at",
    "ended_at",
    "verdict",
    "gross_verdict",
    "lateness",
    "cause",
    "cause_note",
    "codes",
)


def latest_first(clocks: QuerySet[Clock], *, part: Part = EVERYTHING) -> QuerySet[Clock]:
    """In the order of lists and exports: the deadline that came last on top."""
    return clocks.order_by("-gross_counted_at" if part.gross else "-counted_at", "-pk")


def targets(clocks: QuerySet[Clock]) -> list[Target]:
    """The targets of a page, with names; two queries."""
    return _named(list(_rows(clocks)))


def _rows(clocks: QuerySet[Clock]) -> QuerySet:
    codes = _exceptions(Part(excepted=ANY_CODE)).order_by("id").values("code")
    return clocks.annotate(codes=ArraySubquery(codes)).values(*_COLUMNS)


def stream(clocks: QuerySet[Clock], *, chunk: int = 2000) -> Iterator[list[Target]]:
    """All targets, a chunk at a time through a cursor of the server: flat memory, one more query a chunk."""
    rows: list[dict] = []
    for row in _rows(clocks).iterator(chunk_size=chunk):
        rows.append(row)
        if len(rows) == chunk:
            yield _named(rows)
            rows = []
    yield _named(rows)


def names_of(people: Iterable[int | None]) -> dict[int, str]:
    """Names by id; one query."""
    wanted = {person for person in people if person is not None}
    return {user.pk: str(user) for user in User.objects.filter(pk__in=wanted).only("full_name", "email")}


def _named(rows: list[dict]) -> list[Target]:
    names = names_of(person for row in rows for person in (row["specialist"], row["answered_by"]))
    return [
        Target(
            clock=row["pk"],
            ticket=row["ticket_id"],
            reference=f"PS-{row['ticket_id']}",
            subject=row["ticket__subject"],
            language=row["ticket__language"],
            account=row["ticket__account__name"],
            hub=row["ticket__hub__name"],
            team=row["ticket__team__name"] or "",
            channel=row["ticket__channel"],
            severity=row["ticket__severity"],
            status=Status(row["ticket__status"]),
            promise=row["promise"],
            metric=row["metric"],
            specialist=names.get(row["specialist"], ""),
            answered_by=names.get(row["answered_by"], ""),
            started_at=row["started_at"],
            due_at=row["counted_at"],
            gross_due_at=row["gross_counted_at"],
            ended_at=row["ended_at"],
            verdict=row["verdict"],
            gross_verdict=row["gross_verdict"],
            lateness=row["lateness"] if row["verdict"] in LATE else None,
            cause=row["cause"],
            cause_note=row["cause_note"],
            exceptions=row["codes"],
        )
        for row in rows
    ]
