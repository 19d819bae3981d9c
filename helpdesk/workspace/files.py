"""Files of a ticket's messages: put on a draft, taken off again, fetched as downloads."""

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.utils import timezone

from helpdesk.accounts.models import User
from helpdesk.core.downloads import download
from helpdesk.tickets import services
from helpdesk.tickets.models import Attachment, Ticket
from helpdesk.workspace.acting import act

FIELD = "files"


def waiting_for(writer: User, ticket: Ticket) -> QuerySet[Attachment]:
    """The files of somebody's draft."""
    return Attachment.objects.filter(ticket=ticket, uploaded_by=writer, message=None)


def take_files(request: HttpRequest, ticket: Ticket, form: forms.Form) -> None:
    """Files that a form brought along become the draft's; what is not taken is said in the form."""
    for error in _take(request, ticket)[1]:
        form.add_error(None, error)


def _take(request: HttpRequest, ticket: Ticket) -> tuple[list[Attachment], list[str]]:
    taken, errors = [], []
    for upload in request.FILES.getlist(FIELD):
        try:
            taken.append(services.attach_file(ticket=ticket, actor=request.user, upload=upload, now=timezone.now()))
        except services.Refused as refused:
            errors.append(str(refused))
    return taken, errors


class FilePages:
    """For the ticket's admin."""

    ROUTES = [
        ("<int:pk>/files/", "files_view", "files"),
        ("<int:pk>/files/<int:file_id>/", "file_view", "file"),
        ("<int:pk>/files/<int:file_id>/remove/", "remove_file_view", "file_remove"),
    ]

    @act
    def files_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        """Put files on the draft, for the page's script: each as a piece of the page, or why it wasn't taken."""
        taken, errors = _take(request, ticket)
        pieces = [render_to_string("admin/helpdesk/ticket/_waiting_file.html", _piece(ticket, file)) for file in taken]
        return JsonResponse({"files": pieces, "errors": errors}, status=422 if errors else 200)

    @act
    def remove_file_view(self, request: HttpRequest, ticket: Ticket, file_id: int) -> HttpResponse:
        """Take a file off the draft. A form keeps what is typed by it."""
        if not services.remove_file(ticket=ticket, actor=request.user, file_id=file_id):
            raise Http404
        if "application/json" in request.headers.get("Accept", ""):
            return JsonResponse({})
        return self.draft_view(request, pk=ticket.pk)

    def file_view(self, request: HttpRequest, pk: int, file_id: int) -> HttpResponse:
        """A file of a message, or of one's own draft, as a download."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        ticket = self.find(request, pk)
        mine = Q(message__isnull=False) | Q(uploaded_by=request.user)
        file = get_object_or_404(Attachment.objects.filter(mine, ticket=ticket), pk=file_id)
        if file.is_held or file.is_infected:
            return render(request, "portal/file_held.html", {"file": file}, status=409 if file.is_held else 410)
        return download(file)


def _piece(ticket: Ticket, file: Attachment) -> dict[str, Any]:
    return {"ticket": ticket, "file": file}
