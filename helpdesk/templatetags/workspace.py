"""Times, and rows of lists, in the workspace's templates."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.dateformat import format as date_format
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst
from django.utils.translation import pgettext

from helpdesk.core.durations import brief
from helpdesk.core.moments import moment
from helpdesk.workspace.escalations import step_words
from helpdesk.workspace.wording import instant

register = template.Library()
register.filter("instant", instant)


@register.simple_tag(name="step_words")
def step(percent: int, reminder: int) -> str:
    """A step of the ladder: `75 %`."""
    return step_words(percent=percent, reminder=reminder)


@register.filter
def age(at: datetime, now: datetime) -> str:
    """How long ago: `42 min`, `2 h 45 min`; seconds under a minute."""
    return brief((now - at).total_seconds())


@register.filter
def short_day(at: datetime) -> str:
    """`23 Nov`, for a narrow column."""
    return date_format(timezone.localtime(at), pgettext("format of a day and month", "j M"))


@register.filter
def due_moment(at: datetime, now: datetime) -> str:
    """As `core.moments.moment`, with the seconds where there are some: a step may fall on any of them."""
    return moment(at, now) + (f":{at.second:02d}" if at.second else "")


@register.simple_tag
def labelled(cells: Iterable[str], headers: Iterable[Mapping[str, Any]]) -> SafeString:
    """The cells of a row of Django's list, each with its column's heading: on a phone a row is a card."""
    row = zip(map(str, cells), headers, strict=True)
    return mark_safe("".join(_labelled(cell, header) for cell, header in row))  # noqa: S308 - Django's own markup


def _labelled(cell: str, header: Mapping[str, Any]) -> str:
    if "action-checkbox" in header.get("class_attrib", ""):
        return cell
    empty = " data-empty" if cell.endswith((">-</td>", ">–</td>")) else ""
    return cell.replace(" class=", f' data-label="{escape(capfirst(header["text"]))}"{empty} class=', 1)
