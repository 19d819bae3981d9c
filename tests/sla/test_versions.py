"""A policy or calendar in use is never edited: a new version takes over for new tickets (SPEC 2.2)."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from helpdesk.sla import versions
from helpdesk.sla.models import (
    Calendar,
    CalendarVersion,
    Clock,
    ClockException,
    ExceptionCode,
    Policy,
    PolicyVersion,
    Rollout,
    validate_calendar,
    validate_terms,
)
from helpdesk.sla.services import promise
from helpdesk.sla.terms import Facts, Metric, Terms
from tests.factories import MembershipFactory, StaffFactory, make_ticket

pytestmark = pytest.mark.django_db
TOKYO = {"timezone": "Asia/Tokyo", "weekly": {"mon": [["10:00", "18:00"]]}, "holidays": ["2026-12-31"]}


@pytest.fixture
def manager():
    return StaffFactory(staff_role="manager")


def order() -> list[str]:
    return list(Policy.objects.values_list("name", flat=True))


def test_a_new_policy_takes_its_place_in_the_order_and_the_others_move_on(manager, now):
    before = order()
    terms = Terms.from_dict({"conditions": {"plans": ["gold"]}})
    policy = versions.create_policy(name="Gold", terms=terms, position=1, note="New plan", actor=manager, now=now)
    assert order() == [before[0], "Gold", *before[1:]]
    assert list(Policy.objects.values_list("position", flat=True)) == list(range(len(before) + 1))
    version = policy.versions.get()
    assert (version.number, version.terms, version.note, version.created_by) == (1, terms, "New plan", manager)
    assert (version.created_at, version.is_current, policy.is_active) == (now, True, True)


@pytest.mark.parametrize(("position", "place"), [(0, 0), (-5, 0), (2, 2), (4, 4), (99, 4)])
def test_a_policy_moves_to_a_place_in_the_order(position, place):
    policy = Policy.objects.get(position=3)
    versions.move_policy(policy=policy, position=position)
    assert order().index(policy.name) == place
    assert list(Policy.objects.values_list("position", flat=True)) == [0, 1, 2, 3, 4]


def test_a_published_version_is_in_force_and_the_draft_is_done_with(manager, now):
    policy = Policy.objects.first()
    versions.save_policy_draft(policy=policy, draft={"steps": []}, actor=manager, now=now)
    policy.refresh_from_db()
    assert (policy.draft, policy.draft_by, policy.draft_at) == ({"steps": []}, manager, now)
    old, terms = policy.versions.get(), Terms.from_dict({})
    new = versions.publish_policy(policy=policy, terms=terms, note="None", actor=manager, now=now)
    assert (new.number, new.terms, new.note, new.created_by, new.created_at) == (2, terms, "None", manager, now)
    policy.refresh_from_db()
    assert (policy.draft, policy.draft_by, policy.draft_at) == (None, None, None)
    assert list(policy.versions.filter(is_current=True)) == [new]
    old.refresh_from_db()
    assert old.document == PolicyVersion.objects.get(pk=old.pk).document != {}


def test_a_policy_is_taken_out_of_the_choice_once():
    policy = Policy.objects.first()
    assert versions.set_policy_active(policy=policy, active=True) is False
    assert versions.set_policy_active(policy=policy, active=False) is True
    assert versions.set_policy_active(policy=policy, active=False) is False
    policy.refresh_from_db()
    assert policy.is_active is False


def test_an_accounts_own_calendar_is_for_its_new_tickets(manager, now):
    calendar = versions.create_calendar(
        name="Tokyo", definition=TOKYO, day_names={"2026-12-31": "Omisoka"}, note="Office", actor=manager, now=now
    )
    version = calendar.versions.get()
    assert (version.number, version.hours.to_dict(), version.day_names) == (
        1,
        version.definition,
        {"2026-12-31": "Omisoka"},
    )
    assert (version.note, version.created_by, calendar.is_default) == ("Office", manager, False)
    ticket = make_ticket(MembershipFactory(account__calendar=calendar), now=now)
    assert (ticket.calendar_version, ticket.clocks.get().calendar_version) == (version, version)
    versions.save_calendar_draft(calendar=calendar, draft=TOKYO, actor=manager, now=now)
    closed = TOKYO | {"holidays": []}
    second = versions.publish_calendar(
        calendar=calendar, definition=closed, day_names={}, note="Open", based_on=1, actor=manager, now=now
    )
    assert (second.number, second.definition["holidays"], second.note, second.created_by) == (2, [], "Open", manager)
    calendar.refresh_from_db()
    assert calendar.draft is None
    assert list(calendar.versions.filter(is_current=True)) == [second]
    with pytest.raises(versions.Overtaken):
        versions.publish_calendar(calendar=calendar, definition=TOKYO, day_names={}, based_on=1, actor=manager, now=now)


def test_a_new_standard_calendar_takes_the_place_of_the_old_one(manager, now):
    calendar = versions.create_calendar(
        name="Tokyo", definition=TOKYO, day_names={}, is_default=True, actor=manager, now=now
    )
    assert Calendar.objects.get(is_default=True) == calendar
    assert make_ticket(MembershipFactory(), now=now).calendar_version == calendar.versions.get()


def test_a_calendar_is_renamed_without_a_new_version_and_stays_the_standard_one(manager, now):
    """An account without a calendar of its own would be left without any."""
    standard = Calendar.objects.get()
    assert versions.describe_calendar(calendar=standard, name=standard.name, is_default=False) is False
    assert versions.describe_calendar(calendar=standard, name="Berlin", is_default=False) is True
    assert [(row.name, row.is_default) for row in Calendar.objects.all()] == [("Berlin", True)]
    tokyo = versions.create_calendar(name="Tokyo", definition=TOKYO, day_names={}, actor=manager, now=now)
    assert versions.describe_calendar(calendar=tokyo, name="Tokyo", is_default=True) is True
    assert sorted(Calendar.objects.values_list("name", "is_default")) == [("Berlin", False), ("Tokyo", True)]
    assert CalendarVersion.objects.count() == 2


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ({"timezone": "UTC"}, "never"),
        ({"timezone": "UTC", "weekly": {"mon": [["09:00", "12:00"], ["11:00", "17:00"]]}}, "weekly.mon"),
        ({"timezone": "Middle/Earth", "weekly": {"mon": [["09:00", "12:00"]]}}, "timezone"),
    ],
)
def test_a_calendar_that_cannot_work_is_refused_by_the_name_of_its_field(definition, words, now):
    calendar = Calendar.objects.get(is_default=True)
    common = {"definition": definition, "day_names": {}, "actor": None, "now": now}
    with pytest.raises(ValueError, match=words):
        versions.create_calendar(name="Broken", **common)
    with pytest.raises(ValueError, match=words):
        versions.publish_calendar(calendar=calendar, **common)
    with pytest.raises(ValidationError, match=words):
        validate_calendar(definition)
    assert (CalendarVersion.objects.count(), Calendar.objects.count()) == (1, 1)


def test_so_are_terms_that_cannot_work():
    with pytest.raises(ValidationError, match=r"steps\.0"):
        validate_terms({"steps": [{"percent": 0, "recipients": ["owner"]}]})
    assert validate_terms({}) is None
    assert validate_calendar(TOKYO) is None


def test_two_calendars_are_not_both_the_standard_one():
    with pytest.raises(IntegrityError):
        Calendar.objects.create(name="Another", is_default=True)


def test_nothing_is_promised_where_no_policy_has_a_target(now):
    facts = Facts(hub="content", channel="email", role="user", severity="standard", account=1)
    standard = Calendar.objects.get(is_default=True).versions.get()
    common = {"facts": facts, "calendar_version": standard, "now": now}
    assert promise(metric=Metric.RESOLUTION, **common) is None
    found = promise(metric=Metric.FIRST_RESPONSE, **common)
    assert (found.due_at, found.is_guaranteed) == (now + timedelta(days=1), False)
    Policy.objects.update(is_active=False)
    assert promise(metric=Metric.FIRST_RESPONSE, **common) is None


def test_what_they_are_called(manager, now):
    """In lists, in choices, in the log of the administration."""
    ticket = make_ticket(now=now)
    clock, policy = Clock.objects.get(), Policy.objects.get(name="Chat")
    code = ExceptionCode.objects.get(code="third-party")
    exception = ClockException(clock=clock, code=code)
    rollout = Rollout(policy=policy, reason="Shorter")
    calendar = Calendar.objects.get()
    assert [str(row) for row in (policy, policy.versions.get(), calendar, calendar.versions.get())] == [
        "Chat",
        "Chat 1",
        "Standard business hours",
        "Standard business hours 1",
    ]
    assert [str(row) for row in (clock, clock.events.get(), code, exception, rollout)] == [
        f"First response {ticket.pk}",
        "Started 2026-11-24 12:05:00",
        "Third party",
        f"PS-{ticket.pk} · Third party",
        "Chat: Shorter",
    ]


def test_every_version_has_the_next_number_and_a_draft_of_another_one_is_overtaken(manager, now):
    policy, terms = Policy.objects.first(), Terms.from_dict({})
    common = {"policy": policy, "terms": terms, "actor": manager, "now": now}
    assert [versions.publish_policy(**common).number for _ in range(2)] == [2, 3]
    for based_on in (2, 99):
        with pytest.raises(versions.Overtaken):
            versions.publish_policy(**common, based_on=based_on)
    bare = Calendar.objects.create(name="Tokyo")
    hours = {"definition": TOKYO, "day_names": {"2026-12-31": "Omisoka"}}
    first = versions.publish_calendar(calendar=bare, **hours, actor=manager, now=now)
    assert (first.number, first.day_names) == (1, {"2026-12-31": "Omisoka"})


def test_what_is_done_to_one_is_not_done_to_the_others(manager, now):
    one, *others = Policy.objects.all()
    versions.set_policy_active(policy=one, active=False)
    versions.save_policy_draft(policy=one, draft={"steps": []}, actor=manager, now=now)
    versions.rename_policy(policy=one, name="Silver")
    for policy in others:
        name = policy.name
        policy.refresh_from_db()
        assert (policy.name, policy.is_active, policy.draft) == (name, True, None)
    one.refresh_from_db()
    assert one.name == "Silver"
    calendar = Calendar.objects.get()
    versions.save_calendar_draft(calendar=calendar, draft={"timezone": "UTC"}, actor=manager, now=now)
    calendar.refresh_from_db()
    assert (calendar.draft, calendar.draft_by) == ({"timezone": "UTC"}, manager)


def test_a_policy_that_was_moved_can_be_moved_again():
    first = Policy.objects.get(position=0)
    for position in (3, 1):
        versions.move_policy(policy=first, position=position)
        assert order().index(first.name) == position


def test_another_calendar_is_renamed_and_the_standard_one_stays_it(manager, now):
    tokyo = versions.create_calendar(name="Tokyo", definition=TOKYO, day_names={}, actor=manager, now=now)
    assert tokyo.name == "Tokyo"
    assert versions.describe_calendar(calendar=tokyo, name="Osaka", is_default=False) is True
    assert sorted(Calendar.objects.values_list("name", "is_default")) == [
        ("Osaka", False),
        ("Standard business hours", True),
    ]


def test_what_fails_half_way_has_not_begun(manager, now, monkeypatch):
    """A policy without a version, or accounts without a calendar, would leave tickets without a promise."""

    def fail(*_told, **_values):
        raise ConnectionError

    policy, standard = Policy.objects.first(), Calendar.objects.get()
    common = {"actor": manager, "now": now}
    hours = {"definition": TOKYO, "day_names": {}}
    with monkeypatch.context() as patch:
        for name in ("move_policy", "save_draft"):
            patch.setattr(versions, name, fail)
        patch.setattr(CalendarVersion.objects, "create", fail)
        with pytest.raises(ConnectionError):
            versions.create_policy(name="Gold", terms=Terms.from_dict({}), position=1, **common)
        with pytest.raises(ConnectionError):
            versions.publish_policy(policy=policy, terms=Terms.from_dict({}), **common)
        with pytest.raises(ConnectionError):
            versions.create_calendar(name="Tokyo", **hours, is_default=True, **common)
        with pytest.raises(ConnectionError):
            versions.publish_calendar(calendar=standard, **hours, **common)
    assert "Gold" not in order()
    assert policy.versions.get().is_current is True
    assert Calendar.objects.get().is_default is True
    assert standard.versions.get().is_current is True
    tokyo = versions.create_calendar(name="Tokyo", **hours, **common)
    with pytest.raises(IntegrityError):
        versions.describe_calendar(calendar=tokyo, name=standard.name, is_default=True)
    assert Calendar.objects.get(is_default=True) == standard
