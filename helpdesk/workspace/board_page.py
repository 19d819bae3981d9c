"""The live board: a page that keeps itself fresh, also on a wall. For those who lead (SPEC 2.8)."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from helpdesk.accounts.models import Team
from helpdesk.accounts.presence import people_present
from helpdesk.workspace.board import HOUR, MINUTES_AN_ANSWER, SLOT, board
from helpdesk.workspace.board_drawing import draw
from helpdesk.workspace.lists import numbers
from helpdesk.workspace.rights import Act, may

FRESH = 5  # seconds between two looks


def urls(site: AdminSite) -> list[URLPattern]:
    """The address for the site's `get_urls`."""

    def view(request: HttpRequest) -> HttpResponse:
        return board_page(request, site)

    return [path("board/", site.admin_view(never_cache(require_safe(view))), name="board")]


def board_page(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """The board; `?team=` one team's, `?wall=1` without the workspace around it, `?part=1` only what changes."""
    if not may(request.user, Act.VIEW, "board"):
        raise Http404
    teams = list(Team.objects.all())
    team = _chosen(request, teams)
    shown = board(viewer=request.user, team=team, present=people_present(), now=timezone.now())
    context: dict[str, Any] = {
        "board": shown,
        "drawing": draw(shown.hour),
        "hour_ends": shown.now + HOUR,
        "slot": SLOT,
        "minutes_an_answer": MINUTES_AN_ANSWER,
    }
    if "part" in request.GET:
        return TemplateResponse(request, "admin/board/_parts.html", context)
    wall = "wall" in request.GET
    kept = request.GET.copy()
    kept.pop("wall", None) if wall else kept.update({"wall": "1"})
    context |= {
        **site.each_context(request),
        "title": _("Live board"),
        "teams": teams,
        "team": team,
        "wall": wall,
        "wall_address": f"?{kept.urlencode()}",
        "fresh": FRESH,
    }
    return TemplateResponse(request, "admin/board/page.html", context)


def _chosen(request: HttpRequest, teams: list[Team]) -> Team | None:
    """The team that was asked for, None for all; at first a lead's own one. 404 for a team that isn't there."""
    if "team" not in request.GET:
        led = set(request.user.team_memberships.filter(is_lead=True).values_list("team_id", flat=True))
        return next((team for team in teams if team.pk in led), None)
    asked = numbers([request.GET["team"]])
    if request.GET["team"] and not any(team.pk in asked for team in teams):
        raise Http404
    return next((team for team in teams if team.pk in asked), None)
