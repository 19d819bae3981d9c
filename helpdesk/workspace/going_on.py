"""Sent, and on to the next ticket of the view that one came from (decision 17: what was sent can still be taken back).

The box beside *Send* is remembered in a cookie of the device, for a year. The key does it once, and is not.
"""

from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from helpdesk.tickets.models import Message, Ticket

COOKIE = "after_reply"
NEXT = "next"
LASTS = timedelta(days=365)


def is_usual(request: HttpRequest) -> bool:
    """Whether this person goes on after each reply, as the box said when they sent the last one."""
    return request.COOKIES.get(COOKIE) == NEXT


def is_wanted(request: HttpRequest, *, kind: str) -> bool:
    """By the key, of a reply and a note; by the box, which stands beside replies, of a reply alone."""
    by_box = kind == Message.Kind.REPLY and request.POST.get("then") == NEXT
    return by_box or request.POST.get("once") == NEXT


def go_on(request: HttpRequest, ticket: Ticket, *, onward: int | None, said: str) -> HttpResponse:
    """To the ticket `onward`, or to the same where it was the last one. `said`: what became of what was typed."""
    if said:
        messages.success(request, said)
    if onward is None:
        messages.info(request, _("That was the last ticket of this view."))
    query = f"?{request.GET.urlencode()}" if request.GET else ""
    return HttpResponseRedirect(reverse("admin:helpdesk_ticket_change", args=[onward or ticket.pk]) + query)


def remember(answer: HttpResponse, request: HttpRequest) -> HttpResponse:
    if request.POST.get("then") == NEXT:
        answer.set_cookie(
            COOKIE, NEXT, max_age=LASTS, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax"
        )
    elif is_usual(request):
        answer.delete_cookie(COOKIE, samesite="Lax")
    return answer


def said_of(ticket: Ticket, *, kind: str, is_leaving: bool, pressed: bool) -> str:
    """What the next ticket's page says of the one before; nothing while it still can be taken back: there is a bar."""
    if is_leaving:
        return ""
    if kind == Message.Kind.NOTE:
        return _("%(ticket)s: your note is added.") % {"ticket": ticket.reference}
    if pressed:
        words = _("%(ticket)s: your reply left at once: less than a minute was left of a deadline that it answers.")
        return words % {"ticket": ticket.reference}
    return _("%(ticket)s: your reply has left.") % {"ticket": ticket.reference}
