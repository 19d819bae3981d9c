"""A message's text as a page shows it: links, mentions, and what it quotes folded away. The row stays as it is."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from django.utils.html import format_html, linebreaks, urlize
from django.utils.safestring import SafeString, mark_safe

from helpdesk.tickets.mentions import marks

FEWEST_QUOTED = 3  # lines; fewer are read with the answer below them
# What mail programs write above the mail that they quote: one line, or one that is broken once.
INTRODUCTIONS = (
    re.compile(r"^On\b.*\d.*\bwrote:$"),
    re.compile(
        r"^-{2,} ?(Original Message|Forwarded message|元のメッセージ|Ursprüngliche Nachricht) ?-{2,}$", re.IGNORECASE
    ),
)
# People write such lines, too: these need the marks of a quote below them.
WITH_MARKS_BELOW = (
    re.compile(r"^(Am|Le|El|Il|Op)\b.*\d.*(schrieb.*|a écrit ?|escribió|ha scritto|schreef.*):$"),
    re.compile(r"^\d{4}[年/]\d{1,2}[月/]\d{1,2}.*[:：]$"),
    re.compile(r"^.*(のメール|さんは書きました|が書いた)[:：]$"),
)
LONGEST_INTRODUCTION = 300
HEADER = re.compile(r"^(From|Von|差出人|De) ?[:：] ?\S")
NEXT_HEADER = re.compile(r"^(Sent|To|Date|Subject|Gesendet|送信日時|宛先|日時|件名|Envoyé|Enviado) ?[:：]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A stretch of a message; `quoted` counts its lines where it only repeats what was said before."""

    text: str
    quoted: int = 0


def parts_of(body: str) -> list[Part]:
    """A customer's message, cut into what they wrote and what they quote. A text that is nothing but a quote stays."""
    parts, fresh = [], []
    for is_quote, lines in _stretches(body.split("\n")):
        if is_quote:
            if text := "\n".join(fresh).strip("\n"):
                parts.append(Part(text=text))
            parts.append(Part(text="\n".join(_bare(lines)), quoted=sum(1 for line in lines if line.strip())))
            fresh = []
        else:
            fresh += lines
    if text := "\n".join(fresh).strip("\n"):
        parts.append(Part(text=text))
    if all(part.quoted or not part.text.strip() for part in parts):
        return [Part(text=body)]
    return parts


def shown(text: str, *, names: Collection[str] = ()) -> SafeString:
    """Paragraphs and links; `@Name` stands out for these names."""
    pieces, at = [], 0
    for begin, end, _name in marks(text, names):
        pieces += [_linked(text[at:begin]), format_html('<b class="mention">{}</b>', text[begin:end])]
        at = end
    pieces.append(_linked(text[at:]))
    return mark_safe(linebreaks("".join(pieces)))  # noqa: S308 - each piece is escaped


def _linked(text: str) -> str:
    return urlize(text, nofollow=True, autoescape=True)


def _stretches(lines: list[str]) -> Iterator[tuple[bool, list[str]]]:
    at = start = 0
    while at < len(lines):
        end = _quote_end(lines, at)
        if end == at:
            at += 1
            continue
        if start < at:
            yield False, lines[start:at]
        yield True, lines[at:end]
        start = at = end
    if start < len(lines):
        yield False, lines[start:]


def _quote_end(lines: list[str], at: int) -> int:
    """Where the quote that begins on a line ends; the line itself where none does."""
    introduced = _introduction(lines, at)
    first = introduced
    while first < len(lines) and introduced > at and not lines[first].strip():
        first += 1
    end = first
    while end < len(lines) and (lines[end].startswith(">") or _is_gap(lines, end)):
        end += 1
    if introduced > at:
        return end if end > first else len(lines)  # without marks, all below an introduction is the old mail
    return end if end - at >= FEWEST_QUOTED else at


def _introduction(lines: list[str], at: int) -> int:
    """The line after an introduction; `at` where there is none."""
    line = lines[at].strip()
    if not line or len(line) > LONGEST_INTRODUCTION or lines[at].startswith(">"):
        return at
    following = lines[at + 1].strip() if at + 1 < len(lines) else ""
    if any(pattern.match(line) for pattern in INTRODUCTIONS):
        return at + 1
    if HEADER.match(line) and NEXT_HEADER.match(following):
        return at + 1
    if _marked(lines, at + 1) and any(pattern.match(line) for pattern in WITH_MARKS_BELOW):
        return at + 1
    broken = f"{line} {following}"
    if INTRODUCTIONS[0].match(broken) or (_marked(lines, at + 2) and WITH_MARKS_BELOW[0].match(broken)):
        return at + 2
    return at


def _marked(lines: list[str], at: int) -> bool:
    """Whether the next line with something in it is a quoted one."""
    return next((line.startswith(">") for line in lines[at:] if line.strip()), False)


def _is_gap(lines: list[str], at: int) -> bool:
    """An empty line between two quoted ones."""
    return not lines[at].strip() and at + 1 < len(lines) and lines[at + 1].startswith(">")


def _bare(lines: list[str]) -> list[str]:
    """Without one level of marks."""
    return [line.removeprefix(">").removeprefix(" ") if line.startswith(">") else line for line in lines]
