"""A ticket's page that keeps itself fresh: what a customer can see is brought in without reloading.

The page asks every quarter of a minute whether anything has changed since its stamp. If so, the conversation,
the promise and the outcome are put in their places; the reply box is never touched.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from helpdesk.core import moments
from helpdesk.core.channels import Channel
from helpdesk.portal import board, story
from helpdesk.portal.access import Visitor, portal_page
from helpdesk.tickets.models import Message, Ticket


def context(visitor: Visitor, found: Ticket) -> dict[str, Any]:
    """What the parts show that change by themselves."""
    read = story.read(found, now=visitor.now)
    return {
        "visitor": visitor,
        "now": visitor.now,
        "ticket": found,
        "story": read,
        "stamp": story.stamp(found),
        "first_is_late": bool(read.first and story.is_late(read.first, visitor.now)),
        "claim_words": board.claim_words(found),
        "can_phone": Channel.PHONE in found.entitlement.get("channels", []),
    }


@require_safe
@portal_page
def ticket_news(request: HttpRequest, visitor: Visitor, pk: int) -> HttpResponse:
    """The parts that have changed since the stamp `seen`, and what to say of it; nothing (204) where none has."""
    related = ("account", "hub", "owner", "requester")
    found = get_object_or_404(Ticket.objects.visible_to(visitor.user).select_related(*related), pk=pk)
    seen = request.GET.get("seen", "")
    if seen == story.stamp(found):
        return HttpResponse(status=204)
    parts = context(visitor, found)
    said = {"text": _what_is_new(parts["story"], seen, visitor), "is_fragment": True}
    return render(request, "portal/parts/live.html", parts | said)


def _what_is_new(read: story.Story, seen: str, visitor: Visitor) -> str:
    """In a few words, for a screen reader, too; of several things the one that matters most."""
    last = seen.partition("-")[0]
    known = int(last) if last.isdecimal() and len(last) < 19 else 0
    new = [entry.message for entry in read.entries if entry.message and entry.message.pk > known]
    replies = [message for message in new if message.kind == Message.Kind.REPLY]
    if replies:
        words = {"name": replies[-1].author.full_name, "time": moments.moment(replies[-1].created_at, visitor.now)}
        return _("%(name)s replied at %(time)s.") % words
    if new:
        words = {"name": new[-1].author.full_name, "time": moments.moment(new[-1].created_at, visitor.now)}
        return _("%(name)s wrote at %(time)s.") % words
    if read.running:
        words = {"time": moments.moment(read.running.due_at, visitor.now)}
        return _("Something has changed in this ticket. The reply is due by %(time)s.") % words
    return _("Something has changed in this ticket.")
