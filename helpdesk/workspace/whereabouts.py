"""What an open screen says of itself: which ticket is looked at, what is typed, which queue is shown.

Nobody has to believe a browser: what it says is short, seldom, of known keys, and about tickets that its
person may see; anything else is passed over. What comes of it (`accounts.presence`, the groups of the layer)
is a convenience, and may be lost.
"""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

from channels.db import database_sync_to_async
from channels.layers import BaseChannelLayer
from redis.exceptions import RedisError

from helpdesk.accounts import presence
from helpdesk.accounts.models import User
from helpdesk.notifications.live import HERE, QUEUES, group_of_ticket, message_of
from helpdesk.tickets.models import Ticket
from helpdesk.workspace.queue_feed import Queue, feed, wanted

LONGEST = 600  # characters of one message
BURST, PER_SECOND = 12.0, 1.0  # messages
LARGEST_ID = 2**63

Message = dict[str, Any]


def understood(text: object) -> Message | None:
    """What a browser said: `at` (a ticket, or 0) with `typing`, or `queue` (the query of its address)."""
    if not isinstance(text, str) or len(text) > LONGEST:
        return None
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    match said:
        case {"at": int(pk), "typing": str(typing), **rest} if not rest and 0 <= pk < LARGEST_ID:
            fits = typing in presence.TYPING and not isinstance(pk, bool)
            return {"at": pk, "typing": typing if pk else ""} if fits else None
        case {"queue": str(query), **rest} if not rest:
            return {"queue": query.removeprefix("?")}
    return None


class Whereabouts:
    """Where one screen is, from its opening to its end."""

    def __init__(
        self, *, layer: BaseChannelLayer, channel: str, user: User, language: str, pass_on: Callable[[Message], None]
    ) -> None:
        self.layer, self.channel, self.user, self.language, self.pass_on = layer, channel, user, language, pass_on
        self.screen = uuid4().hex
        self.ticket_id, self.typing = 0, ""
        self.queue: Queue | None = None
        self.left, self.counted_at = BURST, asyncio.get_running_loop().time()

    async def hear(self, text: object) -> None:
        """Take what a browser says, if it makes sense and isn't too much."""
        now = asyncio.get_running_loop().time()
        self.left = min(BURST, self.left + (now - self.counted_at) * PER_SECOND)
        self.counted_at = now
        said = understood(text)
        if said is None or self.left < 1:
            return
        self.left -= 1
        if "queue" in said:
            await self._show(said["queue"])
        elif (said["at"], said["typing"]) != (self.ticket_id, self.typing):
            await self._go(said["at"], said["typing"])

    async def renew(self) -> None:
        """Say once more that this screen is open."""
        await self._note()
        if self.queue is not None:
            feed().add(self.queue)

    async def leave(self) -> None:
        """The screen is closed: nobody is told that somebody is there who isn't."""
        if self.queue is not None:
            feed().drop(self.queue)
        left = self.ticket_id
        await asyncio.to_thread(presence.leave, screen=self.screen)
        if left:
            with suppress(RedisError):
                await self.layer.group_discard(group_of_ticket(left), self.channel)
            await self._tell_of(left)

    async def _show(self, query: str) -> None:
        if self.queue is not None:
            feed().drop(self.queue)
        what = await database_sync_to_async(wanted)(user=self.user, query=query)
        self.queue = Queue(wanted=what, language=self.language, tell=self.pass_on)
        feed().add(self.queue)

    async def _go(self, ticket_id: int, typing: str) -> None:
        left = self.ticket_id
        if ticket_id not in (0, left) and not await self._is_visible(ticket_id):
            return
        self.ticket_id, self.typing = ticket_id, typing
        if left != ticket_id:
            if left:
                await self.layer.group_discard(group_of_ticket(left), self.channel)
            if ticket_id:
                await self.layer.group_add(group_of_ticket(ticket_id), self.channel)
        await self._note()
        for pk in {left, ticket_id} - {0}:
            await self._tell_of(pk)

    @database_sync_to_async
    def _is_visible(self, ticket_id: int) -> bool:
        return Ticket.objects.visible_to(self.user).filter(pk=ticket_id).exists()

    async def _note(self) -> None:
        values = {"user": self.user, "ticket_id": self.ticket_id, "typing": self.typing}
        await asyncio.to_thread(presence.note, screen=self.screen, **values)

    async def _tell_of(self, ticket_id: int) -> None:
        """Tell the ticket's pages, and open queues, who is there now."""
        people = (await asyncio.to_thread(presence.around, [ticket_id])).get(ticket_id, [])
        payload = {"ticket": ticket_id, "people": [one.as_json() for one in people]}
        message = message_of(HERE, payload)
        with suppress(RedisError):
            for group in (group_of_ticket(ticket_id), QUEUES):
                await self.layer.group_send(group, message)
