"""The browser's end of a socket, for tests of open screens."""

import json
from collections.abc import Callable
from functools import wraps

from asgiref.sync import async_to_sync, sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.db import transaction
from django.test import Client
from django.utils import timezone

from config.asgi import application
from helpdesk.accounts.models import User
from helpdesk.notifications.services import Reader, Telling, tell

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
NOTHING = {"kind": "notices", "unread": "", "notices": []}
SAID = {"percent": 75, "metric": "first_response", "reference": "PS-7", "subject": "Blank page", "account": "Kestrel"}
TEXT = "75 % · First response · PS-7 Blank page · Kestrel"
TEXT_JA = "75% · 初回返信 · PS-7 Blank page · Kestrel"


def in_loop(test: Callable) -> Callable:
    """Run an asynchronous test in a loop of its own."""

    @wraps(test)
    def run(*arguments: object, **values: object) -> None:
        async_to_sync(test)(*arguments, **values)

    return run


class Browser(ApplicationCommunicator):
    """The other end of a socket. (Channels' own needs daphne, which this project has no use for.)"""

    def __init__(self, client: Client, *, path: str, headers: list[tuple[bytes, bytes]]) -> None:
        super().__init__(application, {"type": "websocket", "path": path, "query_string": b"", "headers": headers})
        self.client = client

    async def connect(self) -> bool:
        await self.send_input({"type": "websocket.connect"})
        return (await self.receive_output(timeout=3))["type"] == "websocket.accept"

    async def hear(self, *, seconds: float = 1) -> dict:
        """The next message, as soon as it is there."""
        return json.loads((await self.receive_output(timeout=seconds))["text"])

    async def leave(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1001})
        await self.wait()


def screen(
    person: User | None, *, path: str = "/admin/live/", origin: str = "http://localhost", cookies: str = ""
) -> Browser:
    """A browser's socket, with the session of somebody who has just signed in."""
    client = Client()
    if person is not None:
        client.force_login(person, backend=BACKEND)
        cookies += f"; sessionid={client.cookies['sessionid'].value}"
    headers = [(b"cookie", cookies.encode())] + ([(b"origin", origin.encode())] if origin else [])
    return Browser(client, path=path, headers=headers)


async def opened(person: User, **values: str) -> Browser:
    """A screen that has heard how things stand."""
    browser = await sync_to_async(screen)(person, **values)
    assert await browser.connect()
    browser.first = await browser.hear()
    return browser


def telling(*people: User, key: str = "step/1") -> Telling:
    readers = [Reader(email=one.email, user_id=one.pk, language=one.language, time_zone="UTC") for one in people]
    return Telling(key=key, kind="escalation", context=SAID, url="/admin/x/", readers=readers)


@sync_to_async
def say(*tellings: Telling) -> None:
    with transaction.atomic():
        tell(tellings, now=timezone.now())
