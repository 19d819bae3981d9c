"""The first thing a dry run's page says: one sentence that is true, whatever became of the targets."""

import re
from types import SimpleNamespace

import pytest
from django.template.loader import render_to_string

from helpdesk.reports.figures import Figures
from helpdesk.workspace.dry_run_answer import WIDTH, Answer
from helpdesk.workspace.dry_run_page import Line

GUARANTEE = ("guaranteed", "first_response")


def of(met: int, late: int) -> Figures:
    return Figures(due=met + late, met=met, answered_late=late, unanswered=0)


def said(was: Figures, then: Figures, **changes: int) -> Answer:
    return Answer(was=was, then=then, changes=changes)


def words(answer: Answer) -> str:
    line = Line(label="First response", was=answer.was, then=answer.then, cell=GUARANTEE)
    context = {"answer": answer, "about": SimpleNamespace(line=line), "others": []}
    html = render_to_string("admin/helpdesk/dryrun/_answer.html", context)
    sentence = re.search(r'<p class="verdict-says">(.*?)</p>', html, re.S)[1]
    return " ".join(re.sub(r"<[^>]+>", "", sentence).split())


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            said(of(971, 29), of(962, 38), worse=25, better=16, changed=41, sooner=41),
            "Attainment would have been 96.2 % instead of 97.1 %. 41 targets of 1,000 would have ended differently.",
        ),
        (
            said(of(9, 1), of(8, 2), worse=1, changed=3, sooner=3),
            "Attainment would have been 80.0 % instead of 90.0 %. 1 target of 10 would have ended differently.",
        ),
        (
            said(of(8, 2), of(7, 1), left=2, changed=2, later=2),
            "Attainment would have been 87.5 % instead of 80.0 %. 2 targets of 10 would have ended differently.",
        ),
        (
            said(of(8, 2), of(8, 2), worse=2, better=2, changed=9, sooner=4, later=5),
            "Attainment would have stayed at 80.0 %. 4 targets of 10 would have ended differently.",
        ),
        (
            said(of(8, 2), of(8, 2), changed=7, sooner=6),
            "No target would have ended differently: attainment stays at 80.0 %."
            " 6 of 10 would have had another deadline.",
        ),
        (
            said(of(8, 2), of(8, 2), changed=7, policy=7),
            "No target would have ended differently: attainment stays at 80.0 %."
            " 7 of 10 would have been promised otherwise.",
        ),
        (
            said(of(8, 2), of(8, 2)),
            "Nothing would have been different: all 10 targets keep their deadline and their outcome,"
            " attainment stays at 80.0 %.",
        ),
        (
            said(of(1, 0), of(1, 0)),
            "Nothing would have been different: the one target keeps its deadline and its outcome,"
            " attainment stays at 100.0 %.",
        ),
        (
            said(of(8, 2), of(18, 2)),
            "Attainment would have been 90.0 % instead of 80.0 %."
            " 10 targets that were promised otherwise would have counted here.",
        ),
        (
            said(of(0, 0), of(3, 1)),
            "Attainment would have been 75.0 %, where nothing was due: 4 targets would have counted here.",
        ),
        (
            said(of(3, 1), of(0, 0), kind=4, changed=4),
            "Nothing would have counted here any more: 4 targets were due, and attainment was 75.0 %.",
        ),
        (
            said(of(0, 0), of(0, 0), changed=1, later=1),
            "Nothing of this kind is in the net figures, as it was or under the draft.",
        ),
    ],
)
def test_the_sentence(answer, sentence):
    assert words(answer) == sentence


def test_one_late_of_very_many_is_still_drawn_and_the_bar_no_longer_for_it():
    was, then = said(of(99_999, 1), of(50_000, 0)).bars
    assert (was.met + was.late, was.late) == (WIDTH, 2)
    assert (then.met, then.late) == (WIDTH // 2, 0)
    assert [bar.met for bar in said(of(0, 0), of(0, 0)).bars] == [0, 0]


def test_the_kinds_of_the_list_add_up():
    kinds = said(of(8, 2), of(7, 2), worse=1, better=1, left=1, none=1, changed=9, sooner=8).kinds
    assert kinds == {"": 9, "worse": 1, "better": 1, "counted": 2, "other": 5}
