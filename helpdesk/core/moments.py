"""Instants in words, for screens and mails: in the active time zone and language (SPEC 2.9).

Whatever isn't today carries its weekday, and beyond a week its date, so that a time never stands
without its day. English and Japanese order a date differently, hence the table of formats.
"""

from datetime import date, datetime, timedelta
from functools import lru_cache

from babel import Locale
from babel.core import get_global
from django.utils import timezone
from django.utils.dateformat import format as date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from helpdesk.core.durations import spoken

WEEK = 6  # days for which a weekday alone says which day is meant
FORMATS = {
    "en": {"day": "l j F", "date": "j F Y", "near": "D H:i", "far": "j M H:i", "other_year": "j M Y H:i"},
    "ja": {
        "day": "n月j日(D)",
        "date": "Y年n月j日",
        "near": "D曜 H:i",
        "far": "n月j日 H:i",
        "other_year": "Y年n月j日 H:i",
    },
}


def _write(at: datetime | date, name: str, *, seconds: bool = False) -> str:
    formats = FORMATS.get((get_language() or "en")[:2], FORMATS["en"])
    wanted = formats[name] + (":s" if seconds else "")
    return date_format(timezone.localtime(at) if isinstance(at, datetime) else at, wanted)


def clock(at: datetime) -> str:
    """The time of day alone: `14:35`."""
    return date_format(timezone.localtime(at), "H:i")


def day(at: datetime | date) -> str:
    """`Tuesday 24 November`."""
    return _write(at, "day")


def full_date(at: datetime | date) -> str:
    """`31 March 2027`."""
    return _write(at, "date")


def is_same_day(at: datetime, now: datetime) -> bool:
    return timezone.localdate(at) == timezone.localdate(now)


def moment(at: datetime, now: datetime) -> str:
    """As short as is clear: `14:35` today, `Wed 14:05` within a week, `2 Dec 14:05`, with its year in another one."""
    days = abs((timezone.localdate(at) - timezone.localdate(now)).days)
    if days == 0:
        return clock(at)
    if days <= WEEK:
        return _write(at, "near")
    return _write(at, "far" if timezone.localtime(at).year == timezone.localtime(now).year else "other_year")


def dated(at: datetime, now: datetime, *, seconds: bool = False) -> str:
    """Never without its day: `Wed 14:05`, beyond a week `2 Dec 14:05`; or to the second."""
    days = abs((timezone.localdate(at) - timezone.localdate(now)).days)
    if days <= WEEK:
        return _write(at, "near", seconds=seconds)
    same_year = timezone.localtime(at).year == timezone.localtime(now).year
    return _write(at, "far" if same_year else "other_year", seconds=seconds)


def exact(at: datetime, now: datetime) -> str:
    """`Wed 14:05:00`."""
    return dated(at, now, seconds=True)


def full_moment(at: datetime) -> str:
    """`Monday 23 November, 11:27:11`."""
    return _("%(day)s, %(time)s") % {"day": day(at), "time": clock_seconds(at)}


def clock_seconds(at: datetime) -> str:
    """The time of day to the second: `14:35:07`."""
    return date_format(timezone.localtime(at), "H:i:s")


def distance(at: datetime, now: datetime) -> str:
    """`in 29 min`, or `2 h 45 min late`."""
    seconds = (at - now).total_seconds()
    words = {"time": spoken(seconds)}
    return (_("in %(time)s") if seconds >= 0 else _("%(time)s late")) % words


def city(zone_name: str) -> str:
    """`Berlin` of `Europe/Berlin`, in Japanese `ベルリン` where the language's data know the city."""
    language = (get_language() or "en")[:2]
    return (language != "en" and _city_in(language, zone_name)) or zone_name.rpartition("/")[2].replace("_", " ")


@lru_cache(maxsize=1024)
def _city_in(language: str, zone_name: str) -> str | None:
    """The data name each zone once: under one of its names, often an older one (`Asia/Calcutta`)."""
    zones = Locale(language).time_zones
    aliases = get_global("zone_aliases")
    names = [zone_name, aliases.get(zone_name), *(old for old, new in aliases.items() if new == zone_name)]
    return next((zones[name]["city"] for name in names if name in zones and "city" in zones[name]), None)


def zone() -> str:
    """The active time zone, as people say it: `Berlin time`."""
    name = timezone.get_current_timezone_name()
    return _("%(city)s time") % {"city": city(name)} if "/" in name else name


def offset(at: datetime) -> str:
    """How far the active time zone is from UTC at an instant: `UTC+1`, `UTC+5:45`."""
    minutes = int((timezone.localtime(at).utcoffset() or timedelta(0)) / timedelta(minutes=1))
    hours, rest = divmod(abs(minutes), 60)
    return "UTC" + (f"{'+' if minutes > 0 else '−'}{hours}" + (f":{rest:02d}" if rest else "") if minutes else "")
