"""The translation catalogues: `.po` sources made into the `.mo` files Django reads, without gettext's tools.

`python -m helpdesk.core.catalogues` compiles what has changed; `--check` says what is missing or
inconsistent in the sources, and fails then.
"""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import polib

LOCALE = Path(__file__).resolve().parents[2] / "locale"
_PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[sdif]|\{\w*\}")


def compile_catalogues(locale: Path = LOCALE) -> int:
    """Compile the catalogues below `locale` that are newer than their compiled form; how many that were."""
    stale = [po for po in _sources(locale) if not _compiled(po).exists() or _is_newer(po, _compiled(po))]
    for po in stale:
        unfinished = _compiled(po).with_suffix(f".{os.getpid()}")
        polib.pofile(str(po)).save_as_mofile(str(unfinished))
        unfinished.replace(_compiled(po))  # a reader sees the old one or the new one, whole
    return len(stale)


def problems(locale: Path = LOCALE) -> Iterator[str]:
    """What is wrong with the catalogues: entries untranslated, fuzzy, or with other placeholders than their source."""
    for po in _sources(locale):
        for entry in polib.pofile(str(po), check_for_duplicates=True):
            if entry.obsolete:
                continue
            where = f"{po.relative_to(locale)}:{entry.linenum}: {entry.msgid!r}"
            if not entry.translated():
                yield f"{where} is {'fuzzy' if entry.fuzzy else 'not translated'}"
            elif not all(_agrees(entry, text) for text in entry.msgstr_plural.values() or [entry.msgstr]):
                yield f"{where} is translated with other placeholders"


def _sources(locale: Path) -> list[Path]:
    return sorted(locale.glob("*/LC_MESSAGES/*.po"))


def _compiled(po: Path) -> Path:
    return po.with_suffix(".mo")


def _is_newer(path: Path, other: Path) -> bool:
    return path.stat().st_mtime > other.stat().st_mtime


def _agrees(entry: polib.POEntry, text: str) -> bool:
    """A translation has its source's placeholders; a plural may leave the number out, as its source may."""
    found = sorted(_PLACEHOLDER.findall(text))
    return any(found == sorted(_PLACEHOLDER.findall(source)) for source in (entry.msgid, entry.msgid_plural))


def main() -> None:
    if "--check" in sys.argv[1:]:
        found = list(problems())
        sys.exit("\n".join(found) or None)
    compile_catalogues()


if __name__ == "__main__":
    main()
