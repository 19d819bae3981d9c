"""What the ticket's page offers while one writes: canned replies, colleagues to mention, macros to run."""

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk.accounts.models import User
from helpdesk.tickets import services
from helpdesk.tickets.models import CannedReply, Macro, Ticket
from helpdesk.tickets.placeholders import fill
from helpdesk.workspace.acting import act
from helpdesk.workspace.lists import numbers
from helpdesk.workspace.macros import act_words, team_names
from helpdesk.workspace.sharing import audience_words

MOST_CANNED = 200
MOST_STAFF = 500
MOST_MACROS = 50


def macros_for(user: User, *, teams: dict[int, str] | None = None) -> list[dict[str, Any]]:
    """The macros that somebody can run, the most used first: two queries, one where the `teams` are known."""
    found = Macro.objects.visible_to(user).filter(is_active=True).order_by("-used", "name", "id")
    macros = list(found[:MOST_MACROS])
    if teams is None:
        teams = team_names(macros) if any(act.get("team") for macro in macros for act in macro.acts) else {}
    return [
        {
            "pk": macro.pk,
            "name": macro.name,
            "words": " · ".join(act_words(macro.acts, teams=teams)),
            "replies": any(act["do"] == "reply" for act in macro.acts),
        }
        for macro in macros
    ]


class ShortcutPages:
    """For the ticket's admin."""

    ROUTES = [
        ("<int:pk>/canned/", "canned_view", "canned"),
        ("<int:pk>/canned/<int:canned_id>/", "canned_text_view", "canned_text"),
        ("<int:pk>/staff/", "staff_view", "staff"),
        ("<int:pk>/macro/", "macro_view", "macro"),
    ]

    def canned_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The canned replies that fit the ticket's hub, the most used first; for the page's script."""
        ticket = self._to_read(request, pk)
        rows = self._canned(request, ticket).select_related("team")
        if text := request.GET.get("q", "").replace("\x00", "").strip()[:100]:
            rows = rows.filter(
                Q(name__icontains=text) | Q(shortcut__istartswith=text.lstrip("/")) | Q(body__icontains=text)
            )
        options = [
            {"id": row.pk, "name": row.name, "shortcut": row.shortcut, "for": audience_words(row)}
            for row in rows.order_by("-used", "name", "id")[:MOST_CANNED]
        ]
        return JsonResponse({"options": options})

    def canned_text_view(self, request: HttpRequest, pk: int, canned_id: int) -> HttpResponse:
        """A canned reply as it reads on this ticket: to look at (GET), or inserted, which counts as a use (POST)."""
        ticket = self._to_read(request, pk)
        canned = get_object_or_404(self._canned(request, ticket), pk=canned_id)
        if request.method == "POST":
            services.count_use(canned, now=timezone.now())
        text = fill(canned.body, ticket=ticket, agent=request.user, language=canned.language)
        return JsonResponse({"text": text, "name": canned.name})

    def _canned(self, request: HttpRequest, ticket: Ticket) -> Any:
        for_hub = Q(hub=None) | Q(hub=ticket.hub_id)
        return CannedReply.objects.visible_to(request.user).filter(for_hub, is_active=True)

    def staff_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Colleagues to mention: who owns the ticket and its team first."""
        ticket = self._to_read(request, pk)
        staff = User.objects.filter(is_active=True).exclude(staff_role="").exclude(pk=request.user.pk)
        team = set(ticket.team.memberships.values_list("user_id", flat=True)) if ticket.team else set()
        people = sorted(
            staff.order_by("full_name", "pk")[:MOST_STAFF],
            key=lambda person: (person.pk != ticket.owner_id, person.pk not in team),
        )
        options = [
            {"name": person.full_name, "initials": person.initials, "role": person.get_staff_role_display()}
            for person in people
        ]
        return JsonResponse({"options": options})

    @act
    def macro_view(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        """Run a macro: all of its changes, or none."""
        rows = Macro.objects.visible_to(request.user).filter(is_active=True)
        macro = rows.filter(pk__in=numbers([request.POST.get("macro", "")])).first()
        if macro is None:
            return self.back(request, ticket, error=_("This macro isn’t there any more. Nothing was changed."))
        try:
            services.run_macro(
                macro=macro,
                ticket=ticket,
                actor=request.user,
                now=timezone.now(),
                submission=request.POST.get("submission", "").replace("\x00", "")[:40],
            )
        except services.Refused as refused:
            words = {"name": macro.name, "why": refused}
            return self.back(request, ticket, error=_("“%(name)s” changed nothing: %(why)s") % words)
        self.message_user(request, _("“%(name)s” is done.") % {"name": macro.name}, messages.SUCCESS)
        return self.back(request, ticket)
