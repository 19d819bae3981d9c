"""Sweepers as processes of their own, and their deaths by SIGKILL at any instant (SPEC 2.5)."""

import logging
import os
import signal
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from django.db import connection
from django.db.models import Q

from helpdesk.core.processes import die_with_parent
from helpdesk.escalation import sweep as module
from helpdesk.escalation.models import Escalation
from helpdesk.management.simulation.model import Key
from helpdesk.sla.models import Clock

NAME = "simulated sweeper"
log = logging.getLogger(__name__)
# Where a sweeper dies by its own hand: after this function of the sweep returned, for the n-th time.
POINTS = ("_claim", "insert", "tell", "_save", "_sweep_batch", "perform_pending")
LONGEST = 0.06  # seconds after its start that somebody else kills it


@dataclass(slots=True)
class Deaths:
    """How many sweepers were killed, and what they had written by then."""

    killed: int = 0
    wrote_nothing: int = 0
    wrote_a_part: int = 0
    wrote_all: int = 0
    side_by_side: int = 0
    at: dict[str, int] = field(default_factory=dict)


def sweep_and_die(rng: Random, deaths: Deaths, *, now: datetime, due: Collection[Key]) -> set[Key]:
    """One sweeper, or two at once, of which at least one is killed. Returns which of the clocks due it has swept."""
    pair = rng.random() < 0.35
    size = rng.choice([1, 2, 3, 5, 10, 50])
    plans = [_plan(rng) for _ in range(1 + pair)]
    if pair and rng.random() < 0.7:
        plans[1] = None  # this one lives
    children = [_spawn(now=now, size=size, plan=plan) for plan in plans]
    for (pid, reader), plan in zip(children, plans, strict=True):
        os.read(reader, 1)  # it is about to sweep
        if plan and plan[0] == "killed":
            time.sleep(plan[1])
            os.kill(pid, signal.SIGKILL)
    for (pid, reader), plan in zip(children, plans, strict=True):
        _pid, status = os.waitpid(pid, 0)
        os.close(reader)
        if plan is None and status:
            raise RuntimeError(f"a sweeper that was to live ended with {status}")
        if plan:
            if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
                raise RuntimeError(f"a sweeper that was to die by {plan} ended with {status}")
            deaths.killed += 1
            deaths.at[plan[0]] = deaths.at.get(plan[0], 0) + 1
    wait_until_gone()
    written = swept(due, now=now)
    deaths.side_by_side += pair
    deaths.wrote_nothing += not written
    deaths.wrote_all += len(written) == len(due) > 0
    deaths.wrote_a_part += 0 < len(written) < len(due)
    return written


def _plan(rng: Random) -> tuple[str, float]:
    """Killed from outside after so many seconds, or at a point of the sweep for the n-th time."""
    if rng.random() < 0.5:
        return "killed", rng.random() * LONGEST
    return rng.choice(POINTS), rng.randrange(1, 4)


def in_child(work: Callable[[], None]) -> int:
    """Run `work` in a forked process with a database connection of its own; returns its pid."""
    pid = os.fork()
    if pid:
        return pid
    inherited, connection.connection = connection.connection, None  # neither used nor closed here
    connection.settings_dict["OPTIONS"]["application_name"] = NAME
    try:
        die_with_parent()
        work()
    except BaseException:  # noqa: BLE001 - whatever it is, this process must not go on as its parent would
        log.exception("a simulated sweeper failed, beside the connection %s", inherited)
        os._exit(1)
    os._exit(0)


def _spawn(*, now: datetime, size: int, plan: tuple[str, float] | None) -> tuple[int, int]:
    reader, writer = os.pipe()

    def work() -> None:
        if plan and plan[0] in POINTS:
            _die_after(plan[0], int(plan[1]))
        connection.ensure_connection()
        os.write(writer, b".")
        module.sweep(now=now, batch_size=size)
        if plan:
            if plan[0] in POINTS:  # there was too little to do to get so far
                os.kill(os.getpid(), signal.SIGKILL)
            signal.pause()

    pid = in_child(work)
    os.close(writer)
    return pid, reader


def _die_after(name: str, times: int) -> None:
    real = getattr(module, name)
    left = [times]

    def dying(*arguments: object, **named: object) -> object:
        result = real(*arguments, **named)
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(module, name, dying)


def wait_until_gone() -> None:
    """Until PostgreSQL has ended the sessions of the dead: what was on its way to be committed is, or is not."""
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", [NAME])
            if not cursor.fetchone()[0]:
                return
            time.sleep(0.002)


def swept(keys: Iterable[Key], *, now: datetime) -> set[Key]:
    """Which of these clocks, due at `now`, a sweep has looked at: it has said when to look again."""
    found = Clock.objects.filter(ticket__in={key[0] for key in keys})
    found = found.filter(Q(next_check_at=None) | Q(next_check_at__gte=now))
    return set(keys) & set(found.values_list("ticket_id", "metric", "cycle"))


def performed(steps: Collection[tuple[Key, int, int, int]]) -> list[tuple[Key, int, int, int]]:
    """Which of these steps have done what they do, in the order in which they were written."""
    key = ("clock__ticket_id", "clock__metric", "clock__cycle", "deadline_version", "percent", "reminder")
    done = Escalation.objects.filter(ticket__in={step[0][0] for step in steps}, acts_pending=False).exclude(acts={})
    return [step for row in done.order_by("pk").values_list(*key) if (step := (row[:3], *row[3:])) in steps]
