"""Times in the workspace's templates."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.dateformat import format as date_format
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
