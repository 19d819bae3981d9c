"""What the portal's templates need beside Django's and crispy's tags."""

from datetime import datetime, timedelta

from django import template
from django.forms import BoundField, CheckboxInput, RadioSelect
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from helpdesk.core import durations

register = template.Library()

WIDTH = 300  # of a scale's drawing
# Ticks on a scale: the longest step that still divides the usual targets.
STEPS = ((600, 60), (3600, 300), (4 * 3600, 1800), (24 * 3600, 3600))


@register.simple_tag
def icon(name: str) -> SafeString:
    """A sign of the page's sprite; it always stands beside a word."""
    return format_html('<svg class="i" aria-hidden="true"><use href="#i-{}"/></svg>', name)


@register.filter
def control(field: BoundField) -> SafeString:
    """The field's widget in the look of the portal. Placeholders are never labels, so only a search keeps one."""
    widget = field.field.widget
    attrs = {}
    if not isinstance(widget, CheckboxInput | RadioSelect):
        attrs["class"] = f"in {widget.attrs.get('class', '')}".strip()
    if getattr(widget, "input_type", "") != "search":
        attrs["placeholder"] = False
    return field.as_widget(attrs=attrs)


@register.filter
def took(duration: timedelta | None) -> str:
    """`24 min`, `2 h 8 min`; an en dash for none."""
    return "–" if duration is None else durations.spoken(duration.total_seconds())


@register.filter
def is_checkbox(field: BoundField) -> bool:
    return isinstance(field.field.widget, CheckboxInput)


@register.filter
def is_radio(field: BoundField) -> bool:
    return isinstance(field.field.widget, RadioSelect)


@register.simple_tag
def scale(
    *,
    start: datetime,
    due: datetime,
    is_guaranteed: bool,
    seconds: int | None = None,
    now: datetime | None = None,
    hit: datetime | None = None,
) -> SafeString:
    """A promise as a ruler: ticks, the time gone until `now`, the answer at `hit`, the end at the deadline.

    It repeats the words under it, and is hidden from a screen reader.
    """
    total = max(1.0, (due - start).total_seconds())

    def at(instant: datetime) -> str:
        return f"{max(0.0, min(1.0, (instant - start).total_seconds() / total)) * WIDTH:.1f}"

    step = next((step for limit, step in STEPS if seconds and seconds <= limit), None)
    parts = seconds // step if step else 8
    ticks = "".join(f"M{index * WIDTH / parts:.1f} 5V11" for index in range(parts + 1))
    gone = hit or now
    return format_html(
        '<svg class="scale{}" viewBox="0 0 300 14" preserveAspectRatio="none" aria-hidden="true">'
        '<path class="base" d="M0 8H300"/><path class="tick" d="{}"/>{}{}<path class="end" d="M300 0V16"/></svg>',
        "" if is_guaranteed else " scale-a",
        ticks,
        format_html('<path class="gone" d="M0 8H{}"/>', at(gone)) if gone else "",
        format_html('<path class="hit" d="M{} 1V15"/>', at(hit)) if hit else "",
    )


@register.simple_tag
def countdown_words() -> dict[str, str]:
    """The words that `portal.js` counts down in; the same ones as in `core.durations`."""
    return {
        "ahead": _("in %(time)s"),
        "late": _("%(time)s late"),
        "minutes": _("%(count)d min"),
        "hours": _("%(count)d h"),
        "day": ngettext("%(count)d day", "%(count)d days", 1),
        "days": ngettext("%(count)d day", "%(count)d days", 2),
    }
