"""Where the marks of a timeline stand: one drawing that runs across, one that runs down for a narrow screen. Pure.

A plan says what to draw, with its texts; a drawing says where. Within a piece time is even; across
pieces it is not: closed time is drawn short, and what would be too narrow to see is drawn wider.
No text overlaps another or leaves the drawing: what finds no room is left out, and stands in the
table beside the picture. Lengths are pixels of a drawing at its natural size.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from unicodedata import east_asian_width

SIZE = 13  # of all text
LINE = 18
_NARROW, _SLIM, _BROAD = frozenset(" .,:;!|'’`ijlI()[]"), frozenset("frtJ-"), frozenset("mwMW@%&")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One stretch: `labels` on it, from the longest to the shortest, or `beside` it where there is room for that;
    `tick` is the time at its begin, `total` the sum at its end.

    `even` is what it is as long as, for its width: None draws it short.
    """

    kind: str
    begin: datetime
    end: datetime
    labels: tuple[str, ...] = ()
    beside: str = ""
    tick: str = ""
    names_day: bool = False  # the tick does
    total: str = ""
    even: timedelta | None = None
    is_folded: bool = False

    @property
    def css(self) -> str:
        return f"{self.kind} folded" if self.is_folded else self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """A named instant."""

    at: datetime
    kind: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to draw. `bands`: the calendar's open and closed time, none where it is always open."""

    pieces: tuple[Piece, ...]
    flags: tuple[Flag, ...]
    bands: tuple[Piece, ...]
    last_tick: str
    captions: tuple[str, str, str]  # of the rows: calendar, clock, sum


@dataclass(frozen=True, slots=True)
class Box:
    x: float
    y: float
    width: float
    height: float
    css: str

    def meets(self, other: "Box", gap: float = 0) -> bool:
        across = self.x < other.x + other.width + gap and other.x < self.x + self.width + gap
        return across and self.y < other.y + other.height and other.y < self.y + self.height


@dataclass(frozen=True, slots=True)
class Line:
    x1: float
    y1: float
    x2: float
    y2: float
    css: str


@dataclass(frozen=True, slots=True)
class Text:
    """A text by its baseline; `anchor` is start, middle or end of it."""

    x: float
    y: float
    text: str
    css: str
    anchor: str = "start"

    @property
    def box(self) -> Box:
        """The room that it takes, rather too much than too little."""
        width = text_width(self.text)
        left = self.x - {"start": 0, "middle": width / 2, "end": width}[self.anchor]
        return Box(left, self.y - 0.8 * SIZE, width, SIZE + 2, "")


@dataclass(slots=True)
class Drawing:
    width: float
    height: float = 0
    boxes: list[Box] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)

    def fits(self, text: Text, *, left: float, gap: float) -> bool:
        """Whether a text would stand free, and inside."""
        box = text.box
        inside = left <= box.x and box.x + box.width <= self.width
        return inside and not any(box.meets(other.box, gap) for other in self.texts)


def text_width(text: str) -> float:
    """How wide a text may get, in any usual font, bold."""
    return sum(map(_em, text)) * SIZE * 1.08


def _em(letter: str) -> float:
    if east_asian_width(letter) in "WF":
        return 0.95
    if letter in _NARROW:
        return 0.36
    if letter in _SLIM:
        return 0.46
    if letter in _BROAD:
        return 0.98
    return 0.74 if letter.isupper() or not letter.isascii() else 0.64


# Across
LEFT, RIGHT = 92, 14  # beside the bars: the rows' captions; half of the last time
BAND, BAR, GAP = 24, 28, 10  # heights
APART = 0.5  # between the lines of flags of one instant
SHORT, SHORTEST, FOLDED = 104, 24, 204  # widths of closed time, of anything else, of folded days


def across(plan: Plan, *, width: float) -> Drawing:
    """The drawing from left to right."""
    drawing = Drawing(width)
    scale = _Scale(plan, LEFT, width - RIGHT)
    labels = _placed(plan.flags, scale, width)
    top = LINE * (1 + max((label.lane for label in labels), default=0)) + 8
    band, bar = top, top + (BAND + GAP if plan.bands else 0)
    axis = bar + BAR + GAP
    xs = sorted(label.x for label in labels)
    calendar, clock, total = plan.captions
    if plan.bands:
        drawing.texts.append(Text(0, band + BAND / 2 + 5, calendar, "t-row"))
        _draw_row(drawing, plan.bands, scale, xs, y=band, height=BAND)
    drawing.texts.append(Text(0, bar + BAR / 2 + 5, clock, "t-row"))
    _draw_row(drawing, plan.pieces, scale, xs, y=bar, height=BAR)
    drawing.lines.append(Line(LEFT, axis, width - RIGHT, axis, "axis"))
    _draw_axis(drawing, plan, scale, bar=bar, axis=axis)
    drawing.height = axis + 2 * LINE
    if any(piece.total for piece in plan.pieces):
        drawing.texts.append(Text(0, axis + 2 * LINE + 5, total, "t-row"))
        drawing.height += LINE
    for label in labels:
        y = top - 10 - label.lane * LINE if label.is_shown else top - 8
        drawing.lines.append(Line(label.x, y + 4, label.x, axis + 4, label.flag.kind))
        if label.is_shown:
            anchor, away = ("end", 1) if label.runs_left else ("start", -1)
            drawing.texts.append(Text(label.x + away, y, label.flag.label, f"f-{label.flag.kind}", anchor))
    return drawing


class _Scale:
    """From instants to places: straight between the points where the measure changes."""

    def __init__(self, plan: Plan, left: float, right: float) -> None:
        parts = [part for piece in plan.pieces for part in _parts(piece, plan.bands)]
        widths = _widths(parts, right - left)
        self.instants, self.places, x = [], [], left
        for (begin, _end, _even, _least), width in zip(parts, widths, strict=True):
            self.instants.append(begin)
            self.places.append(x)
            x += width
        self.instants.append(plan.pieces[-1].end)
        self.places.append(right)

    def __call__(self, at: datetime) -> float:
        place = min(max(0, bisect_right(self.instants, at) - 1), len(self.instants) - 2)
        begin, end = self.instants[place], self.instants[place + 1]
        share = min(1.0, max(0.0, (at - begin) / (end - begin)))
        return self.places[place] + share * (self.places[place + 1] - self.places[place])


Part = tuple[datetime, datetime, timedelta | None, float]  # from, to, what its width follows, least width


def _parts(piece: Piece, bands: Sequence[Piece]) -> Iterator[Part]:
    """A piece, cut where the calendar opens and closes inside it."""
    least = min(SHORT, max([SHORTEST, *(text_width(label) + 12 for label in piece.labels[-1:])]))
    if piece.is_folded:
        yield piece.begin, piece.end, None, FOLDED
        return
    inside = [band for band in bands if band.begin < piece.end and piece.begin < band.end]
    for band in inside or [piece]:
        begin, end = max(piece.begin, band.begin), min(piece.end, band.end)
        even = None if band.even is None else end - begin
        yield begin, end, even, FOLDED if band.is_folded else SHORT if even is None else least


def _widths(parts: Sequence[Part], room: float) -> list[float]:
    """As long as they are, none below its least width, and together as wide as the room."""
    least = [part[3] for part in parts]
    if sum(least) >= room or all(even is None for _begin, _end, even, _least in parts):
        return [room * width / sum(least) for width in least]
    growing = {place for place, part in enumerate(parts) if part[2] is not None}
    while True:
        fixed = sum(width for place, width in enumerate(least) if place not in growing)
        total = sum((parts[place][2] for place in growing), timedelta(0))
        grown = {place: (room - fixed) * (parts[place][2] / total) for place in growing}
        cramped = {place for place, width in grown.items() if width < least[place]}
        if not cramped:
            return [grown.get(place, width) for place, width in enumerate(least)]
        growing -= cramped


def _draw_row(
    drawing: Drawing, pieces: Iterable[Piece], scale: _Scale, xs: Sequence[float], *, y: float, height: float
) -> None:
    """Boxes with as much of their label as stands free between the lines of the flags."""
    for piece in pieces:
        begin, end = scale(piece.begin), scale(piece.end)
        drawing.boxes.append(Box(begin, y, end - begin, height, piece.css))
        edges = [begin, *(x for x in xs if begin < x < end), end]
        left, right = max(pairwise(edges), key=lambda gap: gap[1] - gap[0])
        label = next((text for text in piece.labels if text_width(text) + 12 <= right - left), "")
        if label:
            middle, half = (left + right) / 2, text_width(label) / 2 + 4
            drawing.boxes.append(Box(middle - half, y + 4, 2 * half, height - 8, f"paper paper-{piece.kind}"))
            drawing.texts.append(Text(middle, y + height / 2 + 5, label, f"t-{piece.kind}", "middle"))


def _draw_axis(drawing: Drawing, plan: Plan, scale: _Scale, *, bar: float, axis: float) -> None:
    """Times under the axis, and sums under them: as many as there is room for."""
    last = (scale(plan.pieces[-1].end), plan.last_tick, True)
    ticks = [*((scale(piece.begin), piece.tick, piece.names_day) for piece in plan.pieces), last]
    for x, _words, _names_day in ticks:
        drawing.lines.append(Line(x, bar - 4, x, axis + 4, "axis"))
    shown = _spread(drawing, ticks, y=axis + LINE, css="t-tick")
    is_clear = True
    for (_x, _words, names_day), text in zip(ticks, shown, strict=True):
        is_clear = text is not None if names_day else is_clear
        if text is not None and not is_clear:  # its day found no room: a time alone would be read as another day's
            drawing.texts.remove(text)
    sums = [(scale(piece.end), piece.total, False) for piece in plan.pieces if piece.total]
    _spread(drawing, sums, y=axis + 2 * LINE + 5, css="t-sum")


def _spread(drawing: Drawing, row: Sequence[tuple[float, str, bool]], *, y: float, css: str) -> list[Text | None]:
    """Writes the texts that stand free: first those at both ends, then those that matter more, then the others."""
    last, shown = len(row) - 1, [None] * len(row)
    for place in sorted(range(len(row)), key=lambda place: (place not in (0, last), not row[place][2], place)):
        x, words, _matters = row[place]
        anchors = (("middle", x), ("start", max(x, LEFT)), ("end", min(x, drawing.width)))
        texts = (Text(at, y, words, css, anchor) for anchor, at in anchors if words)
        shown[place] = next((text for text in texts if drawing.fits(text, left=LEFT - 4, gap=10)), None)
        if shown[place]:
            drawing.texts.append(shown[place])
    return shown


@dataclass(slots=True)
class _Label:
    """A flag's label over the bars, in a lane (0 is next to the bars)."""

    flag: Flag
    x: float
    left: float
    right: float
    lane: int = 0
    is_shown: bool = True

    @classmethod
    def of(cls, flag: Flag, x: float, *, to_the_left: bool) -> "_Label":
        room = text_width(flag.label) + 8
        return cls(flag, x, x - room, x) if to_the_left else cls(flag, x, x, x + room)

    @property
    def runs_left(self) -> bool:
        return self.left < self.x

    def covers(self, other: "_Label") -> bool:
        """Whether the line of another flag, on its way to the bars, would run through this label."""
        return self is not other and self.left <= other.x <= self.right


def _placed(flags: Sequence[Flag], scale: _Scale, width: float) -> list[_Label]:
    """The labels in lanes such that none meets another, nor the line of another flag.

    Labels run to the right of their line where there is room. A label stands above the flags that it
    covers; two that would cover each other both run to the left. Should there be no order for all that,
    one of them is left out.
    """
    rows: list[tuple[float, Flag]] = []
    for flag in sorted(flags, key=lambda flag: flag.at):
        x = scale(flag.at)
        rows.append((max(x, rows[-1][0] + APART) if rows else x, flag))  # those of one instant keep their order
    labels: list[_Label] = []
    for x, flag in reversed(rows):
        label, turned = (_Label.of(flag, x, to_the_left=left) for left in (False, True))
        mutual = any(label.covers(other) and other.covers(label) and other.runs_left for other in labels)
        labels.append(turned if label.right > width or (mutual and turned.left >= 0) else label)
    done: list[_Label] = []
    waiting = labels[::-1]
    while waiting:
        free = [row for row in waiting if not any(row.covers(other) for other in waiting)]
        row = free[0] if free else max(waiting, key=lambda row: row.right - row.left)
        waiting.remove(row)
        row.is_shown = bool(free)
        if row.is_shown:
            row.lane = 1 + max((other.lane for other in done if row.covers(other)), default=-1)
            while any(other.lane == row.lane and row.left < other.right and other.left < row.right for other in done):
                row.lane += 1
            done.append(row)
    return labels


# Down
BREADTH = 26  # of the bar; the times stand on its left, the words on its right


def down(plan: Plan, *, width: float) -> Drawing:
    """The drawing from top to bottom, for a narrow screen: every instant has a line of its own."""
    ticks = {piece.begin: piece.tick for piece in plan.pieces} | {plan.pieces[-1].end: plan.last_tick}
    flags: dict[datetime, list[Flag]] = {}
    for flag in plan.flags:
        flags.setdefault(flag.at, []).append(flag)
    column = _Column(Drawing(width), stem=14 + max(map(text_width, ticks.values())))
    instants = sorted({*ticks, *flags})
    for at, after in pairwise(instants):
        here = column.y + LINE / 2
        column.name(ticks.get(at, ""), flags.get(at, ()))
        piece = next(piece for piece in plan.pieces if piece.begin <= at < piece.end)
        if piece.beside and _is_longest(piece, at, after, instants):
            column.say(piece.beside, f"t-beside t-{piece.kind}")
        column.y += 5
        column.drawing.boxes.append(Box(column.stem, here, BREADTH, column.y + LINE / 2 - here, piece.css))
    column.name(plan.last_tick, flags.get(instants[-1], ()))
    column.drawing.height = column.y + 4
    return column.drawing


@dataclass(slots=True)
class _Column:
    """Writes lines below one another; `y` is where the next one begins, `stem` where the bar is."""

    drawing: Drawing
    stem: float
    y: float = 2.0

    def name(self, tick: str, flags: Sequence[Flag]) -> None:
        """An instant: its time on the left, what it is called on the right."""
        here, end = self.y + LINE / 2, self.stem + BREADTH
        self.drawing.lines.append(Line(self.stem - 5, here, end, here, "axis"))
        if tick:
            self.drawing.texts.append(Text(self.stem - 9, here + 4, tick, "t-tick", "end"))
        for flag in flags:
            self.drawing.lines.append(Line(self.stem - 5, here, end + 6, here, flag.kind))
            self.say(flag.label, f"f-{flag.kind}")
        if not flags:
            self.y += LINE

    def say(self, words: str, css: str) -> None:
        """Words on the right of the bar, in as many lines as they need."""
        x = self.stem + BREADTH + 10
        for line in _wrapped(words, self.drawing.width - x - 2):
            self.drawing.texts.append(Text(x, self.y + LINE / 2 + 4, line, css))
            self.y += LINE


def _is_longest(piece: Piece, at: datetime, after: datetime, instants: Sequence[datetime]) -> bool:
    """Of the parts that the flags cut a piece into, the label stands beside the longest, the first of them."""
    cuts = [instant for instant in instants if piece.begin <= instant <= piece.end]
    return (at, after) == max(pairwise(cuts), key=lambda part: part[1] - part[0])


def _wrapped(text: str, room: float) -> list[str]:
    """A text in lines that fit: broken at spaces, and within a word that alone is too long (as in Japanese)."""
    lines = [""]
    for number, word in enumerate(text.split(" ")):
        space = " " if number else ""
        for part in [word] if text_width(word) <= room else list(word):
            if lines[-1] and text_width(lines[-1] + space + part) > room:
                lines.append(part)
            else:
                lines[-1] += (space if lines[-1] else "") + part
            space = ""
    return lines
