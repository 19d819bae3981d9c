"""The escalation ladder of a policy as a drawing: where each step stands, and where its words have room."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from helpdesk.core.durations import compact, spoken
from helpdesk.sla.models import METRICS
from helpdesk.sla.terms import Recipient, Terms
from helpdesk.workspace.policy_words import RECIPIENTS_SHORT, in_time

# All in units of the drawing.
LEFT, RIGHT = 8, 852
RAIL, RAIL_WITH_REMINDERS = 780, 500  # how long the rail is for the steps
REMINDERS, FIRST_GAP, GAP = 3, 100, 100
LINE, LANE, GAP_TO_RAIL = 15, 34, 12
LATIN, WIDE = 6.8, 12.5  # a letter
ROW, ROW_TOP = 42, 16  # in the narrow drawing
MOST_NAMES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A step, or the deadline, on the rail."""

    x: str
    text_x: str
    head: str
    who: str
    time: str  # empty where it has no room
    top: int  # y of the first line of words
    second: int
    from_y: int  # where the line from the words to the rail begins
    is_step: bool
    is_due: bool
    row: int  # y in the narrow drawing
    row_time: str

    @property
    def row_top(self) -> int:
        return self.row + 4

    @property
    def row_second(self) -> int:
        return self.row + 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """The reminders after the last step; empty words where there are none."""

    words: str = ""
    who: str = ""
    x: str = ""
    top: int = 0
    second: int = 0
    ticks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What the template needs. `soon_x`: the last step before the deadline."""

    about: str
    rail_y: int
    soon_x: float
    due_x: float
    end_x: float
    marks: list[Mark]
    again: Again

    @property
    def heights(self) -> dict[str, int]:
        """Of the drawing's levels, from the rail on, and of the narrow drawing's last row."""
        row = ROW_TOP + ROW * len(self.marks)
        return {
            "all": self.rail_y + 40,
            "middle": self.rail_y + 6,
            "end": self.rail_y + 18,
            "tick_top": self.rail_y - 2,
            "tick_end": self.rail_y + 14,
            "time": self.rail_y + 34,
            "narrow": ROW * (len(self.marks) + bool(self.again.words)),
            "row": row,
            "row_top": row + 4,
            "row_second": row + 20,
        }

    @property
    def rails(self) -> list[tuple[str, str]]:
        """Where each of the three parts of the rail begins, and how wide it is."""
        ends = [(LEFT, self.soon_x), (self.soon_x, self.due_x), (self.due_x, self.end_x)]
        return [(_number(begin), _number(end - begin)) for begin, end in ends]


def drawing(terms: Terms) -> Drawing | None:
    """The ladder of the first target; None where there is nothing to draw."""
    if not terms.targets or not terms.steps:
        return None
    target, repeats = terms.targets[0], bool(terms.repeat_minutes)
    steps = {step.percent: step for step in terms.steps}
    percents = sorted({*steps, 100})
    span = RAIL_WITH_REMINDERS if repeats else RAIL
    places = {percent: LEFT + span * percent / max(100, percents[-1]) for percent in percents}
    words = [(_head(percent), _who(steps[percent].recipients) if percent in steps else "") for percent in percents]
    boxes = [_box(places[percent], *lines) for percent, lines in zip(percents, words, strict=True)]
    again = _again(terms, end=LEFT + span) if repeats else Again()
    after = [(float(again.x), float(again.x) + max(_width(again.words), _width(again.who)))] if repeats else []
    lanes = _lanes([*boxes, *after])
    rail_y = (max(lanes) + 1) * LANE + GAP_TO_RAIL
    times = [_time(target.target.seconds, percent) for percent in percents]
    shown = _shown([(places[percent], time) for percent, time in zip(percents, times, strict=True)])
    marks = [
        Mark(
            x=_number(places[percent]),
            text_x=_number(sum(boxes[index]) / 2),
            head=words[index][0],
            who=words[index][1],
            time=shown[index],
            **_lane_heights(rail_y, lanes[index]),
            from_y=rail_y - 6 - LANE * lanes[index],
            is_step=percent in steps,
            is_due=percent == 100,
            row=ROW_TOP + ROW * index,
            row_time=times[index],
        )
        for index, percent in enumerate(percents)
    ]
    return Drawing(
        about=f"{dict(METRICS)[target.metric]}, {in_time(target)}",
        rail_y=rail_y,
        soon_x=max((places[percent] for percent in percents if percent < 100), default=LEFT),
        due_x=places[100],
        end_x=LEFT + span + (FIRST_GAP + GAP * (REMINDERS - 1) if repeats else 0),
        marks=marks,
        again=replace(again, **_lane_heights(rail_y, lanes[-1])),
    )


def _again(terms: Terms, *, end: float) -> Again:
    return Again(
        words=_("then every %(count)d min, while unanswered") % {"count": terms.repeat_minutes},
        who=_who(terms.reminder_step.recipients),
        x=_number(end + 0.6 * FIRST_GAP),
        ticks=tuple(_number(end + FIRST_GAP + GAP * index) for index in range(REMINDERS)),
    )


def _lane_heights(rail_y: int, lane: int) -> dict[str, int]:
    """Where the two lines of words in a lane stand."""
    second = rail_y - GAP_TO_RAIL - LANE * lane - 4
    return {"top": second - LINE, "second": second}


def _number(value: float) -> str:
    """As text, so that no language changes a decimal point."""
    return f"{value:.1f}"


def _head(percent: int) -> str:
    return _("100 %%, due") % {} if percent == 100 else _("%(percent)d %%") % {"percent": percent}


def _who(recipients: Sequence[Recipient]) -> str:
    """The first few, and how many more."""
    more = len(recipients) - MOST_NAMES
    names = [str(RECIPIENTS_SHORT[who]) for who in recipients[:MOST_NAMES]]
    return ", ".join(names) + (f" +{more}" if more > 0 else "")


def _time(seconds: int | None, percent: int) -> str:
    """How far into the target a step stands; a business day has no length of its own."""
    if seconds is None:
        return ""
    at = seconds * percent / 100
    return spoken(at) if at % 60 == 0 else compact(at)


def _width(text: str) -> float:
    return sum(WIDE if ord(letter) > 0x2E80 else LATIN for letter in text)


def _box(x: float, *lines: str) -> tuple[float, float]:
    """From where to where centred words reach, kept inside the drawing."""
    half = max(_width(line) for line in lines) / 2
    middle = min(max(x, half), RIGHT - half)
    return middle - half, middle + half


def _lanes(boxes: list[tuple[float, float]]) -> list[int]:
    """For each box the lowest lane in which it touches none before it."""
    ends: list[float] = []
    lanes = []
    for begin, end in boxes:
        lane = next((index for index, taken in enumerate(ends) if taken + 10 <= begin), len(ends))
        ends[lane : lane + 1] = [end]
        lanes.append(lane)
    return lanes


def _shown(places: list[tuple[float, str]]) -> list[str]:
    """The times under the rail, those left out that would run into the one before. The first place is "0"."""
    taken, shown = 20.0, []
    for x, text in places:
        begin, end = _box(x, text)
        fits = begin >= taken
        shown.append(text if fits else "")
        taken = end + 10 if fits else taken
    return shown
