"""Times and durations as they are said."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone, translation

from helpdesk.core import durations, moments
from helpdesk.core.zones import changes

NOW = datetime(2026, 11, 24, 12, 5, 7, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("seconds", "exact", "brief"),
    [
        (0, "0s", "0s"),
        (45, "45s", "45s"),
        (60, "1m 00s", "1m"),
        (24 * 60 + 40, "24m 40s", "24m 40s"),
        (6000, "1h 40m 00s", "1h 40m"),
        (4031, "1h 07m 11s", "1h 07m 11s"),
        (3605, "1h 00m 05s", "1h 00m 05s"),
        (63 * 3600, "63h 00m 00s", "63h"),
        (-45.9, "45s", "45s"),
    ],
)
def test_durations_to_the_second(seconds, exact, brief):
    assert (durations.exact(seconds), durations.brief(seconds)) == (exact, brief)


@pytest.mark.parametrize(
    ("language", "at", "exact", "full"),
    [
        ("en", NOW, "Tue 13:05:07", "Tuesday 24 November, 13:05:07"),
        ("en", NOW - timedelta(days=4), "Fri 13:05:07", "Friday 20 November, 13:05:07"),
        ("en", NOW - timedelta(days=14), "10 Nov 13:05:07", "Tuesday 10 November, 13:05:07"),
        ("en", NOW - timedelta(days=350), "9 Dec 2025 13:05:07", "Tuesday 9 December, 13:05:07"),
        ("ja", NOW - timedelta(days=14), "11月10日 13:05:07", None),
    ],
)
def test_instants_never_stand_without_their_day(language, at, exact, full):
    with translation.override(language), timezone.override(BERLIN):
        assert moments.exact(at, NOW) == exact
        assert full is None or moments.full_moment(at) == full


@pytest.mark.parametrize(
    ("zone", "text"),
    [("UTC", "UTC"), ("Europe/Berlin", "UTC+1"), ("Asia/Kathmandu", "UTC+5:45"), ("America/New_York", "UTC−5")],
)
def test_how_far_a_zone_is_from_utc(zone, text):
    with timezone.override(ZoneInfo(zone)):
        assert moments.offset(NOW) == text


def test_clocks_go_back_and_forward():
    october = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)
    march = datetime(2027, 3, 28, 1, 0, tzinfo=UTC)
    assert changes(BERLIN, NOW, NOW + timedelta(days=100)) == []
    assert changes(BERLIN, october - timedelta(days=3, microseconds=7), march + timedelta(days=3)) == [
        (october, timedelta(hours=-1)),
        (march, timedelta(hours=1)),
    ]
    assert changes(BERLIN, october - timedelta(seconds=1), october) == [(october, timedelta(hours=-1))]
    assert changes(BERLIN, october, october + timedelta(days=1)) == []
    assert changes(ZoneInfo("Asia/Tokyo"), october, march) == []


@pytest.mark.parametrize(
    ("name", "english", "japanese"),
    [
        ("Europe/Berlin", "Berlin", "ベルリン"),
        ("America/New_York", "New York", "ニューヨーク"),
        ("Asia/Kolkata", "Kolkata", "コルカタ"),  # the data know it as Calcutta
        ("Nowhere/Old_Town", "Old Town", "Old Town"),
        ("UTC", "UTC", "UTC"),
    ],
)
def test_a_zones_city_is_named_in_the_readers_language(name, english, japanese):
    with translation.override("en"):
        assert moments.city(name) == english
    with translation.override("ja"):
        assert moments.city(name) == japanese
