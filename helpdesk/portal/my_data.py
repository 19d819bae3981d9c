"""A copy of one's own data, and its erasure (SPEC 2.9)."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from helpdesk.core.downloads import download
from helpdesk.portal.own import confirmed, own_page
from helpdesk.privacy.erasure import Refused, ask_erasure, cancel_erasure, waiting_erasure
from helpdesk.privacy.exports import ask_export, newest


@require_safe
@own_page
def my_data(request: HttpRequest) -> HttpResponse:
    """What can be had, what is under way, and what erasing means before one asks for it."""
    now = timezone.now()
    export = newest(request.user)
    context = {
        "visitor": request.visitor,
        "export": export,
        "is_being_made": export is not None and export.made_at is None and export.cleared_at is None,
        "can_be_fetched": export is not None and export.can_be_fetched(now),
        "erasure": waiting_erasure(request.user),
    }
    return render(request, "portal/own/data.html", context)


@require_POST
@own_page
@confirmed
def export(request: HttpRequest) -> HttpResponse:
    ask_export(user=request.user, now=timezone.now())
    messages.success(request, _("Your copy is being made. A mail tells you when it is ready."))
    return redirect("portal:my_data")


@require_safe
@own_page
@confirmed
def fetch(request: HttpRequest) -> HttpResponse:
    """The copy as a download; there is only one's own."""
    made = newest(request.user)
    if made is None or not made.can_be_fetched(timezone.now()):
        raise Http404
    return download(made)


@require_POST
@own_page
@confirmed
def erase(request: HttpRequest) -> HttpResponse:
    if request.POST.get("sure") != "1":
        messages.error(request, _("Tick the box first: it says that you know what will be gone."))
        return redirect("portal:my_data")
    try:
        ask_erasure(user=request.user, actor=request.user, now=timezone.now())
        messages.success(request, _("Your data will be erased in 7 days. Until then you can change your mind here."))
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("portal:my_data")


@require_POST
@own_page
def keep(request: HttpRequest) -> HttpResponse:
    """Cancelling takes no more than the page: nobody should be kept from it."""
    if cancel_erasure(user=request.user, now=timezone.now()):
        messages.success(request, _("Nothing will be erased."))
    return redirect("portal:my_data")
