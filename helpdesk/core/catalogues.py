"""The translation catalogues: `.po` sources made into the `.mo` files Django reads, without gettext's tools.

python -m helpdesk.core.catalogues            compile what has changed
python -m helpdesk.core.catalogues --update   add what the sources mark, drop what they no longer do
python -m helpdesk.core.catalogues --check    say what is missing or inconsistent, and fail then
"""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import polib

from helpdesk.core.messages import Message, marked_in

ROOT = Path(__file__).resolve().parents[2]
_PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[sdif]|\{\w*\}")


def compile_catalogues(root: Path = ROOT) -> int:
    """Compile the catalogues below `root` that are newer than their compiled form; how many that were."""
    stale = [po for po in _catalogues(root) if not _compiled(po).exists() or _is_newer(po, _compiled(po))]
    for po in stale:
        unfinished = _compiled(po).with_suffix(f".{os.getpid()}")
        polib.pofile(str(po)).save_as_mofile(str(unfinished))
        unfinished.replace(_compiled(po))  # a reader sees the old one or the new one, whole
    return len(stale)


def update(root: Path = ROOT) -> None:
    """Bring the catalogues up to the sources: new strings without a translation, dropped ones removed."""
    marked = marked_in(root)
    for po in _catalogues(root):
        catalogue = polib.pofile(str(po), wrapwidth=100)
        known = {_key(entry): entry for entry in catalogue if not entry.obsolete}
        catalogue[:] = [_entry(known, message, files) for message, files in marked.items()]
        catalogue.save()


def problems(root: Path = ROOT) -> Iterator[str]:
    """What is wrong with the catalogues: strings missing, untranslated, fuzzy, or with other placeholders
    than their source."""
    marked = marked_in(root)
    if not _catalogues(root):
        yield "locale/ has no catalogue"
    for po in _catalogues(root):
        entries = {_key(entry): entry for entry in polib.pofile(str(po), check_for_duplicates=True)}
        for message, files in marked.items():
            entry, where = entries.get(message), f"{po.relative_to(root)}: {message.text!r} ({files[0]})"
            if entry is None or entry.obsolete or not entry.translated():
                yield f"{where} is {'fuzzy' if entry and entry.fuzzy else 'not translated'}"
            elif not all(_agrees(entry, text) for text in entry.msgstr_plural.values() or [entry.msgstr]):
                yield f"{where} is translated with other placeholders"


def _catalogues(root: Path) -> list[Path]:
    return sorted(root.glob("locale/*/LC_MESSAGES/*.po"))


def _compiled(po: Path) -> Path:
    return po.with_suffix(".mo")


def _is_newer(path: Path, other: Path) -> bool:
    return path.stat().st_mtime > other.stat().st_mtime


def _key(entry: polib.POEntry) -> Message:
    return Message(entry.msgid, plural=entry.msgid_plural, context=entry.msgctxt or "")


def _entry(known: dict[Message, polib.POEntry], message: Message, files: list[str]) -> polib.POEntry:
    entry = known.get(message) or polib.POEntry(
        msgid=message.text, msgid_plural=message.plural, msgctxt=message.context or None
    )
    if message.plural and not entry.msgstr_plural:
        entry.msgstr_plural = {0: ""}
    entry.occurrences = [(file, "") for file in dict.fromkeys(files)]  # without lines, which move all the time
    return entry


def _agrees(entry: polib.POEntry, text: str) -> bool:
    """A translation has its source's placeholders; a plural may leave the number out, as its source may."""
    found = sorted(_PLACEHOLDER.findall(text))
    return any(found == sorted(_PLACEHOLDER.findall(source)) for source in (entry.msgid, entry.msgid_plural))


def main() -> None:
    match sys.argv[1:]:
        case []:
            compile_catalogues()
        case ["--update"]:
            update()
        case ["--check"]:
            sys.exit("\n".join(problems()) or None)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
