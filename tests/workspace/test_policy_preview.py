"""What a policy would mean before it is saved: deadlines, steps, and who comes first (SPEC 2.2, 2.8)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.sla.calendar import BusinessCalendar
from helpdesk.sla.clock import Metric, Promise
from helpdesk.sla.target import Target
from helpdesk.sla.terms import Conditions, Facts, Hours, Recipient, Step, TargetTerms, Terms
from helpdesk.workspace.policy_drawing import drawing
from helpdesk.workspace.policy_preview import EVERY, Rival, covers, facts_for, targets_due, warnings

HUBS = frozenset({"content", "sales"})
MINUTE = timedelta(minutes=1)
OFFICE = BusinessCalendar.from_dict(
    {"timezone": "UTC", "weekly": {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}}
)
FIRST = TargetTerms(
    metric=Metric.FIRST_RESPONSE, promise=Promise.GUARANTEED, hours=Hours.ALWAYS, target=Target(seconds=3600)
)
NEXT = TargetTerms(
    metric=Metric.NEXT_RESPONSE, promise=Promise.OBJECTIVE, hours=Hours.BUSINESS, target=Target(seconds=4 * 3600)
)
TERMS = Terms(
    conditions=Conditions(),
    targets=(FIRST, NEXT),
    steps=(Step(percent=50, recipients=(Recipient.OWNER,)), Step(percent=100, recipients=(Recipient.MANAGER,))),
)
FACTS = Facts(hub="content", channel="email", role="designated", severity="standard", account=7, plan="enterprise")


def some(**conditions) -> Conditions:
    return Conditions(**{name: frozenset(values) for name, values in conditions.items()})


def test_each_target_has_its_deadline_and_its_steps(now):
    rows, gone = targets_due(terms=TERMS, before=None, hours=OFFICE, now=now)
    tomorrow = datetime(2026, 11, 24, 16, 5, tzinfo=UTC)  # Tuesday 12:05 and four hours of the office
    assert [(row.due.label, row.is_guaranteed, row.due.at) for row in rows] == [
        ("First response", True, now + 60 * MINUTE),
        ("Next response", False, tomorrow),
    ]
    assert [(step.label, step.at) for step in rows[0].steps] == [
        ("50 %, Owner, or team", now + 30 * MINUTE),
        ("100 %, Managers", now + 60 * MINUTE),
        ("First reminder", now + 90 * MINUTE),
    ]
    assert gone == []
    assert not any(row.due.is_new or row.due.shift for row in rows)


def test_what_moves_is_shown_against_the_version_in_force(now):
    quicker = replace(
        TERMS,
        targets=(replace(FIRST, target=Target(seconds=1800)), replace(NEXT, metric=Metric.RESOLUTION)),
        steps=(Step(percent=50, recipients=(Recipient.TEAM,)), Step(percent=80, recipients=(Recipient.MANAGER,))),
        repeat_minutes=120,
    )
    rows, gone = targets_due(terms=quicker, before=TERMS, hours=OFFICE, now=now)
    first, resolution = rows
    assert (first.due.was, first.due.shift) == (now + 60 * MINUTE, -1)
    assert [(step.at, step.was, step.is_new, step.shift) for step in first.steps] == [
        (now + 15 * MINUTE, now + 30 * MINUTE, False, -1),
        (now + 24 * MINUTE, None, True, 0),
        (now + 150 * MINUTE, now + 90 * MINUTE, False, 1),
    ]
    assert (resolution.due.label, resolution.due.was, resolution.due.is_new) == ("Resolution", None, True)
    assert not any(step.is_new for step in resolution.steps)  # the target is new, and says so once
    assert gone == ["Next response"]


def test_the_longest_ladder_on_the_shortest_week_is_reckoned(now):
    """90 business days at 1000 % on a calendar of an hour a week: years, but an instant all the same."""
    hour = BusinessCalendar.from_dict({"timezone": "UTC", "weekly": {"mon": [["09:00", "10:00"]]}})
    slow = replace(
        TERMS,
        targets=(replace(NEXT, target=Target(business_days=90)),),
        steps=(Step(percent=1000, recipients=(Recipient.TEAM,)),),
    )
    rows, _gone = targets_due(terms=slow, before=None, hours=hour, now=now)
    assert rows[0].due.at < rows[0].steps[0].at


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (some(), some(), True),
        (some(), some(channels=["email"], accounts=[1]), True),
        (some(channels=["email"]), some(), False),
        (some(channels=["email"]), some(channels=["email"], roles=["user"]), True),
        (some(channels=["email"], roles=["user"]), some(channels=["email"]), False),
        (some(channels=["email", "chat", "phone"]), some(), True),
        (some(hubs=HUBS), some(), True),
        (some(hubs=["content"]), some(), False),
        (some(accounts=[1, 2]), some(), False),
        (some(accounts=[1, 2]), some(accounts=[1]), True),
    ],
)
def test_one_policy_covers_another(one, other, expected):
    assert covers(one, other, hubs=HUBS) == expected


every = {**EVERY, "hubs": HUBS, "accounts": frozenset({1, 2, 3})}
conditions = st.builds(
    Conditions, **{name: st.frozensets(st.sampled_from(sorted(values))) for name, values in every.items()}
)
facts = st.builds(
    Facts,
    **{
        fact: st.sampled_from(sorted(every[name]))
        for fact, name in {
            "hub": "hubs",
            "channel": "channels",
            "role": "roles",
            "severity": "severities",
            "account": "accounts",
            "plan": "plans",
        }.items()
    },
)


@given(conditions, conditions, facts)
def test_what_is_covered_never_matches_alone(one, other, ticket):
    if covers(one, other, hubs=HUBS) and other.match(ticket):
        assert one.match(ticket)


def rival(name: str, place: int, **matching) -> Rival:
    return Rival(name=name, place=place, terms=replace(TERMS, conditions=some(**matching)))


@pytest.mark.parametrize(
    ("mine", "earlier", "later", "said"),
    [
        ({}, [], [], []),
        (
            {"channels": ["email"]},
            [rival("Mail", 1, channels=["email"])],
            [],
            ["It would never apply: “Mail”, at place 1, comes first and fits every ticket that it fits."],
        ),
        (
            {},
            [rival("Designated", 2, roles=["designated"])],
            [],
            ["For this ticket “Designated”, at place 2, comes first: its targets count."],
        ),
        ({"roles": ["user"]}, [], [], ["It does not fit this ticket: these deadlines are not the ticket’s."]),
        (
            {},
            [],
            [rival("Chat", 2, channels=["chat"]), rival("Rest", 3)],
            ["After it, these never apply, since it fits all their tickets: “Chat”, “Rest”."],
        ),
        ({"channels": ["email"]}, [], [rival("Rest", 2)], []),
    ],
)
def test_the_order_is_warned_about(mine, earlier, later, said):
    terms = replace(TERMS, conditions=some(**mine))
    assert warnings(terms=terms, earlier=earlier, later=later, facts=FACTS, hubs=HUBS) == said


def test_a_target_that_no_ticket_starts_is_named():
    terms = replace(TERMS, conditions=some(channels=["chat"]))
    assert warnings(terms=terms, earlier=[], later=[], facts=replace(FACTS, channel="chat"), hubs=HUBS) == [
        "“First response” starts on one channel only, which this policy leaves out: E-mail."
    ]


def test_a_ticket_is_found_that_fits():
    wanted = some(roles=["user"], severities=["critical"], channels=["phone", "chat"])
    found = facts_for(wanted, hub="content", account=0, chosen={})
    assert wanted.match(found)
    assert facts_for(wanted, hub="content", account=0, chosen={"roles": "designated"}).role == "designated"
    assert facts_for(some(), hub="content", account=0, chosen={}) == replace(FACTS, account=0)


def test_the_drawing_gives_each_label_a_lane_of_its_own():
    crowded = replace(
        TERMS, steps=tuple(Step(percent=percent, recipients=tuple(Recipient)) for percent in (80, 85, 90, 95, 100, 105))
    )
    found = drawing(crowded)
    assert len({mark.top for mark in found.marks}) > 1
    assert found.rail_y > drawing(TERMS).rail_y
    assert {mark.who for mark in found.marks} == {"Owner, or team, Team, Team lead +2"}
    assert [mark.head for mark in found.marks] == ["80 %", "85 %", "90 %", "95 %", "100 %, due", "105 %"]
    assert min(mark.top for mark in found.marks) > 0


def test_the_drawing_tells_times_of_the_first_target():
    found = drawing(TERMS)
    assert (found.about, [mark.time for mark in found.marks]) == ("First response, 1 hour", ["30 min", "1 h"])
    odd = drawing(replace(TERMS, targets=(replace(FIRST, target=Target(seconds=90)),)))
    assert [mark.time for mark in odd.marks] == ["0m 45s", "1m 30s"]
    days = drawing(replace(TERMS, targets=(replace(NEXT, target=Target(business_days=1)),)))
    assert [mark.time for mark in days.marks] == ["", ""]


def test_the_deadline_is_drawn_where_no_step_stands_on_it():
    found = drawing(replace(TERMS, steps=(Step(percent=50, recipients=(Recipient.OWNER,)),), repeat_minutes=0))
    assert [(mark.head, mark.is_step) for mark in found.marks] == [("50 %", True), ("100 %, due", False)]
    assert (found.again.ticks, found.again.words) == ((), "")
    assert drawing(replace(TERMS, steps=())) is None
    assert drawing(replace(TERMS, targets=())) is None
