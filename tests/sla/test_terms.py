"""A policy's document comes back as it went in, and a mistake in it is named (SPEC 2.2, 2.5)."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.sla.clock import Metric, Promise
from helpdesk.sla.target import Target
from helpdesk.sla.terms import Conditions, Facts, Hours, Recipient, Step, TargetTerms, Terms, Way

DOCUMENT = {
    "conditions": {"channels": ["email"], "roles": ["designated"], "severities": ["critical"], "accounts": [7]},
    "targets": [
        {"metric": "first_response", "promise": "guaranteed", "hours": "always", "seconds": 1800},
        {"metric": "next_response", "promise": "objective", "hours": "business", "business_days": 1},
    ],
    "steps": [{"percent": 50, "recipients": ["owner"]}, {"percent": 100, "recipients": ["team_lead", "manager"]}],
    "repeat_minutes": 30,
}
names = st.frozensets(st.sampled_from(["a", "b", "c"]))


def guaranteed_runs_always(target: TargetTerms) -> bool:
    return target.promise != Promise.GUARANTEED or target.hours == Hours.ALWAYS


terms = st.builds(
    Terms,
    conditions=st.builds(
        Conditions,
        **dict.fromkeys(["hubs", "channels", "roles", "severities", "plans"], names),
        accounts=st.frozensets(st.integers(1, 9)),
    ),
    targets=st.lists(
        st.builds(
            TargetTerms,
            metric=st.sampled_from(Metric),
            promise=st.sampled_from(Promise),
            hours=st.sampled_from(Hours),
            target=st.one_of(
                st.integers(1, 10**6).map(lambda n: Target(seconds=n)),
                st.integers(1, 99).map(lambda n: Target(business_days=n)),
            ),
        ).filter(guaranteed_runs_always),
        unique_by=lambda row: row.metric,
    ).map(tuple),
    steps=st.lists(
        st.builds(
            Step,
            percent=st.integers(1, 400),
            recipients=st.lists(st.sampled_from(Recipient), min_size=1, unique=True).map(tuple),
            ways=st.lists(st.sampled_from(Way), min_size=1, unique=True).map(tuple),
            raise_priority=st.booleans(),
            assign_team=st.none() | st.integers(1, 9),
        ),
        unique_by=lambda step: step.percent,
        max_size=20,
    ).map(lambda steps: tuple(sorted(steps, key=lambda step: step.percent))),
    repeat_minutes=st.integers(0, 600),
    repeat_recipients=st.lists(st.sampled_from(Recipient), unique=True).map(tuple),
)


@given(terms)
def test_terms_come_back_as_they_were(terms):
    assert Terms.from_dict(terms.to_dict()) == terms


def test_a_document_comes_back_as_it_was():
    assert Terms.from_dict(DOCUMENT).to_dict() == DOCUMENT


def test_an_empty_document_promises_nothing_to_everybody():
    empty = Terms.from_dict({})
    assert (empty.targets, empty.steps, empty.conditions) == ((), (), Conditions())
    assert empty.target(Metric.FIRST_RESPONSE) is None
    assert empty.repeat_minutes == 30  # and reminds as often as the policies that come with the product


@pytest.mark.parametrize("metric", ["first_response", "next_response"])
@pytest.mark.parametrize("step", [1, -1])
def test_the_target_of_a_metric_is_found_wherever_it_stands(metric, step):
    """Else a reply's clock would start with the time of the first response."""
    terms = Terms.from_dict(DOCUMENT | {"targets": DOCUMENT["targets"][::step]})
    assert terms.target(Metric(metric)).metric == metric


@pytest.mark.parametrize(
    ("does", "acts"),
    [({}, False), ({"raise_priority": True}, True), ({"assign_team": 4}, True), ({"assign_team": 0}, True)],
)
def test_a_step_acts_where_it_does_something_to_the_ticket(does, acts):
    assert Step(percent=50, recipients=(Recipient.OWNER,), **does).acts is acts


@pytest.mark.parametrize(
    ("repeat_recipients", "told"),
    [((), (Recipient.MANAGER,)), ((Recipient.ON_CALL, Recipient.TEAM), (Recipient.ON_CALL, Recipient.TEAM))],
)
def test_a_reminder_tells_of_the_last_step_and_does_nothing_to_the_ticket(repeat_recipients, told):
    """Else each reminder would raise the priority once more, and give the ticket away again."""
    document = DOCUMENT | {
        "steps": [
            {"percent": 50, "recipients": ["owner"]},
            {"percent": 90, "recipients": ["manager"], "ways": ["email"], "raise_priority": True, "assign_team": 4},
        ],
        "repeat_recipients": repeat_recipients,
    }
    assert Terms.from_dict(document).reminder_step == Step(
        percent=90, recipients=told, ways=(Way.EMAIL,), raise_priority=False, assign_team=None
    )


def test_the_most_of_everything_is_allowed():
    percents = [1, *range(50, 950, 50), 1000]
    document = DOCUMENT | {
        "steps": [{"percent": percent, "recipients": ["owner"]} for percent in percents],
        "repeat_minutes": 7 * 24 * 60,
    }
    terms = Terms.from_dict(document)
    assert ([step.percent for step in terms.steps], terms.repeat_minutes) == (percents, 10080)
    assert len(percents) == 20


FACTS = {"hub": "content", "channel": "email", "role": "designated", "severity": "critical", "account": 7}


@pytest.mark.parametrize(
    ("conditions", "matches"),
    [
        ({}, True),
        ({"hubs": ["content", "data"]}, True),
        ({"hubs": ["data"]}, False),
        ({"channels": ["email"], "roles": ["designated"], "severities": ["critical"], "accounts": [7]}, True),
        ({"channels": ["email"], "roles": ["user"]}, False),
        ({"severities": ["standard"]}, False),
        ({"accounts": [8, 9]}, False),
    ],
)
def test_every_condition_given_must_hold(conditions, matches):
    assert Terms.from_dict({"conditions": conditions}).conditions.match(Facts(**FACTS)) is matches


def broken(*path, value) -> dict:
    """The document with one thing changed; REMOVED takes it out."""
    document = copy.deepcopy(DOCUMENT)
    place = document
    for key in path[:-1]:
        place = place[key]
    if value is REMOVED:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return document


REMOVED = object()


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (broken("colour", value="red"), "colour"),
        (broken("conditions", "colours", value=["red"]), "conditions: colours is not known"),
        (broken("conditions", "channels", value="email"), "conditions: channels must be a list of names"),
        (broken("conditions", "channels", value=[7]), "conditions: channels must be a list of names"),
        (broken("conditions", "roles", value=["user", ""]), "conditions: roles must be a list of names"),
        (broken("conditions", "accounts", value=["7"]), "conditions: accounts must be a list of ids"),
        (broken("conditions", "accounts", value=7), "conditions: accounts must be a list of ids"),
        (broken("targets", 0, "metric", value="telepathy"), "targets.0"),
        (broken("targets", 0, "metric", value=REMOVED), "targets.0"),
        (broken("targets", 0, "promise", value="perhaps"), "targets.0"),
        (broken("targets", 0, "hours", value="business"), "targets.0"),  # a guarantee on business hours
        (broken("targets", 0, "seconds", value=0), "targets.0"),
        (broken("targets", 0, "seconds", value=REMOVED), "targets.0"),
        (broken("targets", 0, "business_days", value=1), "targets.0"),
        (broken("targets", 0, "seconds", value=1800.5), "targets.0"),
        (broken("targets", 1, "business_days", value=True), "targets.1"),
        (broken("targets", 1, "metric", value="first_response"), "targets"),
        (broken("steps", 0, "percent", value=0), "steps.0"),
        (broken("steps", 0, "percent", value=-1), "steps.0"),
        (broken("steps", 1, "percent", value="soon"), "steps.1"),
        (broken("steps", 1, "percent", value=99.9), "steps.1"),
        (broken("steps", 1, "percent", value=REMOVED), "steps.1"),
        (broken("steps", 1, "percent", value=40), "steps"),
        (broken("steps", 1, "percent", value=50), "steps"),
        (broken("steps", 0, "recipients", value=[]), "steps.0"),
        (broken("steps", 0, "recipients", value=["the cat"]), "steps.0"),
        (broken("steps", 0, "recipients", value=REMOVED), "steps.0"),
        (broken("steps", value=[{"percent": n, "recipients": ["owner"]} for n in (50, 50, 100)]), "steps: must rise"),
        (broken("repeat_minutes", value=-1), "repeat_minutes"),
        (broken("repeat_minutes", value="often"), "repeat_minutes"),
        (broken("repeat_minutes", value=1.5), "repeat_minutes"),
        (broken("repeat_minutes", value=10081), "repeat_minutes"),
        (broken("repeat_recipients", value=["the cat"]), "repeat_recipients"),
        (broken("steps", value=[{"percent": n, "recipients": ["owner"]} for n in range(1, 22)]), "steps"),
        (broken("steps", 1, "percent", value=1001), "steps.1"),
        (broken("steps", 0, "recipients", value=["owner", "owner"]), "steps.0"),
        (broken("steps", 0, "ways", value=[]), "steps.0"),
        (broken("steps", 0, "ways", value=["pigeon"]), "steps.0"),
        (broken("steps", 0, "raise_priority", value="yes"), "steps.0"),
        (broken("steps", 0, "assign_team", value="content"), "steps.0"),
        (broken("steps", 0, "assign_teams", value=1), "steps.0"),
    ],
)
def test_a_mistake_is_refused_by_the_name_of_its_field(document, field):
    with pytest.raises(ValueError, match=rf"^{field}\b"):
        Terms.from_dict(document)


@pytest.mark.parametrize("document", [None, [], "terms", 7])
def test_what_is_no_document_at_all_is_a_mistake_too(document):
    with pytest.raises(ValueError, match="^terms: must be a mapping$"):
        Terms.from_dict(document)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("conditions",), ["email"]),
        (("conditions", "roles"), None),
        (("targets",), {"metric": "first_response"}),
        (("targets", 0), "first_response"),
        (("targets", 0, "seconds"), "long"),
        (("steps",), 5),
        (("steps", 0), None),
        (("steps", 0, "recipients"), 3),
        (("steps", 0, "recipients"), {"owner": True}),
        (("repeat_recipients",), 3),
        (("repeat_minutes",), True),
    ],
)
def test_a_document_of_another_shape_is_a_mistake_too(path, value):
    """A manager's typing error must not become an error page."""
    with pytest.raises(ValueError, match=rf"^{path[0]}"):
        Terms.from_dict(broken(*path, value=value))
