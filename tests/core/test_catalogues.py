"""No string reaches a reader of Japanese in English because nobody noticed it."""

from pathlib import Path

import polib
import pytest

from helpdesk.core import catalogues
from helpdesk.core.messages import Message, marked_in

PYTHON = """
from django.utils.translation import gettext_lazy as _, ngettext, pgettext
TITLE = _("Reply " "now")
def count(n): return ngettext("%(n)s ticket", "%(n)s tickets", n)
STATE = pgettext("of a clock", "Open")
PLAIN = "not marked"
"""
TEMPLATE = """{% load i18n %}<h1>{% translate "Your tickets" %}</h1> it's {{ _("late") }}
{% blocktranslate trimmed count n=n %}
    One day
{% plural %}
    {{ n }} days
{% endblocktranslate %}
{% translate "Open" context "of a clock" as open %}"""
HEADER = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Plural-Forms: nplurals=1; plural=0;\\n"\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in {
        "helpdesk/some.py": PYTHON,
        "templates/some.html": TEMPLATE,
        "locale/ja/LC_MESSAGES/django.po": HEADER,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return tmp_path


def translate(project: Path, translations: dict[str, str]) -> None:
    catalogue = polib.pofile(str(project / "locale/ja/LC_MESSAGES/django.po"))
    for entry in catalogue:
        text = translations.get(entry.msgid, "訳")
        if entry.msgid_plural:
            entry.msgstr_plural = {0: text}
        else:
            entry.msgstr = text
    catalogue.save()


def test_marked_strings_of_code_and_templates_are_found(project: Path) -> None:
    assert marked_in(project) == {
        Message("Reply now"): ["helpdesk/some.py"],
        Message("%(n)s ticket", plural="%(n)s tickets"): ["helpdesk/some.py"],
        Message("Open", context="of a clock"): ["helpdesk/some.py", "templates/some.html"],
        Message("Your tickets"): ["templates/some.html"],
        Message("late"): ["templates/some.html"],
        Message("One day", plural="%(n)s days"): ["templates/some.html"],
    }


def test_a_string_that_is_not_translated_is_named_with_its_file(project: Path) -> None:
    assert (
        "locale/ja/LC_MESSAGES/django.po: 'Your tickets' (templates/some.html) is not translated"
        in catalogues.problems(project)
    )


def test_a_translation_that_lost_a_placeholder_is_named(project: Path) -> None:
    catalogues.update(project)
    translate(project, {"%(n)s ticket": "チケット", "One day": "%(n)s 日"})
    assert list(catalogues.problems(project)) == [
        "locale/ja/LC_MESSAGES/django.po: '%(n)s ticket' (helpdesk/some.py) is translated with other placeholders"
    ]


def test_an_update_keeps_translations_and_drops_what_is_gone(project: Path) -> None:
    catalogues.update(project)
    translate(project, {"late": "遅延", "%(n)s ticket": "%(n)s 件"})
    (project / "helpdesk/some.py").write_text("")
    catalogues.update(project)
    catalogue = polib.pofile(str(project / "locale/ja/LC_MESSAGES/django.po"))
    assert catalogue.find("late").msgstr == "遅延"
    assert catalogue.find("Reply now") is None
    assert list(catalogues.problems(project)) == []


def test_a_changed_catalogue_is_compiled_once(project: Path) -> None:
    catalogues.update(project)
    translate(project, {"late": "遅延"})
    assert catalogues.compile_catalogues(project) == 1
    assert catalogues.compile_catalogues(project) == 0
    compiled = polib.mofile(str(project / "locale/ja/LC_MESSAGES/django.mo"))
    assert compiled.find("late").msgstr == "遅延"
