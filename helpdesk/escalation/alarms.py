"""Alarms in words, for mails and screens, in the active language and time zone."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from helpdesk.core.moments import moment

KIND = "alarm"  # of the notices and mails
SWEEP_LATE = "sweep_late"
MAIL_WAITING = "mail_waiting"
MAIL_DEAD = "mail_dead"
CLOCKS_UNREADABLE = "clocks_unreadable"
CLOCKS_DIFFER = "clocks_differ"
VERIFY_LATE = "verify_late"
SECRETS_LOST = "secrets_lost"

Figures = Mapping[str, Any]

TITLES = {
    SWEEP_LATE: gettext_lazy("The sweep is late"),
    MAIL_WAITING: gettext_lazy("Mail does not leave"),
    MAIL_DEAD: gettext_lazy("Mail was given up"),
    CLOCKS_UNREADABLE: gettext_lazy("A clock cannot be reckoned"),
    CLOCKS_DIFFER: gettext_lazy("Clocks differ from their events"),
    VERIFY_LATE: gettext_lazy("Clocks have not been verified"),
    SECRETS_LOST: gettext_lazy("Secrets can't be read"),
}


def title(name: str) -> str:
    """`The sweep is late`."""
    return str(TITLES.get(name, name))


def sentences(name: str, figures: Figures, *, now: datetime) -> str:
    """What was found, at its worst, and what to do; `now` says how much of a date is needed."""
    write = _SENTENCES.get(name)
    return write(figures, now) if write else ""


def _at(value: datetime | str, now: datetime) -> str:
    return moment(datetime.fromisoformat(value) if isinstance(value, str) else value, now)


def _sweep_late(figures: Figures, now: datetime) -> str:
    found = _("No sweep has run yet.")
    if figures.get("last_at"):
        found = _("The last sweep ran at %(at)s.") % {"at": _at(figures["last_at"], now)}
    if figures.get("oldest_at"):
        found += " " + _("A clock has been due since %(at)s.") % {"at": _at(figures["oldest_at"], now)}
    advice = _(
        "Until it runs again the watchdog sweeps and delivers in its place, so that no step is missed. "
        "Look at worker, beat and broker."
    )
    return f"{found} {advice}"


def _mail_waiting(figures: Figures, now: datetime) -> str:
    found = ngettext(
        "%(count)d mail waits, since %(at)s.", "%(count)d mails wait, the oldest since %(at)s.", figures["count"]
    ) % {"count": figures["count"], "at": _at(figures["oldest_at"], now)}
    return found + " " + _("Look at the mail server, and at the last errors in the outbox. None is lost.")


def _mail_dead(figures: Figures, now: datetime) -> str:
    count = {"count": figures["count"]}
    found = ngettext("%(count)d mail was given up.", "%(count)d mails were given up.", figures["count"]) % count
    return found + " " + _("Look at their last error in the outbox, and send them again.")


def _clocks_unreadable(figures: Figures, now: datetime) -> str:
    count = {"count": figures["count"]}
    found = (
        ngettext("%(count)d clock cannot be reckoned.", "%(count)d clocks cannot be reckoned.", figures["count"])
        % count
    )
    return (
        found
        + " "
        + _(
            "What its policy or calendar says cannot be read; the worker's log names it. "
            "Its steps are kept, and fire once it is mended."
        )
    )


def _clocks_differ(figures: Figures, now: datetime) -> str:
    found = ngettext(
        "At %(at)s %(count)d clock was not what its events say.",
        "At %(at)s %(count)d clocks were not what their events say.",
        figures["count"],
    ) % {"count": figures["count"], "at": _at(figures["last_at"], now)}
    return found + " " + _("manage.py verify_clocks names them, manage.py rebuild_clocks makes them again.")


def _verify_late(figures: Figures, now: datetime) -> str:
    found = _("Clocks were never compared with their events.")
    if figures.get("last_at"):
        found = _("Clocks were last compared with their events at %(at)s.") % {"at": _at(figures["last_at"], now)}
    return found + " " + _("It is done once a day: look at beat, or run manage.py verify_clocks.")


def _secrets_lost(figures: Figures, now: datetime) -> str:
    found = ngettext(
        "%(count)d secret (second factors, client secrets) was sealed with a key that is not set.",
        "%(count)d secrets (second factors, client secrets) were sealed with a key that is not set.",
        figures["count"],
    ) % {"count": figures["count"]}
    advice = _(
        "These people can't sign in with a code. Put the key back into FIELD_KEYS, or SECRET_KEY_FALLBACKS, "
        "of every process; docs/secrets.md says what to do where it is gone for good."
    )
    return f"{found} {advice}"


_SENTENCES: dict[str, Callable[[Figures, datetime], str]] = {
    SWEEP_LATE: _sweep_late,
    MAIL_WAITING: _mail_waiting,
    MAIL_DEAD: _mail_dead,
    CLOCKS_UNREADABLE: _clocks_unreadable,
    CLOCKS_DIFFER: _clocks_differ,
    VERIFY_LATE: _verify_late,
    SECRETS_LOST: _secrets_lost,
}
