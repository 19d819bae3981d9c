"""Article texts as pages: in the reader's language, Markdown in, harmless HTML out."""

import nh3
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from markdown import markdown

TAGS = {
    "p", "h2", "h3", "h4", "ul", "ol", "li", "strong", "em", "code", "pre", "blockquote", "a", "br", "hr",
    "table", "thead", "tbody", "tr", "th", "td", "dl", "dt", "dd",
}  # fmt: skip
ATTRIBUTES = {"a": {"href", "title"}, "h2": {"id"}, "h3": {"id"}}


def reader_language() -> str:
    """The language of articles that the present reader has."""
    return "ja" if (get_language() or "").startswith("ja") else "en"


def html(text: str) -> SafeString:
    """The text as HTML that can neither run nor load anything; a title of the first rank becomes one of the second."""
    made = markdown(text, extensions=["tables", "sane_lists", "def_list"], output_format="html")
    made = made.replace("<h1", "<h2").replace("</h1>", "</h2>")
    clean = nh3.clean(made, tags=TAGS, attributes=ATTRIBUTES, url_schemes={"http", "https", "mailto", "tel"})
    return mark_safe(clean)  # noqa: S308 - nh3 has cleaned it


def minutes_to_read(text: str) -> int:
    """At least one: 200 English words or 500 Japanese letters a minute."""
    japanese = sum("\u3040" <= letter <= "\u9fff" for letter in text)
    return max(1, round(len(text.split()) / 200 + japanese / 500))
