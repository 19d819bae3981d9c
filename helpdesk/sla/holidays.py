"""Public holidays of countries and regions, as dates with their names (SPEC 2.2). Pure.

`ics` reads them from a file instead.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import holidays
from babel import Locale

LONGEST_NAME = 80


@dataclass(slots=True)
class Found:
    """Named days in order, and how many events of a file were left out, by why."""

    days: dict[date, str]
    timed: int = 0  # at a time of day, or not readable
    otherwise: int = 0  # repeated, but not yearly
    outside: int = 0  # in other years


@lru_cache(maxsize=8)
def countries(language: str) -> list[tuple[str, str]]:
    """Codes and names, in a language's order, of the countries whose holidays are known."""
    names = Locale.parse(language).territories
    known = holidays.list_supported_countries(include_aliases=False)
    return sorted(((code, names.get(code, code)) for code in known), key=lambda row: _plain(row[1]))


@lru_cache(maxsize=256)
def regions(country: str) -> list[tuple[str, str]]:
    """Codes and names of a country's regions that have holidays of their own; none for an unknown country."""
    if country not in holidays.list_supported_countries(include_aliases=False):
        return []
    known = holidays.country_holidays(country)
    names = known.get_subdivision_aliases()
    rows = ((code, max(names.get(code, ()), key=len, default=code)) for code in known.subdivisions)
    return sorted(rows, key=lambda row: _plain(row[1]))


def national(*, country: str, region: str = "", years: Iterable[int], language: str = "en") -> Found:
    """Public holidays of a country, with those of one region, named in the language if the library can."""
    supported = holidays.country_holidays(country).supported_languages
    names = [name for name in ("en_US", *supported) if name in supported]
    spoken = [name for wanted in (language, "en") for name in names if name.startswith(wanted)]
    chosen = spoken[0] if spoken else None
    rows = holidays.country_holidays(country, subdiv=region or None, years=sorted(set(years)), language=chosen)
    wanted = set(years)  # a holiday that is observed on another day may bring one of the next year
    return Found({day: clean_name(name) for day, name in sorted(rows.items()) if day.year in wanted})


def clean_name(text: str) -> str:
    """One line without control characters, not longer than `LONGEST_NAME`."""
    kept = "".join(" " if unicodedata.category(char)[0] == "C" else char for char in text)
    return " ".join(kept.split())[:LONGEST_NAME].rstrip()


def _plain(text: str) -> str:
    return unicodedata.normalize("NFD", text).casefold()
