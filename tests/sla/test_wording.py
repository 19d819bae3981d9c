"""What a customer reads of the hours that a promise is counted in."""

import pytest
from django.utils import translation

from helpdesk.sla.wording import business_hours

DAY = [["09:00", "18:00"]]


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        (
            {"timezone": "Europe/Berlin", "weekly": dict.fromkeys(["mon", "tue", "wed", "thu", "fri"], DAY)},
            "Monday to Friday, 09:00 to 18:00, Berlin time",
        ),
        (
            {"timezone": "UTC", "weekly": {"mon": DAY, "wed": DAY, "thu": [["09:00", "12:00"], ["13:00", "15:00"]]}},
            "Monday, 09:00 to 18:00; Wednesday, 09:00 to 18:00; Thursday, 09:00 to 12:00, 13:00 to 15:00, UTC",
        ),
        (
            {"timezone": "Europe/Vienna", "weekly": dict.fromkeys(["sat", "sun"], DAY)},
            "Saturday to Sunday, 09:00 to 18:00, Vienna time",
        ),
        ({"timezone": "Asia/Tokyo", "special_days": {"2026-12-31": DAY}}, "Tokyo time"),
    ],
)
def test_hours_in_words(definition, words):
    with translation.override("en"):
        assert business_hours(definition) == words
