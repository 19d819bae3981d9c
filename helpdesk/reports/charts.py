"""Where the marks of the report's drawings stand; the template writes them as SVG."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from helpdesk.core.shares import per_cent
from helpdesk.reports.bands import IN_TIME, LAST_LATE, LATE, NO_ANSWER
from helpdesk.reports.figures import Report, Row, next_bucket
from helpdesk.reports.periods import DAY

LABELS = 7
# Lowest value of the scale: the first one that all points are above.
_FLOORS = (96, 92, 80, 60, 0)
_TOP, _BOTTOM, _BASE, _LEFT, _RIGHT, _HIGHEST_BAR, _LABEL = 16, 180, 226, 66, 562, 26, 15
# Of the histogram: the first bar's left side, from one to the next, how wide, how high, where they stand.
_FIRST, _PITCH, _WIDE, _HIGHEST, _FLOOR = 5, 50, 40, 140, 176


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One day, week or month of the trend; `first` to `last` are its days within the period."""

    row: Row
    first: date
    last: date
    x: str
    y: str | None
    gross_y: str | None
    is_labelled: bool
    bar_x: str
    bar_y: str
    bar_width: str
    bar_height: str
    count_y: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """`last` is the last column with a net value, `gross_last` with a gross one; the labels keep apart."""

    columns: list[Column]
    grid: list[tuple[str, str]]
    lines: list[str]
    gross_lines: list[str]
    last: Column | None
    gross_last: Column | None
    label_y: str
    gross_label_y: str


def trend(report: Report) -> Trend:
    """Attainment as a line that has gaps where nothing was due, and the late ones as bars under it.

    Where exceptions made a difference, gross attainment is a second line.
    """
    rows, period = report.buckets, report.filters.period
    every = [row.now.attainment for row in rows] + [row.gross.attainment for row in rows if report.is_parted]
    values = [value for value in every if value is not None]
    floor = next(floor for floor in _FLOORS if floor <= min(values, default=Decimal(100)))
    most = max((row.now.late for row in rows), default=0)
    gap = (_RIGHT - _LEFT) / max(1, len(rows) - 1)
    width = min(20.0, gap * 0.6)
    spacing = -(-len(rows) // LABELS)
    columns = []
    for index, row in enumerate(rows):
        x = _LEFT + gap * index if len(rows) > 1 else (_LEFT + _RIGHT) / 2
        height = _HIGHEST_BAR * row.now.late / most if most else 0.0
        columns.append(
            Column(
                row=row,
                first=max(row.key, period.first),
                last=min(next_bucket(row.key, report.step) - DAY, period.last),
                x=_at(x),
                y=_height(row.now.attainment, floor),
                gross_y=_height(row.gross.attainment, floor) if report.is_parted else None,
                is_labelled=index % spacing == 0,
                bar_x=_at(x - width / 2),
                bar_y=_at(_BASE - height),
                bar_width=_at(width),
                bar_height=_at(height),
                count_y=_at(_BASE - height - 4),
            )
        )
    last = next((column for column in reversed(columns) if column.y), None)
    gross_last = next((column for column in reversed(columns) if column.gross_y), None)
    label, gross_label = _apart(last and last.y, gross_last and gross_last.gross_y)
    return Trend(
        columns=columns,
        grid=[(str(value), _at(_y(value, floor))) for value in range(floor, 101, (100 - floor) // 4)],
        lines=_lines((column.x, column.y) for column in columns),
        gross_lines=_lines((column.x, column.gross_y) for column in columns),
        last=last,
        gross_last=gross_last,
        label_y=label,
        gross_label_y=gross_label,
    )


def _apart(net: str | None, gross: str | None) -> tuple[str, str]:
    """Where the two labels stand: beside their points, and never on each other."""
    above, below = float(net or 0), float(gross or 0)
    short = max(0.0, _LABEL - (below - above)) / 2 if net and gross else 0.0
    return _at(above - short), _at(below + short)


def _lines(points: Iterable[tuple[str, str | None]]) -> list[str]:
    runs: list[list[str]] = [[]]
    for x, y in points:
        if y is None:
            runs.append([])
        else:
            runs[-1].append(f"{x} {y}")
    return ["M" + " L".join(run) for run in runs if len(run) > 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One hour of one weekday (Monday is 0); `level` 0 to 4 is how strong it is drawn."""

    weekday: int
    hour: int
    late: int
    level: int
    x: str
    y: str
    text_x: str
    text_y: str

    @property
    def text(self) -> str:
        """The count, in at most three characters: that much fits."""
        return str(self.late) if self.late < 1000 else f"{min(99, self.late // 1000)}k"


def heat_map(report: Report) -> list[list[Cell]]:
    """Late targets by weekday and hour of the due time: seven lines of 24 cells."""
    most = max(report.slots.values(), default=0)
    return [
        [
            Cell(
                weekday=weekday,
                hour=hour,
                late=(late := report.slots.get((weekday, hour), 0)),
                level=-(-4 * late // most) if most else 0,
                x=_at(40 + 21 * hour),
                y=_at(20 + 22 * weekday),
                text_x=_at(49.5 + 21 * hour),
                text_y=_at(34 + 22 * weekday),
            )
            for hour in range(24)
        ]
        for weekday in range(7)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A band of the distribution; `share` is in per cent of all due, cut to a tenth."""

    row: Row
    share: Decimal | None
    tick: str  # what stands under it: the band's upper end, where it has one
    is_late: bool
    x: str
    middle: str
    y: str
    height: str
    count_y: str


def histogram(report: Report) -> list[Bar]:
    """How many answers took which part of their target's time; a bar that is there is always seen."""
    most = max((row.now.due for row in report.bands), default=0)
    ticks = {place: f"≤{end}" for place, end in enumerate((*IN_TIME, *LATE))} | {
        LAST_LATE: f">{LATE[-1]}",
        NO_ANSWER: str(_("none")),
    }
    bars = []
    for place, row in enumerate(report.bands):
        height = max(1.5, _HIGHEST * row.now.due / most) if row.now.due else 0.0
        left = _FIRST + place * _PITCH
        bars.append(
            Bar(
                row=row,
                share=per_cent(row.now.due, report.total.now.due),
                tick=ticks[place],
                is_late=place >= len(IN_TIME),
                x=_at(left),
                middle=_at(left + _WIDE / 2),
                y=_at(_FLOOR - height),
                height=_at(height),
                count_y=_at(_FLOOR - height - 6),
            )
        )
    return bars


def _height(value: Decimal | None, floor: int) -> str | None:
    return None if value is None else _at(_y(value, floor))


def _y(value: Decimal | int, floor: int) -> float:
    return _TOP + float(100 - value) / (100 - floor) * (_BOTTOM - _TOP)


def _at(value: float) -> str:
    """A coordinate as SVG reads it, whatever the reader's language."""
    return f"{value:.1f}"
