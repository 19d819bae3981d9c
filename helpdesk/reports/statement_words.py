"""A statement's values in words, for its pages and its PDF: in the active language, times in the statement's zone."""

from datetime import date, datetime
from typing import Any

from django.utils.dateformat import format as date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from helpdesk.core.durations import target_words
from helpdesk.core.zones import zone_of
from helpdesk.reports.breaches import ANSWERED_LATE, MET, UNANSWERED, VERDICTS
from helpdesk.reports.statement_figures import read_instant
from helpdesk.sla.clock import Metric
from helpdesk.sla.models import METRICS, ExceptionCode

_METRICS = dict(METRICS)
NOTHING = "–"


def month_words(month: date) -> str:
    """`October 2026`."""
    return date_format(month, "Y年n月" if (get_language() or "en").startswith("ja") else "F Y")


def instant_words(text: str | None, *, zone: str, seconds: bool = True) -> str:
    """`1 Oct 2026 14:05:00`, on the statement's wall clock."""
    at = read_instant(text)
    if at is None:
        return NOTHING
    day = "Y年n月j日" if (get_language() or "en").startswith("ja") else "j M Y"
    return date_format(at.astimezone(zone_of(zone)), f"{day} H:i" + (":s" if seconds else ""))


def short_words(text: str | None, *, zone: str) -> str:
    """`Oct 1 14:05:00`: within a table of one month."""
    at: datetime | None = read_instant(text)
    return NOTHING if at is None else date_format(at.astimezone(zone_of(zone)), "m-d H:i:s")


def per_cent(attainment: str | None) -> str:
    """Never 100 % of nothing (SPEC 2.6)."""
    return NOTHING if attainment is None else f"{attainment.removesuffix('.0')} %"


def promise_words(row: dict[str, Any]) -> str:
    """`First response within 1 hour`."""
    return _("%(metric)s within %(amount)s") % {"metric": _METRICS[row["metric"]], "amount": _amount(row)}


def amount_words(row: dict[str, Any]) -> str:
    """In a list of tickets: `1 hour`, and what is promised where that isn't the first response."""
    return _amount(row) if row["metric"] == Metric.FIRST_RESPONSE else promise_words(row)


def _amount(row: dict[str, Any]) -> str:
    target = row["target"]
    return target_words(seconds=target.get("seconds"), business_days=target.get("business_days"))


def metric_words(metric: str) -> str:
    return str(_METRICS[metric])


def verdict_words(row: dict[str, Any]) -> str:
    """What became of a target, net; and gross, where that is another thing."""
    short = {MET: _("Kept"), ANSWERED_LATE: _("Late"), UNANSWERED: _("Not answered")}
    net = short.get(row["verdict"], str(VERDICTS[row["verdict"]]))
    if row["verdict"] == row["gross_verdict"]:
        return net
    return _("%(net)s (gross: %(gross)s)") % {
        "net": net,
        "gross": short.get(row["gross_verdict"], str(VERDICTS[row["gross_verdict"]])),
    }


def code_names(document: dict[str, Any]) -> dict[str, str]:
    """The exceptions' names by code; a code that is gone stands for itself. One query."""
    codes = list(document["figures"]["guaranteed"]["exceptions"])
    codes += [part["code"] for row in document["figures"]["guaranteed"]["targets"] for part in row["exceptions"]]
    return {code: code for code in codes} | {
        code.pk: str(code) for code in ExceptionCode.objects.filter(pk__in=set(codes))
    }
