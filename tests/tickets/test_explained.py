"""What staff and what a customer read of a deadline (SPEC 2.2): the same times, other names."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from helpdesk.accounts.models import Membership, StaffRole
from helpdesk.core.zones import zone_of
from helpdesk.sla import clock as pure
from helpdesk.sla.models import Calendar, CalendarVersion, ClockEvent, ExceptionCode
from helpdesk.sla.versions import publish_calendar
from helpdesk.tickets import services
from helpdesk.tickets.explained import Showing, Told, clocks_of, reason_words
from helpdesk.tickets.explained import read as read_clocks
from helpdesk.tickets.models import Status, Ticket
from helpdesk.tickets.services import rollouts
from tests.factories import AccountFactory, DesignatedFactory, MembershipFactory, StaffFactory, UserFactory, make_ticket

pytestmark = pytest.mark.django_db
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FRIDAY = datetime(2026, 11, 20, 14, 20, tzinfo=UTC)  # 15:20 in Oslo
MONDAY = datetime(2026, 11, 23, 7, 40, tzinfo=UTC)
HOURS = {
    "timezone": "Europe/Oslo",
    "weekly": dict.fromkeys(["mon", "tue", "wed", "thu", "fri"], [["08:00", "17:00"]]),
    "holidays": ["2026-12-25", "2026-11-26"],
}


@pytest.fixture(autouse=True)
def _in_oslo():
    with timezone.override(zone_of("Europe/Oslo")):
        yield


@pytest.fixture
def fjordline():
    """An account with hours of its own."""
    calendar = Calendar.objects.create(name="Fjordline hours")
    CalendarVersion.objects.create(
        calendar=calendar, number=3, definition=HOURS, day_names={"2026-12-25": "Christmas Day"}, created_at=FRIDAY
    )
    return AccountFactory(name="Fjordline", calendar=calendar)


@pytest.fixture
def lena(fjordline) -> Membership:
    return DesignatedFactory(account=fjordline, user=UserFactory(full_name="Lena Dahl"))


@pytest.fixture
def anna():
    return StaffFactory(full_name="Anna Meier")


@pytest.fixture
def helen():
    return StaffFactory(full_name="Helen Marsh", staff_role=StaffRole.MANAGER)


def read(ticket: Ticket, *, now: datetime, internal: bool = True, **also) -> list[Told]:
    return list(read_clocks(clocks_of(ticket), Showing(now=now, internal=internal, width=1320, **also)))


def lines(told: Told) -> list[str]:
    return [row.what for row in told.rows]


@pytest.fixture
def paused(lena, anna) -> Ticket:
    """The mock-up's ticket: asked again on Friday, on hold on Monday, written to again."""
    ticket = make_ticket(lena, now=FRIDAY - 3 * HOUR)
    services.reply(ticket=ticket, actor=anna, body="We look.", now=FRIDAY - 2 * HOUR - 39 * MINUTE)
    services.customer_reply(ticket=ticket, actor=lena.user, body="Still.", now=FRIDAY)
    services.set_status(ticket=ticket, status=Status.WAITING, actor=anna, now=MONDAY)
    services.customer_reply(
        ticket=ticket, actor=lena.user, body="Here.", now=MONDAY + timedelta(hours=1, minutes=7, seconds=11)
    )
    return ticket


AT = MONDAY + timedelta(hours=2, minutes=22, seconds=31)


def test_staff_read_who_did_what(paused):
    told, first = read(paused, now=AT)
    assert lines(told) == [
        "Counted. Lena Dahl wrote.",
        "Closed: weekend, night.",
        "Counted.",
        "Paused, waiting on customer, set by Anna Meier.",
        "Counted. Resumed by Lena Dahl’s message.",
        "Ahead, if nothing pauses it.",
    ]
    assert [row.is_questioned for row in told.rows] == [False, False, False, True, False, False]
    assert [(row.counted, row.total) for row in told.rows] == [
        ("1h 40m 00s", "1h 40m 00s"),
        ("", "1h 40m 00s"),
        ("40m 00s", "2h 20m 00s"),
        ("", "2h 20m 00s"),
        ("1h 15m 20s", "3h 35m 20s"),
        ("24m 40s", "4h 00m 00s"),
    ]
    assert (told.state, told.target, told.counted, told.left) == ("running", "4 hours", "3h 35m 20s", "24m 40s")
    assert [row.end_word for row in told.rows][-2:] == ["now,", "due,"]
    assert (first.clock.metric, first.state, lines(first)[1]) == (
        "first_response",
        "met",
        "Answered by Anna Meier, in time.",
    )


def test_the_customer_reads_the_same_times_without_names_of_staff(paused):
    internal, public = read(paused, now=AT)[0], read(paused, now=AT, internal=False)[0]
    assert [(row.begin, row.end, row.counted, row.total) for row in internal.rows] == [
        (row.begin, row.end, row.counted, row.total) for row in public.rows
    ]
    assert lines(public)[3:5] == [
        "Paused: we waited for an answer of yours.",
        "Counted. Resumed by Lena Dahl’s message.",
    ]
    assert not any(row.is_questioned for row in public.rows)
    every = read(paused, now=AT, internal=False)
    said = " ".join([*(line for told in every for line in lines(told)), *(told.picture.text for told in every)])
    assert "Anna" not in said


def test_the_picture_says_in_words_what_it_shows(paused):
    picture = read(paused, now=AT)[0].picture
    assert picture.text == (
        "Next response. Lena Dahl wrote Fri 15:20:00; Fri 15:20 1h 40m counted; 17:00 closed 63h; "
        "Mon 08:00 40m counted; 08:40 1h 07m 11s paused; 09:47 1h 15m 20s counted; now Mon 11:02:31; "
        "11:02 24m 40s left; due Mon 11:27:11"
    )
    assert [kind for kind, _name in picture.legend] == ["counted", "closed", "paused", "ahead"]
    assert picture.is_short


def test_an_aims_deadline_is_dashed_and_a_guarantees_is_not(paused):
    aim, guarantee = read(paused, now=AT)
    assert "aim" in {line.css for line in aim.picture.wide.lines}
    assert "due" in {line.css for line in guarantee.picture.wide.lines}
    late = read(paused, now=AT + HOUR)[0]
    assert "missed-aim" in {line.css for line in late.picture.wide.lines}
    assert late.state == "late"


def test_a_holiday_has_its_name_and_another_one_is_called_a_holiday(lena, anna):
    for day, name in ((datetime(2026, 12, 24, 15, 0, tzinfo=UTC), "Christmas Day, weekend, night"),
                      (datetime(2026, 11, 25, 15, 0, tzinfo=UTC), "holiday, night")):  # fmt: skip
        ticket = make_ticket(lena, now=day)
        services.reply(ticket=ticket, actor=anna, body="?", now=day)
        services.customer_reply(ticket=ticket, actor=lena.user, body="!", now=day)
        assert lines(read(ticket, now=day)[0])[1] == f"Closed: {name}."


def test_a_judgement_tells_both_targets_and_both_deadlines(lena, anna):
    ticket = make_ticket(lena, critical=True, now=FRIDAY)
    services.judge_claim(ticket=ticket, actor=anna, confirmed=False, reason="One list.", now=FRIDAY + 8 * MINUTE)
    (told,) = read(ticket, now=FRIDAY + 9 * MINUTE)
    change = "Business critical declined: 30 minutes → 1 hour. Due Fri 16:20:00 instead of Fri 15:50:00."
    assert lines(told)[1] == change + " By Anna Meier."
    assert lines(read(ticket, now=FRIDAY + 9 * MINUTE, internal=False)[0])[1] == change
    flags = {text.text for text in told.picture.wide.texts}
    assert {"15:28:00 Business critical declined, 30 minutes → 1 hour", "was due 15:50:00", "due 16:20:00"} <= flags


def test_a_renewed_promise_says_that_the_first_was_missed(lena, anna):
    ticket = make_ticket(lena, now=FRIDAY)
    services.raise_to_critical(ticket=ticket, actor=anna, reason="Everybody now.", now=FRIDAY + 40 * MINUTE)
    (told,) = read(ticket, now=FRIDAY + 50 * MINUTE)
    assert lines(told) == [
        "Not counted any more: that time was missed, and a new one was promised.",
        "The deadline passed without an answer: missed.",
        "Raised to business critical: 1 hour → 30 minutes. Due Fri 16:30:00 instead of Fri 16:20:00. By Anna Meier.",
        "Counted.",
        "Ahead, if nothing pauses it.",
    ]
    assert (told.state, told.due) == ("running", FRIDAY + 70 * MINUTE)


def exception(ticket, *, effect, asker, approver, now, code="scheduled-maintenance", **wish):
    clock = ticket.clocks.order_by("-id").first()
    row = services.request_exception(
        clock=clock,
        code=ExceptionCode.objects.get(pk=code),
        wish=services.Wish(effect=effect, **wish),
        evidence="Status page.",
        actor=asker,
        now=now,
    )
    return services.decide_exception(exception=row, approve=True, note="", actor=approver, now=now)


def test_an_exception_names_its_code_and_to_staff_who_approved(lena, anna, helen):
    ticket = make_ticket(lena, now=FRIDAY)
    out = {"out_from": FRIDAY + 10 * MINUTE, "out_until": FRIDAY + 25 * MINUTE}
    now = FRIDAY + 30 * MINUTE
    exception(ticket, effect=pure.Effect.PAUSE, asker=anna, approver=helen, now=now, **out)
    moved = (
        "Exception approved: Scheduled maintenance, a stretch does not count. Due Fri 16:35:00 instead of Fri 16:20:00."
    )
    assert lines(read(ticket, now=now)[0])[1:4] == [
        "Left out: Scheduled maintenance, approved by Helen Marsh.",
        "Counted.",
        f"{moved} By Helen Marsh.",
    ]
    public = read(ticket, now=now, internal=False)[0]
    assert lines(public)[1] == "Left out: Scheduled maintenance, an approved exception."
    assert lines(public)[3] == moved
    assert [row.code_id for row in public.exceptions] == ["scheduled-maintenance"]


def test_a_request_that_nobody_decided_is_shown_to_staff_only(lena, anna):
    ticket = make_ticket(lena, now=FRIDAY)
    services.request_exception(
        clock=ticket.clocks.get(),
        code=ExceptionCode.objects.get(pk="declared-incident"),
        wish=services.Wish(effect=pure.Effect.VOID),
        evidence="Status page.",
        actor=anna,
        now=FRIDAY,
    )
    assert len(read(ticket, now=FRIDAY)[0].exceptions) == 1
    assert read(ticket, now=FRIDAY, internal=False)[0].exceptions == ()


def test_counting_from_when_the_information_arrived(lena, anna, helen):
    ticket = make_ticket(lena, now=FRIDAY)
    now = FRIDAY + 30 * MINUTE
    wish = {"effect": pure.Effect.RESTART, "code": "insufficient-information", "since": FRIDAY + 20 * MINUTE}
    exception(ticket, asker=anna, approver=helen, now=now, **wish)
    told = read(ticket, now=now)[0]
    assert lines(told)[0] == "Not counted: Insufficient information. It counts from when the information arrived."
    assert told.left == "50m"


def test_a_void_clock_tells_what_it_was_due_without_the_exception(lena, anna, helen):
    ticket = make_ticket(lena, now=FRIDAY)
    exception(
        ticket, effect=pure.Effect.VOID, code="declared-incident", asker=anna, approver=helen, now=FRIDAY + MINUTE
    )
    told = read(ticket, now=FRIDAY + 2 * HOUR)[0]
    assert (told.state, told.gross_due) == ("void", FRIDAY + HOUR)


def test_business_days_are_told_as_a_walk_along_the_wall(fjordline):
    ticket = make_ticket(MembershipFactory(account=fjordline), now=FRIDAY + 3 * HOUR)
    (told,) = read(ticket, now=FRIDAY + 4 * HOUR)
    assert told.notes == [
        "It began outside opening hours, so it counts from the next opening, Mon 08:00:00.",
        "1 working day on, at the same time of day (08:00 in Oslo): Tue 08:00:00.",
    ]
    assert lines(told)[0].startswith("Closed: weekend, night. Person ")
    assert (told.target, told.left) == ("1 business day", "84h 40m")
    assert told.hours == "Monday to Friday, 08:00 to 17:00, Oslo time"


def test_a_pause_of_a_business_day_is_told_as_the_time_that_it_moved(fjordline, anna):
    member = MembershipFactory(account=fjordline)
    ticket = make_ticket(member, now=MONDAY)
    services.reply(ticket=ticket, actor=anna, body="?", now=MONDAY + MINUTE)
    services.customer_reply(ticket=ticket, actor=member.user, body="!", now=MONDAY + 2 * MINUTE)
    services.set_status(ticket=ticket, status=Status.WAITING, actor=anna, now=MONDAY + HOUR)
    services.set_status(ticket=ticket, status=Status.OPEN, actor=anna, now=MONDAY + 3 * HOUR)
    told = read(ticket, now=MONDAY + 4 * HOUR)[0]
    assert told.notes[-1] == "Then on by the open time that was left out, 2h: Tue 10:42:00."
    assert lines(told)[2] == "Counted. Resumed by Anna Meier."
    assert lines(read(ticket, now=MONDAY + 4 * HOUR, internal=False)[0])[2] == "Counted."


def test_clocks_that_went_back_are_told_of_the_readers_and_of_the_calendars_zone(fjordline):
    before = datetime(2026, 10, 23, 13, 0, tzinfo=UTC)
    ticket = make_ticket(MembershipFactory(account=fjordline), now=before)
    with timezone.override(zone_of("Europe/London")):
        (told,) = read(ticket, now=before + HOUR)
        assert told.notes[1:] == [
            "Sun 01:00: the clocks in London went back by 1h; no time was lost or won by it.",
            "Sun 01:00: the clocks in Oslo went back by 1h; no time was lost or won by it.",
        ]


def test_weeks_of_lateness_stay_readable(fjordline):
    ticket = make_ticket(MembershipFactory(account=fjordline), now=FRIDAY)
    (told,) = read(ticket, now=FRIDAY + 60 * DAY)
    (whole,) = read(ticket, now=FRIDAY + 60 * DAY, whole=True)
    assert (len(told.rows) <= 28, len(whole.rows) > 80, told.is_folded, whole.is_folded) == (True, True, True, False)
    assert told.rows[-1].total == whole.rows[-1].total
    assert any("more days like this" in line for line in lines(told))
    assert len([box for box in told.picture.wide.boxes if "folded" in box.css]) <= 2


def test_a_pause_of_weeks_leaves_room_for_the_rest(paused, anna):
    services.set_status(ticket=paused, status=Status.WAITING, actor=anna, now=AT)
    told = read(paused, now=AT + 40 * DAY)[0]
    drawing = told.picture.wide
    assert len([box for box in drawing.boxes if box.css == "mixed folded"]) == 1
    assert "1h 40m counted" in {text.text for text in drawing.texts}
    assert "40d 0h paused" in {text.text for text in drawing.texts}


def test_the_order_of_clocks_is_what_presses_first(paused, anna):
    services.set_status(ticket=paused, status=Status.WAITING, actor=anna, now=AT)
    assert [clock.metric for clock in clocks_of(paused)] == ["next_response", "first_response"]
    assert clocks_of(paused)[0].state == "paused"
    told = read(paused, now=AT + HOUR)[0]
    assert (told.state, told.made.if_resumed) == ("paused", AT + HOUR + timedelta(minutes=24, seconds=40))


def test_ends_without_an_answer(lena, anna):
    closed = make_ticket(lena, now=FRIDAY)
    services.close_by_customer(ticket=closed, actor=lena.user, now=FRIDAY + MINUTE)
    late = make_ticket(lena, now=FRIDAY)
    services.close_by_customer(ticket=late, actor=lena.user, now=FRIDAY + 2 * HOUR)
    spam = make_ticket(lena, now=FRIDAY)
    services.mark_spam(ticket=spam, actor=anna, reason="Lottery", now=FRIDAY + 2 * HOUR)
    told = [read(ticket, now=FRIDAY + DAY)[0] for ticket in (closed, late, spam)]
    assert [one.state for one in told] == ["cancelled", "ended", "cancelled"]
    assert [lines(one)[-1] if one.state == "ended" else lines(one)[1] for one in told] == [
        "Ended without an answer, no longer counts: closed by the customer.",
        "Ended without an answer, after the deadline: closed by the customer.",
        "Late: after the deadline.",
    ]
    assert lines(read(closed, now=FRIDAY + DAY, internal=False)[0])[1] == "Ended without an answer, no longer counts."


def test_what_staff_wrote_as_a_reason_is_not_for_the_customer(lena):
    ticket = make_ticket(lena, now=FRIDAY)
    ClockEvent.objects.create(
        clock=ticket.clocks.get(),
        number=2,
        kind="retarget",
        at=FRIDAY + MINUTE,
        recorded_at=FRIDAY + MINUTE,
        data={"seconds": 7200, "due_at": (FRIDAY + 2 * HOUR).isoformat(), "reason": "Lex Fjordline, see contract"},
    )
    internal, public = (read(ticket, now=FRIDAY + MINUTE, internal=internal)[0] for internal in (True, False))
    assert "Lex Fjordline" in lines(internal)[1]
    assert lines(public)[1] == "New rules: 1 hour → 2 hours. Due Fri 17:20:00 instead of Fri 16:20:00."
    assert "Lex" not in public.picture.text


def test_a_clock_that_contradicts_itself_is_left_out(lena, caplog):
    ticket = make_ticket(lena, now=FRIDAY)
    ClockEvent.objects.create(
        clock=ticket.clocks.get(), number=2, kind="resume", at=FRIDAY, recorded_at=FRIDAY, data={}
    )
    assert read(ticket, now=FRIDAY) == []
    assert "cannot be explained" in caplog.text


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("claim declined", "Business critical declined"),
        ("merged into PS-12", "merged into PS-12"),
        ("the guarantee of PS-12 counts", "the guarantee of PS-12 counts"),
        ("Contract of 2025", "Contract of 2025"),
    ],
)
def test_reasons(reason, words):
    assert reason_words(reason) == words


def test_where_the_promise_outlasts_an_exception_both_are_told_whose_sum_it_is(fjordline, lena, anna, helen):
    """Four hours became one business day; then the office opened for an hour a day, in which four hours take longer."""
    ticket = make_ticket(lena, now=FRIDAY - 3 * HOUR)
    services.reply(ticket=ticket, actor=anna, body="We look.", now=FRIDAY - 2 * HOUR)
    services.customer_reply(ticket=ticket, actor=lena.user, body="Still.", now=FRIDAY)
    wish = {"effect": pure.Effect.RETARGET, "code": "not-confirmed-critical", "target_business_days": 1}
    exception(ticket, asker=anna, approver=helen, now=FRIDAY + MINUTE, **wish)
    before = read(ticket, now=FRIDAY + 2 * MINUTE)[0]
    assert (before.target, before.due, before.notes[0][:13]) == ("1 business day", FRIDAY + 3 * DAY, "1 working day")
    weekly = dict.fromkeys(["mon", "tue", "wed", "thu", "fri"], [["15:00", "16:00"]])
    hours = {"definition": HOURS | {"weekly": weekly}, "day_names": {}}
    publish_calendar(calendar=fjordline.calendar, **hours, actor=helen, now=FRIDAY)
    rollouts.start_rollout(calendar=fjordline.calendar, reason="New hours", actor=helen, now=FRIDAY + 3 * MINUTE)
    rollouts.advance_rollouts(now=FRIDAY + 3 * MINUTE)
    staff, customer = (read(ticket, now=FRIDAY + 4 * MINUTE, internal=internal)[0] for internal in (True, False))
    assert staff.notes == [
        "Two deadlines were compared, and the later one is in force: the gross one, of the target 4 hours without "
        "exceptions. The net one alone would be earlier, Mon 15:20:00: an exception never takes from what was "
        "promised. The times below add up to the gross target."
    ]
    assert customer.notes == [
        "What you were promised first decides: 4 hours. The approved exception alone would have made it due earlier, "
        "Mon 15:20:00, and an exception never takes from a promise. The times below add up to 4 hours."
    ]
    assert (staff.target, staff.left, staff.rows[-1].total) == ("4 hours", "3h 56m", "4h 00m 00s")
    assert staff.due == staff.gross_due == datetime(2026, 11, 27, 14, 20, tzinfo=UTC)  # the 26th is a holiday
