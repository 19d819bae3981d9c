"""What is stored of clocks, codes and rollouts reads back as it was, and says what it is."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from helpdesk.sla import clock as pure
from helpdesk.sla.calendar import ALWAYS_OPEN
from helpdesk.sla.models import (
    Calendar,
    CalendarVersion,
    Clock,
    ClockEvent,
    ClockException,
    ExceptionCode,
    Policy,
    PolicyVersion,
    Rollout,
    validate_calendar,
    validate_terms,
)
from helpdesk.sla.target import Target
from tests.factories import StaffFactory, make_ticket

NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


HOUR, DAYS = Target(seconds=3600, business_days=None), Target(seconds=None, business_days=3)


def state(owner: int, other: int, target: Target, promised: Target) -> pure.Clock:
    """No two of its values are alike."""
    at = [NOW + number * MINUTE for number in range(12)]
    return pure.Clock(
        started_at=at[0],
        target=target,
        due_at=at[1],
        state=pure.State.PAUSED,
        version=4,
        counted_from=at[2],
        pauses=((at[3], at[4]),),
        exempted=((at[5], at[6]), (at[6], at[7])),
        paused_at=at[8],
        questioned_pauses=2,
        breached_at=at[9],
        gross_basis=(promised, at[10]),
        gross_due_at=at[11],
        gross_breached_at=at[3],
        ended_at=at[4],
        owner_at_due=owner,
        answered_by=other,
    )


@pytest.mark.django_db
@pytest.mark.parametrize(("target", "promised"), [(HOUR, DAYS), (DAYS, HOUR)])
def test_a_state_is_stored_in_its_columns_and_read_back_whole(target, promised):
    clock = make_ticket(now=NOW).clocks.get()
    assert (clock.folded().target, clock.folded().gross_basis) == (HOUR, None)
    wanted = state(StaffFactory().pk, StaffFactory().pk, target, promised)
    clock.take_state(wanted)
    clock.save()
    assert Clock.objects.get().folded() == clock.folded() == wanted
    assert clock.gross_basis["since"] == "2026-11-24T12:15:00+00:00"


def test_an_event_is_what_its_row_says():
    row = ClockEvent(kind="fulfil", at=NOW, data={"by": 7})
    assert row.folded() == pure.Event(pure.EventKind.FULFIL, NOW, {"by": 7})


@pytest.mark.django_db
def test_which_clocks_are_open_and_which_wait_for_an_answer():
    clock, found = make_ticket(now=NOW).clocks.get(), {}
    for name in pure.State:
        for ended in (None, NOW):
            clock.state, clock.ended_at = name, ended
            clock.save()
            sets = (Clock.objects.open().exists(), Clock.objects.unanswered().exists())
            assert sets == (clock.is_open, clock.is_unanswered)
            found[name.value, ended is not None] = sets
    waiting = {("running", False), ("running", True), ("paused", False), ("paused", True)}
    assert {key for key, (is_open, _unanswered) in found.items() if is_open} == waiting
    assert {key for key, (_open, unanswered) in found.items() if unanswered} == waiting | {("exempt", False)}


@pytest.mark.parametrize(
    ("name", "breached", "met"),
    [("fulfilled", None, True), ("fulfilled", NOW, False), ("ended", None, False), ("running", None, False)],
)
def test_a_target_is_met_by_an_answer_in_time_alone(name, breached, met):
    assert Clock(state=name, breached_at=breached).is_met is met


def test_what_is_guaranteed_and_which_hours_count():
    always = {"timezone": "UTC", "weekly": {"mon": [["09:00", "17:00"]]}}
    version = CalendarVersion(calendar=Calendar(name="Berlin"), number=3, definition=always)
    assert Clock().hours is ALWAYS_OPEN
    assert Clock(calendar_version=version).hours == version.hours
    assert version.hours.to_dict()["weekly"]["mon"] == [["09:00", "17:00"]]
    assert [Clock(promise=name).is_guaranteed for name in pure.Promise] == [
        name == pure.Promise.GUARANTEED for name in pure.Promise
    ]


def test_what_rows_are_called():
    version = PolicyVersion(policy=Policy(name="Standard"), number=2)
    event = ClockEvent(kind="fulfil", at=NOW)
    assert [
        str(row)
        for row in (
            Clock(metric="first_response", ticket_id=1042),
            event,
            ClockException(code=ExceptionCode(name="Outage"), clock=Clock(ticket_id=1042)),
            version,
            CalendarVersion(calendar=Calendar(name="Berlin"), number=3),
            Rollout(policy=version.policy, reason="Longer"),
            Rollout(calendar=Calendar(name="Berlin"), reason="Holidays"),
        )
    ] == [
        "First response 1042",
        "Answered 2026-11-24 12:05:00",
        "PS-1042 · Outage",
        "Standard 2",
        "Berlin 3",
        "Standard: Longer",
        "Berlin: Holidays",
    ]


@pytest.mark.parametrize(
    ("language", "ja", "said"),
    [
        ("en", "障害", ("Outage", "Ours.")),
        ("ja", "障害", ("障害", "障害")),
        ("ja", "", ("Outage", "Ours.")),
    ],
)
def test_a_code_is_read_in_the_readers_language_where_it_is_written_in_that(language, ja, said):
    code = ExceptionCode(name="Outage", explanation="Ours.", name_ja=ja, explanation_ja=ja)
    with translation.override(language):
        assert (str(code), code.said) == said


@pytest.mark.parametrize(
    ("name", "total", "seen", "most", "percent"),
    [
        ("waiting", 0, 0, 1, 0),
        ("running", 8, 3, 8, 37),
        ("running", 1000, 499, 1000, 49),
        ("running", 8, 8, 8, 99),  # it is done when it says so
        ("running", 3, 4, 4, 99),  # tickets came after the count
        ("done", 0, 0, 1, 100),
        ("stopped", 8, 2, 8, 25),
    ],
)
def test_how_far_a_rollout_is(name, total, seen, most, percent):
    rollout = Rollout(state=name, total=total, seen=seen)
    assert (rollout.most, rollout.percent) == (most, percent)
    assert rollout.is_unfinished is (name in ("waiting", "running"))


@pytest.mark.parametrize("validate", [validate_calendar, validate_terms])
def test_a_document_that_cannot_work_is_refused_in_the_words_of_what_reads_it(validate):
    with pytest.raises(ValidationError) as refused:
        validate({"timezone": "Nowhere", "weekly": {}})
    assert isinstance(refused.value.__cause__, ValueError)
    assert refused.value.messages == [str(refused.value.__cause__)]
    assert len(refused.value.messages[0]) > 5


@pytest.mark.django_db
def test_documents_in_force_are_fit():
    for version in PolicyVersion.objects.all():
        validate_terms(version.document)
        assert version.terms.to_dict() == version.document
    for version in CalendarVersion.objects.all():
        validate_calendar(version.definition)
