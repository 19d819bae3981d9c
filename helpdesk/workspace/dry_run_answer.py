"""The answer of a dry run: one sentence's worth of figures, and two bars, before all else on its page."""

from collections.abc import Mapping
from dataclasses import dataclass

from helpdesk.reports.dryrun.counting import BETTER, ENTERED, LEFT, NONE, WORSE, Cell, Tally
from helpdesk.reports.figures import Figures

WIDTH = 1000  # of a bar, in its own units


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One side drawn: what was met, then what was late, by the longer side's measure."""

    figures: Figures
    met: int
    late: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is said in a sentence of one kind of target (its cell)."""

    was: Figures
    then: Figures
    changes: Mapping[str, int]

    @property
    def ended(self) -> int:
        """Targets whose outcome would have been another one, or would have left the figures, or come into them."""
        return sum(self.changes.get(name, 0) for name in (WORSE, BETTER)) + self.counted

    @property
    def counted(self) -> int:
        """Those that would have left the figures or come into them."""
        return sum(self.changes.get(name, 0) for name in (LEFT, ENTERED, NONE))

    @property
    def changed(self) -> int:
        return self.changes.get("changed", 0)

    @property
    def moved(self) -> int:
        """Those whose deadline would have come at another instant."""
        return self.changes.get("sooner", 0) + self.changes.get("later", 0)

    @property
    def joined(self) -> int:
        """How many more count here than did: a draft may make guarantees of objectives, or the other way round."""
        return self.then.due - self.was.due

    @property
    def case(self) -> str:
        """Which sentence says it."""
        was, then = self.was.attainment, self.then.attainment
        if was is None or then is None:
            return "none" if was == then else ("begun" if was is None else "emptied")
        if not self.changed:
            return "nothing" if self.was == self.then else "joined"
        if was != then:
            return "other"
        if self.ended:
            return "stayed"
        return "moved" if self.moved else "renamed"

    @property
    def tone(self) -> str:
        """`worse`, `better`, or nothing."""
        was, then = self.was.attainment, self.then.attainment
        if was is None or then is None or was == then:
            return ""
        return "worse" if then < was else "better"

    @property
    def bars(self) -> list[Bar]:
        longest = max(self.was.due, self.then.due, 1)
        return [_bar(figures, longest) for figures in (self.was, self.then)]

    @property
    def kinds(self) -> dict[str, int]:
        """How many changed targets the list has of each of its kinds."""
        worse, better = (self.changes.get(name, 0) for name in (WORSE, BETTER))
        other = self.changed - worse - better - self.counted
        return {"": self.changed, "worse": worse, "better": better, "counted": self.counted, "other": other}


def answer(tally: Tally, cell: Cell) -> Answer:
    return Answer(
        was=tally.figures(cell, side="was"),
        then=tally.figures(cell, side="then"),
        changes=tally.changes.get(cell, {}),
    )


def _bar(figures: Figures, longest: int) -> Bar:
    met = round(WIDTH * figures.met / longest)
    late = round(WIDTH * figures.late / longest)
    if figures.late and not late:  # a breach is never too small to be seen
        late = 2
        met = min(met, WIDTH - late)
    return Bar(figures=figures, met=met, late=late)
