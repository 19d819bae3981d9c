"""Where a person lands after signing in."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect


@login_required
def after_login(request: HttpRequest) -> HttpResponse:
    """Staff go to the queue, customers to the portal."""
    return redirect("admin:helpdesk_ticket_changelist" if request.user.is_staff else "portal:home")
