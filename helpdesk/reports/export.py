"""Counted targets as CSV, in the order and with the rows of the list."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from helpdesk.core.channels import Channel
from helpdesk.reports.breaches import Target
from helpdesk.sla.models import METRICS, PROMISES, BreachCause
from helpdesk.tickets.models import Severity

# What makes a spreadsheet run a cell as a formula, also in its full-width form.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001
BOM = "\ufeff"  # by this Excel knows UTF-8


def csv_chunks(chunks: Iterable[Sequence[Target]], *, zone: ZoneInfo) -> Iterator[str]:
    """The file, piece by piece: times in ISO 8601 with the zone's offset, durations in seconds."""
    yield BOM + _lines([_heading()])
    for chunk in chunks:
        yield _lines(_row(target, zone) for target in chunk)


def harmless(text: str) -> str:
    """The text, with an apostrophe before what a spreadsheet would run (SPEC 2.6)."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) or text.startswith(_FORMULA) else text


def _heading() -> list[str]:
    return [
        _("Ticket"),
        _("Subject"),
        _("Account"),
        _("Hub"),
        _("Team"),
        _("Channel"),
        _("Severity"),
        _("Promise"),
        _("Metric"),
        _("Owner when due"),
        _("Answered by"),
        _("Started"),
        _("Due"),
        _("Answered"),
        _("Ended unanswered"),
        _("Outcome"),
        _("Over target, seconds"),
        _("Cause"),
        _("Gross due"),
        _("Gross outcome"),
        _("Exceptions"),
    ]


def _row(target: Target, zone: ZoneInfo) -> list[str | int]:
    words = [
        target.reference,
        target.subject,
        target.account,
        target.hub,
        target.team,
        Channel(target.channel).label,
        Severity(target.severity).label,
        _PROMISES[target.promise],
        _METRICS[target.metric],
        target.specialist,
        target.answered_by,
    ]
    return [
        *(harmless(str(word)) for word in words),
        _time(target.started_at, zone),
        _time(target.due_at, zone),
        _time(target.answered_at, zone),
        _time(None if target.answered_at else target.ended_at, zone),
        target.verdict_words,
        _seconds(target.lateness),
        str(BreachCause(target.cause).label) if target.cause else "",
        _time(target.gross_due_at, zone),
        target.gross_words,
        harmless(", ".join(target.exceptions)),
    ]


_PROMISES, _METRICS = dict(PROMISES), dict(METRICS)


def _time(instant: datetime | None, zone: ZoneInfo) -> str:
    return "" if instant is None else instant.astimezone(zone).isoformat(timespec="seconds")


def _seconds(duration: timedelta | None) -> int | str:
    return "" if duration is None else int(duration.total_seconds())


def _lines(rows: Iterable[Sequence[str | int]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()
