"""Which steps fall when (SPEC 2.5)."""

from datetime import UTC, datetime, timedelta
from itertools import islice

from helpdesk.sla import clock as pure
from helpdesk.sla.calendar import ALWAYS_OPEN, BusinessCalendar
from helpdesk.sla.fold import fold
from helpdesk.sla.ladder import next_check, rungs
from helpdesk.sla.target import Target
from helpdesk.sla.terms import Conditions, Recipient, Step, Terms

NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
OFFICE = BusinessCalendar.from_dict(
    {"timezone": "Europe/Berlin", "weekly": dict.fromkeys(["mon", "tue", "wed", "thu", "fri"], [["09:00", "17:00"]])}
)


def policy(*percents: int, repeat: int = 30) -> Terms:
    steps = tuple(Step(percent=percent, recipients=(Recipient.OWNER,)) for percent in percents)
    return Terms(conditions=Conditions(), targets=(), steps=steps, repeat_minutes=repeat)


def started(target=None, calendar=ALWAYS_OPEN, at=NOW) -> pure.Clock:
    return fold([pure.start(at=at, target=target or Target(seconds=3600), calendar=calendar)])


def minutes(clock, terms, *, since=NOW, calendar=ALWAYS_OPEN, number=6, **options) -> list[tuple[int, int, float]]:
    found = islice(rungs(clock, terms=terms, calendar=calendar, since=since, **options), number)
    return [(rung.step.percent, rung.reminder, (rung.at - NOW) / MINUTE) for rung in found]


def test_the_steps_then_the_last_one_again_and_again():
    assert minutes(started(), policy(50, 75, 100)) == [
        (50, 0, 30), (75, 0, 45), (100, 0, 60), (100, 1, 90), (100, 2, 120), (100, 3, 150),
    ]  # fmt: skip


def test_a_step_past_the_deadline_goes_on_at_the_same_pace_and_reminders_follow_it():
    assert minutes(started(), policy(100, 150), number=4) == [(100, 0, 60), (150, 0, 90), (150, 1, 120), (150, 2, 150)]


def test_reminders_of_a_step_before_the_deadline_begin_after_the_deadline():
    """Until then the promise can be kept, and one word was enough."""
    assert minutes(started(), policy(50), number=3) == [(50, 0, 30), (50, 1, 90), (50, 2, 120)]


def test_steps_are_shares_of_open_time():
    friday = datetime(2026, 11, 27, 14, 0, tzinfo=UTC)  # 15:00 in Berlin, two hours before the weekend
    clock = started(Target(seconds=4 * 3600), OFFICE, friday)
    at = [rung.at for rung in islice(rungs(clock, terms=policy(25, 75), calendar=OFFICE, since=friday), 2)]
    assert at == [friday + HOUR, datetime(2026, 11, 30, 9, 0, tzinfo=UTC)]  # Monday, 10:00 in Berlin


def test_a_pause_moves_the_steps_with_the_deadline():
    """A step within what was left out would tell people while the ticket waited on the customer."""
    clock = fold(pure.pause(started(), at=NOW + 10 * MINUTE), started())
    clock = fold(pure.resume(clock, at=NOW + 40 * MINUTE, calendar=ALWAYS_OPEN), clock)
    assert minutes(clock, policy(10, 50, 100), number=3) == [(10, 0, 6), (50, 0, 60), (100, 0, 90)]


def test_once_acknowledged_the_next_look_is_at_the_deadline_and_then_never():
    clock, terms = started(), policy(50)
    looks = {"terms": terms, "calendar": ALWAYS_OPEN, "since": NOW + 31 * MINUTE}
    assert next_check(clock, **looks, reminders=False) == next_check(clock, **looks) == NOW + HOUR
    breached = fold(pure.settle(clock, now=NOW + 2 * HOUR, owner=None), clock)
    assert next_check(breached, **looks) == NOW + 90 * MINUTE
    assert next_check(breached, **looks, reminders=False) is None


def test_only_what_lies_ahead():
    assert minutes(started(), policy(50, 75, 100), since=NOW + 45 * MINUTE, number=2) == [(75, 0, 45), (100, 0, 60)]
    late = minutes(started(), policy(50, 75, 100), since=NOW + 61 * MINUTE, number=2)
    assert late == [(100, 1, 90), (100, 2, 120)]
    long_after = minutes(started(), policy(50, 75, 100), since=NOW + 300 * MINUTE, number=1)
    assert long_after == [(100, 8, 300)]


def test_without_repetition_or_once_acknowledged_the_steps_end():
    assert minutes(started(), policy(50, 100, repeat=0)) == [(50, 0, 30), (100, 0, 60)]
    assert minutes(started(), policy(50, 100), reminders=False) == [(50, 0, 30), (100, 0, 60)]


def test_a_clock_that_is_paused_or_over_or_has_no_steps_has_no_rungs():
    clock = started()
    paused = fold(pure.pause(clock, at=NOW + MINUTE), clock)
    over = fold(pure.fulfil(clock, at=NOW + MINUTE, by=1, owner=1), clock)
    for state, terms in ((paused, policy(50)), (over, policy(50)), (clock, policy())):
        assert minutes(state, terms) == []
    for state in (paused, over):
        assert next_check(state, terms=policy(50), calendar=ALWAYS_OPEN, since=NOW) is None


def test_the_deadline_is_looked_at_even_when_no_step_falls_on_it():
    """A breach is written down by the sweep also under a policy without steps."""
    clock = started()
    for terms in (policy(), policy(200)):
        assert next_check(clock, terms=terms, calendar=ALWAYS_OPEN, since=NOW) == NOW + HOUR
    breached = fold(pure.settle(clock, now=NOW + 2 * HOUR, owner=None), clock)
    assert next_check(breached, terms=policy(), calendar=ALWAYS_OPEN, since=NOW + 2 * HOUR) is None
