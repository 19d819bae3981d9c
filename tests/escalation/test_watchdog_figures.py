"""What an alarm says is what is there, and each watchdog does what it found only if no other one has (SPEC 2.5)."""

from datetime import timedelta

import pytest

from helpdesk.escalation import watchdog as module
from helpdesk.escalation.sweep import SweepResult, sweep
from helpdesk.escalation.watchdog import watch
from helpdesk.notifications.models import Alarm, Notice, OutboxMail
from helpdesk.notifications.services import DELIVER_TASK, beat
from helpdesk.sla.models import Clock
from helpdesk.sla.verification import verify
from tests.factories import MembershipFactory, StaffFactory, make_ticket

pytestmark = pytest.mark.django_db
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def due(*instants) -> None:
    """A clock for each instant, whose next step is due then; no mail waits."""
    for at in instants:
        Clock.objects.filter(pk=make_ticket(now=at).clocks.get().pk).update(next_check_at=at)
    OutboxMail.objects.all().delete()


def details() -> dict:
    return dict(Alarm.objects.filter(until=None).values_list("name", "detail"))


def test_a_sweep_is_late_however_lately_something_else_ran(crew, now):
    beat(name="a", now=now, detail={})
    sweep(now=now)
    for name in ("a", module.VERIFY):
        beat(name=name, now=now + MINUTE, detail={})
    assert watch(now=now + MINUTE).open == ["sweep_late"]
    assert details() == {"sweep_late": {"last_at": now.isoformat(), "oldest_at": None}}


def test_of_a_sweep_that_never_ran_the_clock_that_waits_longest_is_told(crew, now, monkeypatch):
    monkeypatch.setattr(module, "sweep", lambda **_values: SweepResult())  # nothing stands in
    due(now, now + MINUTE)
    assert watch(now=now + HOUR).open == ["sweep_late"]
    assert details()["sweep_late"] == {"last_at": None, "oldest_at": now.isoformat()}


def test_a_clock_that_cannot_be_reckoned_does_not_hide_another_that_waits(crew, now, monkeypatch):
    monkeypatch.setattr(module, "sweep", lambda **_values: SweepResult())
    due(now, now + MINUTE)
    later = now + 5 * MINUTE
    beat(name=module.VERIFY, now=later, detail={})
    beat(name="sweep", now=later, detail={"failed": 2})
    assert watch(now=later).open == ["clocks_unreadable"]
    assert details() == {"clocks_unreadable": {"count": 2}}
    beat(name="sweep", now=later, detail={"failed": 1})
    assert watch(now=later + SECOND).open == ["clocks_unreadable", "sweep_late"]
    assert details()["sweep_late"] == {"last_at": later.isoformat(), "oldest_at": now.isoformat()}


def test_clocks_that_could_not_be_reckoned_and_are_not_due_make_no_sweep_late(crew, now):
    verify(now=now)
    beat(name="sweep", now=now, detail={"failed": 3})
    assert watch(now=now).open == ["clocks_unreadable"]


def test_a_heartbeat_without_figures_is_no_alarm(crew, now):
    """One that an earlier version wrote, say."""
    for name in ("sweep", module.VERIFY):
        beat(name=name, now=now, detail={})
    assert watch(now=now).open == []


def test_what_the_verification_found_and_when(crew, now):
    sweep(now=now)
    beat(name=module.VERIFY, now=now, detail={"differing": 4})
    watch(now=now)
    assert details() == {"clocks_differ": {"count": 4, "last_at": now.isoformat()}}


def test_when_the_last_verification_was(crew, now):
    verify(now=now)
    sweep(now=now + 27 * HOUR)
    watch(now=now + 27 * HOUR)
    assert details() == {"verify_late": {"last_at": now.isoformat()}}


def test_of_alarms_hear_administrators_and_in_their_absence_managers_and_nobody_else(crew, now):
    MembershipFactory()
    watch(now=now)
    assert set(Notice.objects.values_list("recipient", flat=True)) == {crew.robin.pk}
    crew.robin.is_active = False
    crew.robin.save()
    Notice.objects.all().delete()
    Alarm.objects.all().delete()
    StaffFactory()
    watch(now=now)
    assert set(Notice.objects.values_list("recipient", flat=True)) == {crew.helen.pk}


def test_the_mail_leaves_at_once_and_both_ends_have_a_key_of_their_own(crew, now, monkeypatch):
    kicked = []
    monkeypatch.setattr(module, "kick", kicked.append)
    watch(now=now)
    assert kicked == [DELIVER_TASK]
    sweep(now=now + MINUTE)
    watch(now=now + MINUTE)
    keys = Notice.objects.order_by("pk").values_list("key", flat=True)
    assert [key.split("/")[2] for key in keys] == ["opened", "closed"]


def test_an_alarm_that_cannot_be_told_of_stays_untold_and_is_told_by_the_next_look(crew, now, monkeypatch):
    """Else it would stand open, and nobody would ever hear of it."""

    def fail(*_told, **_values):
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(module, "tell", fail)
        with pytest.raises(ConnectionError):
            watch(now=now)
    assert not Alarm.objects.exists()
    assert watch(now=now).opened == ["sweep_late"]
    sweep(now=now + MINUTE)
    with monkeypatch.context() as patch:
        patch.setattr(module, "tell", fail)
        with pytest.raises(ConnectionError):
            watch(now=now + MINUTE)
    assert Alarm.objects.get().until is None
    assert watch(now=now + MINUTE).closed == ["sweep_late"]


def test_what_another_watchdog_did_first_is_not_done_again(crew, now):
    assert module._open("mail_dead", {"count": 1}, now=now) is True
    assert module._open("mail_dead", {"count": 1}, now=now) is False
    assert module._open("mail_waiting", {"count": 1}, now=now) is True
    seen, other = Alarm.objects.get(name="mail_dead"), Alarm.objects.get(name="mail_waiting")
    later = now + 2 * MINUTE
    assert module._renew(seen, {"count": 2}, now=later) is True
    assert module._renew(seen, {"count": 3}, now=later) is False  # `seen` is how it was before
    assert Alarm.objects.get(pk=seen.pk).detail == {"count": 2, "as_of": later.isoformat()}
    assert module._close(seen, now=later) is True
    assert module._close(seen, now=later + MINUTE) is False
    assert module._renew(Alarm.objects.get(pk=seen.pk), {"count": 9}, now=later + HOUR) is False
    seen.refresh_from_db()
    assert (seen.until, seen.detail["count"]) == (later, 2)
    other.refresh_from_db()
    assert (other.until, other.detail) == (None, {"count": 1})  # and of another alarm nothing was touched
    assert Notice.objects.count() == 3  # two opened, one closed, to the one administrator


def test_standing_in_drafts_leave_first_and_mails_are_leased_from_the_present(crew, now, monkeypatch):
    """A reply that waits only for the worker is no breach, and after a long sweep a lease must not be over already."""
    done = []
    monkeypatch.setattr(module, "leave_drafts", lambda *, now: done.append(("drafts", now)))
    monkeypatch.setattr(module, "sweep", lambda *, now, heartbeat: done.append((heartbeat, now)) or SweepResult())
    monkeypatch.setattr(module, "deliver", lambda *, now: done.append(("mails", now)))
    times = iter([100.0, 207.9])
    monkeypatch.setattr(module, "monotonic", lambda: next(times))
    watch(now=now)
    assert done == [("drafts", now), (module.STAND_IN, now), ("mails", now + 107 * SECOND)]
