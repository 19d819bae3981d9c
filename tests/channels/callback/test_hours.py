"""When a call can be had: windows of an hour, in the customer's zone, also where clocks change; numbers."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from helpdesk.channels.callback.hours import PhoneHours, hours_for
from helpdesk.channels.callback.numbers import NotANumber, read, shown
from helpdesk.sla.calendar import ALWAYS_OPEN, BusinessCalendar
from helpdesk.sla.models import Calendar, CalendarVersion
from helpdesk.subscriptions.entitlement import entitlements

BERLIN = ZoneInfo("Europe/Berlin")
DAILY = {day: [["00:00", "06:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
NIGHT = BusinessCalendar.from_dict({"timezone": "Europe/Berlin", "weekly": DAILY, "holidays": [], "special_days": {}})


def night(now):
    """What is offered in the first night after `now`: wall times in Berlin."""
    hours = PhoneHours(phone=ALWAYS_OPEN, counted=NIGHT, promised=None, calendar_version=None)
    first = [row for row in hours.windows(BERLIN, now=now) if row[0] < now + timedelta(hours=12)]
    return [(f"{begin.astimezone(BERLIN):%H:%M}", end - begin) for begin, end in first]


HOUR = timedelta(hours=1)


def test_a_night_of_six_hours_has_six_windows():
    assert night(datetime(2026, 10, 23, 20, 0, tzinfo=UTC)) == [(f"0{n}:00", HOUR) for n in range(6)]


def test_the_night_in_which_an_hour_comes_twice_has_seven_windows_and_each_is_an_hour():
    found = night(datetime(2026, 10, 24, 20, 0, tzinfo=UTC))
    assert found == [(text, HOUR) for text in ("00:00", "01:00", "02:00", "02:00", "03:00", "04:00", "05:00")]


def test_the_night_that_loses_an_hour_has_five_and_none_begins_in_the_hour_that_is_not_there():
    found = night(datetime(2026, 3, 28, 20, 0, tzinfo=UTC))
    assert found == [(text, HOUR) for text in ("00:00", "01:00", "03:00", "04:00", "05:00")]


@pytest.mark.django_db
def test_windows_lie_in_both_the_operators_hours_and_those_that_the_aim_counts_in(mina, now, settings):
    settings.PHONE_CALENDAR = "Phone"
    definition = {"timezone": "UTC", "weekly": {"tue": [["13:00", "22:00"]]}, "holidays": [], "special_days": {}}
    CalendarVersion.objects.create(
        calendar=Calendar.objects.create(name="Phone"), number=1, definition=definition, created_at=now
    )
    entitlement = entitlements(account=mina.account, now=now)[0]
    hours = hours_for(membership=mina, entitlement=entitlement, now=now)  # 12:05; the aim counts from 9 to 17
    assert not hours.can_call_now(now)
    assert [begin.hour for begin, _end in hours.windows(ZoneInfo("UTC"), now=now)] == [13, 14, 15, 16]
    kolkata = hours.windows(ZoneInfo("Asia/Kolkata"), now=now)  # whole hours there are half ones here
    assert [f"{begin:%H:%M}" for begin, _end in kolkata] == ["13:30", "14:30", "15:30"]


@pytest.mark.django_db
def test_now_is_offered_only_while_the_aim_can_be_kept_today(mina, now):
    entitlement = entitlements(account=mina.account, now=now)[0]

    def can(at):
        return hours_for(membership=mina, entitlement=entitlement, now=at).can_call_now(at)

    closing = now.replace(hour=17, minute=0)
    assert can(now)
    assert can(closing - timedelta(minutes=5))
    assert not can(closing - timedelta(minutes=4))  # it would be due tomorrow
    assert not can(closing)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("+49 151 2345 6789", "+4915123456789"),
        ("0049 30 901820", "+4930901820"),
        ("+49 (0)30 90-1820", "+4930901820"),
        ("+81 3-1234-5678", "+81312345678"),
        ("+819012345678", "+819012345678"),
        (" ＋1 202 555 0143 ", "+12025550143"),
    ],
)
def test_numbers_as_people_write_them(typed, stored):
    assert read(typed) == stored


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("030 901820", "country code"),
        ("call me", "not a telephone number"),
        ("+49", "not a telephone number"),
        ("+49 12", "digits are missing"),
        ("+49 30 1", "digits are missing"),
        ("+49 900 1234567", "charge"),
        ("+1 202 555 0143 ext. 7", "extension"),
        ("+999 12345678", "country code"),
        ("+4930901820" * 9, "too long"),
        ("+49 30 <script>", "not a telephone number|digits"),
    ],
)
def test_what_is_no_number_is_said_with_how_to_mend_it(typed, why):
    with pytest.raises(NotANumber, match=why):
        read(typed)


def test_a_number_is_shown_as_it_is_read_out():
    assert shown("+4930901820") == "+49 30 901820"
    assert shown("") == ""
