"""Some timelines as they stand, mark by mark: what moves in a picture shows here (SPEC 2.2).

The crowded ones were found by chance: more happens in them than there is room for, so that labels step aside for each
other, and times and sums are left out.

After a change that is meant, look at the page, and then write the files anew:
`python -m tests.sla.test_timeline_drawing`.
"""

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from helpdesk.sla.timeline import Drawing, Flag, Piece, Plan, across, down

HERE = Path(__file__).parent
FRIDAY = datetime(2026, 11, 20, 14, 20, tzinfo=UTC)
CAPTIONS = ("Calendar", "Clock", "Counted")


def after(hours: float) -> datetime:
    return FRIDAY + timedelta(hours=hours)


def piece(kind: str, begin: float, end: float, *labels: str, **more) -> Piece:
    even = None if kind == "closed" else timedelta(hours=end - begin)
    return Piece(kind=kind, begin=after(begin), end=after(end), labels=labels, even=even, **more)


def flag(hours: float, kind: str, label: str) -> Flag:
    return Flag(at=after(hours), kind=kind, label=label)


# The customer waits over a weekend, and is asked something; the deadline moves, is missed, and days are folded.
WEEKEND = Plan(
    pieces=(
        piece("counted", 0, 1.7, "1h 42m counted", "1h 42m", tick="Fri 15:20", names_day=True, total="1h 42m"),
        piece("closed", 1.7, 64.7, "closed 63h", "closed", beside="weekend", tick="17:02"),
        piece("counted", 64.7, 65.4, "42m counted", "42m", tick="Mon 08:02", names_day=True, total="2h 24m"),
        piece("paused", 65.4, 66.5, "paused 1h 06m", "paused", beside="waits for the customer", tick="08:44"),
        piece("counted", 66.5, 67.75, "1h 15m counted", "1h 15m", tick="09:50", total="3h 39m"),
        piece("ahead", 67.75, 67.76, "36s ahead", tick="11:05", total="3h 40m"),
        piece("over", 67.76, 71, "3h 14m late", "late", tick="11:06", total="6h 54m"),
        piece("over", 71, 168, "4 more days like this", "4 days", "…", total="38h", is_folded=True),
        piece("over", 168, 169.5, "1h 30m late", "late", tick="Fri 15:20", names_day=True, total="39h 30m"),
    ),
    flags=(
        flag(0, "started", "Fri 15:20 sent"),
        flag(0.2, "retargeted", "15:32 重大度の申告を却下、30分 → 4時間"),
        flag(66.5, "was_due", "was due 09:50"),
        flag(67.76, "due", "due 11:06"),
        flag(67.9, "breached", "breached"),
        flag(169.5, "now", "now 16:50"),
    ),
    bands=(
        piece("counted", 0, 1.7, "open"),
        piece("closed", 1.7, 64.7, "closed 63h", "closed"),
        piece("counted", 64.7, 71, "open"),
        piece("closed", 71, 168, "closed", is_folded=True),
        piece("counted", 168, 169.5, "open"),
    ),
    last_tick="16:50",
    captions=CAPTIONS,
)
ALWAYS = Plan(
    pieces=(
        piece("counted", 0, 0.5, "30m counted", "30m", tick="15:20", total="30m"),
        piece("spare", 0.5, 1, "30m to spare", "30m", tick="15:50", total="1h 00m"),
    ),
    flags=(flag(0, "started", "15:20 sent"), flag(0.5, "answered", "15:50 answered"), flag(1, "due", "due 16:20")),
    bands=(),
    last_tick="16:20",
    captions=CAPTIONS,
)
DRAWINGS = {
    "weekend-across-960": lambda: across(WEEKEND, width=960),
    "weekend-across-640": lambda: across(WEEKEND, width=640),
    "weekend-down-320": lambda: down(WEEKEND, width=320),
    "weekend-down-220": lambda: down(WEEKEND, width=220),
    "always-across-960": lambda: across(ALWAYS, width=960),
    "always-down-320": lambda: down(ALWAYS, width=320),
}


def crowded(plan: dict) -> Plan:
    """Of a plan as it is kept: in minutes."""
    pieces = [
        piece(row.pop("kind"), row.pop("begin") / 60, row.pop("end") / 60, *row.pop("labels"), **row)
        for row in plan["pieces"]
    ]
    flags = [flag(row["at"] / 60, row["kind"], row["label"]) for row in plan["flags"]]
    return Plan(pieces=tuple(pieces), flags=tuple(flags), bands=(), last_tick="16:50", captions=CAPTIONS)


for number, row in enumerate(json.loads((HERE / "drawings" / "crowded.json").read_text()), start=1):
    plan = crowded(row)
    DRAWINGS[f"crowded-{number}-across"] = partial(across, plan, width=row["across"])
    DRAWINGS[f"crowded-{number}-down"] = partial(down, plan, width=row["down"])


def written(drawing: Drawing) -> str:
    """One mark a line, in the order in which they are painted."""
    rows = [f"drawing  {drawing.width:g} × {drawing.height:g}"]
    rows += [f"box   {b.x:8.2f} {b.y:7.2f}  {b.width:7.2f} × {b.height:6.2f}  {b.css}" for b in drawing.boxes]
    rows += [f"line  {o.x1:8.2f} {o.y1:7.2f}  → {o.x2:8.2f} {o.y2:7.2f}  {o.css}" for o in drawing.lines]
    rows += [f"text  {t.x:8.2f} {t.y:7.2f}  {t.anchor:6}  {t.css:12} {t.text}" for t in drawing.texts]
    return "\n".join(row.rstrip() for row in rows) + "\n"


@pytest.mark.parametrize("name", DRAWINGS)
def test_every_mark_stands_where_it_stood(name):
    assert written(DRAWINGS[name]()) == (HERE / "drawings" / f"{name}.txt").read_text()


if __name__ == "__main__":
    for each, draw in DRAWINGS.items():
        (HERE / "drawings" / f"{each}.txt").write_text(written(draw()))
