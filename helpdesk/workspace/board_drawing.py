"""The coming hour as a drawing: a bar for each five minutes, and the line of what can be answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from helpdesk.workspace.board import Slot

WIDTH, LEFT, RIGHT = 520, 30, 516
TOP, BASE = 26, 206
FEWEST_LINES = 4  # the scale ends no lower than this


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One slot: where its two parts lie, in units of the drawing. Heights are 0 where nothing is due."""

    slot: Slot
    x: float
    width: float
    guaranteed_y: float
    guaranteed_height: float
    objective_y: float
    objective_height: float
    label_x: float
    is_labelled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """`grid` holds (value, y) of the scale's lines; `room` is the path of the line of what can be answered."""

    bars: list[Bar]
    grid: list[tuple[int, float]]
    room: str
    room_y: float


def draw(slots: Sequence[Slot]) -> Drawing:
    """Lay the hour out, on a scale that holds the tallest bar and the line."""
    top = max([FEWEST_LINES, *(slot.due for slot in slots), *(ceil(slot.room) for slot in slots)])
    step = max(1, ceil(top / FEWEST_LINES))
    top = step * ceil(top / step)

    def y(value: float) -> float:
        return round(BASE - (BASE - TOP) * value / top, 1)

    wide = (RIGHT - LEFT) / len(slots)
    bars = [_bar(slot, LEFT + place * wide, wide, y, is_labelled=place % 3 == 0) for place, slot in enumerate(slots)]
    edges = [(round(LEFT + place * wide, 1), y(min(slot.room, top))) for place, slot in enumerate(slots)]
    path = f"M{edges[0][0]} {edges[0][1]}" + "".join(f"V{at_y}H{round(at + wide, 1)}" for at, at_y in edges)
    return Drawing(
        bars=bars,
        grid=[(value, y(value)) for value in range(0, top + 1, step)],
        room=path,
        room_y=edges[0][1] - 6,
    )


def _bar(slot: Slot, left: float, wide: float, y, *, is_labelled: bool) -> Bar:  # noqa: ANN001 - a scale
    guaranteed, all_of_it = y(slot.guaranteed), y(slot.due)
    return Bar(
        slot=slot,
        x=round(left + wide * 0.12, 1),
        width=round(wide * 0.76, 1),
        guaranteed_y=guaranteed,
        guaranteed_height=round(BASE - guaranteed, 1),
        objective_y=all_of_it,
        objective_height=round(guaranteed - all_of_it, 1),
        label_x=round(left, 1),
        is_labelled=is_labelled,
    )
