"""Pages of a list that is never counted: one row more than a page shows says whether an older one follows."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest

LAST_PAGE = 1000


def page_number(request: HttpRequest) -> int:
    """The page that is asked for; what isn't a number from 1 to `LAST_PAGE` is the first."""
    text = request.GET.get("page", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 5 and 0 < int(text) <= LAST_PAGE else 1


def page_of(rows: QuerySet | Sequence[Any], *, number: int, size: int) -> tuple[list[Any], bool]:
    """The rows of a page, and whether there are older ones. One query."""
    found = list(rows[(number - 1) * size : number * size + 1])
    return found[:size], len(found) > size


def page_links(number: int, *, older: bool, **kept: Any) -> dict[str, str]:
    """Addresses of the pages before and after, where there are any; `kept` are the other parameters."""
    there = {"newer": number - 1 if number > 1 else 0, "older": number + 1 if older else 0}
    return {name: "?" + urlencode({**kept, "page": page}) for name, page in there.items() if page}
