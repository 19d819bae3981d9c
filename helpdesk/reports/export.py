"""Counted targets as CSV and as a workbook, in the order and with the rows of the list."""

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import xlsxwriter
from django.utils.translation import gettext as _

from helpdesk.core.channels import Channel
from helpdesk.reports.breaches import DATES, Filters, Target
from helpdesk.sla.models import METRICS, PROMISES
from helpdesk.tickets.models import Severity

# What makes a spreadsheet run a cell as a formula, also in its full-width form.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001
MOST_ROWS = 1_048_575  # of a sheet, below its heading
WIDTHS = (11, 44, 26, 16, 16, 10, 12, 12, 16, 20, 20, 18, 18, 18, 18, 16, 12, 22, 40, 18, 16, 24, 14, 16)
BOM = "\ufeff"  # by this Excel knows UTF-8


def csv_chunks(chunks: Iterable[Sequence[Target]], *, filters: Filters) -> Iterator[str]:
    """The file, piece by piece: times in ISO 8601 with the zone's offset, durations in seconds."""
    yield BOM + _lines([_heading()])
    for chunk in chunks:
        yield _lines(_row(target, filters) for target in chunk)


def xlsx(chunks: Iterable[Sequence[Target]], *, filters: Filters, title: str) -> io.BufferedRandom:
    """The workbook as an open temporary file at its beginning: rows go to disk as they come, so memory stays flat.

    Times are the zone's wall times, durations seconds; text stays text, whatever it begins with. Further
    sheets where one is full.
    """
    file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as book:
        bold = book.add_format({"bold": True, "bottom": 1})
        time = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet, place = None, MOST_ROWS
        for target in (target for chunk in chunks for target in chunk):
            if place >= MOST_ROWS:
                sheet, place = _sheet(book, title, bold), 0
            place += 1
            for column, value in enumerate(_values(target, filters)):
                if isinstance(value, datetime):
                    sheet.write_datetime(
                        place, column, value.astimezone(filters.period.zone).replace(tzinfo=None), time
                    )
                elif isinstance(value, int):
                    sheet.write_number(place, column, value)
                elif value:
                    sheet.write_string(place, column, value)
        if sheet is None:
            _sheet(book, title, bold)
    file.seek(0)
    return file


def _sheet(book: xlsxwriter.Workbook, title: str, bold: Any) -> Any:
    sheet = book.add_worksheet(f"{title[:25]} {len(book.worksheets()) + 1}")
    for column, width in enumerate(WIDTHS):
        sheet.set_column(column, column, width)
    sheet.freeze_panes(1, 1)
    sheet.write_row(0, 0, _heading(), bold)
    return sheet


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
        _("Note on the cause"),
        _("Gross due"),
        _("Gross outcome"),
        _("Exceptions"),
        _("Dates by"),
        _("Time zone"),
    ]


def _values(target: Target, filters: Filters) -> list[str | int | datetime]:
    """The cells of a row, before they are written in a file's own way; an empty text where there is nothing."""
    return [
        target.reference,
        target.subject,
        target.account,
        target.hub,
        target.team,
        str(Channel(target.channel).label),
        str(Severity(target.severity).label),
        str(_PROMISES[target.promise]),
        str(_METRICS[target.metric]),
        target.specialist,
        target.answered_by,
        target.started_at,
        target.due_at or "",
        target.answered_at or "",
        "" if target.answered_at else target.ended_at or "",
        target.verdict_words,
        "" if target.lateness is None else int(target.lateness.total_seconds()),
        target.cause_words,
        target.cause_note,
        target.gross_due_at or "",
        target.gross_words,
        ", ".join(target.exceptions),
        str(_DATES[filters.dates]),
        str(filters.period.zone),
    ]


def _row(target: Target, filters: Filters) -> list[str | int]:
    return [_cell(value, filters.period.zone) for value in _values(target, filters)]


def _cell(value: str | int | datetime, zone: ZoneInfo) -> str | int:
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat(timespec="seconds")
    return harmless(value) if isinstance(value, str) else value


_PROMISES, _METRICS, _DATES = dict(PROMISES), dict(METRICS), dict(DATES)


def _lines(rows: Iterable[Sequence[str | int]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()
