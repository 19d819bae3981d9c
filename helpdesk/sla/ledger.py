"""One clock kept by hand: what happened to it, and what follows by `longhand` arithmetic (SPEC 2.2 to 2.4).

The auditor's counterpart of `clock`: told only facts (somebody answered, an exception was approved),
it reckons deadlines and verdicts itself and takes none from an event. The simulator keeps its model
by it, too. Nothing of `clock` or `calendar` is used here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from helpdesk.sla.longhand import AlwaysOpen, Hours, Interval, Length

OPEN = ("running", "paused")


class Impossible(Exception):
    """This cannot have happened to a clock in this state."""


@dataclass(slots=True)
class Ledger:
    """The names are those of a clock's columns; `due_at` and `gross_due_at` are unknown while paused."""

    started_at: datetime
    length: Length
    hours: AlwaysOpen | Hours
    counted_from: datetime = field(init=False)
    due_at: datetime | None = field(init=False)
    gross_due_at: datetime | None = field(init=False)
    state: str = "running"
    version: int = 1
    pauses: list[Interval] = field(default_factory=list)
    exempted: list[Interval] = field(default_factory=list)
    paused_at: datetime | None = None
    questioned_pauses: int = 0
    breached_at: datetime | None = None
    gross_basis: tuple[Length, datetime] | None = None
    gross_breached_at: datetime | None = None
    ended_at: datetime | None = None
    owner_at_due: int | None = None
    answered_by: int | None = None

    def __post_init__(self) -> None:
        self.counted_from = self.started_at
        self.due_at = self.gross_due_at = self.deadline()

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def is_unanswered(self) -> bool:
        return self.is_open or (self.state == "exempt" and self.ended_at is None)

    @property
    def promised_length(self) -> Length:
        """The target that the rules gave, whatever an exception made of it."""
        return self.gross_basis[0] if self.gross_basis else self.length

    def deadline(self, *, until: datetime | None = None) -> datetime:
        """The deadline as of now, never before the gross one; a pause that lasts is taken to end at `until`."""
        net = self._net(until)
        return max(net, self.gross_deadline(until=until)) if self.gross_basis else net

    def gross_deadline(self, *, until: datetime | None = None) -> datetime:
        """The deadline as if there had been no exception."""
        if self.gross_basis is None:
            return self._net(until)
        length, since = self.gross_basis
        return self.hours.due(length, since, self._out(until))

    def may_pause(self, at: datetime) -> bool:
        """Not once its time is used up: by the gross deadline, where an exception made it void."""
        if not self.is_unanswered or self.paused_at is not None:
            return False
        if self.state == "exempt":
            return self.gross_breached_at is None and at < self.gross_due_at
        return self.breached_at is None and at < self.due_at

    def pause(self, at: datetime, *, questioned: bool = False) -> None:
        self._only(self.may_pause(at))
        self._miss_gross(at)
        self.state = "paused" if self.is_open else self.state
        self.paused_at = at
        self.due_at = self.gross_due_at = None
        self.questioned_pauses += questioned

    def resume(self, at: datetime) -> None:
        self._only(self.is_unanswered and self.paused_at is not None)
        self._end_pause(at)
        self.state = "running" if self.is_open else self.state
        self._new_deadline()

    def under(self, length: Length) -> Length:
        """The net target under one of the rules: an exception's stays while the rules' stays."""
        return self.length if length == self.promised_length else length

    def retarget(
        self,
        at: datetime,
        *,
        length: Length,
        promised: Length | None = None,
        hours: AlwaysOpen | Hours,
        since: datetime | None,
    ) -> None:
        """`promised`: the target that the rules give, where an exception's goes on."""
        self._only(self.is_unanswered)
        self._miss_gross(at)
        self.length, self.hours = length, hours
        self.counted_from = since or self.counted_from
        if self.gross_basis:
            self.gross_basis = (promised or length, since or self.gross_basis[1])
        self._new_deadline()
        gross = self.gross_deadline(until=at)
        if self.gross_breached_at is None and gross < at:
            self.gross_breached_at = gross

    def breach(self, at: datetime, *, owner: int | None, gross: datetime | None = None) -> None:
        """`gross`: what was missed without exceptions, where another target makes the breach."""
        self._only(self.is_open and self.breached_at is None)
        self._miss_gross(at)
        self.gross_breached_at = self.gross_breached_at or gross or at
        self.breached_at, self.owner_at_due = at, owner

    def answer(self, at: datetime, *, by: int | None, owner: int | None) -> None:
        """Met, unless the deadline passed before: by the deadline itself, whether or not a breach was written."""
        self._only(self.is_unanswered and self.paused_at is None)
        self._miss_gross(at)
        missed = self.breached_at or (self.due_at if self.state == "running" else None)
        self.breached_at = _before(at, missed)
        self.owner_at_due = self.owner_at_due if self.breached_at else owner
        self.gross_breached_at = _before(at, self.gross_breached_at)
        self.answered_by = by
        self._end("exempt" if self.state == "exempt" else "fulfilled", at)

    def give_up(self, at: datetime) -> None:
        """Closed without an answer: cancelled before it was due, a breach after it."""
        self._only(self.is_unanswered and self.paused_at is None)
        missed = self.is_missed(at)
        self._miss_gross(at)
        if not missed:
            self._end("cancelled", at)
            return
        self.breached_at = _before(at, self.breached_at)
        self._end("ended" if self.breached_at and self.is_open else "exempt", at)

    def is_missed(self, at: datetime) -> bool:
        """Whether its deadline had passed, as it was without exceptions."""
        return _before(at, self.gross_breached_at or self.gross_due_at) is not None

    def cancel(self, at: datetime) -> None:
        self._only(self.is_unanswered)
        self._miss_gross(at)
        self._end("cancelled", at)

    def void(self, at: datetime) -> None:
        self._only(self.state not in ("cancelled", "exempt"))
        self._miss_gross(at)
        self.state = "exempt"

    def except_(
        self,
        at: datetime,
        *,
        out: Interval | None = None,
        since: datetime | None = None,
        length: Length | None = None,
    ) -> datetime:
        """An approved pause, restart or other target: the net deadline and verdict, the gross ones stay.

        Returns the deadline as of `at`.
        """
        self._only(self.state not in ("cancelled", "exempt"))
        self._miss_gross(at)
        is_renewed = self.breached_at is not None and self.breached_at < self.counted_from
        self.gross_basis = self.gross_basis or (self.length, self.counted_from)
        self.length, self.counted_from = length or self.length, since or self.counted_from
        if out:
            self.exempted.append(out)
        due = self._net(at)
        self.due_at = None if self.state == "paused" else due
        self.version += 1
        if self.breached_at is None or is_renewed:  # the breach of a promise that was renewed since stays
            return due
        if due < (self.ended_at or at):
            self.breached_at = due
            return due
        self.breached_at = None
        if self.ended_at is None:
            self.owner_at_due = None
        if self.state == "ended":
            self.state = "exempt"
        return due

    def step_times(self, percents: list[int]) -> Iterator[datetime]:
        """When each percentage of the time from start to deadline is used up; past 100 % at the same pace."""
        out = [*self.pauses, *self.exempted]
        total = self.hours.between(self.counted_from, self.due_at, out)
        for percent in percents:
            if percent == 100:
                yield self.due_at
            elif percent < 100:
                yield self.hours.add(self.counted_from, total * percent / 100, out)
            else:
                yield self.hours.due_after(self.due_at, total * (percent - 100) / 100)

    def _net(self, until: datetime | None) -> datetime:
        return self.hours.due(self.length, self.counted_from, [*self._out(until), *self.exempted])

    def _new_deadline(self) -> None:
        self.version += 1
        if self.paused_at is None:
            self.due_at, self.gross_due_at = self.deadline(), self.gross_deadline()

    def _miss_gross(self, at: datetime) -> None:
        """What was due without exceptions, and passed unanswered, is a breach of the gross figures."""
        if self.is_unanswered and self.gross_breached_at is None:
            self.gross_breached_at = _before(at, self.gross_due_at)

    def _out(self, until: datetime | None) -> list[Interval]:
        lasting = [(self.paused_at, until)] if self.paused_at and until else []
        return [*self.pauses, *lasting]

    def _end_pause(self, at: datetime) -> None:
        if self.paused_at is not None:
            self.pauses.append((self.paused_at, at))
            self.paused_at = None

    def _end(self, state: str, at: datetime) -> None:
        self._end_pause(at)
        self.state, self.ended_at = state, at

    def _only(self, possible: bool) -> None:
        if not possible:
            raise Impossible(f"not to a clock that is {self.state}")


def _before(at: datetime, missed: datetime | None) -> datetime | None:
    return missed if missed is not None and missed < at else None
