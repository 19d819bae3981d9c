"""Many mutants of one module judged in one session of pytest: each in a forked child, with the code put in place.

Importing the tests and what they need takes far longer than running them. So a session collects them once,
a first child notes which lines of the module each test reaches, and how long it takes, and every mutant then
gets a child of its own, in which the functions have its code and only the tests that reach its statement run,
first those that are quick and have killed most so far. What stands outside functions (constants, fields,
decorators) took effect when the module was imported: `mutate.judge` imports it anew for such a mutant.
"""

import ast
import functools
import gc
import json
import os
import resource
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from select import select
from time import monotonic
from types import CodeType, FunctionType

import pytest
from hypothesis import Phase

PHASES = (Phase.explicit, Phase.generate)  # that it fails is enough, the smallest example is not looked for
EXAMPLES = 20  # of a property or a state machine: a mutant is judged thousands of times
LEAST, MOST = 2, 60  # seconds for one test, of the processor beside thrice what it takes, and on the wall


class Selection:
    """Leaves out tests that start processes or really commit, and bounds the examples of a property."""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if not (item.get_closest_marker("slow") or self._commits(item))]
        for item in items:
            given = getattr(item.obj, "__func__", item.obj)
            if settings := getattr(given, "_hypothesis_internal_use_settings", None):
                given._hypothesis_internal_use_settings = self._few(settings)
            elif settings := getattr(item.cls, "settings", None):  # a state machine
                item.cls.settings = self._few(settings)

    @staticmethod
    def _few(settings):
        few = {"max_examples": EXAMPLES, "phases": PHASES, "report_multiple_bugs": False}
        return type(settings)(settings, **few, derandomize=True, database=None, deadline=None)

    @staticmethod
    def _commits(item: pytest.Item) -> bool:
        marker = item.get_closest_marker("django_db")
        fixtures = {"transactional_db", "live_server"} & set(getattr(item, "fixturenames", ()))
        return bool(fixtures or (marker and marker.kwargs.get("transaction")))


class Jury(Selection):
    """Judges, in place of running the tests: `tell(number, outcome)` for each of `mutants` (line and source)."""

    def __init__(
        self, path: str, source: str, mutants: list[tuple[int, str]], tell: Callable[[int, str], None]
    ) -> None:
        self.path, self.source, self.mutants, self.tell = path, source, mutants, tell
        self.forked = False
        self.killed = Counter()  # how many mutants each test has killed so far
        self.reading, self.writing = os.pipe()  # by which a child says what killed its mutant

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if "django" in sys.modules:
            self._run(session, session.items[0])  # makes the database
            _leave_database()
        file = sys.modules[self.path.removesuffix(".py").replace("/", ".")].__file__
        self.live = {
            (each.__code__.co_qualname, each.__code__.co_firstlineno): []
            for each in gc.get_objects()
            if isinstance(each, FunctionType) and each.__code__.co_filename == file
        }
        for each in gc.get_objects():
            if isinstance(each, FunctionType) and each.__code__.co_filename == file:
                self.live[each.__code__.co_qualname, each.__code__.co_firstlineno].append(each)
        self.cached = [each for each in gc.get_objects() if isinstance(each, functools._lru_cache_wrapper)]
        gc.freeze()  # what stands so far is looked through by no child, so that its pages stay shared
        reached = self._reached(session, file)
        for number, (line, source) in enumerate(self.mutants):
            lines = statement(ast.parse(self.source), line)
            chosen = [(took, place) for place, (took, seen) in enumerate(reached) if lines & seen]
            chosen.sort(key=lambda row: row[0] / (1 + self.killed[row[1]]))
            self.tell(number, self._judge(session, source, chosen))
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self.forked and report.failed:
            os.write(self.writing, self.place.to_bytes(4, "big"))
            os._exit(1)
        if report.failed:
            sys.exit(f"fails without a mutant: {report.nodeid}\n{report.longreprtext}")

    def _judge(self, session: pytest.Session, source: str, chosen: list[tuple[float, int]]) -> str:
        pid = os.fork()
        if pid == 0:
            self.forked = True
            resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
            _be_silent()
            code = 9
            with suppress(BaseException):
                self._put(source)
                code = 1
                for took, self.place in chosen:
                    signal.setitimer(signal.ITIMER_PROF, LEAST + 3 * took)
                    signal.alarm(int(MOST + 3 * took))  # one that waits for a lock uses no processor
                    self._run(session, session.items[self.place])
                code = 0
            os._exit(code)
        status = os.waitpid(pid, 0)[1]
        if select([self.reading], [], [], 0)[0]:
            self.killed[int.from_bytes(os.read(self.reading, 4), "big")] += 1
        return "timeout" if os.WIFSIGNALED(status) else {0: "survived", 1: "killed"}.get(status >> 8, "error")

    def _put(self, source: str) -> None:
        """The mutant's code into the functions that there are. ValueError where it takes other free variables."""
        for before, after in zip(functions(self.source), functions(source), strict=True):
            if signature(before) != signature(after):
                for each in self.live[before.co_qualname, before.co_firstlineno]:
                    each.__code__ = after
        self._forget()

    def _forget(self) -> None:
        for each in self.cached:
            if str(each.__module__).startswith("helpdesk."):
                each.cache_clear()

    def _reached(self, session: pytest.Session, file: str) -> list[tuple[float, set[int]]]:
        """Of each test how long it takes and which lines of the module it reaches."""
        reading, writing = os.pipe()
        if os.fork() == 0:
            found = []
            for item in session.items:
                self._forget()
                lines, begun = set(), monotonic()
                with _traced(file, lines):
                    self._run(session, item)
                found.append((monotonic() - begun, sorted(lines)))
            with os.fdopen(writing, "w") as pipe:
                json.dump(found, pipe)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            found = json.load(pipe)
        os.wait()
        return [(took, set(lines)) for took, lines in found]

    @staticmethod
    def _run(session: pytest.Session, item: pytest.Item) -> None:
        # What comes next is the session itself, for all that setting up and tearing down know: its fixtures stay.
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=session)


class _traced:  # noqa: N801 - a context
    def __init__(self, file: str, lines: set[int]) -> None:
        self.file, self.lines = file, lines

    def __enter__(self) -> None:
        sys.settrace(self._call)
        threading.settrace(self._call)

    def __exit__(self, *_exception) -> None:
        sys.settrace(None)
        threading.settrace(None)

    def _call(self, frame, _event, _argument):
        return self._line if frame.f_code.co_filename == self.file else None

    def _line(self, frame, _event, _argument):
        self.lines.add(frame.f_lineno)
        return self._line


def _leave_database() -> None:
    """A connection is of one process: the children make their own."""
    from django.db import connection  # noqa: PLC0415 - there are sessions without Django

    connection.close()
    if getattr(connection, "pool", None):
        connection.close_pool()


def _be_silent() -> None:
    if not os.environ.get("MUTATE_SHOW"):
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)


def statement(tree: ast.AST, line: int) -> set[int]:
    """The lines of the innermost statement at `line`; of one with a body, those before it."""
    found = {line}
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt | ast.match_case) and not isinstance(node, ast.FunctionDef | ast.ClassDef):
            begin = node.lineno if isinstance(node, ast.stmt) else node.pattern.lineno
            body = getattr(node, "body", None) or getattr(node, "cases", None)
            first = body[0] if body else None
            last = node.end_lineno if not body else max(begin, getattr(first, "lineno", begin + 1) - 1)
            if begin <= line <= last:
                found = set(range(begin, last + 1))  # walked from without to within: the last is the innermost
    return found


def functions(source: str, path: str = "") -> list[CodeType]:
    """The code of every function that is not within another one, in order."""
    return list(_functions(compile(source, path, "exec")))


def _functions(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            if each.co_flags & 0x2:  # new locals: a function, not the body of a class
                yield each
            else:
                yield from _functions(each)


def within(before: str, after: str) -> bool:
    """Whether two sources differ within functions only."""
    one, other = (compile(source, "", "exec") for source in (before, after))
    return _around(one) == _around(other)


def _around(code: CodeType) -> tuple:
    inner = tuple(
        (each.co_name, None if each.co_flags & 0x2 else _around(each), each.co_freevars if each.co_flags & 0x2 else ())
        if isinstance(each, CodeType)
        else (type(each), each)
        for each in code.co_consts
    )
    return code.co_code, code.co_names, inner


def signature(code: CodeType) -> tuple:
    """What code does, wherever in its file it stands."""
    inner = tuple(
        signature(each) if isinstance(each, CodeType) else (type(each), repr(each)) for each in code.co_consts
    )
    return code.co_code, code.co_names, code.co_varnames, code.co_freevars, inner, code.co_exceptiontable


def hold(path: str, source: str, mutants: list[tuple[int, str]], options: list[str], tell) -> None:
    """One session, in a child of this process, which so stays without the modules that it imports."""
    pid = os.fork()
    if pid == 0:
        code = 9
        with suppress(BaseException):
            code = int(pytest.main(options, plugins=[Jury(path, source, mutants, tell)]))
        sys.stdout.flush()
        os._exit(code)
    if status := os.waitpid(pid, 0)[1]:
        sys.exit(f"{Path(path).name}: the session ended with {status >> 8 or status}")
