"""The strings that the sources mark for translation, found without gettext's tools."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation.template import templatize

_LITERAL = r"""u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
# What templatize() makes of a template: blanked text with calls such as ngettext('one', 'many', count) in it.
_CALL = re.compile(rf"\b(n?p?gettext|_)\({_LITERAL}(?:,\s*{_LITERAL})?(?:,\s*{_LITERAL})?")


@dataclass(frozen=True)
class Message:
    """One marked string; `plural` and `context` are "" where it has none."""

    text: str
    plural: str = ""
    context: str = ""


def marked_in(root: Path, *, code: str = "helpdesk", templates: str = "templates") -> dict[Message, list[str]]:
    """Every string marked in the Python files and templates below `root`, and the files it is in."""
    found: dict[Message, list[str]] = {}
    for path in [*sorted((root / code).rglob("*.py")), *(root / "config").glob("*.py")]:
        for message in _in_python(path.read_text()):
            found.setdefault(message, []).append(str(path.relative_to(root)))
    for path in sorted(path for path in (root / templates).rglob("*") if path.suffix in (".html", ".txt")):
        for message in _in_template(path.read_text()):
            found.setdefault(message, []).append(str(path.relative_to(root)))
    return found


def _in_python(source: str) -> Iterator[Message]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            texts = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            yield from _message(re.sub(r"_(lazy|noop)$", "", name), [text for text in texts if isinstance(text, str)])


def _in_template(source: str) -> Iterator[Message]:
    for name, *literals in _CALL.findall(templatize(source)):
        yield from _message(name, [ast.literal_eval(literal) for literal in literals if literal])


def _message(function: str, texts: list[str]) -> Iterator[Message]:
    match function, texts:
        case ("_" | "gettext", [text, *_]):
            yield Message(text)
        case ("ngettext", [text, plural, *_]):
            yield Message(text, plural=plural)
        case ("pgettext", [context, text, *_]):
            yield Message(text, context=context)
        case ("npgettext", [context, text, plural, *_]):
            yield Message(text, plural=plural, context=context)
