"""Times in templates, of pages and of mails."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from helpdesk.core import durations, moments

register = template.Library()

register.filter("clock", moments.clock)
register.filter("day", moments.day)
register.filter("full_date", moments.full_date)
register.filter("moment", moments.moment)
register.filter("distance", moments.distance)
register.filter("same_day", moments.is_same_day)
register.filter("exact", moments.exact)
register.filter("clock_seconds", moments.clock_seconds)
register.simple_tag(moments.zone, name="zone")
register.simple_tag(moments.offset, name="zone_offset")
register.simple_tag(moments.full_moment, name="full_moment")
register.simple_tag(durations.target_words, name="target_words")


@register.simple_tag
def at_time(at: datetime, now: datetime | None = None) -> SafeString:
    """A `<time>` with its offset: the time of day alone, or with `now` as much of the date as is needed."""
    local = timezone.localtime(at)
    words = moments.clock(at) if now is None else moments.moment(at, now)
    return format_html('<time datetime="{}">{}</time>', local.isoformat(timespec="seconds"), words)


@register.filter
def spoken_until(start: datetime, end: datetime) -> str:
    """The time between two instants in words."""
    return durations.spoken((end - start).total_seconds())


@register.simple_tag
def until(at: datetime, now: datetime) -> SafeString:
    """The distance to an instant; `portal.js` keeps it counting, silently."""
    local = timezone.localtime(at)
    return format_html(
        '<span data-until="{}">{}</span>', local.isoformat(timespec="seconds"), moments.distance(at, now)
    )


@register.filter(is_safe=False)
def quote(text: str) -> str:
    """As mails quote: `> ` before each line."""
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())
