"""Alarms in words, in pages and mails."""

from datetime import datetime
from typing import Any

from django import template
from django.template import Context

from helpdesk.escalation import alarms

register = template.Library()
register.filter("alarm_title", alarms.title)


@register.simple_tag(takes_context=True)
def alarm_sentences(context: Context, name: str, now: datetime) -> str:
    """What was found; the figures are the mail's own values."""
    figures: dict[str, Any] = context.flatten()
    return alarms.sentences(name, figures, now=now)
