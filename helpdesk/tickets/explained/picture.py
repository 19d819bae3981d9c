"""The plan of a clock's timeline: its pieces, its flags, and what is written on them."""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from helpdesk.core import moments
from helpdesk.sla.calendar import ALWAYS_OPEN
from helpdesk.sla.explain import Kind, Mark, Marker, Stretch, folded
from helpdesk.sla.timeline import Flag, Piece, Plan
from helpdesk.tickets.explained.words import Teller, length_words, target_words

MOST_PIECES = 11
MOST_FLAGS = 8
MOST_OPENINGS = 7
LONGEST_REASON = 38
# What a drawing must not leave out, whatever else there is.
ALWAYS = (Mark.STARTED, Mark.DUE, Mark.NOW, Mark.ANSWERED, Mark.ENDED, Mark.BREACHED)


class Artist:
    """Draws up the plan of what a teller knows."""

    def __init__(self, teller: Teller, *, guaranteed: bool) -> None:
        self.teller, self.made, self.guaranteed = teller, teller.made, guaranteed
        self.same_day = _same_day(self.made.end, self.made.begin)

    def plan(self) -> Plan:
        marks = [marker.at for marker in self.made.markers if marker.mark != Mark.STARTED]
        rows = folded(self.made.stretches, most=MOST_PIECES, marks=marks)
        return Plan(
            pieces=tuple(self._pieces(rows)),
            flags=tuple(self._flags()),
            bands=tuple(self._bands([row for row in rows if row.inside or self._is_long(row)])),
            last_tick=self._tick(self.made.end, self.made.begin),
            captions=(_("Calendar"), pgettext("timeline", "Clock"), pgettext("timeline", "Counted")),
        )

    def _pieces(self, rows: list[Stretch]) -> Iterator[Piece]:
        before: datetime | None = None
        for row in rows:
            words = self._words(row)
            yield Piece(
                kind=row.kind,
                begin=row.begin,
                end=row.end,
                # The calendar's row says of closed time that it is.
                labels=() if row.kind == Kind.CLOSED and not row.inside else words,
                beside=words[0],
                tick=self._tick(row.begin, before),
                names_day=not _same_day(row.begin, before),
                total=length_words(row.total) if row.counted and self.made.basis.target.seconds else "",
                even=None if row.kind == Kind.CLOSED else row.length,
                is_folded=bool(row.inside),
            )
            before = row.begin

    def _words(self, row: Stretch) -> tuple[str, ...]:
        """From the longest to the shortest."""
        if row.inside:
            return self.teller.folded(row), "…"
        time = length_words(row.counted or row.length)
        texts = {
            Kind.COUNTED: _("%(time)s counted"),
            Kind.CLOSED: _("closed %(time)s"),
            Kind.PAUSED: _("%(time)s paused"),
            Kind.EXEMPTED: _("%(time)s left out"),
            Kind.DROPPED: _("%(time)s not counted"),
            Kind.AHEAD: _("%(time)s left"),
            Kind.SPARE: _("%(time)s to spare"),
            Kind.OVER: _("%(time)s late"),
        }
        return texts[row.kind] % {"time": time}, time

    def _tick(self, at: datetime, before: datetime | None) -> str:
        """A time, with its day where that is another one than before."""
        return moments.clock(at) if _same_day(at, before) else moments.dated(at, self.teller.now)

    def _bands(self, inner: list[Stretch]) -> Iterator[Piece]:
        """The calendar's open and closed time; not told apart in weeks, and in days that are folded (`inner`)."""
        made = self.made
        if made.calendar == ALWAYS_OPEN:
            return
        cuts = {made.begin, made.end, *(at for interval in made.hours for at in interval)}
        cuts = {at for at in cuts if not any(row.begin < at < row.end for row in inner)}
        cuts |= {at for row in inner for at in (row.begin, row.end)}
        for begin, end in pairwise(sorted(cuts)):
            if any(row.begin <= begin < row.end for row in inner):
                yield Piece(kind="mixed", begin=begin, end=end, is_folded=True)
            elif any(opening <= begin < closing for opening, closing in made.hours):
                labels = (pgettext("opening hours", "open"),)
                yield Piece(kind="open", begin=begin, end=end, labels=labels, even=end - begin)
            else:
                words = _("closed %(time)s") % {"time": length_words(end - begin)}
                yield Piece(kind="shut", begin=begin, end=end, labels=(words, pgettext("opening hours", "closed")))

    def _is_long(self, row: Stretch) -> bool:
        """Whether the office opened so often meanwhile that nobody could tell the days of it apart."""
        opened = sum(opening < row.end and row.begin < closing for opening, closing in self.made.hours)
        return opened > MOST_OPENINGS

    def _flags(self) -> Iterator[Flag]:
        must = [marker for marker in self.made.markers if marker.mark in ALWAYS]
        may = [marker for marker in self.made.markers if marker.mark not in ALWAYS][: MOST_FLAGS - len(must)]
        for marker in self.made.markers:
            if marker in must or marker in may:
                words = {"time": self._time(marker.at)}
                yield Flag(at=marker.at, kind=self._look(marker), label=self._label(marker, words))

    def _look(self, marker: Marker) -> str:
        """A guarantee's deadline is solid, an aim's dashed; missed ones have another colour."""
        clock, kind = self.made.clock, "due" if self.guaranteed else "aim"
        if marker.mark == Mark.BREACHED or (marker.mark == Mark.DUE and self._is_missed(marker.at)):
            return f"missed-{kind}"
        answered = "met" if clock.breached_at is None else "late"
        looks = {Mark.DUE: kind, Mark.WAS_DUE: "old", Mark.ANSWERED: answered, Mark.NOW: "now"}
        return looks.get(marker.mark, "mark")

    def _is_missed(self, due: datetime) -> bool:
        return self.made.clock.breached_at == due or (self.made.clock.is_open and due < self.teller.now)

    def _label(self, marker: Marker, words: dict[str, str]) -> str:
        is_late = self.made.clock.breached_at is not None
        match marker.mark:
            case Mark.STARTED:
                return self._started(words)
            case Mark.RETARGETED:
                return f"{words['time']} {self._retargeted(marker.event)}"
            case Mark.ANSWERED:
                return "! " + _("answered late %(time)s") % words if is_late else "✓ " + _("answered %(time)s") % words
            case Mark.DUE if self._is_missed(marker.at):
                return pgettext("missed", "was due %(time)s") % words
        texts = {
            Mark.EXEMPTED: _("%(time)s exception approved"),
            Mark.WAS_DUE: _("was due %(time)s"),
            Mark.BREACHED: _("missed %(time)s"),
            Mark.DUE: _("due %(time)s"),
            Mark.ENDED: _("ended %(time)s"),
            Mark.NOW: _("now %(time)s"),
        }
        return texts[marker.mark] % words

    def _started(self, words: dict[str, str]) -> str:
        actor = self.teller.events[0].actor
        if actor is None or actor.is_staff:
            return _("started %(time)s") % words
        return _("%(name)s wrote %(time)s") % (words | {"name": actor.full_name or actor.email})

    def _retargeted(self, place: int) -> str:
        why, before, after = self.teller.why(place), self.teller.states[place - 1], self.teller.states[place]
        if len(why) > LONGEST_REASON:
            why = why[: LONGEST_REASON - 1] + "…"
        if before.target == after.target:
            return why
        return f"{why}, {target_words(before.target)} → {target_words(after.target)}"

    def _time(self, at: datetime) -> str:
        return moments.clock_seconds(at) if self.same_day else moments.exact(at, self.teller.now)


def _same_day(at: datetime, before: datetime | None) -> bool:
    return before is not None and timezone.localdate(at) == timezone.localdate(before)


def spoken(plan: Plan) -> str:
    """The drawing as a text: pieces and flags in the order of time."""
    said = [(piece.begin, 1, f"{piece.tick} {piece.beside}") for piece in plan.pieces]
    said += [(flag.at, 0, flag.label) for flag in plan.flags]
    return "; ".join(text for _at, _order, text in sorted(said))
