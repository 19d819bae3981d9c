"""The counts beside the views of many open queues at once: what is the same for several people is counted once.

Each count ends at its limit, and there are at most `MOST_PARTS` of them at a time, so that two hundred open
screens cost what a few do; what is left out comes with the page's own next look.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from helpdesk.accounts.models import User
from helpdesk.tickets.models import SavedView, Ticket
from helpdesk.tickets.queue import loads
from helpdesk.workspace import queue_views
from helpdesk.workspace.queue_filters import ME, rows_to_count
from helpdesk.workspace.queue_views import Onlooker

MOST_PARTS = 150
PARTS_A_QUERY = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Whose counts they are. `saved`: the saved views in their rail."""

    user: User
    team_ids: frozenset[int]
    saved: tuple[SavedView, ...] = ()


def strips(viewers: Iterable[Viewer], *, now: datetime) -> dict[int, dict[str, str]]:
    """For each person (id) the counts of their views as they are shown, by `open`, `saved-12` and the like."""
    people = {viewer.user.pk: viewer for viewer in viewers}
    parts: dict[Hashable, QuerySet[Ticket]] = {}
    wanted = {pk: dict(_parts(viewer, parts, now=now)) for pk, viewer in people.items()}
    found = _counted(parts)
    owned = loads(people)
    return {
        pk: {queue_views.MINE: queue_views.shown(queue_views.MINE, owned[pk])}
        | {name: queue_views.shown(name, found[key]) for name, key in names.items() if key in found}
        for pk, names in wanted.items()
    }


def _parts(viewer: Viewer, parts: dict[Hashable, QuerySet[Ticket]], *, now: datetime) -> Iterable[tuple[str, Hashable]]:
    """The names of this person's counts with what they are counted under, adding to `parts` what isn't there yet."""
    onlooker = Onlooker(user=viewer.user, team_ids=tuple(viewer.team_ids), now=now)
    tickets = Ticket.objects.visible_to(viewer.user)
    for view in queue_views.VIEWS:
        if view not in (queue_views.MINE, queue_views.CLOSED):
            key = (view, viewer.team_ids if view == queue_views.TEAMS else None)
            if key not in parts:
                parts[key] = queue_views.narrow(tickets, view, onlooker)
            yield view, key
    for saved in viewer.saved:
        key = (saved.pk, viewer.user.pk if _is_personal(saved.params) else None)
        if key not in parts:
            parts[key] = rows_to_count(tickets, saved.params, onlooker)
        yield f"saved-{saved.pk}", key


def _is_personal(params: Mapping[str, str]) -> bool:
    """Whether a saved view holds something else for each person."""
    return params.get("view") in (queue_views.MINE, queue_views.TEAMS) or params.get("owner") == ME


def _counted(parts: Mapping[Hashable, QuerySet[Ticket]]) -> dict[Hashable, int]:
    keys, found = list(parts)[:MOST_PARTS], {}
    for start in range(0, len(keys), PARTS_A_QUERY):
        some = keys[start : start + PARTS_A_QUERY]
        # The names are what the limits go by, and a name only counts once.
        names = {key: key[0] if key[0] in queue_views.VIEWS and key[1] is None else f"part-{key}" for key in some}
        counts = queue_views.counts({names[key]: parts[key] for key in some})
        found |= {key: counts[names[key]] for key in some}
    return found
