"""Child processes that never outlive their parent, and a supervisor that brings dead ones back."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
_LIVED_WELL = 10.0  # seconds: a child that lived so long is brought back at once
_LONGEST_PAUSE = 30.0  # seconds between two starts of a child that keeps dying
_LARGEST_LOG = 20_000_000  # bytes; at a start, a longer log makes room for a new one


class StartFailed(Exception):
    """Something that must run does not; the message is one for the person at the terminal."""


class Stopping(Exception):
    """A stop was requested while something was under way."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to run, and how to end it."""

    name: str
    argv: Sequence[str | Path]
    log: Path
    cwd: Path
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    uid: int | None = None  # run as this user (and as the group of the same number)
    pass_fds: Sequence[int] = ()
    prepare: Callable[[], None] | None = None  # called before each start
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL  # sent by the kernel when the parent dies
    grace: float = 10  # seconds between the stop signal and SIGKILL


def die_with_parent(death_signal: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel send this process `death_signal` when its parent ends, however it ends.

    A change of user clears the wish, so it comes after setuid. Linux only, elsewhere nothing happens.
    """
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal))


def spawn(program: Program) -> subprocess.Popen[bytes]:
    """Start `program` in a session of its own, to die with us. Call it from the main thread:
    the kernel takes the end of the calling thread for the death of the parent."""
    parent = os.getpid()

    def become() -> None:
        if program.uid is not None:
            os.setgroups([])
            os.setgid(program.uid)
            os.setuid(program.uid)
        die_with_parent(program.death_signal)
        if os.getppid() != parent:  # it died before the kernel knew our wish
            os._exit(1)

    program.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if program.log.exists() and program.log.stat().st_size > _LARGEST_LOG:
        program.log.replace(program.log.with_suffix(".log.1"))
    with program.log.open("ab") as log:
        return subprocess.Popen(
            [os.fspath(part) for part in program.argv],
            cwd=program.cwd,
            env=program.env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=program.pass_fds,
            start_new_session=True,
            preexec_fn=become,  # safe: the supervisor has no threads
        )


class Child:
    """One program that is kept running."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._pause = 0.0
        self._not_before = 0.0

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        if self.program.prepare:
            self.program.prepare()
        self.process = spawn(self.program)
        self._started_at = time.monotonic()

    def revive(self, say: Callable[[str], None]) -> None:
        """Bring it back if it is dead: at once, or after growing pauses when it keeps dying."""
        if self.alive:
            return
        now = time.monotonic()
        if self.process is not None:
            self._bury(say, now)
        if now >= self._not_before:
            try:
                self.start()
            except (StartFailed, OSError) as error:
                say(f"{self.program.name} can't start: {error}")
                self._not_before = now + _LONGEST_PAUSE

    def _bury(self, say: Callable[[str], None], now: float) -> None:
        self.kill()  # what it left behind in its process group
        status, self.process = self.process.returncode, None
        end = f"{self.program.name} ended ({_describe(status)})"
        if now - self._started_at > _LIVED_WELL:
            self._pause = 0.0
            say(f"{end}, starting it again")
            return
        if not self._pause:
            say(self.with_log(f"{end} soon after its start"))
        self._pause = min(self._pause * 2 or 0.5, _LONGEST_PAUSE)
        self._not_before = now + self._pause
        say(f"{end}, starting it again in {self._pause:g} s")

    def with_log(self, what: str, *, lines: int = 15) -> str:
        """`what` happened, and the end of the program's log."""
        log = self.program.log
        tail = log.read_text(errors="replace").splitlines()[-lines:] if log.exists() else []
        return "\n".join([f"{what}. The end of {log}:", *(f"    {line}" for line in tail)])

    def ask_to_stop(self) -> None:
        if self.alive:
            self.process.send_signal(self.program.stop_signal)

    def wait(self, *, seconds: float) -> bool:
        """Whether it has ended within `seconds`."""
        if self.process is None:
            return True
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """End it and its process group at once."""
        self.kill_group()
        if self.process is not None:
            self.process.wait()

    def kill_group(self) -> None:
        """The same without waiting for the end: safe in a signal handler."""
        if self.process is not None:
            with suppress(ProcessLookupError, PermissionError):  # nobody is left in the group
                os.killpg(self.process.pid, signal.SIGKILL)


class Supervisor:
    """Children in stages: started in order, watched together, stopped in the opposite order."""

    def __init__(self, *, say: Callable[[str], None]) -> None:
        self._say = say
        self._stages: list[list[Child]] = []
        self._steps: list[Child] = []
        self._stop_requests = 0

    def request_stop(self, *_signal: object) -> None:
        """Have what is under way end with Stopping (a signal handler); asked again, kill everybody."""
        self._stop_requests += 1
        if self._stop_requests > 1:
            for child in self._children():
                child.kill_group()

    def check(self) -> None:
        """Raises Stopping once a stop is requested."""
        if self._stop_requests:
            raise Stopping

    def start(self, *programs: Program, ready: Callable[[], bool] | None = None, seconds: float = 60) -> None:
        """Start one stage, programs that may also stop side by side, and wait until it is ready.

        Raises StartFailed, with the end of a log, when one of them ends or `seconds` pass before that.
        """
        stage = [Child(program) for program in programs]
        self._stages.append(stage)
        for child in stage:
            child.start()
        deadline = time.monotonic() + seconds
        while ready and not ready():
            self.check()
            for child in stage:
                if not child.alive:
                    raise StartFailed(child.with_log(f"{child.program.name} ended at its start"))
            if time.monotonic() > deadline:
                raise StartFailed(stage[0].with_log(f"{stage[0].program.name} was not ready after {seconds:g} s"))
            time.sleep(0.03)

    def complete(self, step: Program) -> None:
        """Run a program that ends by itself. Raises StartFailed, with the end of its log, if it fails."""
        child = Child(step)
        self._steps = [child]
        child.start()
        while child.alive:
            try:
                self.check()
            except Stopping:
                child.kill()
                raise
            time.sleep(0.03)
        if child.process.returncode:
            raise StartFailed(child.with_log(f"{step.name} failed ({_describe(child.process.returncode)})"))

    def watch(self) -> None:
        """Bring back whoever dies, until a stop is requested (Stopping)."""
        while True:
            self.check()
            for stage in self._stages:
                for child in stage:
                    child.revive(self._say)
            time.sleep(0.1)

    def stop(self) -> None:
        """End all children, the last stage first; whoever outlasts its grace is killed."""
        for stage in reversed(self._stages):
            self._say(f"Stopping {', '.join(child.program.name for child in stage)}")
            for child in stage:
                child.ask_to_stop()
            deadline = time.monotonic() + max(child.program.grace for child in stage)
            for child in stage:
                if not child.wait(seconds=max(0.0, deadline - time.monotonic())):
                    self._say(f"{child.program.name} did not stop in time, killing it")
                child.kill()

    def _children(self) -> list[Child]:
        return [child for stage in [*self._stages, self._steps] for child in stage]


def _describe(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"
