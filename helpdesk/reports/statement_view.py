"""A statement laid out for a page: the stored document's values in words, in the active language."""

import json
from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _

from helpdesk.core.channels import Channel
from helpdesk.core.durations import brief, exact
from helpdesk.reports import statement_words as words
from helpdesk.reports.models import Statement
from helpdesk.reports.statement_figures import read_instant, written_share
from helpdesk.reports.statements import Difference
from helpdesk.subscriptions.models import Tier


def laid_out(document: dict[str, Any]) -> dict[str, Any]:
    """What a page shows of a document. One query, for the exceptions' names."""
    said, zone = document["figures"], document["time_zone"]
    guaranteed, names = said["guaranteed"], words.code_names(document)
    return {
        "account": document["account"],
        "is_final": document["is_final"],
        "revision": document.get("revision"),
        "replaces": document.get("replaces"),
        "zone": zone,
        "month": words.month_words(read_instant(document["window"]["start"]).astimezone(words.zone_of(zone)).date()),
        "as_of": words.instant_words(document["as_of"], zone=zone),
        "net": sums(guaranteed["net"]),
        "gross": sums(guaranteed["gross"]),
        "late": guaranteed["net"]["due"] - guaranteed["net"]["met"],
        "void": guaranteed["void"],
        "p50": _brief(guaranteed["response"]["p50"]),
        "p90": _brief(guaranteed["response"]["p90"]),
        "promises": [_line(words.promise_words(row), row) for row in guaranteed["by_target"]],
        "aims": [_line(words.metric_words(metric), row) for metric, row in sorted(said["objectives"].items())],
        "exceptions": [{"name": names[code], **row} for code, row in sorted(guaranteed["exceptions"].items())],
        "subscriptions": [_subscription(row) for row in document["subscriptions"]],
        "targets": [target(row, zone=zone, names=names) for row in guaranteed["targets"]],
    }


def sums(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "late": row["due"] - row["met"], "attainment": words.per_cent(row["attainment"])}


def _line(label: str, row: dict[str, Any]) -> dict[str, Any]:
    return {"label": label, "net": sums(row["net"]), "gross": sums(row["gross"])}


def _subscription(row: dict[str, Any]) -> dict[str, Any]:
    channels = [str(Channel(code).label) for code in Channel.values if code in row["channels"]]
    return {**row, "tier": str(Tier(row["tier"]).label), "channels": _(", ").join(channels)}


def target(row: dict[str, Any], *, zone: str, names: dict[str, str]) -> dict[str, Any]:
    return {
        "reference": row["reference"],
        "ticket": row["reference"].removeprefix("PS-"),
        "promise": words.amount_words(row),
        "asked": words.instant_words(row["asked"], zone=zone),
        "due": words.instant_words(row["due"] or row["gross_due"], zone=zone),
        "answered": words.instant_words(row["answered"], zone=zone),
        "verdict": words.verdict_words(row),
        "late_by": exact(row["late_seconds"]) if row["late_seconds"] else "",
        "is_late": row["counts"] and row["verdict"] != "met",
        "exceptions": [names.get(part["code"], part["code"]) for part in row["exceptions"]],
    }


def _brief(seconds: int | None) -> str:
    return words.NOTHING if seconds is None else brief(seconds)


def listed(statements: Iterable[Statement]) -> list[dict[str, Any]]:
    """Rows of a list; the account's name needs `select_related`."""
    return [
        {
            "statement": row,
            "month": words.month_words(row.month),
            "attainment": words.per_cent(written_share(row.met, row.due)),
        }
        for row in statements
    ]


def changes(found: Difference, *, document: dict[str, Any]) -> dict[str, Any]:
    """What a revision changed, each target before and after. The exceptions' codes stand for themselves."""
    zone = document["time_zone"]

    def shown(row: dict[str, Any] | None) -> dict[str, Any] | None:
        return None if row is None else target(row, zone=zone, names={})

    return {
        "sums": [
            (label, sums(found.before[basis]), sums(found.after[basis]))
            for basis, label in (("net", _("Net")), ("gross", _("Gross")))
        ],
        "targets": [
            {"reference": row.reference, "before": shown(row.before), "after": shown(row.after)}
            for row in found.changes
        ],
        "objectives": found.objectives,
    }


def history(statement: Statement, revisions: list[Statement]) -> dict[str, Any]:
    """The revisions of a month, and what lies before and after this one."""
    place = [row.pk for row in revisions].index(statement.pk)
    return {
        "revisions": revisions,
        "earlier": revisions[place - 1] if place else None,
        "later": revisions[-1] if place < len(revisions) - 1 else None,
    }


def document_of(statement: Statement) -> dict[str, Any]:
    return json.loads(statement.document)
