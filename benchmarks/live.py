"""What open screens cost: 200 sockets on two web processes, and how soon a notice is on them.

    python -m tests.servers python -m benchmarks.live [--screens 200] [--seconds 30]

On a database and a Redis of its own: makes so many specialists with a session each, starts uvicorn
twice on one listener as `manage.py run` does, opens a socket for each, and then each second writes:
nothing, a notice for one person, a notice for everybody; at last it pushes a message to everybody
that asks nobody to read. Prints JSON: milliseconds from before the act (its transaction and commit
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
from contextlib import contextmanager
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


def cpu(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def servers() -> dict[str, list[psutil.Process]]:
    """PostgreSQL's and Redis' processes, where they were started for this run."""
    found: dict[str, list[psutil.Process]] = {"postgres": [], "redis": []}
    for process in psutil.Process().parent().children(recursive=True):
        name = process.name().removesuffix("-server")
        if name in found:
            found[name].append(process)
    return found


class Screen:
    """A browser's end: notes when it first hears of each thing."""

    def __init__(self, own: ClientConnection) -> None:
        self.own = own
        self.known: set[int] = set()

    async def hear(self, heard: list[tuple[int, float]]) -> None:
        async for text in self.own:
            at, message = time.perf_counter(), json.loads(text)
            told = {int(notice["url"].strip("/")) for notice in message.get("notices", [])}
            fresh = (told | {message["id"]} if "id" in message else told) - self.known
            self.known |= fresh
            heard += [(number, at) for number in fresh]


async def measure(
    screens: list[Screen], web: list[psutil.Process], *, seconds: int, act: Callable[[int], int]
) -> dict[str, Any]:
    """What it costs, and how soon it is heard, when `act(number)` is done once a second; it returns for how many."""
    heard: list[tuple[int, float]] = []
    begun: dict[int, float] = {}
    expected = 0
    hearing = [asyncio.create_task(screen.hear(heard)) for screen in screens]
    await asyncio.sleep(1)
    watched = {"web": web, **servers()}
    before, start = {name: cpu(those) for name, those in watched.items()}, time.perf_counter()
    for _ in range(seconds):
        number = next(numbers)
        begun[number] = time.perf_counter()
        expected += await asyncio.to_thread(act, number)
        await asyncio.sleep(max(0.0, begun[number] + 1 - time.perf_counter()))
    wall = time.perf_counter() - start
    used = {name: cpu(those) - before[name] for name, those in watched.items()}
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
    return result | {name: await measure(screens, web, seconds=seconds, act=act) for name, act in acts.items()}


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
