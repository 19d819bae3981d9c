"""The verbs of dry runs. They write their own rows, and nothing of any ticket, clock or rule (decision 34)."""

import hashlib
import json
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from helpdesk.accounts.models import User
from helpdesk.core.jobs import kick
from helpdesk.reports.dryrun.counting import BETTER, ENTERED, LEFT, NONE, WORSE, Compared, Side, Tally
from helpdesk.reports.dryrun.models import DryRun, DryRunRow
from helpdesk.reports.dryrun.reading import Unreadable, due_within, histories
from helpdesk.reports.dryrun.replay import History, is_untouched, own, replay
from helpdesk.reports.dryrun.rules import Rules
from helpdesk.reports.periods import Period, Window
from helpdesk.sla.calendar import BusinessCalendar
from helpdesk.sla.models import Calendar, Policy
from helpdesk.sla.terms import Terms
from helpdesk.tickets.models import Status, Ticket
from helpdesk.tickets.services import Refused

log = logging.getLogger(__name__)
TASK = "helpdesk.tasks.run_dry_runs"
CHUNK = 2000  # clocks in one transaction: about half a second's work
MOST_ROWS = 10_000  # kept of a run, of those whose outcome changes, and as many of the others
MOST_WAITING = 10
LONGEST = 366  # days of a period
KEPT = timedelta(days=90)
SAME = timedelta(seconds=10)  # a second click so soon is none of its own, even if the first one's run is done
# What a stored document that cannot be read throws. A database that is away is none of it: that is tried again.
UNREADABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


@transaction.atomic
def start_dry_run(
    *,
    name: str,
    period: Period,
    actor: User,
    now: datetime,
    policy: Policy | None = None,
    terms: Terms | None = None,
    place: int = 0,
    calendar: Calendar | None = None,
    definition: Mapping[str, Any] | None = None,
    typed: Mapping[str, Any] | None = None,
    version: int = 1,
) -> DryRun:
    """Begin to replay a draft: `terms` of a policy (None: one that isn't saved yet), or hours of a calendar.

    Asked for twice by the same person, it is one run: a double click starts nothing anew. Refused for too long a
    period, or where too many wait; ValueError as in `BusinessCalendar.from_dict`.
    """
    if not 1 <= period.days <= LONGEST:
        raise Refused(_("A dry run looks back a year at most."))
    if (terms is None) == (definition is None):
        raise ValueError("a dry run is of terms or of a calendar's hours")
    document = terms.to_dict() if terms is not None else BusinessCalendar.from_dict(definition).to_dict()
    run = DryRun(
        policy=policy,
        calendar=calendar,
        name=name,
        version=version,
        document=document,
        typed=dict(typed or {}),
        place=place,
        first=period.first,
        last=period.last,
        zone=str(period.zone),
        created_at=now,
        created_by=actor,
    )
    run.digest = digest_of(run)
    if same := _same(run):
        return same
    if DryRun.objects.filter(state__in=DryRun.State.unfinished()).count() >= MOST_WAITING:
        raise Refused(_("%(count)d dry runs are under way. Wait for one, or stop one.") % {"count": MOST_WAITING})
    try:
        with transaction.atomic():
            run.save(force_insert=True)
    except IntegrityError:  # the other click of a double one was faster
        if same := _same(run):
            return same
        raise
    kick(TASK)
    return run


def digest_of(run: DryRun) -> str:
    """What tells one question from another: the draft, where it would stand, and the days."""
    asked = [run.policy_id, run.calendar_id, run.name, run.document, run.place]
    days = [run.first.isoformat(), run.last.isoformat(), run.zone]
    return hashlib.sha256(json.dumps([*asked, *days], sort_keys=True).encode()).hexdigest()


def _same(run: DryRun) -> DryRun | None:
    """What the same person has asked for already: under way, or done so lately that it was the same click."""
    under_way = Q(state__in=DryRun.State.unfinished())
    just_done = Q(state=DryRun.State.DONE, created_at__gte=run.created_at - SAME)
    mine = DryRun.objects.filter(under_way | just_done, created_by=run.created_by, digest=run.digest)
    return mine.order_by("-id").first()


def stop_dry_run(*, run: DryRun, now: datetime) -> bool:
    """Stop after the chunk that is under way. False when it was over already."""
    unfinished = DryRun.objects.filter(pk=run.pk, state__in=DryRun.State.unfinished())
    return bool(unfinished.update(state=DryRun.State.STOPPED, finished_at=now))


def clear_dry_runs(*, now: datetime) -> int:
    """Throw away those of more than three months ago, with their rows."""
    old = DryRun.objects.filter(created_at__lt=now - KEPT)
    DryRunRow.objects.filter(run__in=old).delete()
    return old.delete()[0]


def advance_dry_runs(*, now: datetime, seconds: float = 20.0, only: DryRun | None = None) -> int:
    """Go on with what is unfinished for about so many seconds; how many chunks were done.

    A chunk is one transaction with its place in the run, so that a kill loses and repeats nothing. Workers side
    by side never hold the same run. What is left over is asked for again at once.
    """
    begun, chunks = monotonic(), 0
    while _chunk(now=now, only=only):
        chunks += 1
        if monotonic() - begun >= seconds:
            kick(TASK)
            break
    return chunks


@transaction.atomic
def _chunk(*, now: datetime, only: DryRun | None) -> bool:
    """The next clocks of the oldest run that nobody else is at; False when there is none."""
    waiting = DryRun.objects.filter(state__in=DryRun.State.unfinished())
    if only is not None:
        waiting = waiting.filter(pk=only.pk)
    run = waiting.order_by("id").select_for_update(skip_locked=True).first()
    if run is None:
        return False
    try:
        rules, window = rules_of(run), run.period.window(now=run.created_at)
    except UNREADABLE:
        return _fail(run, DryRun.Reason.DRAFT, now=now)
    try:
        with transaction.atomic():
            _go_on(run, rules, window, now=now)
    except UNREADABLE:
        return _fail(run, DryRun.Reason.REPLAY, now=now)
    return True


def _go_on(run: DryRun, rules: Rules, window: Window, *, now: datetime) -> None:
    if run.state == DryRun.State.WAITING:
        _prepare(run, rules, window)
    else:
        _replay(run, rules, window)
    if not run.cuts:
        run.state, run.finished_at = DryRun.State.DONE, now
    run.save(
        update_fields=[
            *("state", "finished_at", "total", "seen", "changed", "failed", "unpromised"),
            *("cuts", "last_clock", "figures", "names"),
        ]
    )


def _fail(run: DryRun, reason: DryRun.Reason, *, now: datetime) -> bool:
    """End one that can't go on, so that those behind it do; it stays at the last chunk that stood."""
    log.exception("dry run %s: %s", run.pk, reason.value)
    DryRun.objects.filter(pk=run.pk).update(state=DryRun.State.FAILED, reason=reason, finished_at=now)
    return True


def rules_of(run: DryRun) -> Rules:
    if run.is_of_calendar:
        return Rules.read(calendar_id=run.calendar_id, hours=BusinessCalendar.from_dict(run.document))
    return Rules.read(policy_id=run.policy_id or 0, terms=Terms.from_dict(run.document), place=run.place)


def _prepare(run: DryRun, rules: Rules, window: Window) -> None:
    """Count the targets, and cut them into chunks by their ids."""
    run.state = DryRun.State.RUNNING
    run.names = {str(pk): name for pk, name in rules.names.items()}
    keys = due_within(window).order_by("pk").values_list("pk", flat=True)
    last = None
    for number, pk in enumerate(keys.iterator(chunk_size=20_000), start=1):
        run.total, last = number, pk
        if number % CHUNK == 0:
            run.cuts.append(pk)
    if last is not None and run.cuts[-1:] != [last]:
        run.cuts.append(last)
    without = Ticket.objects.filter(policy_version=None, created_at__gte=window.start, created_at__lt=window.end)
    run.unpromised = without.exclude(status__in=(Status.SPAM, Status.MERGED)).aggregate(count=Count("pk"))["count"]


def _replay(run: DryRun, rules: Rules, window: Window) -> None:
    cut, *run.cuts = run.cuts
    tally = Tally.of(run.figures)
    clocks = due_within(window).filter(pk__gt=run.last_clock, pk__lte=cut)
    rows: list[DryRunRow] = []
    room = _room(run)
    for history in histories(clocks, as_of=run.created_at):
        run.seen += 1
        row = compare(history, rules, window=window, now=run.created_at)
        if row is None:
            run.failed += 1
            continue
        tally.add(row, window)
        if row.is_changed:
            run.changed += 1
            rank = _rank(row)
            if room[rank == DryRunRow.Rank.OTHER] > 0:
                room[rank == DryRunRow.Rank.OTHER] -= 1
                rows.append(_stored(run, row, rank))
    DryRunRow.objects.bulk_create(rows, batch_size=1000)
    run.figures, run.last_clock = tally.to_json(), cut


def compare(history: History | Unreadable, rules: Rules, *, window: Window, now: datetime) -> Compared | None:
    """A target as it was and as it would have been; None, logged, for one that cannot be reckoned."""
    if isinstance(history, Unreadable):
        log.warning("dry run: clock %s cannot be read: %s", history.clock, history.why)
        return None
    try:
        before = own(history, rules, now=now)
        after = before if is_untouched(history, rules) else replay(history, rules, now=now)
    except Exception:
        log.exception("dry run: clock %s cannot be reckoned", history.clock)
        return None
    begun = history.events[0]
    is_older = rules.is_older(policy_version=history.version(begun), calendar_version=history.calendar(begun))
    was, then = Side.of(before, now=now), Side.of(after, now=now)
    is_net = was.counted is not None and window.start <= was.counted < window.end
    return Compared(history=history, was=was, then=then, is_older=is_older, is_net=is_net)


def _room(run: DryRun) -> dict[bool, int]:
    """How many more rows may be kept, by whether they are of the same outcome."""
    ranks = dict(run.rows.values_list("rank").annotate(count=Count("pk")))
    same = ranks.pop(DryRunRow.Rank.OTHER, 0)
    return {True: MOST_ROWS - same, False: MOST_ROWS - sum(ranks.values())}


def _rank(row: Compared) -> DryRunRow.Rank:
    found = row.changes()
    if WORSE in found:
        return DryRunRow.Rank.WORSE
    if BETTER in found:
        return DryRunRow.Rank.BETTER
    counted = {LEFT, ENTERED, NONE} & set(found)
    return DryRunRow.Rank.COUNTED if counted else DryRunRow.Rank.OTHER


def _stored(run: DryRun, row: Compared, rank: DryRunRow.Rank) -> DryRunRow:
    was, then = row.was, row.then
    return DryRunRow(
        run=run,
        clock_id=row.history.clock,
        ticket_id=row.history.ticket.pk,
        metric=row.history.metric.value,
        rank=rank,
        changes=row.changes(),
        promise=was.promise,
        promise_then=then.promise,
        policy=was.policy,
        policy_then=then.policy,
        target=was.target,
        target_then=then.target,
        due_at=was.counted,
        due_then=then.counted,
        answered_at=was.answered,
        verdict=was.verdict,
        verdict_then=then.verdict,
        is_older=row.is_older,
    )
