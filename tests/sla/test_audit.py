"""The auditor finds whatever is false: each column and each value of each event is falsified in turn (SPEC 2.2)."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from helpdesk.escalation.models import Escalation
from helpdesk.escalation.services import acknowledge
from helpdesk.escalation.sweep import sweep
from helpdesk.sla import clock as pure
from helpdesk.sla import verification
from helpdesk.sla.audit import Rules, audit
from helpdesk.sla.clock import Effect, Metric
from helpdesk.sla.models import Clock, ClockEvent, ExceptionCode, PolicyVersion
from helpdesk.sla.versions import publish_policy
from helpdesk.tickets import services
from helpdesk.tickets.models import Source, Status, Ticket, TicketEvent
from helpdesk.tickets.services import Wish, rollouts
from tests.factories import DesignatedFactory, MembershipFactory, StaffFactory, make_ticket
from tests.tickets.scenes import with_target

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

# Values that say why, in words for people: nothing follows from them.
WORDS = ("reason",)


@pytest.fixture
def specialist():
    return StaffFactory()


@pytest.fixture
def manager():
    return StaffFactory(staff_role="manager")


def the(ticket: Ticket, metric: str = "first_response", cycle: int = 1) -> Clock:
    return ticket.clocks.get(metric=metric, cycle=cycle)


def grant(clock: Clock, code: str, wish: Wish, *, by, manager, now: datetime) -> None:
    exception = services.request_exception(
        clock=clock, code=ExceptionCode.objects.get(pk=code), wish=wish, evidence="See the log.", actor=by, now=now
    )
    services.decide_exception(exception=exception, approve=True, note="Seen.", actor=manager, now=now + MINUTE)


@pytest.fixture
def clocks(specialist, manager) -> list[Clock]:
    """Clocks that all kinds of things happened to."""
    designated, user = DesignatedFactory(), MembershipFactory()
    common = {"actor": specialist, "body": "Hello."}

    late = make_ticket(designated, now=NOW)  # breached, acknowledged, answered, waited, written to, solved
    sweep(now=NOW + 61 * MINUTE)
    services.assign(ticket=late, owner=manager, actor=manager, now=NOW + 70 * MINUTE)
    acknowledge(escalation=Escalation.objects.filter(percent=100).get(), actor=specialist, now=NOW + 71 * MINUTE)
    services.reply(ticket=late, now=NOW + 80 * MINUTE, **common)
    services.customer_reply(ticket=late, actor=designated.user, body="And?", now=NOW + 82 * MINUTE)
    services.set_status(ticket=late, status=Status.WAITING, actor=specialist, now=NOW + 83 * MINUTE)
    services.customer_reply(ticket=late, actor=designated.user, body="Well?", now=NOW + DAY)
    services.reply(ticket=late, now=NOW + DAY + HOUR, status=Status.SOLVED, **common)

    declined = make_ticket(designated, now=NOW, critical=True)
    services.judge_claim(ticket=declined, actor=specialist, confirmed=False, reason="One user", now=NOW + 9 * MINUTE)

    raised = make_ticket(designated, now=NOW)  # 40 minutes in: a breach of 30, and 30 minutes from now
    services.raise_to_critical(ticket=raised, actor=specialist, reason="All down", now=NOW + 40 * MINUTE)

    excepted = make_ticket(designated, now=NOW)
    services.reply(ticket=excepted, now=NOW + 90 * MINUTE, **common)
    pause = Wish(effect=Effect.PAUSE, out_from=NOW + 10 * MINUTE, out_until=NOW + 50 * MINUTE)
    grant(the(excepted), "scheduled-maintenance", pause, by=specialist, manager=manager, now=NOW + 2 * HOUR)
    restarted = make_ticket(designated, now=NOW)
    restart = Wish(effect=Effect.RESTART, since=NOW + 20 * MINUTE)
    grant(the(restarted), "insufficient-information", restart, by=specialist, manager=manager, now=NOW + 30 * MINUTE)
    longer = make_ticket(designated, now=NOW)
    target = Wish(effect=Effect.RETARGET, target_seconds=7200)
    grant(the(longer), "not-confirmed-critical", target, by=specialist, manager=manager, now=NOW + 30 * MINUTE)
    void = make_ticket(designated, now=NOW)
    grant(the(void), "force-majeure", Wish(effect=Effect.VOID), by=specialist, manager=manager, now=NOW + 5 * MINUTE)

    aim = make_ticket(user, now=NOW)  # in business days
    mailed = make_ticket(designated, now=NOW, source=Source.MAIL)
    spam = make_ticket(user, now=NOW)
    services.mark_spam(ticket=spam, actor=specialist, reason="Spam", now=NOW + MINUTE)
    services.not_spam(ticket=spam, actor=specialist, now=NOW + 5 * MINUTE)
    closed = make_ticket(designated, now=NOW)
    services.close_by_customer(ticket=closed, actor=designated.user, now=NOW + 2 * HOUR)
    other = make_ticket(designated, now=NOW + MINUTE)
    services.merge(ticket=other, into=mailed, actor=specialist, reason="The same", now=NOW + 10 * MINUTE)
    call = make_ticket(user, now=NOW, channel="phone", source=Source.CALLBACK)
    services.record_call(ticket=call, actor=specialist, connected=True, note="", now=NOW + 3 * MINUTE)
    chat = make_ticket(user, now=NOW, channel="chat", source=Source.CHAT)
    services.join_chat(ticket=chat, actor=specialist, now=NOW + 90 * MINUTE)
    assert aim.clocks.get().target_business_days == 1
    return list(Clock.objects.order_by("pk"))


def wrong(clock: Clock) -> list[str]:
    """What the auditor alone finds, without the product's own fold."""
    return audit([clock.pk], Rules()).get(clock.pk, [])


def test_everything_that_happens_in_the_product_is_right(clocks):
    result = verification.verify(now=NOW + 2 * DAY)
    assert (result.checked, result.differing, result.examples) == (len(clocks), 0, [])
    assert {event.kind for event in ClockEvent.objects.all()} == set(pure.EventKind)


def test_lives_with_more_than_one_turn_are_right_too(specialist, manager):
    """What seldom meets on one clock: a false alarm about it would come each night."""
    old = PolicyVersion.objects.get(policy__name="Standard, designated super admins", is_current=True)
    PolicyVersion.objects.filter(pk=old.pk).update(is_current=False)
    step = {"percent": 150, "recipients": ["manager"]}
    document = {**old.document, "steps": [*old.document["steps"], step]}
    PolicyVersion.objects.create(policy_id=old.policy_id, number=2, document=document, created_at=NOW)
    designated = DesignatedFactory()

    late = make_ticket(designated, now=NOW)  # swept between its deadline and the step at 150 percent
    sweep(now=NOW + 61 * MINUTE)
    assert the(late).next_check_at == NOW + 90 * MINUTE
    excepted = make_ticket(designated, now=NOW)  # an exception, then other rules
    target = Wish(effect=Effect.RETARGET, target_seconds=7200)
    grant(the(excepted), "not-confirmed-critical", target, by=specialist, manager=manager, now=NOW + 10 * MINUTE)
    services.raise_to_critical(ticket=excepted, actor=specialist, reason="All down", now=NOW + 15 * MINUTE)
    waiting, void = make_ticket(designated, now=NOW), make_ticket(designated, now=NOW)
    for ticket in (waiting, void):
        services.reply(ticket=ticket, actor=specialist, body="Which?", now=NOW + MINUTE)
        services.customer_reply(ticket=ticket, actor=designated.user, body="This.", now=NOW + 2 * MINUTE)
    # Void, and paused after it.
    answer = the(void, "next_response")
    grant(answer, "force-majeure", Wish(effect=Effect.VOID), by=specialist, manager=manager, now=NOW + 5 * MINUTE)
    services.set_status(ticket=void, status=Status.WAITING, actor=specialist, now=NOW + 9 * MINUTE)
    answer.refresh_from_db()
    assert (answer.state, answer.paused_at) == ("exempt", NOW + 9 * MINUTE)
    # Other rules in the middle of a pause, under which the deadline has passed.
    services.set_status(ticket=waiting, status=Status.WAITING, actor=specialist, now=NOW + 50 * MINUTE)
    shorter = with_target(old.policy, Metric.NEXT_RESPONSE, seconds=1800)
    publish_policy(policy=old.policy, terms=shorter, actor=manager, now=NOW + 55 * MINUTE)
    rollouts.start_rollout(policy=old.policy, reason="Shorter", actor=manager, now=NOW + 55 * MINUTE)
    rollouts.advance_rollouts(now=NOW + 55 * MINUTE)
    kinds = list(the(waiting, "next_response").events.order_by("number").values_list("kind", flat=True))
    assert kinds == ["start", "pause", "breach", "resume", "retarget"]

    assert verification.check().examples == []


def another(value: Any, name: str) -> Any:
    """A value that is not this one, of its kind."""
    people = {"owner_at_due_id", "answered_by_id"}
    others = {
        "state": "cancelled" if value != "cancelled" else "running",
        "promise": "objective" if value == "guaranteed" else "guaranteed",
        "metric": "callback" if value != "callback" else "chat_pickup",
        "pauses": [["2026-11-24T12:06:00+00:00", "2026-11-24T12:07:00+00:00"]],
        "exempted": [["2026-11-24T12:06:00+00:00", "2026-11-24T12:07:00+00:00"]],
        "gross_basis": {"seconds": 60, "business_days": None, "since": NOW.isoformat()} if value is None else None,
    }
    if name in others:
        return others[name] if others[name] != value else []
    if name in people:
        return Ticket.objects.first().requester_id if value is None else None
    if isinstance(value, datetime):
        return value + timedelta(seconds=1)
    if value is None:
        return NOW + timedelta(days=9)
    return value + 1


def falsified(clock: Clock) -> Iterator[dict[str, Any]]:
    """Each of a clock's columns with another value."""
    version = {"policy_version_id": 2 if clock.policy_version_id != 2 else 1}
    calendar = Clock.objects.exclude(calendar_version=None).values_list("calendar_version", flat=True).first()
    yield version
    yield {"calendar_version_id": None if clock.calendar_version_id else calendar}
    yield {"acknowledged_version": clock.acknowledged_version + 1}
    yield {"event_count": clock.event_count + 1}
    yield {"next_check_at": another(clock.next_check_at, "next_check_at")}
    yield {"cycle": clock.cycle + 7}
    yield {"metric": another(clock.metric, "metric"), "cycle": 9}
    yield {"promise": another(clock.promise, "promise")}
    yield {"target_seconds": 77, "target_business_days": None}
    for name in Clock.FOLDED:
        if name not in ("target_seconds", "target_business_days"):
            column = Clock._meta.get_field(name).attname
            yield {column: another(getattr(clock, column), column)}


def test_no_column_can_be_falsified(clocks):
    missed = []
    for clock in clocks:
        for values in falsified(clock):
            with transaction.atomic():
                Clock.objects.filter(pk=clock.pk).update(**values)
                if not wrong(clock):
                    missed.append((clock.pk, clock.metric, clock.state, values))
                transaction.set_rollback(True)
    assert missed == []


def lies(event: ClockEvent) -> Iterator[dict[str, Any]]:
    """Each of an event's values with another one."""
    yield {"at": event.at - timedelta(seconds=1)}
    yield {"recorded_at": event.at - timedelta(seconds=1)}
    if event.kind != "breach" and "copy_of" not in event.data:
        yield {"recorded_at": event.recorded_at + timedelta(seconds=1)}
        yield {"actor_id": StaffFactory().pk}
    yield {"number": event.number + 50}
    yield {"kind": "pause" if event.kind != "pause" else "resume"}
    for name, value in event.data.items():
        if name in WORDS and event.kind != "exempt":
            continue
        yield {"data": {key: kept for key, kept in event.data.items() if key != name}}
        yield {"data": event.data | {name: lie(value)}}


def lie(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if value is None:
        return 1
    if isinstance(value, dict):
        return {name: lie(kept) for name, kept in value.items()}
    try:
        return (datetime.fromisoformat(value) + timedelta(seconds=1)).isoformat()
    except ValueError:
        return value + "x"


def change(event: ClockEvent, values: dict[str, Any]) -> None:
    names = ", ".join(f"{name} = %s" for name in values)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL helpdesk.erasure = 'on'")
        cursor.execute(
            f"UPDATE helpdesk_clockevent SET {names} WHERE id = %s",  # noqa: S608 - names of this file
            [*(json.dumps(value) if isinstance(value, dict) else value for value in values.values()), event.pk],
        )


def is_plain(gone: dict[str, Any]) -> bool:
    """Whether an event says the same without a value: nobody, no; and what early events did not say yet."""
    return set(gone) <= {"policy_version", "calendar_version"} or gone in ({"owner": None}, {"effect": "void"})


def test_no_event_can_be_falsified(clocks):
    missed = []
    for event in ClockEvent.objects.select_related("clock").order_by("pk"):
        for values in lies(event):
            with transaction.atomic():
                change(event, values)
                gone = {name: value for name, value in event.data.items() if name not in values.get("data", event.data)}
                if not wrong(event.clock) and not (gone and is_plain(gone)):
                    missed.append((event.clock_id, event.number, event.kind, values, event.data))
                transaction.set_rollback(True)
    assert missed == []


def test_no_event_can_be_taken_away_or_slipped_in(clocks):
    missed = []
    for event in ClockEvent.objects.select_related("clock").order_by("pk"):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL helpdesk.erasure = 'on'")
            cursor.execute("DELETE FROM helpdesk_clockevent WHERE id = %s", [event.pk])
            if not wrong(event.clock):
                missed.append(("taken away", event.clock_id, event.number))
            # With the others numbered anew, and the count made to fit, it is found by what it did.
            Clock.objects.filter(pk=event.clock_id).update(event_count=event.clock.event_count - 1)
            cursor.execute(
                "UPDATE helpdesk_clockevent SET number = number + 99 WHERE clock_id = %s AND number > %s",
                [event.clock_id, event.number],
            )
            cursor.execute(
                "UPDATE helpdesk_clockevent SET number = number - 100 WHERE clock_id = %s AND number > 99",
                [event.clock_id],
            )
            if not wrong(event.clock):
                missed.append(("taken away without a gap", event.clock_id, event.number))
            transaction.set_rollback(True)
    for clock in clocks:
        with transaction.atomic():
            values = {"number": clock.event_count + 1, "at": NOW + DAY, "recorded_at": NOW + DAY}
            ClockEvent.objects.create(clock=clock, kind="cancel", data={"reason": "spam"}, **values)
            Clock.objects.filter(pk=clock.pk).update(event_count=clock.event_count + 1)
            if not wrong(clock):
                missed.append(("slipped in", clock.pk, clock.state))
            transaction.set_rollback(True)
    assert missed == []


@pytest.mark.parametrize("kind", ["opened", "replied", "assigned", "declined", "exception_granted", "called", "joined"])
def test_what_a_clock_rests_on_cannot_be_taken_away(clocks, kind):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL helpdesk.erasure = 'on'")
        TicketEvent.objects.filter(kind=kind).delete()
    assert verification.check().by_audit > 0


def test_a_forged_queue_is_found(clocks):
    Ticket.objects.filter(pk=clocks[-3].ticket_id).update(next_due_at=NOW)
    assert verification.check().by_audit == 1


def test_clocks_of_before_name_no_rules_in_their_events(clocks):
    """Their own columns do, then."""
    for event in ClockEvent.objects.filter(kind="start").exclude(clock__events__kind="retarget"):
        rest = {name: value for name, value in event.data.items() if not name.endswith("_version")}
        if "copy_of" not in rest:
            change(event, {"data": rest})
    copies = Clock.objects.filter(events__data__has_key="copy_of")
    originals = Clock.objects.filter(state="cancelled")
    rest = Clock.objects.exclude(pk__in=copies).exclude(pk__in=originals)
    assert verification.check(list(rest.values_list("pk", flat=True))).examples == []


def test_memory_and_queries_do_not_grow_with_the_number_of_clocks(clocks, django_assert_max_num_queries, monkeypatch):
    with django_assert_max_num_queries(40):
        verification.check()
    monkeypatch.setattr(verification, "CHUNK", 3)
    assert verification.check().checked == len(clocks)
