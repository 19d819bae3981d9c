"""The manager's report, the board and a statement, on paper, in the dark and in both languages."""

from pathlib import Path

import pypdfium2
import pytest

from helpdesk.accounts.models import User
from helpdesk.core.demo import PASSWORD
from helpdesk.reports.models import Statement
from tests.e2e.test_pages import demonstration, problems  # noqa: F401 - a fixture

DOTS = 110 / 72  # of a picture, for each point of a sheet of paper
SHEET = {"width": 718, "height": 1032}  # A4 upright between its margins of 12 mm, in CSS pixels
LOOKS = {
    "print-en": {"viewport": SHEET, "color_scheme": "light", "locale": "en-GB"},
    "print-ja": {"viewport": SHEET, "color_scheme": "light", "locale": "ja-JP"},
    "dark-en": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark", "locale": "en-GB"},
    "light-ja": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light", "locale": "ja-JP"},
}


@pytest.mark.slow
def test_reports_and_statements_are_fit_for_paper(demonstration, new_context, pytestconfig, tmp_path):  # noqa: F811
    kept = Path(pytestconfig.getoption("pictures") or tmp_path)
    statement = Statement.objects.in_force().newest_first().first()
    paths = {
        "helen@premium.example": {"report": "/admin/reports/breaches/", "board": "/admin/board/"},
        "mina@kestrel.example": {"statement": f"/statements/{statement.pk}/"},
    }
    wrong = {}
    for look, options in LOOKS.items():
        for email, pages in paths.items():
            user = User.objects.get(email=email)
            page = new_context(user, password=PASSWORD, language=options["locale"][:2], **options)
            for name, path in pages.items():
                page.emulate_media(media="print" if "print" in look else "screen", color_scheme=options["color_scheme"])
                page.goto(path)
                page.screenshot(path=kept / f"{name}-{look}.png", full_page=True)
                if found := problems(page):
                    wrong[f"{name} {look}"] = found
                if "print" in look:
                    assert not page.locator("nav[aria-label=Pages], .acts button").first.is_visible()
                if name == "statement" and "print" in look:
                    answer = page.request.get(f"{path}statement.pdf")
                    assert first_sheet(answer.body(), kept / f"{name}-pdf-{options['locale'][:2]}.png") > 200
    assert wrong == {}


def first_sheet(content: bytes, target: Path) -> int:
    """Draw the first sheet of a PDF; how many letters are on it."""
    sheet = pypdfium2.PdfDocument(content)[0]
    sheet.render(scale=DOTS).to_pil().save(target, optimize=True)
    return len(sheet.get_textpage().get_text_bounded())
