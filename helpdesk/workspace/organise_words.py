"""What people did to put tickets in order, in words: for the conversation, the history and the notices."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from helpdesk.notifications.models import Notice
from helpdesk.tickets.models import Status, TicketEvent, TicketLink
from helpdesk.tickets.services import How

WATCHED = "watched"  # the kind of notice that those who watch a ticket get


def reference(pk: Any) -> str:
    return f"PS-{pk}"


def hours(minutes: int) -> str:
    """Minutes as people say them: `25 min`, `2 h 05 min`."""
    if minutes < 60:
        return _("%(minutes)d min") % {"minutes": minutes}
    return _("%(hours)d h %(minutes)s min") % {"hours": minutes // 60, "minutes": f"{minutes % 60:02d}"}


def chosen_how(data: Mapping[str, Any]) -> str:
    """How a ticket that was handed out found its owner; empty where somebody chose."""
    match data.get("how"):
        case How.LOAD:
            return _("by load, %(load)d open") % {"load": data.get("load", 0)}
        case How.ROUND_ROBIN:
            return _("by turn")
    return ""


def shown_value(value: Any) -> str:
    """A value of a custom field."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return "–" if value in (None, "") else str(value)


def _fields(data: Mapping[str, Any]) -> str:
    before, after = data.get("before", {}), data.get("after", {})
    changes = (f"{code} {shown_value(before.get(code))} → {shown_value(value)}" for code, value in after.items())
    return _("Fields: %(changes)s") % {"changes": ", ".join(changes)}


def _subject(data: Mapping[str, Any]) -> str:
    return _("Subject: “%(before)s” → “%(after)s”") % {"before": data.get("before"), "after": data.get("after")}


def _linked(data: Mapping[str, Any]) -> str:
    kind = dict(TicketLink.Kind.choices).get(data.get("link"), "")
    return _("Linked to %(ticket)s") % {"ticket": reference(data.get("ticket"))} + f" ({kind})"


def _split(data: Mapping[str, Any]) -> str:
    if "out_of" in data:
        return _("Split off from %(ticket)s") % {"ticket": reference(data["out_of"])}
    count = len(data.get("messages", []))
    text = ngettext(
        "%(count)d message copied to the new ticket %(ticket)s",
        "%(count)d messages copied to the new ticket %(ticket)s",
        count,
    )
    return text % {"count": count, "ticket": reference(data.get("into"))}


def _joined(data: Mapping[str, Any]) -> str:
    if "part" in data:
        return _("%(ticket)s is part of this incident") % {"ticket": reference(data["part"])}
    return _("Part of the incident %(ticket)s") % {"ticket": reference(data.get("incident"))}


def _left(data: Mapping[str, Any]) -> str:
    if "part" in data:
        return _("%(ticket)s taken out of this incident") % {"ticket": reference(data["part"])}
    return _("Taken out of the incident %(ticket)s") % {"ticket": reference(data.get("incident"))}


def _time(text: str, data: Mapping[str, Any]) -> str:
    words = text % {"time": hours(data.get("minutes", 0))}
    return f"{words}: {data['note']}" if data.get("note") else words


LINES: dict[str, Callable[[dict[str, Any]], str]] = {
    TicketEvent.Kind.FIELDS: _fields,
    TicketEvent.Kind.SUBJECT: _subject,
    TicketEvent.Kind.LINKED: _linked,
    TicketEvent.Kind.UNLINKED: lambda data: (
        _("Link to %(ticket)s taken away") % {"ticket": reference(data.get("ticket"))}
    ),
    TicketEvent.Kind.SPLIT: _split,
    TicketEvent.Kind.PARENT: _joined,
    TicketEvent.Kind.UNPARENT: _left,
    TicketEvent.Kind.TIME: lambda data: _time(_("Time spent, %(time)s"), data),
    TicketEvent.Kind.TIME_STRUCK: lambda data: _time(_("Time struck out, %(time)s"), data),
}


def watched_words(notice: Notice) -> str:
    """A notice to somebody who watches: who did what, and on which ticket."""
    said = notice.context
    words = {"name": said.get("by", ""), "status": dict(Status.choices).get(said.get("after"), "–")}
    match said.get("event"):
        case TicketEvent.Kind.CUSTOMER_WROTE:
            text = _("%(name)s wrote")
        case TicketEvent.Kind.REPLIED:
            text = _("%(name)s replied")
        case TicketEvent.Kind.MERGED:
            text = _("Merged into %(ticket)s") % {"ticket": said.get("into", "")}
        case TicketEvent.Kind.SPAM:
            text = _("Marked as spam")
        case TicketEvent.Kind.NOT_SPAM:
            text = _("Not spam after all")
        case _:
            text = _("Status: %(status)s")
    head = text % words if "%(" in text else text
    return f"{head} · {said.get('reference', '')} {said.get('subject', '')} · {said.get('account', '')}"
