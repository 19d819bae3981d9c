"""A statement as a PDF that one signs and files: laid out from the stored document, and from nothing else.

The document itself travels inside as an attachment, and the pages are signed, too: a line after the end of the
PDF, which readers pass over, vouches for every byte before it. The font is embedded, so it reads the same anywhere.
"""

import json
from datetime import UTC
from typing import Any

import pylopdf_fonts_jp
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from fpdf import FPDF
from fpdf.enums import TableBordersLayout, TextMode
from fpdf.fonts import FontFace

from helpdesk.core.channels import Channel
from helpdesk.core.durations import brief, exact
from helpdesk.core.moments import full_date
from helpdesk.reports import statement_words as words
from helpdesk.reports.models import Statement
from helpdesk.reports.periods import DAY
from helpdesk.reports.statement_figures import read_instant
from helpdesk.reports.statement_files import JSON_NAME, as_json, with_seal
from helpdesk.subscriptions.models import Tier

BRAND, INK, QUIET, LINE, PALE = (15, 107, 100), (26, 35, 48), (85, 96, 111), (223, 228, 234), (245, 246, 248)
LATE, WHITE = (176, 42, 36), (255, 255, 255)
MARGIN, WIDTH = 18, 174  # millimetres of A4
FONT = "Sans"


def render(statement: Statement, *, language: str) -> bytes:
    """The signed PDF in a language."""
    document = json.loads(statement.document)
    with translation.override(language):
        return with_seal(_Page(document, statement).output_bytes())


def render_preview(document: dict[str, Any], *, language: str) -> bytes:
    """The month as it stands, marked as no statement on every page."""
    with translation.override(language):
        return _Page(document, None).output_bytes()


class _Page(FPDF):
    def __init__(self, document: dict[str, Any], statement: Statement | None) -> None:
        super().__init__(format="A4")
        self.said, self.statement = document, statement
        self.zone = document["time_zone"]
        self.first_day = read_instant(document["window"]["start"])
        self.add_font(FONT, "", str(pylopdf_fonts_jp.sans_path()))
        self.set_margins(MARGIN, 16, MARGIN)
        self.set_auto_page_break(True, 20)
        self.c_margin = 0  # text begins where the tables do
        self.set_creation_date(read_instant(document["as_of"]).astimezone(UTC))
        self.month = words.month_words(self._local(document["window"]["start"]))
        self.set_title(_("SLA statement %(month)s") % {"month": self.month})
        self.set_author(settings.SITE_NAME)
        self.set_subject(document["account"]["name"])
        self.set_lang(translation.get_language())

    def output_bytes(self) -> bytes:
        self.add_page()
        self._head()
        self._key_figures()
        self._sums()
        self._covered()
        self._targets()
        self._signature()
        if self.statement is not None:
            self.embed_file(
                bytes=as_json(self.statement), basename=JSON_NAME, mime_type="application/json", compress=True
            )
        return bytes(self.output())

    # --- what stands on every page ---------------------------------------------------------------

    def header(self) -> None:
        self.set_fill_color(*BRAND)
        self.rect(0, 0, self.w, 3, style="F")
        if self.statement is None:
            self.set_y(6)
            self._write(_("Preview: not signed, and not final"), 9, LATE, strong=True, align="R")
        if self.page_no() > 1:
            self.set_y(10)
            self._write(f"{self.said['account']['name']}  ·  {self.month}", 8, QUIET)
            self.ln(4)

    def footer(self) -> None:
        self.set_y(-14)
        self.set_draw_color(*LINE)
        self.set_line_width(0.2)
        self.line(MARGIN, self.get_y(), MARGIN + WIDTH, self.get_y())
        self.ln(1.5)
        self._font(7.5, QUIET)
        mark = f"SHA-256 {self.statement.digest[:16]}…" if self.statement else _("Preview: not signed, and not final")
        self.cell(WIDTH / 2, 5, f"{settings.SITE_NAME}  ·  {mark}")
        self.cell(WIDTH / 2, 5, _("Page %(page)s of %(pages)s") % {"page": self.page_no(), "pages": "{nb}"}, align="R")

    # --- its parts ---------------------------------------------------------------------------------

    def _head(self) -> None:
        self.set_y(14)
        self._write(settings.SITE_NAME, 10, BRAND, strong=True)
        self.ln(3)
        self._write(_("SLA statement %(month)s") % {"month": self.month}, 22, INK, strong=True)
        self._write(self.said["account"]["name"], 14, INK)
        self.ln(2)
        facts = [
            (_("Period"), _("%(first)s to %(last)s, %(zone)s time") % self._period()),
            (_("Counted"), _("Guarantees and aims that fell due in this period")),
            (_("As of"), self._at(self.said["as_of"])),
        ]
        if self.statement is not None:
            facts += [(_("Issued"), self._at(self.statement.created_at.isoformat())), (_("Revision"), self._revision())]
        for name, value in facts:
            self._font(9, QUIET)
            self.cell(28, 5.2, name)
            self._font(9, INK)
            self.multi_cell(WIDTH - 28, 5.2, value, new_x="LMARGIN", new_y="NEXT")
        self.ln(4)

    def _revision(self) -> str:
        if self.said["revision"] == 1:
            return "1"
        text = _("%(number)d; it replaces the one with digest %(digest)s…")
        return text % {"number": self.said["revision"], "digest": self.said["replaces"][:16]}

    def _key_figures(self) -> None:
        said = self.said["figures"]["guaranteed"]
        net, gross = said["net"], said["gross"]
        boxes = [
            (_("Guarantees kept, net"), words.per_cent(net["attainment"]), self._of(net)),
            (_("Guarantees kept, gross"), words.per_cent(gross["attainment"]), self._of(gross)),
            (_("Late or unanswered, net"), str(net["due"] - net["met"]), self._late(net)),
            (_("Half answered within"), self._duration(said["response"]["p50"]), self._nine(said["response"]["p90"])),
        ]
        gap, top, height = 4, self.get_y(), 25
        width = (WIDTH - gap * (len(boxes) - 1)) / len(boxes)
        for place, (label, figure, note) in enumerate(boxes):
            left = MARGIN + place * (width + gap)
            self.set_fill_color(*PALE)
            self.rect(left, top, width, height, style="F", round_corners=True, corner_radius=2)
            for y, text, size, colour, strong in (
                (3, label, 8, QUIET, False),
                (9, figure, 17, INK, True),
                (18.5, note, 7.5, QUIET, False),
            ):
                self.set_xy(left + 3, top + y)
                self._write(text, size, colour, strong=strong, width=width - 6)
        self.set_xy(MARGIN, top + height + 3)
        self._note(
            _(
                "Net heeds the approved response-time exceptions; gross is the same as if there had been none. "
                "Guarantees past due and unanswered count as not kept; void and cancelled ones do not count. "
                "An answer at the very instant of the deadline is in time."
            )
        )

    def _sums(self) -> None:
        said = self.said["figures"]
        self._heading(_("Guarantees by promise"))
        rows = [[words.promise_words(row), *self._sum_cells(row)] for row in said["guaranteed"]["by_target"]]
        self._table(
            [_("Promise"), _("Due"), _("Kept"), _("Late"), _("Not answered"), _("Net"), _("Gross")],
            [*rows, [_("All"), *self._sum_cells(said["guaranteed"])]] if rows else [],
            (62, 16, 16, 16, 26, 19, 19),
            empty=_("No guarantee fell due in this period."),
        )
        if exceptions := said["guaranteed"]["exceptions"]:
            names = words.code_names(self.said)
            self._heading(_("Response-time exceptions"))
            self._table(
                [_("Exception"), _("Guarantees it touched"), _("Late only without it")],
                [[names[code], str(row["targets"]), str(row["lifted"])] for code, row in sorted(exceptions.items())],
                (94, 40, 40),
            )
        self._heading(_("Aims, which are not guaranteed"))
        self._table(
            [_("Aim"), _("Due"), _("Kept"), _("Late"), _("Not answered"), _("Net"), _("Gross")],
            [[words.metric_words(metric), *self._sum_cells(row)] for metric, row in sorted(said["objectives"].items())],
            (62, 16, 16, 16, 26, 19, 19),
            empty=_("No aim fell due in this period."),
        )

    def _covered(self) -> None:
        self._heading(_("Subscriptions covered"))
        rows = [
            [
                row["name"],
                str(Tier(row["tier"]).label),
                _(", ").join(str(Channel(code).label) for code in Channel.values if code in row["channels"]),
                f"{row['starts_on']} – {row['ends_on'] or ''}",
            ]
            for row in self.said["subscriptions"]
        ]
        columns = [_("Hub"), _("Tier"), _("Channels"), _("Term")]
        self._table(
            columns, rows, (42, 34, 56, 42), figures_from=9, empty=_("No premium support was subscribed in this month.")
        )

    def _targets(self) -> None:
        rows = self.said["figures"]["guaranteed"]["targets"]
        if not rows:
            return
        self._heading(_("Each guarantee that fell due"))
        names = words.code_names(self.said)
        self._table(
            [_("Ticket"), _("Promise"), _("Asked"), _("Due"), _("Answered"), _("Outcome"), _("Exceptions")],
            [
                [
                    row["reference"],
                    words.amount_words(row),
                    words.short_words(row["asked"], zone=self.zone),
                    words.short_words(row["due"] or row["gross_due"], zone=self.zone),
                    words.short_words(row["answered"], zone=self.zone),
                    words.verdict_words(row) + (f" +{exact(row['late_seconds'])}" if row["late_seconds"] else ""),
                    _(", ").join(names[part["code"]] for part in row["exceptions"]) or words.NOTHING,
                ]
                for row in rows
            ],
            (19, 27, 26, 26, 26, 28, 22),
            figures_from=9,
            marked=[row["counts"] and row["verdict"] != "met" for row in rows],
            size=7.5,
        )
        count = len(rows)
        self._note(
            ngettext("%(count)d guarantee. Times: %(zone)s.", "%(count)d guarantees. Times: %(zone)s.", count)
            % {"count": count, "zone": self.zone}
        )

    def _signature(self) -> None:
        if self.statement is None:
            return
        if self.will_page_break(100):
            self.add_page()
        self._heading(_("Agreed"))
        self.ln(14)
        top = self.get_y()
        for left, name in ((MARGIN, settings.SITE_NAME), (MARGIN + WIDTH / 2 + 5, self.said["account"]["name"])):
            self.set_draw_color(*QUIET)
            self.set_line_width(0.2)
            self.line(left, top, left + WIDTH / 2 - 5, top)
            self.set_xy(left, top + 1.5)
            self._font(8, QUIET)
            self.multi_cell(
                WIDTH / 2 - 5, 4.2, _("Place, date and signature, for %(name)s") % {"name": name}, align="L"
            )
        self.set_xy(MARGIN, top + 10)
        self._heading(_("Signed electronically"))
        rows = [
            (_("Digest (SHA-256)"), self.statement.digest),
            (_("Signature (Ed25519)"), self.statement.signature),
            (_("Public key"), self.statement.public_key),
        ]
        for name, value in rows:
            self._write(name, 8, QUIET)
            self._font(8.5, INK)
            self.multi_cell(WIDTH, 4.6, value, new_x="LMARGIN", new_y="NEXT", wrapmode="CHAR")
            self.ln(1.5)
        self._note(
            _(
                "Both are of the document attached to this file (%(name)s), from which every figure here is taken. "
                "Verify this file at %(address)s: it says whether the digest and the signature hold, whether the "
                "pages are as issued, and whether the events still give the same figures."
            )
            % {"name": JSON_NAME, "address": f"{settings.SITE_URL}/statements/verify/"}
        )

    # --- how it is written -------------------------------------------------------------------------

    def _font(self, size: float, colour: tuple[int, int, int], *, strong: bool = False) -> None:
        self.set_font(FONT, size=size)
        self.set_text_color(*colour)
        self.set_draw_color(*colour)
        self.set_line_width(size * 0.0095)
        self.text_mode = TextMode.FILL_STROKE if strong else TextMode.FILL  # the font has one weight

    def _write(
        self,
        text: str,
        size: float,
        colour: tuple[int, int, int],
        *,
        strong: bool = False,
        width: float = WIDTH,
        align: str = "L",
    ) -> None:
        self._font(size, colour, strong=strong)
        self.multi_cell(width, size * 0.5, text, new_x="LMARGIN", new_y="NEXT", align=align)
        self.text_mode = TextMode.FILL

    def _heading(self, text: str) -> None:
        self.ln(5)
        if self.will_page_break(24):
            self.add_page()
        self._write(text, 12, INK, strong=True)
        self.ln(1.5)

    def _note(self, text: str) -> None:
        self.ln(1)
        self._font(8, QUIET)
        self.multi_cell(WIDTH, 4.2, text, new_x="LMARGIN", new_y="NEXT", align="L")

    def _table(
        self,
        columns: list[str],
        rows: list[list[str]],
        widths: tuple[int, ...],
        *,
        empty: str = "",
        figures_from: int = 1,
        marked: list[bool] | None = None,
        size: float = 8.5,
    ) -> None:
        """Columns from `figures_from` on stand to the right; a marked row's outcome is in the colour of lateness."""
        if not rows:
            self._note(empty)
            return
        self._font(size, INK)
        self.set_draw_color(*LINE)
        self.set_line_width(0.2)
        with self.table(
            width=WIDTH,
            col_widths=widths,
            line_height=size * 0.52,
            padding=(1.1, 1.4),
            cell_fill_color=WHITE,
            cell_fill_mode="ALL",
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            headings_style=FontFace(emphasis="", color=QUIET, fill_color=PALE),
            text_align=["LEFT" if place < figures_from else "RIGHT" for place in range(len(columns))],
        ) as table:
            table.row(columns)
            for place, cells in enumerate(rows):
                row = table.row()
                for column, text in enumerate(cells):
                    late = bool(marked and marked[place] and column == 5)
                    row.cell(text, style=FontFace(color=LATE) if late else None)
        self.ln(1)

    def _sum_cells(self, row: dict[str, Any]) -> list[str]:
        net = row["net"]
        counts = [str(net[name]) for name in ("due", "met", "answered_late", "unanswered")]
        return [*counts, words.per_cent(net["attainment"]), words.per_cent(row["gross"]["attainment"])]

    def _of(self, sums: dict[str, Any]) -> str:
        if not sums["due"]:
            return _("none was due")
        return _("%(met)d of %(due)d due") % sums

    def _late(self, sums: dict[str, Any]) -> str:
        return _("%(answered_late)d late, %(unanswered)d unanswered") % sums

    def _duration(self, seconds: int | None) -> str:
        return words.NOTHING if seconds is None else exact(seconds)

    def _nine(self, seconds: int | None) -> str:
        return "" if seconds is None else _("nine in ten within %(time)s") % {"time": brief(seconds)}

    def _at(self, text: str) -> str:
        return f"{words.instant_words(text, zone=self.zone)} {self.zone}"

    def _local(self, text: str) -> Any:
        return read_instant(text).astimezone(words.zone_of(self.zone)).date()

    def _period(self) -> dict[str, str]:
        first, after = self._local(self.said["window"]["start"]), self._local(self.said["window"]["end"])
        last = after - DAY if self.said["is_final"] else after
        return {"first": full_date(first), "last": full_date(last), "zone": self.zone}
