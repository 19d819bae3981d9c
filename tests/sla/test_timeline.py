"""A timeline can be read: nothing covers anything, and nothing leaves the drawing (SPEC 2.2, 2.9)."""

from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpdesk.sla.timeline import Drawing, Flag, Piece, Plan, across, down, text_width

NOW = datetime(2026, 11, 20, 14, 20, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
CAPTIONS = ("Calendar", "Clock", "Counted")
KINDS = ["counted", "closed", "paused", "exempted", "dropped", "ahead", "spare", "over"]
WORDS = ["1h 07m 11s counted", "一時停止 1h 07m 11s", "closed 63h", "休業", "5 more days like this", "Wi W", ""]
FLAGS = [
    "12:09:30 claim declined, 30 minutes → 1 hour",
    "now 11:02:31",
    "12:01:00 重大度の申告を却下、30分 → 1時間",
    "期限 11:27:11",
]


def assert_readable(drawing: Drawing) -> None:
    texts = [text.box for text in drawing.texts]
    boxes = [box for box in drawing.boxes if not box.css.startswith("paper")]
    for box in [*texts, *drawing.boxes]:
        assert box.x >= -0.01, box
        assert box.x + box.width <= drawing.width + 0.01, box
        assert box.y >= 0, box
        assert box.y + box.height <= drawing.height, box
    for line in drawing.lines:
        assert min(line.x1, line.x2) >= 0, line
        assert max(line.x1, line.x2) <= drawing.width, line
        assert min(line.y1, line.y2) >= 0, line
        assert max(line.y1, line.y2) <= drawing.height, line
    for one, other in combinations(drawing.texts, 2):
        assert not one.box.meets(other.box), (one, other)
    for one, other in combinations(boxes, 2):
        apart = one.x + one.width <= other.x + 0.01 or other.x + other.width <= one.x + 0.01
        assert apart or one.y + one.height <= other.y + 0.01 or other.y + other.height <= one.y + 0.01
    assert all(box.width >= 0 and box.height >= 0 for box in drawing.boxes)
    for line in drawing.lines:  # a line may run beside a text, not through it
        if line.css != "axis" and line.x1 == line.x2:
            for text in drawing.texts:
                box = text.box
                through = box.x + 1 < line.x1 < box.x + box.width - 1
                assert not (through and line.y1 < box.y + box.height and box.y < line.y2 - 5), (line, text)


@st.composite
def plans(draw) -> Plan:
    lengths = draw(st.lists(st.integers(1, 9 * 24 * 3600), min_size=1, max_size=14))
    at, pieces = NOW, []
    for length in lengths:
        end = at + timedelta(seconds=length)
        kind = draw(st.sampled_from(KINDS))
        labels = tuple(sorted(draw(st.lists(st.sampled_from(WORDS), max_size=3)), key=len, reverse=True))
        pieces.append(
            Piece(
                kind=kind,
                begin=at,
                end=end,
                labels=labels,
                beside=draw(st.sampled_from(WORDS)),
                tick=draw(st.sampled_from(["Fri 15:20", "17:00", "11月20日 15:20"])),
                names_day=draw(st.booleans()),
                total=draw(st.sampled_from(["", "1h 40m", "63h 00m"])),
                even=None if kind == "closed" else end - at,
                is_folded=draw(st.integers(0, 6)) == 0,
            )
        )
        at = end
    span = int((at - NOW).total_seconds())
    instants = draw(st.lists(st.integers(0, span), max_size=8))
    flags = tuple(
        Flag(at=NOW + timedelta(seconds=second), kind="now", label=draw(st.sampled_from(FLAGS))) for second in instants
    )
    bands = draw(st.sampled_from([(), tuple(_banded(pieces))]))
    return Plan(pieces=tuple(pieces), flags=flags, bands=bands, last_tick="Mon 09:00", captions=CAPTIONS)


def _banded(pieces: list[Piece]) -> list[Piece]:
    """Open and closed in turn, with edges that are not the pieces' own."""
    begin, end = pieces[0].begin, pieces[-1].end
    cuts = [begin + (end - begin) * share / 7 for share in range(8)]
    return [
        Piece(
            kind="open" if number % 2 else "shut",
            begin=one,
            end=other,
            labels=("open", "開"),
            even=other - one if number % 2 else None,
        )
        for number, (one, other) in enumerate(pairwise(cuts))
    ]


@settings(deadline=None)
@given(plans(), st.sampled_from([1072, 1320]))
def test_across_nothing_covers_anything(plan, width):
    drawing = across(plan, width=width)
    assert_readable(drawing)
    rows = [box for box in drawing.boxes if not box.css.startswith("paper")]
    assert len(rows) == len(plan.pieces) + len(plan.bands)
    bars = rows[len(plan.bands) :]
    assert all(one.x + one.width == pytest.approx(other.x) for one, other in pairwise(bars))
    assert [box.css for box in bars] == [piece.css for piece in plan.pieces]
    assert len([line for line in drawing.lines if line.css == "now"]) == len(plan.flags)


@settings(deadline=None)
@given(plans(), st.sampled_from([300, 340]))
def test_down_nothing_covers_anything_and_nothing_is_left_out(plan, width):
    drawing = down(plan, width=width)
    assert_readable(drawing)
    said = "".join(text.text for text in drawing.texts).replace(" ", "")
    for words in [*(flag.label for flag in plan.flags), *(piece.beside for piece in plan.pieces)]:
        assert words.replace(" ", "") in said
    ticks = [text.text for text in drawing.texts if text.css == "t-tick"]
    assert ticks == [*(piece.tick for piece in plan.pieces), plan.last_tick]
    assert sum(box.height for box in drawing.boxes) > 0
    assert all(one.y + one.height == pytest.approx(other.y) for one, other in pairwise(drawing.boxes))


def plan_of(*rows: tuple[str, float, str], flags=(), bands=()) -> Plan:
    """Pieces of so many minutes."""
    at, pieces = NOW, []
    for kind, minutes, label in rows:
        end = at + minutes * MINUTE
        even = None if kind == "closed" else end - at
        pieces.append(Piece(kind=kind, begin=at, end=end, labels=(label,), tick="15:20", total="1h", even=even))
        at = end
    return Plan(pieces=tuple(pieces), flags=tuple(flags), bands=tuple(bands), last_tick="end", captions=CAPTIONS)


def bars(drawing: Drawing) -> list:
    return [box for box in drawing.boxes if not box.css.startswith("paper")]


def test_open_time_is_drawn_as_long_as_it_is_and_a_weekend_short():
    plan = plan_of(("counted", 100, "1h 40m"), ("closed", 63 * 60, "63h"), ("counted", 50, "50m"))
    long, weekend, short = bars(across(plan, width=1320))
    assert long.width == pytest.approx(2 * short.width)
    assert weekend.width == pytest.approx(104)


def test_what_is_very_short_can_still_be_seen():
    plan = plan_of(("counted", 600, "10h"), ("paused", 0.1, ""), ("counted", 600, "10h"))
    assert [round(box.width) for box in bars(across(plan, width=1320))] == [595, 24, 595]


def test_a_label_that_finds_no_room_is_left_out_and_a_shorter_one_taken():
    piece = Piece(kind="counted", begin=NOW, end=NOW + HOUR, labels=("x" * 200, "1h", ""), even=HOUR)
    plan = Plan(pieces=(piece,), flags=(), bands=(), last_tick="", captions=CAPTIONS)
    assert [text.text for text in across(plan, width=1320).texts if text.css == "t-counted"] == ["1h"]


def test_a_label_stands_between_the_lines_that_cross_its_bar():
    flags = [Flag(at=NOW + 10 * MINUTE, kind="now", label="declined")]
    drawing = across(plan_of(("counted", 60, "1h 00m counted"), flags=flags), width=1320)
    (label,) = (text for text in drawing.texts if text.css == "t-counted")
    (line,) = (line for line in drawing.lines if line.css == "now")
    assert line.x1 < label.box.x


def test_flags_close_together_stand_one_above_the_other():
    flags = [Flag(at=NOW + n * MINUTE, kind="now", label=f"12:0{n}:00 something happened") for n in range(4)]
    drawing = across(plan_of(("counted", 600, "10h"), flags=flags), width=1320)
    placed = [text for text in drawing.texts if text.css == "f-now"]
    assert sorted({text.y for text in placed}, reverse=True) == [text.y for text in placed]
    assert len({text.y for text in placed}) == 4


def test_labels_that_only_overlap_stand_in_two_lanes():
    """Neither reaches over the other's line, and yet both want the same room."""
    flags = [
        Flag(at=NOW + 480 * MINUTE, kind="now", label="x" * 22),
        Flag(at=NOW + 600 * MINUTE, kind="due", label="y" * 18),
    ]
    drawing = across(plan_of(("counted", 600, "10h"), flags=flags), width=1320)
    left, right = (next(text for text in drawing.texts if text.css == css) for css in ("f-now", "f-due"))
    assert (left.anchor, right.anchor) == ("start", "end")
    assert left.box.x + left.box.width > right.box.x
    assert left.y != right.y
    assert_readable(drawing)


def test_where_there_is_no_order_one_label_is_left_out_and_its_line_stays():
    flags = [
        Flag(at=NOW + 200 * MINUTE, kind="now", label="x" * 66),  # no room for it on the left
        Flag(at=NOW + 420 * MINUTE, kind="due", label="y" * 62),  # nor for this one on the right
    ]
    drawing = across(plan_of(("counted", 600, "10h"), flags=flags), width=1072)
    assert [text.text[0] for text in drawing.texts if text.css in ("f-now", "f-due")] == ["y"]
    assert {line.css for line in drawing.lines} == {"axis", "now", "due"}
    assert_readable(drawing)


def test_what_happens_at_one_instant_has_a_line_each_in_the_order_in_which_it_happened():
    flags = [Flag(at=NOW + HOUR, kind=kind, label="") for kind in ("started", "was_due", "due")]
    lines = across(plan_of(("counted", 120, "2h"), flags=flags), width=1320).lines
    places = [line.x1 for line in lines if line.css != "axis"]
    assert [line.css for line in sorted(lines, key=lambda line: line.x1) if line.css != "axis"] == [
        flag.kind for flag in flags
    ]
    assert len(set(places)) == 3


def test_a_time_whose_day_found_no_room_is_left_out_until_the_next_day_is_named():
    """Else Monday's 08:02 would be read as Friday's."""
    day = {"names_day": True, "labels": ("",)}
    rows = [("Friday 15:20", 24, day), ("Monday 15:20:00 a long name", 400, day), ("09:50", 1000, {"labels": ("",)})]
    rows.append(("Tuesday 08:00", 1000, day))
    at, pieces = NOW, []
    for tick, minutes, more in rows:
        pieces.append(
            Piece(kind="counted", begin=at, end=at + minutes * MINUTE, tick=tick, even=minutes * MINUTE, **more)
        )
        at = pieces[-1].end
    plan = Plan(pieces=tuple(pieces), flags=(), bands=(), last_tick="16:00", captions=CAPTIONS)
    ticks = [text.text for text in across(plan, width=1072).texts if text.css == "t-tick"]
    assert sorted(ticks) == ["16:00", "Friday 15:20", "Tuesday 08:00"]


def test_down_what_a_piece_says_stands_beside_the_longest_part_that_the_marks_leave_of_it():
    flags = [Flag(at=NOW + minutes * MINUTE, kind="now", label=f"at {minutes}") for minutes in (10, 50)]
    piece = Piece(kind="paused", begin=NOW, end=NOW + HOUR, beside="waits", tick="15:20")
    plan = Plan(pieces=(piece,), flags=tuple(flags), bands=(), last_tick="16:20", captions=CAPTIONS)
    texts = sorted(down(plan, width=340).texts, key=lambda text: text.y)
    assert [text.text for text in texts] == ["15:20", "at 10", "waits", "at 50", "16:20"]


def test_sums_are_written_where_there_are_any():
    bare = Plan(
        pieces=(Piece(kind="paused", begin=NOW, end=NOW + HOUR, even=HOUR),),
        flags=(),
        bands=(),
        last_tick="",
        captions=CAPTIONS,
    )
    assert "Counted" not in {text.text for text in across(bare, width=1320).texts}
    assert "Counted" in {text.text for text in across(plan_of(("counted", 60, "1h")), width=1320).texts}


def test_down_a_piece_without_words_has_its_place():
    bare = Plan(
        pieces=(Piece(kind="paused", begin=NOW, end=NOW + HOUR, tick="15:20"),),
        flags=(),
        bands=(),
        last_tick="16:20",
        captions=CAPTIONS,
    )
    drawing = down(bare, width=340)
    assert [text.text for text in drawing.texts] == ["15:20", "16:20"]
    assert [box.css for box in drawing.boxes] == ["paused"]


def test_a_flag_at_the_end_has_its_label_on_the_left():
    flags = [Flag(at=NOW + HOUR, kind="due", label="due 15:20:00")]
    drawing = across(plan_of(("counted", 60, "1h"), flags=flags), width=1320)
    (label,) = (text for text in drawing.texts if text.css == "f-due")
    assert (label.anchor, label.box.x + label.box.width <= 1320) == ("end", True)


def test_without_a_calendar_there_is_no_row_for_it():
    with_hours = plan_of(("counted", 60, "1h"), bands=[Piece(kind="open", begin=NOW, end=NOW + HOUR, even=HOUR)])
    drawing, lower = across(plan_of(("counted", 60, "1h")), width=1320), across(with_hours, width=1320)
    assert "Calendar" not in {text.text for text in drawing.texts}
    assert "Calendar" in {text.text for text in lower.texts}
    assert lower.height > drawing.height


def test_down_a_long_japanese_label_is_broken():
    flags = [Flag(at=NOW + MINUTE, kind="now", label="ビジネスクリティカルの申告を却下しました、目標は30分から1時間へ")]
    drawing = down(plan_of(("counted", 60, "1h"), flags=flags), width=340)
    assert len([text for text in drawing.texts if text.css == "f-now"]) > 1
    assert_readable(drawing)


def test_japanese_letters_are_wider():
    assert text_width("期限") > text_width("ab")
