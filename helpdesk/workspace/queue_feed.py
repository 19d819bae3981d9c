"""What open queues hear of tickets that changed: one reading and one rendering for all screens of a process.

Two hundred queues that each asked for their page at each change would keep several cores busy. So each
process listens once, reads the tickets that changed within `PAUSE` in two queries, makes their rows once for
each language, and hands every screen those that belong into its view. A view that cannot be judged from a
ticket alone (a search, a promise, what is closed) is told that it is stale; its page then asks, in its own time.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.http import QueryDict
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from helpdesk.accounts.models import User
from helpdesk.notifications.live import HERE, QUEUES
from helpdesk.tickets.models import Claim, SavedView, Severity, Status, Ticket
from helpdesk.workspace import queue_columns, queue_views
from helpdesk.workspace.faces import Face, open_faces
from helpdesk.workspace.queue_rows import Rows
from helpdesk.workspace.queue_strip import Viewer, strips

log = logging.getLogger(__name__)

PAUSE = 0.4  # seconds in which changes are gathered
COUNTS_PAUSE = 3.0  # seconds, likewise, for the counts of all views
MOST_TICKETS = 60  # of one reading; where more have changed, pages ask for themselves
AFTER_ERROR = 2.0  # seconds

Message = dict[str, Any]
Look = tuple[str, tuple[str, ...]]  # language and columns: what rows are made alike for
Reader = tuple[str, tuple[str, ...], User]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which tickets an open queue shows. `exact`: a ticket's own columns tell whether it belongs there."""

    user: User
    team_ids: frozenset[int]
    view: str
    equal: Mapping[str, str] = field(default_factory=dict)
    severity: str = ""
    columns: tuple[str, ...] = queue_columns.USUAL
    exact: bool = True
    saved: tuple[SavedView, ...] = ()

    @property
    def viewer(self) -> Viewer:
        return Viewer(user=self.user, team_ids=self.team_ids, saved=self.saved)

    def holds(self, ticket: Ticket, face: Face | None, *, now: datetime) -> bool:
        """The same as `queue_views.narrow` and the filters, for one ticket that was read already."""
        if not ticket.is_active or any(str(getattr(ticket, name)) != value for name, value in self.equal.items()):
            return False
        return self._fits_severity(ticket) and self._fits_view(ticket, face, now=now)

    def _fits_severity(self, ticket: Ticket) -> bool:
        if not self.severity:
            return True
        return ticket.claim == self.severity if self.severity in Claim.values else ticket.severity == self.severity

    def _fits_view(self, ticket: Ticket, face: Face | None, *, now: datetime) -> bool:
        match self.view:
            case "mine":
                return ticket.owner_id == self.user.pk
            case "teams":
                return ticket.team_id in self.team_ids
            case "unassigned":
                return ticket.owner_id is None
            case "critical":
                return ticket.severity == Severity.CRITICAL
            case "near":
                return face is not None and face.state == "soon"
            case "breached":
                return ticket.next_due_at is not None and ticket.next_due_at < now
            case "waiting":
                return ticket.status == Status.WAITING
        return True


# What of an address can be judged from a ticket's own columns; anything else (but the page's number) cannot.
COLUMNS = {"hub": "hub_id", "channel": "channel", "status": "status"}


def wanted(*, user: User, query: str) -> Wanted:
    """What the queue at this address shows to this person. Two queries."""
    asked = {name: value for name, value in QueryDict(query).items() if value}
    team_ids = frozenset(user.team_memberships.values_list("team_id", flat=True))
    view = asked.pop("view", queue_views.TEAMS if team_ids else queue_views.OPEN)
    equal = {COLUMNS[name]: asked.pop(name) for name in list(asked) if name in COLUMNS}
    severity = asked.pop("severity", "")
    exact = not asked and view in queue_views.VIEWS and view != queue_views.CLOSED
    columns = tuple(column.key for column in queue_columns.shown(user.queue_columns))
    saved = tuple(queue_views.Onlooker(user=user, team_ids=tuple(team_ids), now=timezone.now()).saved)
    shown = {"view": view, "equal": equal, "severity": severity, "columns": columns, "exact": exact}
    return Wanted(user=user, team_ids=team_ids, saved=saved, **shown)


@dataclass(eq=False, slots=True, kw_only=True)
class Queue:
    """An open queue: what it shows, and how it is told."""

    wanted: Wanted
    language: str
    tell: Callable[[Message], None]
    counts: dict[str, str] = field(default_factory=dict)  # as they were told last

    def take_counts(self, counts: Mapping[str, str]) -> None:
        """Tell those that are others now."""
        fresh = {name: shown for name, shown in counts.items() if self.counts.get(name) != shown}
        if fresh:
            self.counts |= fresh
            self.tell({"kind": "counts", "counts": fresh})

    @property
    def reader(self) -> "Reader":
        return self.language, self.wanted.columns, self.wanted.user


class Feed:
    """One for each process (for each event loop): runs while any queue is open."""

    def __init__(self) -> None:
        self.queues: set[Queue] = set()
        self.changed: set[int] = set()
        self.seen: dict[int, list[Message]] = {}
        self.awake, self.recount = asyncio.Event(), asyncio.Event()
        self.task: asyncio.Task | None = None

    def add(self, queue: Queue) -> None:
        """From now on this queue is told; called again, the feed is started again should it have broken off."""
        self.queues.add(queue)
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._run())

    def drop(self, queue: Queue) -> None:
        self.queues.discard(queue)
        if not self.queues and self.task is not None:
            self.task.cancel()
            self.task = None

    async def _run(self) -> None:
        """Until no queue is open; when Redis is lost for good, until a screen says again that it is there."""
        layer = get_channel_layer()
        try:
            channel = await layer.new_channel()
            await layer.group_add(QUEUES, channel)
            async with asyncio.TaskGroup() as works:
                works.create_task(self._listen(layer, channel))
                works.create_task(self._pass_on_all())
                works.create_task(self._count_all())
        except* RedisError as errors:
            log.warning("open queues hear nothing for a while: %s", errors.exceptions[0])

    async def _pass_on_all(self) -> None:
        while True:
            await self.awake.wait()
            await asyncio.sleep(PAUSE)
            self.awake.clear()
            await self._pass_on()

    async def _count_all(self) -> None:
        """The counts beside the views follow, too, but no more often than every few seconds."""
        while True:
            await self.recount.wait()
            await asyncio.sleep(COUNTS_PAUSE)
            self.recount.clear()
            try:
                found = await database_sync_to_async(strips)(
                    [queue.wanted.viewer for queue in self.queues], now=timezone.now()
                )
            except Exception:  # whatever it was, pages still look for themselves
                log.exception("the counts of the views could not be made")
                continue
            for queue in list(self.queues):
                queue.take_counts(found.get(queue.wanted.user.pk, {}))

    async def _listen(self, layer: Any, channel: str) -> None:
        while True:
            message = await layer.receive(channel)
            said = message["payload"]
            if message["kind"] == HERE:
                self.seen[said["ticket"]] = said["people"]
            else:
                self.changed.add(said["ticket"])
                self.recount.set()
            self.awake.set()

    async def _pass_on(self) -> None:
        changed, self.changed = self.changed, set()
        seen, self.seen = self.seen, {}
        found: Found | None = None
        if changed and len(changed) <= MOST_TICKETS:
            try:
                found = await _read(changed, {queue.reader for queue in self.queues})
            except Exception:  # whatever it was, pages can still ask for themselves
                log.exception("the rows of changed tickets could not be made")
                await asyncio.sleep(AFTER_ERROR)
        for queue in list(self.queues):
            message: Message = {"kind": "queue", "seen": seen}
            if changed:
                message |= found.told(queue) if found and queue.wanted.exact else {"stale": True}
            queue.tell(message)


@dataclass(slots=True, kw_only=True)
class Found:
    """Tickets that changed, as they are now, with their rows as each look and owner sees them."""

    now: datetime
    tickets: list[Ticket]
    faces: Mapping[int, Face]
    rows: dict[tuple[Look, int, bool], str]
    missing: list[int]

    def told(self, queue: Queue) -> Message:
        """The rows that belong into this queue, and which of the tickets don't (any more), and why."""
        rows, gone, me = [], [{"id": pk, "why": ""} for pk in self.missing], queue.wanted.user.pk
        for ticket in self.tickets:
            face = self.faces.get(ticket.pk)
            if queue.wanted.holds(ticket, face, now=self.now):
                due = ticket.next_due_at.isoformat() if ticket.next_due_at else ""
                html = self.rows[queue.reader[:2], ticket.pk, ticket.owner_id == me]
                rows.append({"id": ticket.pk, "due": due, "html": html})
            else:
                gone.append({"id": ticket.pk, "why": _why(ticket, me, queue.language)})
        return {"rows": rows, "gone": gone, "now": self.now.isoformat()}


def _why(ticket: Ticket, reader: int, language: str) -> str:
    """Why a ticket leaves a view: somebody else has it, or it is over; nothing where it only went elsewhere."""
    with translation.override(language):
        if not ticket.is_active:
            return ticket.get_status_display()
        if ticket.owner_id and ticket.owner_id != reader:
            return _("Taken by %(name)s") % {"name": ticket.owner}
    return ""


@database_sync_to_async
def _read(ids: set[int], readers: set[Reader]) -> Found:
    """Two queries, whoever reads them; three where somebody shows tags."""
    now = timezone.now()
    related = {*queue_columns.RELATED, "team", "requester"}
    rows_of = Ticket.objects.filter(pk__in=ids).select_related(*related).order_by("pk")
    tickets = list(rows_of.prefetch_related("tags") if any("tags" in row[1] for row in readers) else rows_of)
    faces = open_faces(ticket_ids=[ticket.pk for ticket in tickets], now=now)
    rows = {}
    for look in {(language, columns) for language, columns, _user in readers}:
        with translation.override(look[0]):
            owners = {user.pk: user for *seen, user in readers if tuple(seen) == look}
            rows |= {(look, *key): html for key, html in _rows(look[1], tickets, faces, owners)}
    missing = sorted(ids - {ticket.pk for ticket in tickets})
    return Found(now=now, tickets=tickets, faces=faces, rows=rows, missing=missing)


def _rows(
    columns: tuple[str, ...], tickets: list[Ticket], faces: Mapping[int, Face], owners: Mapping[int, User]
) -> Iterator[tuple[tuple[int, bool], str]]:
    """A row as everybody sees it; as its owner sees it, where a queue of theirs is open."""
    everybody = Rows(user=User(pk=0), columns=queue_columns.shown(columns), read_at={})
    for ticket in tickets:
        yield (ticket.pk, False), everybody.of([ticket], faces)[0]
        if ticket.owner_id in owners:
            own = Rows(user=owners[ticket.owner_id], columns=queue_columns.shown(columns), read_at={})
            yield (ticket.pk, True), own.of([ticket], faces)[0]


_feeds: WeakKeyDictionary[asyncio.AbstractEventLoop, Feed] = WeakKeyDictionary()


def feed() -> Feed:
    """This process's own."""
    return _feeds.setdefault(asyncio.get_running_loop(), Feed())
