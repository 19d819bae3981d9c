"""Durations in words, for screens and mails."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext


def compact(seconds: float) -> str:
    """For a clock in a list: `7m 31s` under an hour, `1h 18m` under a day, then `2d 3h`; late with a true minus."""
    sign, total = ("−" if seconds < 0 else ""), int(abs(seconds))
    days, rest = divmod(total, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    if days:
        return f"{sign}{days}d {hours}h"
    if hours:
        return f"{sign}{hours}h {minutes:02d}m"
    return f"{sign}{minutes}m {rest:02d}s"


def exact(seconds: float) -> str:
    """To the second, for a table that adds up: `45s`, `24m 40s`, `1h 40m 00s`, `63h 00m 00s`."""
    hours, minutes, rest = _parts(seconds)
    if hours:
        return f"{hours}h {minutes:02d}m {rest:02d}s"
    return f"{minutes}m {rest:02d}s" if minutes else f"{rest}s"


def brief(seconds: float) -> str:
    """As short as it can be said exactly, for a drawing: `63h`, `1h 40m`, `24m 40s`."""
    hours, minutes, rest = _parts(seconds)
    if hours:
        return f"{hours}h" + (f" {minutes:02d}m" if minutes or rest else "") + (f" {rest:02d}s" if rest else "")
    return (f"{minutes}m" if minutes else "") + (f" {rest:02d}s" if minutes and rest else "") or f"{rest}s"


def _parts(seconds: float) -> tuple[int, int, int]:
    minutes, rest = divmod(int(abs(seconds)), 60)
    return *divmod(minutes, 60), rest


def spoken(seconds: float) -> str:
    """For a sentence: `26 min`, `4 h 35 min`, `2 days 3 h`; never less than a minute, without a sign."""
    minutes = max(1, int(abs(seconds)) // 60)
    days, rest = divmod(minutes, 1440)
    hours, rest = divmod(rest, 60)
    if days:
        text = ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
        return text + (" " + _("%(count)d h") % {"count": hours} if hours else "")
    if hours:
        return _("%(count)d h") % {"count": hours} + (" " + _("%(count)d min") % {"count": rest} if rest else "")
    return _("%(count)d min") % {"count": rest}


def target_words(*, seconds: int | None, business_days: int | None) -> str:
    """A target as people say it: `30 minutes`, `1 hour`, `1 business day`."""
    if business_days:
        return ngettext("%(count)d business day", "%(count)d business days", business_days) % {"count": business_days}
    seconds = seconds or 0
    if seconds % 3600 == 0:
        return ngettext("%(count)d hour", "%(count)d hours", seconds // 3600) % {"count": seconds // 3600}
    if seconds % 60 == 0:
        return ngettext("%(count)d minute", "%(count)d minutes", seconds // 60) % {"count": seconds // 60}
    return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
