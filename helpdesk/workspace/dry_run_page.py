"""What a dry run's page shows: figures as they were and as they would have been, and the tickets that change."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from helpdesk.core.durations import brief, compact, target_words
from helpdesk.reports.breaches import VERDICTS
from helpdesk.reports.dryrun.counting import (
    BETTER,
    ENTERED,
    HUB,
    KIND,
    LEFT,
    NONE,
    OUT,
    POLICY,
    TARGET,
    TARGETED,
    WORSE,
    Cell,
    Tally,
)
from helpdesk.reports.dryrun.models import DryRun, DryRunRow
from helpdesk.reports.dryrun.services import UNREADABLE
from helpdesk.reports.figures import Figures
from helpdesk.sla.clock import Metric, Promise
from helpdesk.sla.models import METRICS, PROMISES
from helpdesk.sla.terms import Terms
from helpdesk.subscriptions.models import Hub

PAGE = 25
LONG = 2 * 86400  # seconds of a shift that is said in days
KINDS = {
    "worse": (DryRunRow.Rank.WORSE,),
    "better": (DryRunRow.Rank.BETTER,),
    "counted": (DryRunRow.Rank.COUNTED,),
    "other": (DryRunRow.Rank.OTHER,),
}
KIND_WORDS = [
    ("", pgettext_lazy("changed tickets", "All")),
    ("worse", gettext_lazy("Met, then late")),
    ("better", gettext_lazy("Late, then met")),
    ("counted", gettext_lazy("Counts, or doesn’t")),
    ("other", gettext_lazy("Same outcome")),
]
# What else is said of a row, besides its deadlines and outcomes.
CHANGE_WORDS = {
    WORSE: gettext_lazy("met, then late"),
    BETTER: gettext_lazy("late, then met"),
    LEFT: gettext_lazy("would not count"),
    ENTERED: gettext_lazy("would count"),
    NONE: gettext_lazy("promised nothing"),
    KIND: gettext_lazy("another kind of promise"),
    TARGETED: gettext_lazy("another target"),
    POLICY: gettext_lazy("another policy"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of figures: the same targets as they were, and under the draft."""

    label: str
    was: Figures
    then: Figures
    cell: Cell = ("", "")
    is_current: bool = False
    worse: int = 0
    better: int = 0
    changed: int = 0

    @property
    def points(self) -> Decimal | None:
        """Points of attainment gained; None where either side has nothing due."""
        if self.was.attainment is None or self.then.attainment is None:
            return None
        return self.then.attainment - self.was.attainment

    @property
    def is_few(self) -> bool:
        return self.was.is_few or self.then.is_few

    @property
    def is_guaranteed(self) -> bool:
        return self.cell[0] == Promise.GUARANTEED

    @property
    def address(self) -> str:
        return ".".join(self.cell)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """One line of the list of what would have been different."""

    row: DryRunRow
    metric: str
    words: list[str]
    was: str
    then: str
    target: str
    target_then: str
    policy: str
    policy_then: str
    shift: str

    @property
    def is_worse(self) -> bool:
        return self.row.rank == DryRunRow.Rank.WORSE

    @property
    def is_better(self) -> bool:
        return self.row.rank == DryRunRow.Rank.BETTER

    @property
    def kind_changes(self) -> bool:
        return bool(self.row.promise_then) and self.row.promise != self.row.promise_then

    @property
    def is_guaranteed(self) -> bool:
        return self.row.promise == Promise.GUARANTEED

    @property
    def is_guaranteed_then(self) -> bool:
        return self.row.promise_then == Promise.GUARANTEED


def metric_words(metric: str) -> str:
    return str(dict(METRICS)[metric])


def promise_words(promise: str) -> str:
    return str(dict(PROMISES).get(promise, _("Nothing")))


def target_said(written: str) -> str:
    """`30 minutes`; an en dash for none."""
    if not written:
        return "–"
    amount = int(written[:-1])
    days = written.endswith("d")
    return target_words(seconds=None if days else amount, business_days=amount if days else None)


def verdict_words(verdict: str) -> str:
    return _("Out of the figures") if verdict == OUT else str(VERDICTS[verdict])


def shift_words(shift: timedelta | None) -> str:
    """`−10m`, `+17h`, from two days on `+6d 22h`; an en dash for none."""
    if not shift:
        return "–"
    seconds = abs(shift.total_seconds())
    return ("+" if shift > timedelta(0) else "−") + (compact(seconds) if seconds >= LONG else brief(seconds))


def chosen_cell(tally: Tally, wanted: str) -> Cell:
    """What is looked at: as the address says, else the first with changes, guarantees before objectives."""
    cells = tally.cells_there()
    asked = tuple(wanted.split("."))
    if asked in cells:
        return asked
    changed = [cell for cell in cells if tally.changes.get(cell, {}).get("changed")]
    return next(iter([*changed, *cells]), (Promise.GUARANTEED.value, Metric.FIRST_RESPONSE.value))


def lines(tally: Tally, chosen: Cell) -> list[Line]:
    """All targets, by promise and metric."""
    found = []
    for cell in tally.cells_there():
        changes = tally.changes.get(cell, {})
        found.append(
            Line(
                label=metric_words(cell[1]),
                was=tally.figures(cell, side="was"),
                then=tally.figures(cell, side="then"),
                cell=cell,
                is_current=cell == chosen,
                worse=changes.get(WORSE, 0),
                better=changes.get(BETTER, 0),
                changed=changes.get("changed", 0),
            )
        )
    return found


def parts(tally: Tally, cell: Cell, dimension: str) -> Iterator[Line]:
    names = dict(Hub.objects.values_list("pk", "name")) if dimension == HUB else {}
    for key in tally.keys(cell, dimension):
        yield Line(
            label=names.get(key, key) if dimension == HUB else _pair_words(key),
            was=tally.figures(cell, side="was", dimension=dimension, key=key),
            then=tally.figures(cell, side="then", dimension=dimension, key=key),
            cell=cell,
        )


def _pair_words(pair: str) -> str:
    was, then = pair.split(">")
    return target_said(was) if was == then else f"{target_said(was)} → {target_said(then)}"


def summary(run: DryRun, cell: Cell, tally: Tally) -> dict[str, Any]:
    """Figures of what is looked at."""
    changes, middle = tally.changes.get(cell, {}), tally.middle(cell)
    return {
        "cell": cell,
        "line": Line(
            label=metric_words(cell[1]),
            was=tally.figures(cell, side="was"),
            then=tally.figures(cell, side="then"),
            cell=cell,
        ),
        "gross": Line(
            label=_("Gross"),
            was=tally.figures(cell, side="was", basis="gross"),
            then=tally.figures(cell, side="then", basis="gross"),
        ),
        "promise": promise_words(cell[0]),
        "changes": changes,
        "changed": changes.get("changed", 0),
        "older": changes.get("older", 0),
        "middle": shift_words(middle[0]) if middle else "–",
        "longest": shift_words(middle[1]) if middle else "–",
        "sooner": changes.get("sooner", 0),
        "later": changes.get("later", 0),
        "otherwise": [
            (str(words), changes[name])
            for name, words in CHANGE_WORDS.items()
            if name not in (WORSE, BETTER) and changes.get(name)
        ],
        "hubs": list(parts(tally, cell, HUB)),
        "targets": list(parts(tally, cell, TARGET)),
    }


def rows(run: DryRun, cell: Cell, *, kind: str, page: int) -> tuple[list[Changed], bool]:
    """A page of what would have been different, and whether there is another one. One query."""
    found = run.rows.filter(promise=cell[0], metric=cell[1]).select_related("ticket__account", "ticket__hub")
    if kind in KINDS:
        found = found.filter(rank__in=KINDS[kind])
    first = (page - 1) * PAGE
    taken = list(found.order_by("rank", "id")[first : first + PAGE + 1])
    return [as_changed(run, row) for row in taken[:PAGE]], len(taken) > PAGE


def as_changed(run: DryRun, row: DryRunRow) -> Changed:
    shift = row.due_then - row.due_at if row.due_at and row.due_then else None
    return Changed(
        row=row,
        metric=metric_words(row.metric),
        words=[str(CHANGE_WORDS[name]) for name in row.changes if name in CHANGE_WORDS],
        was=verdict_words(row.verdict),
        then=verdict_words(row.verdict_then),
        target=target_said(row.target),
        target_then=target_said(row.target_then),
        policy=policy_name(run, row.policy),
        policy_then=policy_name(run, row.policy_then),
        shift=shift_words(shift),
    )


def policy_name(run: DryRun, key: int) -> str:
    """As it was called then; 0 is the one that wasn't saved yet."""
    return run.name if key == 0 else run.names.get(str(key), "–")


def not_replayed(run: DryRun, tally: Tally) -> list[str]:
    """Metrics that the draft has a target for, and no clock ran for in the period."""
    if run.is_of_calendar:
        return []
    try:
        targets = Terms.from_dict(run.document).targets
    except UNREADABLE:  # kept from before terms were written otherwise; the figures stand
        return []
    ran = {metric for _promise, metric in tally.cells_there()}
    return [metric_words(target.metric) for target in targets if target.metric not in ran]
