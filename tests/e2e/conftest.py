"""A real browser, a real mail server, and for some tests a real worker and beat."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from types import SimpleNamespace
from urllib.parse import urlsplit, urlunsplit

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler
from django.conf import settings as django_settings
from django.db import connection
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from helpdesk.accounts.models import StaffRole
from helpdesk.notifications.models import Heartbeat
from helpdesk.subscriptions.models import Hub
from tests.e2e.server import Server
from tests.factories import (
    PASSWORD,
    AccountFactory,
    DesignatedFactory,
    MembershipFactory,
    StaffFactory,
    SubscriptionFactory,
    TeamFactory,
    UserFactory,
    add_to_team,
)

# Playwright's loop runs in this thread; the objects a test makes between two clicks are its own affair.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    return {**browser_type_launch_args, "executable_path": "/usr/bin/chromium", "args": QUIET}


@pytest.fixture(scope="session")
def live_server() -> Iterator[Server]:
    """pytest-django's serves pages only: this one serves sockets, too."""
    server = Server()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def world(transactional_db) -> SimpleNamespace:
    """Kestrel with its people and two hubs, a company without premium support, and the staff."""
    account = AccountFactory(name="Kestrel Freight Group", time_zone="Europe/Berlin")
    team = TeamFactory(name="Content team")
    people = {
        "mina": DesignatedFactory(
            account=account, user=UserFactory(full_name="Mina Okafor", time_zone="Europe/Berlin")
        ).user,
        "aoife": MembershipFactory(account=account, user=UserFactory(full_name="Aoife Brennan")).user,
        "piet": MembershipFactory(user=UserFactory(full_name="Piet van den Berg")).user,
        "anna": StaffFactory(full_name="Anna Meier"),
        "olu": StaffFactory(full_name="Olu Adeyemi", staff_role=StaffRole.TEAM_LEAD),
        "helen": StaffFactory(full_name="Helen Marsh", staff_role=StaffRole.MANAGER),
    }
    for code in ("content", "marketing"):
        hub = Hub.objects.get(code=code)
        SubscriptionFactory(account=account, hub=hub, starts_on=date(2026, 1, 1), ends_on=None)
        hub.teams.add(team)
    add_to_team(team, people["anna"])
    add_to_team(team, people["olu"], lead=True)
    return SimpleNamespace(account=account, team=team, **people)


class Inbox(MessageHandler):
    """Keeps what the mail server was given."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list = []

    def handle_message(self, message) -> None:
        self.mails.append(message)

    def to(self, address: str) -> list:
        return [mail for mail in self.mails if address in mail["To"]]


@pytest.fixture
def inbox(settings) -> Iterator[Inbox]:
    """A real SMTP server that this test's mails go to."""
    handler = Inbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Controller(handler, hostname="127.0.0.1", port=port)
    server.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    yield handler
    server.stop()


@pytest.fixture
def jobs(live_server, inbox, settings, tmp_path) -> Iterator[None]:
    """A Celery worker and beat of this test's own, on the test's database, broker and mail server."""
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    env = {
        **os.environ,
        "DATABASE_URL": urlunsplit(database),
        "REDIS_URL": django_settings.REDIS_URL,
        "EMAIL_URL": f"smtp://127.0.0.1:{settings.EMAIL_PORT}",
        "SITE_URL": live_server.url,
        "DEMO": "1",
    }
    celery = [sys.executable, "-m", "celery", "-A", "config"]
    commands = [
        [*celery, "worker", "--concurrency=1", "--without-gossip", "--without-mingle"],
        [*celery, "beat", "--pidfile=", f"--schedule={tmp_path / 'beat'}"],
    ]
    with (tmp_path / "jobs.log").open("wb") as log:
        started = [subprocess.Popen(command, env=env, stdout=log, stderr=log) for command in commands]
        try:
            patience = time.monotonic() + 60
            while not Heartbeat.objects.exists():  # the first sweep has run
                assert time.monotonic() < patience, "worker and beat did not come up"
                time.sleep(0.2)
            yield
        finally:  # whatever happens: they would go on writing into the next test's tables
            for process in started:
                process.terminate()
            for process in started:
                _wait_or_kill(process)


def _wait_or_kill(process: subprocess.Popen) -> None:
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def is_complaint(line: ConsoleMessage) -> bool:
    """Whether the browser complains of the page; that an address is not there, or forbidden, is no such thing."""
    return line.type in ("error", "warning") and "status of 404" not in line.text


@pytest.fixture
def new_context(browser: Browser, live_server, settings) -> Iterator:
    """Opens a browser window, signed in as somebody; afterwards none of its pages may have complained.

    Complaints that contain a text of its `tolerated` don't count.
    """
    settings.ACCOUNT_RATE_LIMITS = {"login": "600/m/ip"}  # more people sign in from here than from anywhere else
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_window(user, *, password: str = PASSWORD, language: str = "", **options) -> Page:
        context = browser.new_context(base_url=live_server.url, **options)
        contexts.append(context)
        if language:
            context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(f"{page.url}: {line.text}") if is_complaint(line) else None)
        if user is not None:
            page.goto("/accounts/login/")
            page.fill("#id_login", user.email)
            page.fill("#id_password", password)
            page.press("#id_password", "Enter")
            page.wait_for_url(lambda url: "/accounts/login/" not in url)
        return page

    open_window.tolerated = []
    yield open_window
    for context in contexts:
        context.close()
    assert [line for line in complaints if not any(text in line for text in open_window.tolerated)] == []
