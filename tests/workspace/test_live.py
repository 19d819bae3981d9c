"""What concerns a member of staff reaches their open screens at once, and nobody else's (SPEC 2.5, 2.8)."""

import asyncio
import json
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from functools import wraps

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from asgiref.sync import async_to_sync, sync_to_async
from asgiref.testing import ApplicationCommunicator
from channels.layers import get_channel_layer
from django.conf import settings as django_settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from redis import Redis

from config.asgi import application
from helpdesk.accounts.models import User
from helpdesk.escalation.sweep import sweep
from helpdesk.notifications.live import Line, push
from helpdesk.notifications.models import Notice
from helpdesk.notifications.services import Reader, Telling, mark_read, post, tell
from helpdesk.subscriptions.models import Hub
from helpdesk.workspace import live
from tests.factories import StaffFactory, TeamFactory, UserFactory, add_to_team, make_ticket

pytestmark = pytest.mark.django_db(transaction=True)
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
NOTHING = {"kind": "notices", "unread": "", "notices": []}
SAID = {"percent": 75, "metric": "first_response", "reference": "PS-7", "subject": "Blank page", "account": "Kestrel"}
TEXT = "75 % · First response · PS-7 Blank page · Kestrel"
TEXT_JA = "75% · 初回返信 · PS-7 Blank page · Kestrel"


def in_loop(test: Callable) -> Callable:
    """Run an asynchronous test in a loop of its own; what it does with the database happens in this thread."""

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


@pytest.fixture(autouse=True)
def _redis_answers(monkeypatch):
    monkeypatch.setattr(Line, "look_again_at", 0.0)


@pytest.fixture
def anna() -> User:
    return StaffFactory(full_name="Anna Meier")


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


async def connects(browser: Browser) -> bool:
    accepted = await browser.connect()
    await browser.leave()
    return accepted


# --- Who may listen -----------------------------------------------------------------------------------


@in_loop
async def test_staff_may_listen_and_nobody_else(anna):
    people = {
        "nobody": None,
        "customer": await sync_to_async(UserFactory)(),
        "specialist": anna,
        "left": await sync_to_async(StaffFactory)(is_active=False),
    }
    screens = {name: await sync_to_async(screen)(person) for name, person in people.items()}
    answers = {name: await connects(browser) for name, browser in screens.items()}
    assert answers == {"nobody": False, "customer": False, "specialist": True, "left": False}


@in_loop
async def test_where_a_second_factor_is_required_it_is_required_here(anna, settings):
    settings.STAFF_MFA_REQUIRED = True
    assert not await connects(await sync_to_async(screen)(anna))
    await sync_to_async(TOTP.activate)(anna, generate_totp_secret())
    assert await connects(await sync_to_async(screen)(anna))


@in_loop
async def test_a_session_that_does_not_exist_opens_nothing():
    assert not await connects(screen(None, cookies="sessionid=made-up"))


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
@in_loop
async def test_another_sites_page_opens_nothing(anna, origin):
    assert not await connects(await sync_to_async(screen)(anna, origin=origin))


@in_loop
async def test_an_unknown_address_is_refused(anna):
    assert not await connects(await sync_to_async(screen)(anna, path="/admin/nothing/"))


# --- What reaches whom ----------------------------------------------------------------------------------


@in_loop
async def test_a_step_that_the_sweep_fires_reaches_every_screen_of_its_readers(anna, now):
    aiko, other = await sync_to_async(StaffFactory)(language="ja"), await sync_to_async(StaffFactory)()

    @sync_to_async
    def a_ticket_of_their_team():
        team = TeamFactory()
        add_to_team(team, anna)
        add_to_team(team, aiko)
        Hub.objects.get(code="content").teams.add(team)
        return make_ticket(now=timezone.now() - timedelta(minutes=31))

    ticket = await a_ticket_of_their_team()
    screens = [await opened(person) for person in (anna, anna, aiko, other)]
    assert [browser.first for browser in screens] == [NOTHING] * 4
    assert (await sync_to_async(sweep)(now=timezone.now())).fired == 1
    heard = [await browser.hear(seconds=1) for browser in screens[:3]]
    assert [message["unread"] for message in heard] == ["1", "1", "1"]
    texts = [message["notices"][0]["text"] for message in heard]
    rest = f"{ticket.reference} {ticket.subject} · {ticket.account}"
    assert texts == [f"50 % · First response · {rest}"] * 2 + [f"50% · 初回返信 · {rest}"]
    assert heard[0]["notices"][0]["url"] == f"/admin/helpdesk/ticket/{ticket.pk}/change/"
    assert await screens[3].receive_nothing(timeout=0.3)
    for browser in screens:
        await browser.leave()


@in_loop
async def test_the_language_chosen_on_this_device_goes_first(anna):
    browser = await opened(anna, cookies="django_language=ja")
    await say(telling(anna))
    assert (await browser.hear())["notices"][0]["text"] == TEXT_JA
    await browser.leave()


@in_loop
async def test_what_is_rolled_back_reaches_nobody(anna):
    browser = await opened(anna)

    @sync_to_async
    def almost() -> None:
        with transaction.atomic():
            tell([telling(anna)], now=timezone.now())
            transaction.set_rollback(True)

    await almost()
    assert await browser.receive_nothing(timeout=0.4)
    await browser.leave()


@in_loop
async def test_what_is_posted_arrives_too(anna):
    browser = await opened(anna)
    notice = Notice(key="1", recipient=anna, kind="escalation", context=SAID, created_at=timezone.now())
    await sync_to_async(post)(notices=[notice])
    heard = await browser.hear()
    assert [one["text"] for one in heard["notices"]] == [TEXT]
    await browser.leave()


@in_loop
async def test_reading_on_one_screen_clears_the_others(anna):
    await say(telling(anna))
    browser = await opened(anna)
    assert browser.first["unread"] == "1"
    assert await sync_to_async(mark_read)(recipient_id=anna.pk, now=timezone.now()) == 1
    assert await browser.hear() == NOTHING
    assert await sync_to_async(mark_read)(recipient_id=anna.pk, now=timezone.now()) == 0
    assert await browser.receive_nothing(timeout=0.3)
    await browser.leave()


@in_loop
async def test_an_old_notice_is_counted_and_is_no_news(anna):
    @sync_to_async
    def long_ago() -> None:
        tell([telling(anna)], now=timezone.now() - live.FRESH)

    await long_ago()
    browser = await opened(anna)
    assert browser.first == {**NOTHING, "unread": "1"}
    await browser.leave()


@in_loop
async def test_another_features_message_is_passed_on_as_it_is(anna):
    browser = await opened(anna)
    await sync_to_async(push)(user_ids=[anna.pk], kind="ticket", payload={"id": 7, "what": "taken"})
    assert await browser.hear() == {"kind": "ticket", "id": 7, "what": "taken"}
    await browser.leave()


def test_however_many_notices_each_reader_is_sent_one_message(anna):
    olu = StaffFactory()
    with Redis.from_url(django_settings.REDIS_URL).pubsub() as wire:
        wire.psubscribe(f"{get_channel_layer()._kwargs['prefix']}*")
        wire.get_message(timeout=5)
        with transaction.atomic():
            tell([telling(anna, olu, key=f"step/{number}") for number in range(20)], now=timezone.now())
        found = []
        while message := wire.get_message(timeout=0.3):
            found.append(message["channel"].decode().rpartition("__group__")[2])
    assert found == [f"user.{anna.pk}", f"user.{olu.pk}"]


@in_loop
async def test_a_burst_is_looked_at_once_or_twice(anna):
    browser = await opened(anna)
    await say(*[telling(anna, key=f"step/{number}") for number in range(20)])
    burst = [f"user.{anna.pk}"] * 50
    get_channel_layer().publish(burst, {"type": "live.message", "kind": "notices", "payload": {}})
    heard = [await browser.hear()]
    assert (heard[0]["unread"], len(heard[0]["notices"])) == ("20", live.MOST_NEWS)
    await asyncio.sleep(0.8)
    assert browser.output_queue.qsize() <= 1
    await browser.leave()


# --- How long ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "end", ["signs out", "is deactivated", "loses the role", "changes the password", "has no factor"]
)
@in_loop
async def test_a_session_that_ends_ends_its_screens(anna, settings, monkeypatch, end):
    monkeypatch.setattr(live, "CHECK_EVERY", 0.3)
    settings.STAFF_MFA_REQUIRED = True
    await sync_to_async(TOTP.activate)(anna, generate_totp_secret())
    browser = await opened(anna)
    assert await browser.hear() == NOTHING  # a check that goes well

    @sync_to_async
    def happens() -> None:
        people = User.objects.filter(pk=anna.pk)
        if end == "signs out":
            browser.client.post("/accounts/logout/")
        elif end == "is deactivated":
            people.update(is_active=False)
        elif end == "loses the role":
            people.update(staff_role="")
        elif end == "changes the password":
            anna.set_password("something else entirely")
            anna.save()
        else:
            Authenticator.objects.all().delete()

    await happens()
    while (message := await browser.receive_output(timeout=2))["type"] == "websocket.send":
        pass
    assert message == {"type": "websocket.close", "code": live.NOT_YOURS}
    await browser.wait()


@in_loop
async def test_news_whose_message_got_lost_is_found_at_the_next_check(anna, monkeypatch):
    monkeypatch.setattr(live, "CHECK_EVERY", 0.5)
    browser = await opened(anna)
    monkeypatch.setattr(Line, "look_again_at", time.monotonic() + 60)
    await say(telling(anna))
    heard = NOTHING
    while heard == NOTHING:
        heard = await browser.hear(seconds=2)
    assert heard["notices"][0]["text"] == TEXT
    await browser.leave()


@in_loop
async def test_an_idle_screen_asks_the_database_nothing(anna, monkeypatch):
    browser, asked, execute = await opened(anna), [], CursorWrapper.execute
    monkeypatch.setattr(CursorWrapper, "execute", lambda *of: (asked.append(of[1]), execute(*of))[1])  # in any thread
    assert await browser.receive_nothing(timeout=1.2)
    assert asked == []
    await sync_to_async(push)(user_ids=[anna.pk], kind="notices")
    await browser.hear()
    assert len(asked) == 1
    await browser.leave()


@in_loop
async def test_what_a_browser_says_is_heard_and_ignored(anna):
    browser = await opened(anna)
    await browser.send_input({"type": "websocket.receive", "text": "{not even JSON"})
    await browser.send_input({"type": "websocket.receive", "bytes": b"\x00\xff"})
    await say(telling(anna))
    assert (await browser.hear())["unread"] == "1"
    await browser.leave()


@in_loop
async def test_a_browser_that_takes_nothing_is_let_go(anna, monkeypatch):
    monkeypatch.setattr(live, "PATIENCE", 0.2)
    scope = (await sync_to_async(screen)(anna)).scope
    incoming: asyncio.Queue = asyncio.Queue()
    incoming.put_nowait({"type": "websocket.connect"})
    taken = []

    async def send(message: dict) -> None:
        taken.append(message["type"])
        if message["type"] == "websocket.send":
            await asyncio.sleep(60)

    async with asyncio.timeout(3):
        await application(scope, incoming.get, send)
    assert taken == ["websocket.accept", "websocket.send", "websocket.close"]


# --- Without Redis ------------------------------------------------------------------------------------------


@pytest.fixture(params=["is down", "hangs"])
def bad_redis(request, settings):
    """The layer's Redis, and only the layer's: nobody listens there, or somebody who never answers."""
    server = socket.create_server(("127.0.0.1", 0))
    address = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
    if request.param == "is down":
        server.close()
    layers = {"default": {**settings.CHANNEL_LAYERS["default"]}}
    layers["default"]["CONFIG"] = {"hosts": [{"address": address}], "prefix": "bad-"}
    settings.CHANNEL_LAYERS = layers
    yield
    server.close()


def test_a_redis_that_is_away_costs_a_second_once_and_nothing_else(anna, bad_redis, caplog):
    took = []
    for number in range(3):
        begun = time.monotonic()
        with transaction.atomic():
            tell([telling(anna, key=f"step/{number}")], now=timezone.now())
        took.append(time.monotonic() - begun)
    assert took[0] < 3
    assert max(took[1:]) < 0.2
    assert anna.notices.count() == 3
    assert caplog.text.count("Redis is out of reach") == 1


@in_loop
async def test_without_redis_the_socket_is_refused_and_the_page_can_ask_instead(anna, bad_redis, monkeypatch, caplog):
    monkeypatch.setattr(live, "PATIENCE", 0.5)
    browser = await sync_to_async(screen)(anna)
    assert await browser.connect() is False
    await browser.wait()
    assert "sent away for a while" in caplog.text
    await say(telling(anna))
    answer = await sync_to_async(browser.client.get)("/admin/live/")
    assert answer.json()["notices"][0]["text"] == TEXT


# --- The page that asks -----------------------------------------------------------------------------------------


def test_the_page_is_told_what_the_socket_would_have_told(anna, client):
    client.force_login(anna, backend=BACKEND)
    assert client.get("/admin/live/").json() == NOTHING
    tell([telling(anna)], now=timezone.now())
    pk = anna.notices.get().pk
    answer = client.get("/admin/live/")
    assert answer.json() == {
        "kind": "notices",
        "unread": "1",
        "notices": [{"id": pk, "text": TEXT, "url": "/admin/x/"}],
    }
    assert "no-store" in answer["Cache-Control"]
    client.cookies["django_language"] = "ja"
    assert json.loads(client.get("/admin/live/").content)["notices"][0]["text"] == TEXT_JA


@pytest.mark.parametrize("number", [1, 30, 150])
def test_its_queries_do_not_grow_with_the_notices(anna, client, number):
    client.force_login(anna, backend=BACKEND)
    tell([telling(anna, key=f"step/{key}") for key in range(number)], now=timezone.now())
    with CaptureQueriesContext(connection) as queries:
        answer = client.get("/admin/live/").json()
    assert len(queries) == 4  # session, person, ids, texts
    assert answer["unread"] == {1: "1", 30: "30", 150: "99+"}[number]
    assert len(answer["notices"]) == min(number, live.MOST_NEWS)


def test_a_page_says_which_notices_it_knows(anna, client):
    client.force_login(anna, backend=BACKEND)
    tell([telling(anna)], now=timezone.now())
    page = client.get("/admin/helpdesk/notice/").content.decode()
    assert f'data-known="{anna.notices.get().pk}"' in page
    assert 'aria-label="Notices, 1 unread"' in page
