"""The recurring jobs in words: what each is called, and what came of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from helpdesk.workspace.wording import instant

# By the name of its heartbeat.
JOBS = {
    "sealed_secrets": gettext_lazy("Check of the sealed secrets"),
    "statements": gettext_lazy("SLA statements"),
    "sweep": gettext_lazy("Sweep of the deadlines"),
    "verify_clocks": gettext_lazy("Check of the clocks"),
    "verify_report": gettext_lazy("Check of the breach report"),
    "virus-scan": gettext_lazy("Virus scan"),
    "watchdog": gettext_lazy("Watchdog"),
    "watchdog_sweep": gettext_lazy("Sweep in place of the late one"),
}
# What jobs count; what isn't here is shown by the name that the job gave it.
FIGURES = {
    "acts": pgettext_lazy("outcome of a job", "acts on tickets"),
    "batches": pgettext_lazy("outcome of a job", "batches"),
    "breached": pgettext_lazy("outcome of a job", "breached"),
    "by_audit": pgettext_lazy("outcome of a job", "by audit"),
    "by_fold": pgettext_lazy("outcome of a job", "by fold"),
    "checked": pgettext_lazy("outcome of a job", "checked"),
    "current": pgettext_lazy("outcome of a job", "under the first key"),
    "claimed": pgettext_lazy("outcome of a job", "looked at"),
    "clean": pgettext_lazy("outcome of a job", "clean"),
    "closed": pgettext_lazy("outcome of a job", "alarms over"),
    "differing": pgettext_lazy("outcome of a job", "differing"),
    "examples": pgettext_lazy("outcome of a job", "examples"),
    "failed": pgettext_lazy("outcome of a job", "failed"),
    "fired": pgettext_lazy("outcome of a job", "steps fired"),
    "infected": pgettext_lazy("outcome of a job", "infected"),
    "issued": pgettext_lazy("outcome of a job", "issued"),
    "lost": pgettext_lazy("outcome of a job", "under a lost key"),
    "late_seconds": pgettext_lazy("outcome of a job", "seconds late"),
    "looked_at": pgettext_lazy("outcome of a job", "looked at"),
    "old": pgettext_lazy("outcome of a job", "under another key"),
    "open": pgettext_lazy("outcome of a job", "alarms open"),
    "opened": pgettext_lazy("outcome of a job", "new alarms"),
    "plain": pgettext_lazy("outcome of a job", "not sealed"),
    "revised": pgettext_lazy("outcome of a job", "revised"),
    "scanner": pgettext_lazy("outcome of a job", "scanner"),
    "sent": pgettext_lazy("outcome of a job", "mails sent"),
    "stands_in": pgettext_lazy("outcome of a job", "sweeps itself"),
    "superseded": pgettext_lazy("outcome of a job", "superseded"),
    "swept": pgettext_lazy("outcome of a job", "swept"),
    "waiting": pgettext_lazy("outcome of a job", "waiting"),
    "worse": pgettext_lazy("outcome of a job", "alarms that got worse"),
}
STATES = {"not set up": pgettext_lazy("the virus scanner", "not set up")}
LONGEST = 300


def job_name(name: str) -> str:
    return str(JOBS.get(name, name))


def outcome_words(detail: Mapping[str, Any]) -> str:
    """Its counts, as `checked 515, differing 0`: what is nested says how much there is of it."""
    said = [f"{FIGURES.get(name, name.replace('_', ' '))} {_value(one)}" for name, one in detail.items()]
    return ", ".join(text for text, one in zip(said, detail.values(), strict=True) if one is not None)[:LONGEST] or "–"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list | dict):
        return str(len(value))
    if isinstance(value, str):
        at = _instant(value)
        return instant(at) if at else str(STATES.get(value, value))
    return "" if value is None else str(round(value, 1))


def _instant(text: str) -> datetime | None:
    """Jobs note up to when they have looked as an instant in ISO 8601."""
    try:
        at = parse_datetime(text)
    except ValueError:  # looks like one, and is none
        return None
    return at if at and at.tzinfo else None
