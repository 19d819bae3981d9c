"""What a new version of a policy changes, in words (SPEC 2.8)."""

from dataclasses import replace

import pytest
from django.utils import translation
from hypothesis import given

from helpdesk.sla.clock import Metric, Promise
from helpdesk.sla.target import Target
from helpdesk.sla.terms import Conditions, Hours, Recipient, Step, TargetTerms, Terms, Way
from helpdesk.workspace.policy_words import Names, changes, conditions_words, step_sentences
from tests.sla.test_terms import terms as documents

NAMES = Names(hubs={"content": "Content Hub"}, accounts={n: f"Account {n}" for n in range(1, 10)}, teams={3: "Night"})
FIRST = TargetTerms(
    metric=Metric.FIRST_RESPONSE, promise=Promise.GUARANTEED, hours=Hours.ALWAYS, target=Target(seconds=3600)
)
CALLBACK = TargetTerms(
    metric=Metric.CALLBACK, promise=Promise.OBJECTIVE, hours=Hours.BUSINESS, target=Target(seconds=600)
)
OWNER = Step(percent=50, recipients=(Recipient.OWNER,))
LEAD = Step(percent=75, recipients=(Recipient.TEAM_LEAD,), ways=(Way.IN_APP,))
TERMS = Terms(conditions=Conditions(), targets=(FIRST, CALLBACK), steps=(OWNER, LEAD))


def with_targets(*targets: TargetTerms) -> Terms:
    return replace(TERMS, targets=targets)


def with_steps(*steps: Step) -> Terms:
    return replace(TERMS, steps=steps)


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (TERMS, []),
        (with_targets(FIRST, replace(CALLBACK, target=Target(seconds=300))), ["Callback: 10 minutes → 5 minutes"]),
        (with_targets(CALLBACK, FIRST), []),
        (with_targets(FIRST), ["Callback: no target any more"]),
        (
            with_targets(FIRST, CALLBACK, replace(CALLBACK, metric=Metric.RESOLUTION)),
            ["New: Resolution: 10 minutes, objective, counted in business hours"],
        ),
        (
            with_targets(replace(FIRST, promise=Promise.OBJECTIVE, hours=Hours.BUSINESS), CALLBACK),
            ["First response: no longer guaranteed, counted in business hours"],
        ),
        (
            with_targets(FIRST, replace(CALLBACK, promise=Promise.GUARANTEED, hours=Hours.ALWAYS)),
            ["Callback: now guaranteed, counted at all hours"],
        ),
        (with_steps(OWNER, replace(LEAD, ways=(Way.EMAIL, Way.IN_APP))), ["75 % step: also told by: e-mail"]),
        (
            with_steps(OWNER, replace(LEAD, ways=(Way.EMAIL,))),
            ["75 % step: also told by: e-mail, no longer told by: in app"],
        ),
        (with_steps(OWNER, replace(LEAD, percent=80)), ["75 % step: now at 80 %"]),
        (with_steps(OWNER), ["75 % step: gone"]),
        (
            with_steps(OWNER, LEAD, Step(percent=100, recipients=(Recipient.ON_CALL, Recipient.MANAGER))),
            ["New step: At 100 % of the time: the managers, who is on call (in app, e-mail)"],
        ),
        (
            with_steps(replace(OWNER, recipients=(Recipient.TEAM,), raise_priority=True, assign_team=3), LEAD),
            ["50 % step: the owner, or the team while there is none → the team, raises the priority, assigns to Night"],
        ),
        (replace(TERMS, repeat_minutes=0), ["Reminders: every 30 minutes → none"]),
        (replace(TERMS, repeat_minutes=1), ["Reminders: every 30 minutes → every minute"]),
        (
            replace(TERMS, repeat_recipients=(Recipient.MANAGER,)),
            ["Reminders go to: as the last step → the managers"],
        ),
        (
            replace(TERMS, conditions=Conditions(hubs=frozenset({"content"}), roles=frozenset({"designated", "user"}))),
            ["Hubs: any → Content Hub", "Who asks: any → Designated super admin, User"],
        ),
    ],
)
def test_each_change_has_its_words(after, words):
    assert changes(TERMS, after, NAMES) == words


def test_a_change_back_has_the_words_of_taking_away():
    acting = with_steps(replace(OWNER, raise_priority=True, assign_team=99), LEAD)
    assert changes(acting, TERMS, NAMES) == ["50 % step: no longer raises the priority, no longer assigns to a team"]
    assert changes(TERMS, acting, NAMES) == ["50 % step: raises the priority, assigns to a team that is gone"]


def test_of_two_long_lists_only_what_differs_is_told():
    before = replace(TERMS, conditions=Conditions(accounts=frozenset(range(1, 9))))
    after = replace(TERMS, conditions=Conditions(accounts=frozenset(range(2, 10))))
    assert changes(before, after, NAMES) == ["Accounts: + Account 9; − Account 1"]
    assert changes(TERMS, before, NAMES) == ["Accounts: any → Account 1, Account 2, Account 3, Account 4 and 4 more"]


def canonical(terms: Terms) -> dict:
    """What a document means: the order of its targets, recipients and ways says nothing."""
    document = terms.to_dict()
    document["targets"].sort(key=lambda row: row["metric"])
    for step in document["steps"]:
        step["recipients"].sort()
        step["ways"] = sorted(step.get("ways", [way.value for way in Way]))
    document["repeat_recipients"] = sorted(document.get("repeat_recipients", []))
    return document


@given(documents, documents)
def test_there_are_words_exactly_where_the_meaning_differs(before, after):
    assert (changes(before, after, NAMES) == []) == (canonical(before) == canonical(after))


def test_the_words_are_in_the_readers_language():
    with translation.override("ja"):
        assert conditions_words(Conditions(severities=frozenset({"critical"})), NAMES)[0][1] == "ビジネスクリティカル"


def test_every_recipient_has_its_words():
    steps = step_sentences(replace(TERMS, steps=(Step(percent=10, recipients=tuple(Recipient)),)), NAMES)
    assert steps == [
        "At 10 % of the time: the owner, or the team while there is none, the team, the team lead, the managers, "
        "who is on call (in app, e-mail)",
        "Then again every 30 minutes, while unanswered",
    ]
