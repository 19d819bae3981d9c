"""An administrator has a person's data erased: the only way for members of staff (SPEC 2.9, decision 23)."""

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk.accounts.models import User
from helpdesk.privacy.erasure import Refused, ask_erasure, cancel_erasure, waiting_erasure


def erase_page(request: HttpRequest, page: ModelAdmin, pk: int) -> HttpResponse:
    """What it means, and the act; a wait of seven days in which it can be cancelled here, too."""
    if not request.user.is_superuser:
        raise PermissionDenied
    person = get_object_or_404(User, pk=pk)
    if request.method == "POST":
        try:
            if "cancel" in request.POST:
                cancel_erasure(user=person, now=timezone.now())
                messages.success(request, _("Nothing will be erased."))
            else:
                ask_erasure(user=person, actor=request.user, now=timezone.now())
                messages.success(request, _("The data of %(name)s will be erased in 7 days.") % {"name": person})
        except Refused as refusal:
            messages.error(request, str(refusal))
        return redirect("admin:helpdesk_user_erase", pk)
    context = {
        **page.admin_site.each_context(request),
        "title": _("Erase the data of %(name)s") % {"name": person},
        "person": person,
        "erasure": waiting_erasure(person),
        "opts": User._meta,
    }
    return TemplateResponse(request, "admin/helpdesk/user/erase.html", context)
