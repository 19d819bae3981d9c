"""What open screens cost: 200 sockets on two web processes, and how soon a notice is on them.

    python -m tests.servers python -m benchmarks.live [--screens 200] [--seconds 30]

On a database and a Redis of its own: makes so many specialists with a session each, starts uvicorn
twice on one listener as `manage.py run` does, opens a socket for each, and then each second writes:
nothing, a notice for one person, a notice for everybody; it pushes a message to everybody that asks
nobody to read; at last every screen shows the queue of all open tickets, and tickets change each second:
one, or ten in a busy queue. Prints JSON: milliseconds from before the act (its transaction and commit
included) to the message at the browser's end, and the processes' CPU time in percent of one core.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from statistics import quantiles
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("STAFF_MFA_REQUIRED", "0")
os.environ.setdefault("SECURE", "0")
django.setup()

import psutil  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402
from websockets.asyncio.client import ClientConnection, connect  # noqa: E402

from helpdesk.accounts.models import StaffRole, User  # noqa: E402
from helpdesk.management.commands.run import UVICORN  # noqa: E402
from helpdesk.notifications.live import push  # noqa: E402
from helpdesk.notifications.services import Reader, Telling, tell  # noqa: E402
from helpdesk.tickets import services  # noqa: E402
from helpdesk.tickets.models import Priority, Ticket  # noqa: E402
from tests.factories import make_ticket  # noqa: E402

WEBS = 2
SAID = {"percent": 75, "metric": "first_response", "reference": "PS-7", "subject": "Forms show a blank page"}
numbers = count()


def people(screens: int) -> tuple[list[Reader], list[str]]:
    """Specialists, and the cookie of a session of each."""
    readers, cookies = [], []
    for number in range(screens):
        user = User.objects.create(
            email=f"s{number}@premium.example", full_name=f"S {number}", staff_role=StaffRole.SPECIALIST
        )
        client = Client()
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        readers.append(Reader(email=user.email, user_id=user.pk, language="en", time_zone="UTC"))
        cookies.append(f"sessionid={client.cookies['sessionid'].value}")
    return readers, cookies


@contextmanager
def web() -> Iterator[tuple[int, list[psutil.Process]]]:
    """The port, and the processes that serve it."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        descriptor = listener.fileno()
        command = [sys.executable, "-m", "uvicorn", "config.asgi:application", f"--fd={descriptor}", *UVICORN]
        started = [subprocess.Popen(command, pass_fds=[descriptor], stdout=subprocess.DEVNULL) for _ in range(WEBS)]
        try:
            yield listener.getsockname()[1], [psutil.Process(process.pid) for process in started]
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait()


def say(number: int, readers: list[Reader]) -> int:
    telling = Telling(key=f"live/{number}", kind="escalation", context=SAID, url=f"/{number}/", readers=readers)
    try:
        with transaction.atomic():
            tell([telling], now=timezone.now())
    finally:
        connection.close()
    return len(readers)


def pass_on(number: int, readers: list[Reader]) -> int:
    """What a live queue would send: a message that screens get as it is."""
    push(user_ids=[reader.user_id for reader in readers], kind="ticket", payload={"id": number, "what": "taken"})
    return len(readers)


def tickets_to_change(readers: list[Reader]) -> tuple[Callable[[int, int], int], Callable[[int, int], set[int]]]:
    """What changes so many tickets, each in a transaction of its own, as ten specialists would; and which they are."""
    tickets = [make_ticket(now=timezone.now()) for _ in range(20)]
    actor = User.objects.get(pk=readers[0].user_id)

    def which(number: int, how_many: int) -> set[int]:
        return {tickets[(number * how_many + step) % len(tickets)].pk for step in range(how_many)}

    def change(number: int, how_many: int) -> int:
        try:
            for ticket in Ticket.objects.filter(pk__in=which(number, how_many)):
                urgent = ticket.priority == Priority.URGENT
                priority = Priority.NORMAL if urgent else Priority.URGENT
                services.set_priority(ticket=ticket, priority=priority, actor=actor, now=timezone.now())
        finally:
            connection.close()
        return len(readers)

    return change, which


def cpu(web: list[psutil.Process]) -> dict[str, float]:
    """Seconds of CPU time so far: of the web, and of the servers that were started for this run."""
    spent = dict.fromkeys(("web", "postgres", "redis"), 0.0)
    for process in {*web, *psutil.Process().parent().children(recursive=True)}:
        name = "web" if process in web else process.name().removesuffix("-server")
        if name in spent:
            with suppress(psutil.NoSuchProcess):  # what a connection that ended has spent is with its parent
                spent[name] += sum(process.cpu_times()[: 2 if name == "web" else 4])
    return spent


class Screen:
    """A browser's end: notes when it first hears of each thing."""

    def __init__(self, own: ClientConnection) -> None:
        self.own = own
        self.known: set[int] = set()
        self.awaits: dict[int, set[int]] = {}  # the tickets of each change whose rows this queue has not heard of yet
        self.rows = self.bytes = 0

    async def hear(self, heard: list[tuple[int, float]]) -> None:
        async for text in self.own:
            at, message = time.perf_counter(), json.loads(text)
            told = {int(notice["url"].strip("/")) for notice in message.get("notices", [])}
            if message["kind"] == "queue":
                rows = {row["id"] for row in message.get("rows", [])}
                self.rows += len(rows)
                self.bytes += len(text)
                told = self.all_rows_of(rows)
            fresh = (told | {message["id"]} if "id" in message else told) - self.known
            self.known |= fresh
            heard += [(number, at) for number in fresh]

    def all_rows_of(self, rows: set[int]) -> set[int]:
        """The changes that these rows complete. One message may tell of several, and counts come without any rows."""
        for missing in self.awaits.values():
            missing -= rows
        told = {number for number, missing in self.awaits.items() if not missing}
        self.awaits = {number: missing for number, missing in self.awaits.items() if missing}
        return told


async def measure(
    screens: list[Screen],
    web: list[psutil.Process],
    *,
    seconds: int,
    act: Callable[[int], int],
    which: Callable[[int], set[int]] = lambda number: set(),
) -> dict[str, Any]:
    """What it costs, and how soon it is heard, when `act(number)` is done once a second; it returns for how many.

    `which`: the tickets whose rows tell of it.
    """
    heard: list[tuple[int, float]] = []
    begun: dict[int, float] = {}
    expected = 0
    hearing = [asyncio.create_task(screen.hear(heard)) for screen in screens]
    await asyncio.sleep(1)
    before, start = cpu(web), time.perf_counter()
    for _ in range(seconds):
        number = next(numbers)
        begun[number] = time.perf_counter()
        for screen in screens:
            if tickets := which(number):
                screen.awaits[number] = tickets
        expected += await asyncio.to_thread(act, number)
        await asyncio.sleep(max(0.0, begun[number] + 1 - time.perf_counter()))
    wall = time.perf_counter() - start
    used = {name: spent - before[name] for name, spent in cpu(web).items()}
    await asyncio.sleep(3)
    for task in hearing:
        task.cancel()
    result: dict[str, Any] = {f"{name}_cpu_percent": round(100 * took / wall, 1) for name, took in used.items()}
    if expected:
        took = [at - begun[number] for number, at in heard if number in begun]
        cuts = quantiles(took, n=100)
        result |= {"p50_ms": round(1000 * cuts[49], 1), "p99_ms": round(1000 * cuts[98], 1)}
        result["heard_of_100"] = round(100 * len(took) / expected, 1)
    return result


async def run(readers: list[Reader], cookies: list[str], port: int, web: list[psutil.Process], seconds: int) -> dict:
    def opening(cookie: str) -> connect:
        origin, headers = f"http://127.0.0.1:{port}", {"Cookie": cookie}
        return connect(f"ws://127.0.0.1:{port}/admin/live/", origin=origin, additional_headers=headers, open_timeout=60)

    await asyncio.gather(*[opening(cookies[0]) for _ in range(20)])  # waits until both processes are up and warm
    begun = time.perf_counter()
    screens = [Screen(await opening(cookie)) for cookie in cookies]
    result = {
        "screens": len(screens),
        "milliseconds_to_open_one": round(1000 * (time.perf_counter() - begun) / len(screens), 1),
        "megabytes_of_each_process": [round(process.memory_info().rss / 1e6) for process in web],
    }
    acts = {
        "idle": lambda number: 0,
        "a_notice_for_one": lambda number: say(number, readers[:1]),
        "a_notice_for_all": lambda number: say(number, readers),
        "a_message_passed_on_to_all": lambda number: pass_on(number, readers),
    }
    result |= {name: await measure(screens, web, seconds=seconds, act=act) for name, act in acts.items()}
    change, which = await asyncio.to_thread(tickets_to_change, readers)
    for screen in screens:
        await screen.own.send(json.dumps({"queue": "view=open"}))
    await asyncio.sleep(2)
    for how_many in (1, 10):
        name = f"{how_many}_changed_for_open_queues"
        acts_on = {"act": partial(change, how_many=how_many), "which": partial(which, how_many=how_many)}
        result[name] = await measure(screens, web, seconds=seconds, **acts_on)
        rows = sum(screen.rows for screen in screens)
        result[name]["rows_a_screen"] = round(rows / len(screens), 1)
        result[name]["kilobytes_a_screen_and_second"] = round(
            sum(screen.bytes for screen in screens) / len(screens) / seconds / 1000, 1
        )
        for screen in screens:
            screen.rows = screen.bytes = 0
    return result


def main() -> None:
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--screens", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=30)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    readers, cookies = people(options.screens)
    with web() as (port, processes):
        print(json.dumps(asyncio.run(run(readers, cookies, port, processes, options.seconds)), indent=2))


if __name__ == "__main__":
    main()
