"""Views of the queue that people put together: their own, a team's, everybody's."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from helpdesk.accounts.models import Team, User
from helpdesk.tickets.models import SavedView
from helpdesk.tickets.services.locked import Refused

MOST_VIEWS = 15  # of one person, of one team, of everybody: the queue counts each


def may_share(user: User, team: Team | None) -> bool:
    """Whether this person keeps the views of a team (who leads it), or of everybody (managers)."""
    if user.is_managing:
        return True
    return team is not None and user.team_memberships.filter(team=team, is_lead=True).exists()


def may_keep(user: User, view: SavedView) -> bool:
    """Whether this person may change a view."""
    return view.owner_id == user.pk if view.owner_id is not None else may_share(user, view.team)


@transaction.atomic
def save_view(
    *,
    name: str,
    params: Mapping[str, str],
    columns: Sequence[str],
    actor: User,
    now: datetime,
    team: Team | None = None,
    everybody: bool = False,
) -> SavedView:
    """Keep a view under a name, for oneself unless a team or everybody is named. It comes last."""
    if (everybody or team is not None) and not may_share(actor, None if everybody else team):
        raise Refused(_("Only who leads a team keeps its views, and managers those of everybody."))
    audience = _audience(None if everybody or team else actor, None if everybody else team)
    kept = SavedView.objects.filter(**audience)
    if kept.count() >= MOST_VIEWS:
        raise Refused(_("There are %(most)d such views already. Delete one first.") % {"most": MOST_VIEWS})
    if kept.filter(name__iexact=name).exists():
        raise Refused(_("There is a view of this name already."))
    last = kept.aggregate(last=Max("position"))["last"]
    return SavedView.objects.create(
        **audience,
        name=name,
        params=dict(params),
        columns=list(columns),
        created_by=actor,
        position=0 if last is None else last + 1,
        last_used_at=now,
    )


@transaction.atomic
def change_view(
    *,
    view: SavedView,
    actor: User,
    name: str | None = None,
    params: Mapping[str, str] | None = None,
    columns: Sequence[str] | None = None,
    is_team_default: bool | None = None,
) -> SavedView:
    """Change what is given of a view: its name, what it holds, its columns, whether it opens first for its team."""
    view = _held(view, actor)
    others = SavedView.objects.filter(**_audience(view.owner, view.team)).exclude(pk=view.pk)
    if name is not None:
        if others.filter(name__iexact=name).exists():
            raise Refused(_("There is a view of this name already."))
        view.name = name
    if params is not None:
        view.params = dict(params)
    if columns is not None:
        view.columns = list(columns)
    if is_team_default is not None:
        if view.team_id is None and is_team_default:
            raise Refused(_("Only a team’s view opens first for the team."))
        others.filter(is_team_default=True).update(is_team_default=False)
        view.is_team_default = is_team_default
    view.save(update_fields=["name", "params", "columns", "is_team_default"])
    return view


@transaction.atomic
def move_view(*, view: SavedView, up: bool, actor: User) -> None:
    """One place up or down among those of the same people."""
    view = _held(view, actor)
    rows = list(
        SavedView.objects.select_for_update(no_key=True)
        .filter(**_audience(view.owner, view.team))
        .order_by("position", "name", "id")
    )
    here = rows.index(view)
    there = here - 1 if up else here + 1
    if 0 <= there < len(rows):
        rows[here], rows[there] = rows[there], rows[here]
    for position, row in enumerate(rows):
        row.position = position
    SavedView.objects.bulk_update(rows, ["position"])


@transaction.atomic
def delete_view(*, view: SavedView, actor: User) -> None:
    _held(view, actor).delete()


def _held(view: SavedView, actor: User) -> SavedView:
    """The view as it is now, locked; refused to who doesn't keep it."""
    view = SavedView.objects.select_for_update(of=("self",), no_key=True).select_related("team").get(pk=view.pk)
    if not may_keep(actor, view):
        raise Refused(_("Only who leads a team keeps its views, and managers those of everybody."))
    return view


def _audience(owner: User | None, team: Team | None) -> dict[str, User | Team | None]:
    return {"owner": owner, "team": team}
