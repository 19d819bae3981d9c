"""National holidays: of a country or a region, named in the reader's language, and such as a calendar can take."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpdesk.sla import holidays
from helpdesk.sla.holidays import national
from tests.sla.calendar_files import takes


def test_countries_and_regions_have_names_in_the_readers_language():
    assert dict(holidays.countries("en"))["DE"] == "Germany"
    assert dict(holidays.countries("ja"))["DE"] == "ドイツ"
    assert dict(holidays.regions("DE"))["BE"] == "Berlin"
    assert dict(holidays.regions("AT"))["3"] == "Niederösterreich"  # which has shorter names, too
    assert holidays.regions("JP") == holidays.regions("Atlantis") == []


def test_countries_and_regions_stand_in_the_order_of_their_names_each_once():
    names = [name for _code, name in holidays.countries("en")]
    order = ["Albania", "Australia", "Austria", "Åland Islands", "Bahrain"]  # AL, AU, AT, AX, BH
    assert [name for name in names if name in order] == order
    assert len(names) == len(set(names))
    assert [name for _code, name in holidays.regions("DE")][3:5] == ["Berlin", "Brandenburg"]  # BE, BB
    assert holidays.regions("DEU") == []


def test_a_region_has_the_days_of_its_country_and_its_own():
    country, region = (national(country="DE", region=region, years=[2026]).days for region in ("", "BE"))
    assert {day: name for day, name in region.items() if day not in country} == {date(2026, 3, 8): "Women's Day"}
    assert country.items() <= region.items()


@pytest.mark.parametrize(
    ("country", "language", "name"),
    [
        ("JP", "ja", "元日"),
        ("JP", "en", "New Year's Day"),
        ("JP", "sv", "New Year's Day"),
        ("ES", "en", "New Year's Day"),  # not in Spanish (es), nor in Catalan, which comes first
    ],
)
def test_days_are_named_in_the_readers_language_or_else_in_english(country, language, name):
    assert national(country=country, years=[2026], language=language).days[date(2026, 1, 1)] == name


def test_english_is_that_of_one_country_wherever_a_holiday_is():
    assert "Labor Day" in national(country="US", years=[2026]).days.values()
    languages = []

    def note(country, *, language=None, **_rest):
        languages.append(language)
        return whole(country, language=language)

    whole = holidays.holidays.country_holidays
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(holidays.holidays, "country_holidays", note)
        for country in ("GB", "AO"):  # the one is known in British English first, the other in Portuguese
            national(country=country, years=[2026])
    assert languages == [None, "en_US", None, "en_US"]


def test_a_day_observed_in_another_year_is_not_brought_in_with_this_one():
    """New Year's Day of 2028 falls on a Saturday, and is observed on 31 December 2027."""
    assert date(2027, 12, 31) in national(country="US", years=[2027, 2028]).days
    assert {day.year for day in national(country="US", years=[2028]).days} == {2028}


@settings(max_examples=40, deadline=None)
@given(country=st.sampled_from([code for code, _name in holidays.countries("en")]), year=st.integers(1990, 2060))
def test_a_calendar_can_take_the_days_of_any_country(country, year):
    assert takes(national(country=country, years=[year, year + 1], language="ja"))
