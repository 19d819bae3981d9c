"""Open screens of the workspace: what concerns a member of staff reaches them at once.

A screen holds a websocket; where there is none it asks for the same as JSON every half minute. What
it shows is read from the database. A message of the channel layer only says that there is something
to read, so one that got lost costs time, until the screen's next look, and nothing else. What a screen
says itself is `whereabouts`' affair; what queues hear of changed tickets, `queue_feed`'s.
"""

import asyncio
import json
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

from channels.auth import get_user
from channels.db import database_sync_to_async
from channels.layers import BaseChannelLayer, get_channel_layer
from django.conf import settings
from django.contrib.admin import AdminSite
from django.db import DatabaseError
from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, path
from django.utils import timezone, translation
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from helpdesk.accounts.models import User
from helpdesk.notifications.live import NOTICES, group_of
from helpdesk.notifications.models import Notice
from helpdesk.workspace.rights import may_enter
from helpdesk.workspace.whereabouts import Whereabouts
from helpdesk.workspace.wording import notice_words

log = logging.getLogger(__name__)

FRESH = timedelta(minutes=2)  # an older notice is in the list, and no news any more
MOST_NEWS = 5
MOST_UNREAD = 100  # that are counted

CHECK_EVERY = 45.0  # seconds: is the session still theirs, and is there news that no message told of?
LOOK_PAUSE = 0.25  # seconds between two looks, so that a burst of messages is one
PATIENCE = 10.0  # seconds for a browser to take what it is sent, and for Redis to let it listen
MOST_WAITING = 100  # messages
NOT_YOURS, TRY_AGAIN = 4403, 1013  # what a socket is closed with

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def unread_notices(*, user_id: int) -> QuerySet[Notice]:
    """A person's unread notices, the newest first, at most `MOST_UNREAD`."""
    notices = Notice.objects.filter(recipient_id=user_id, read_at=None)
    return notices.order_by("-created_at", "-pk")[:MOST_UNREAD]


def unread_words(number: int) -> str:
    """For the badge: `7`, or `99+`; nothing for none."""
    return f"{MOST_UNREAD - 1}+" if number >= MOST_UNREAD else str(number or "")


def news(*, user_id: int, now: datetime) -> Message:
    """What a screen shows without being loaded again, in the active language."""
    notices = list(unread_notices(user_id=user_id).values_list("pk", "created_at"))
    fresh = [pk for pk, at in notices[:MOST_NEWS] if at > now - FRESH]
    rows = Notice.objects.in_bulk(fresh) if fresh else {}
    return {
        "kind": NOTICES,
        "unread": unread_words(len(notices)),
        "notices": [{"id": pk, "text": notice_words(rows[pk]), "url": rows[pk].url} for pk in fresh if pk in rows],
    }


@never_cache
@require_safe
def news_view(request: HttpRequest) -> JsonResponse:
    return JsonResponse(news(user_id=request.user.pk, now=timezone.now()))


def urls(site: AdminSite) -> list[URLPattern]:
    """The address for the site's `get_urls`; its websocket is opened at the same one (config/asgi.py)."""
    return [path("live/", site.admin_view(news_view), name="live")]


async def socket(scope: Message, receive: Receive, send: Send) -> None:
    """One websocket from its opening to its end: an ASGI application below CookieMiddleware."""
    with suppress(OSError):  # the browser is gone
        try:
            await Screen(scope, receive, send).serve()
        except (DatabaseError, RedisError, TimeoutError) as error:
            log.warning("an open screen is sent away for a while: %s %s", type(error).__name__, error)
            async with asyncio.timeout(1):  # one that takes nothing takes no farewell either
                await send({"type": "websocket.close", "code": TRY_AGAIN})


class Screen:
    """One open page of a member of staff: ends when the browser leaves, or when its session does."""

    def __init__(self, scope: Message, receive: Receive, send: Send) -> None:
        self.cookies: dict[str, str] = scope["cookies"]
        self.receive, self.send = receive, send
        self.waiting: deque[Message] = deque()  # to be passed on as they are
        self.stale = True  # there may be news
        self.awake = asyncio.Event()

    async def serve(self) -> None:
        """Raises TimeoutError when the browser or Redis takes too long; RedisError, DatabaseError, OSError."""
        await self.receive()  # websocket.connect
        user = await self.user()
        if user is None:
            await self.send({"type": "websocket.close", "code": NOT_YOURS})
            return
        layer, group = get_channel_layer(), group_of(user.pk)
        async with asyncio.timeout(PATIENCE):
            channel = await layer.new_channel()
            await layer.group_add(group, channel)
        self.place = Whereabouts(
            layer=layer, channel=channel, user=user, language=self.language(user), pass_on=self.pass_on
        )
        works = [self.leaving(), self.listen(layer, channel), self.show(user)]
        tasks = [asyncio.create_task(work) for work in works]
        try:
            done, _others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=PATIENCE)
            with suppress(RedisError, TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self.place.leave()
                    await layer.group_discard(group, channel)

    async def user(self) -> User | None:
        """Whose session this is now; None when they may not be here (any more)."""
        store = import_module(settings.SESSION_ENGINE).SessionStore
        user = await get_user({"session": store(self.cookies.get(settings.SESSION_COOKIE_NAME))})
        return user if await database_sync_to_async(may_enter)(user) else None

    async def leaving(self) -> None:
        """Until the browser leaves; what it says meanwhile is where it is."""
        while (message := await self.receive())["type"] != "websocket.disconnect":
            await self.place.hear(message.get("text"))

    async def listen(self, layer: BaseChannelLayer, channel: str) -> None:
        """Take what is pushed. Never waits for the browser: the layer's own queue has no bounds."""
        while len(self.waiting) <= MOST_WAITING:
            message = await layer.receive(channel)
            if message["kind"] == NOTICES:
                self.stale = True
                self.awake.set()
            else:
                self.pass_on({"kind": message["kind"], **message["payload"]})
        raise TimeoutError("the browser is too slow")

    def pass_on(self, message: Message) -> None:
        """Send this to the browser as it is, when its turn comes."""
        self.waiting.append(message)
        self.awake.set()

    async def show(self, user: User) -> None:
        """Tell the browser what there is to tell; returns when the session has ended."""
        await self.send({"type": "websocket.accept"})
        await self.place.renew()
        clock = asyncio.get_running_loop().time
        look_at, check_at = clock(), clock() + CHECK_EVERY * random.uniform(0.8, 1)  # noqa: S311 - spreads the work
        while True:
            if clock() >= check_at:
                user = await self.user()
                if user is None:
                    await self.send({"type": "websocket.close", "code": NOT_YOURS})
                    return
                await self.place.renew()
                self.stale, check_at = True, clock() + CHECK_EVERY
            while self.waiting:
                await self.say(self.waiting.popleft())
            if self.stale and clock() >= look_at:
                self.stale, look_at = False, clock() + LOOK_PAUSE
                await self.say(await self.news(user))
            with suppress(TimeoutError):
                async with asyncio.timeout_at(look_at if self.stale else check_at):
                    await self.awake.wait()
            self.awake.clear()

    @database_sync_to_async
    def news(self, user: User) -> Message:
        with translation.override(self.language(user)):
            return news(user_id=user.pk, now=timezone.now())

    def language(self, user: User) -> str:
        """The one chosen on this device, else the person's own (as ReaderMiddleware has it)."""
        try:
            return translation.get_supported_language_variant(self.cookies[settings.LANGUAGE_COOKIE_NAME])
        except LookupError:
            return user.language

    async def say(self, message: Message) -> None:
        async with asyncio.timeout(PATIENCE):
            await self.send({"type": "websocket.send", "text": json.dumps(message, ensure_ascii=False)})
