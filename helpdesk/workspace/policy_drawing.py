"""The escalation ladder of a policy as a drawing: where each step stands, and where its words have room."""

from collections.abc import Iterable
from dataclasses import dataclass

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
ROW = 42  # in the narrow drawing


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A step, or the deadline, on the rail; as text, so that no language changes a decimal point."""

    x: str
    text_x: str
    head: str
    who: str
    time: str  # empty where it has no room
    top: str  # y of the first line of words
    second: str
    from_y: str  # where the line from the words to the rail begins
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
class Drawing:
    """What the template needs."""

    about: str
    height: int
    rail_y: int
    soon_x: str
    due_x: str
    end_x: str
    marks: list[Mark]
    reminders: list[str]
    again: str
    again_who: str
    again_x: str
    again_top: str
    again_second: str
    narrow_height: int
    again_row: int

    @property
    def time_y(self) -> int:
        return self.rail_y + 34

    @property
    def rail_middle(self) -> int:
        return self.rail_y + 6

    @property
    def rail_end(self) -> int:
        return self.rail_y + 18

    @property
    def tick_top(self) -> int:
        return self.rail_y - 2

    @property
    def tick_end(self) -> int:
        return self.rail_y + 14

    @property
    def again_row_top(self) -> int:
        return self.again_row + 4

    @property
    def again_row_second(self) -> int:
        return self.again_row + 20

    @property
    def soon_width(self) -> str:
        return f"{float(self.due_x) - float(self.soon_x):.1f}"

    @property
    def late_width(self) -> str:
        return f"{float(self.end_x) - float(self.due_x):.1f}"

    @property
    def calm_width(self) -> str:
        return f"{float(self.soon_x) - LEFT:.1f}"


def drawing(terms: Terms) -> Drawing | None:
    """The ladder of the first target; None where there is nothing to draw."""
    if not terms.targets or not terms.steps:
        return None
    target = terms.targets[0]
    seconds = target.target.seconds
    repeats = bool(terms.repeat_minutes)
    top = max(100, terms.steps[-1].percent)
    span = RAIL_WITH_REMINDERS if repeats else RAIL

    def x(percent: int) -> float:
        return LEFT + span * percent / top

    steps = {step.percent: step for step in terms.steps}
    percents = sorted({*steps, 100})
    words = [
        (percent, _head(percent), _who(steps[percent].recipients) if percent in steps else "") for percent in percents
    ]
    again = _("then every %(count)d min, while unanswered") % {"count": terms.repeat_minutes} if repeats else ""
    again_who = _who(terms.reminder_step.recipients) if repeats else ""
    again_x = LEFT + span + 0.6 * FIRST_GAP
    boxes = [_box(x(percent), head, who) for percent, head, who in words]
    extra = [(again_x, again_x + max(_width(again), _width(again_who)))] if repeats else []
    lanes = _lanes([*boxes, *extra])
    rail_y = (max(lanes) + 1) * LANE + GAP_TO_RAIL
    times = _times([(x(percent), _time(seconds, percent)) for percent in percents])
    marks = [
        Mark(
            x=f"{x(percent):.1f}",
            text_x=f"{(box[0] + box[1]) / 2:.1f}",
            head=head,
            who=who,
            time=time,
            top=str(rail_y - GAP_TO_RAIL - LANE * lane - LINE - 4),
            second=str(rail_y - GAP_TO_RAIL - LANE * lane - 4),
            from_y=str(rail_y - 6 - LANE * lane),
            is_step=percent in steps,
            is_due=percent == 100,
            row=16 + ROW * index,
            row_time=_time(seconds, percent),
        )
        for index, ((percent, head, who), box, lane, time) in enumerate(zip(words, boxes, lanes, times, strict=False))
    ]
    calm = max((percent for percent in percents if percent < 100), default=0)
    return Drawing(
        about=f"{dict(METRICS)[target.metric]}, {in_time(target)}",
        height=rail_y + 40,
        rail_y=rail_y,
        soon_x=f"{x(calm):.1f}",
        due_x=f"{x(100):.1f}",
        end_x=f"{LEFT + span + (FIRST_GAP + GAP * (REMINDERS - 1) if repeats else 0):.1f}",
        marks=marks,
        reminders=[f"{LEFT + span + FIRST_GAP + GAP * index:.1f}" for index in range(REMINDERS if repeats else 0)],
        again=again,
        again_who=again_who,
        again_x=f"{again_x:.1f}",
        again_top=str(rail_y - GAP_TO_RAIL - LANE * lanes[-1] - LINE - 4),
        again_second=str(rail_y - GAP_TO_RAIL - LANE * lanes[-1] - 4),
        narrow_height=ROW * (len(marks) + repeats),
        again_row=16 + ROW * len(marks),
    )


def _head(percent: int) -> str:
    return _("100 %%, due") % {} if percent == 100 else _("%(percent)d %%") % {"percent": percent}


def _who(recipients: Iterable[Recipient]) -> str:
    return ", ".join(str(RECIPIENTS_SHORT[who]) for who in recipients)


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


def _times(places: list[tuple[float, str]]) -> list[str]:
    """The times under the rail, those left out that would run into the one before. The first place is "0"."""
    taken, shown = 20.0, []
    for x, text in places:
        begin, end = _box(x, text)
        fits = begin >= taken
        shown.append(text if fits else "")
        taken = end + 10 if fits else taken
    return shown
