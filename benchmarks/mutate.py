"""Mutants of the engine, each judged by its tests: what no test objects to is printed.

    python -m tests.servers python -m benchmarks.mutate helpdesk/sla/fold.py --out FILE [--share 0.3 --seed 1]

Needs cosmic-ray 8.7 beside the development requirements; its operators make the mutants, and one more drops a
statement, a named argument or an entry of a dict. No file is changed, and each mutant runs in a forked child that stops
at the first test that fails. One within functions is judged in one session for all (`jury`): its code is put into the
functions that are there, and only the tests that reach its statement run. Any other is imported from memory, and its
stages follow each other: only what survives one goes on to the next. `--stages 1` takes only so many of the module's,
for both. `--out` keeps the outcomes, one JSON a line; with the same file a later run takes what was
killed, or did not end, from there.

Left out by rule: mutants within annotations and the options of classes, within `lru_cache` (they tell by time and
memory only), within what is raised, logged or translated (texts), those that put `is` in place of another comparison
(the same on members of an enum), and those that compile to the same code.
"""

import argparse
import ast
import difflib
import importlib
import importlib.abc
import importlib.util
import json
import os
import random
import re
import resource
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

from benchmarks.jury import Selection, hold, signature, within

PURE = ["-c", os.devnull, "--rootdir=.", "--noconftest"]
ROWS = ["-p", "pytest_django.plugin", "-p", "tests.servers", "--ds=config.settings", "--reuse-db"]
BOTH = ["-q", "-x", "--tb=no", "--assert=plain", "--import-mode=importlib", "-p", "no:cacheprovider"]
CLOCK = [f"tests/sla/test_{name}.py" for name in ("clock", "clock_exceptions", "target", "ladder")]
CALENDAR = [
    "tests/sla/test_business_days.py",
    "tests/sla/test_calendar.py",
    *(f"tests/sla/test_calendar_{name}.py" for name in ("costs", "definitions", "limits", "pauses")),
]
EXPLAIN = ["tests/sla/test_explain.py", "tests/sla/test_explain_folding.py"]
LIVES = ["tests/sla/test_clock_properties.py", "tests/sla/test_clock_machine.py"]
SWEEP = [
    f"tests/escalation/test_{name}.py"
    for name in ("recipients", "unreadable", "acknowledging", "acts", "lateness", "sweep")
]
WATCHDOG = ["tests/escalation/test_watchdog_figures.py", "tests/escalation/test_watchdog.py"]
# What judges each module: stages of test files, the quickest that say most first.
STAGES = {
    "helpdesk/sla/target.py": [CLOCK, [*EXPLAIN, *LIVES]],
    "helpdesk/sla/clock.py": [CLOCK, [*EXPLAIN, *LIVES]],
    "helpdesk/sla/fold.py": [CLOCK, [*EXPLAIN, *LIVES]],
    "helpdesk/sla/ladder.py": [["tests/sla/test_ladder.py"], LIVES],
    "helpdesk/sla/calendar.py": [CALENDAR, ["tests/sla/test_calendar_properties.py", *CLOCK]],
    "helpdesk/sla/terms.py": [["tests/sla/test_terms.py", "tests/sla/test_ladder.py"]],
    "helpdesk/sla/explain.py": [EXPLAIN, ["tests/sla/test_explain_properties.py"]],
    "helpdesk/sla/timeline.py": [["tests/sla/test_timeline_drawing.py"], ["tests/sla/test_timeline.py"]],
    "helpdesk/sla/holidays.py": [["tests/sla/test_holidays.py"]],
    "helpdesk/sla/ics.py": [[f"tests/sla/test_ics{part}.py" for part in ("", "_limits", "_properties")]],
    "helpdesk/sla/versions.py": [["tests/sla/test_versions.py"]],
    "helpdesk/sla/services.py": [
        ["tests/sla/test_services.py", "tests/sla/test_versions.py"],
        ["tests/tickets/test_promises.py", "tests/tickets/test_metrics.py"],
        ["tests/tickets/exceptions", "tests/tickets/test_merges.py", "tests/tickets/test_new_rules.py"],
        ["tests/sla/test_verification.py", "tests/tickets/test_edge_cases.py", *SWEEP],
    ],
    "helpdesk/escalation/sweep.py": [SWEEP[:3], SWEEP[3:]],
    "helpdesk/escalation/recipients.py": [SWEEP[:1]],
    "helpdesk/escalation/lateness.py": [["tests/escalation/test_lateness.py"]],
    "helpdesk/escalation/acts.py": [["tests/escalation/test_acts.py"]],
    "helpdesk/escalation/telling.py": [
        [
            "tests/escalation/test_telling.py",
            "tests/escalation/test_quiet_hours.py",
            "tests/notifications/test_digest.py",
            *SWEEP[:1],
        ]
    ],
    "helpdesk/escalation/services.py": [["tests/escalation/test_acknowledging.py"], SWEEP[-1:]],
    "helpdesk/escalation/watchdog.py": [WATCHDOG],
    "helpdesk/escalation/alarms.py": [["tests/escalation/test_alarms.py"]],
    "helpdesk/escalation/manager_requests.py": [["tests/escalation/test_manager_requests.py"]],
    "helpdesk/escalation/models.py": [
        ["tests/escalation/test_manager_requests.py", "tests/escalation/test_acknowledging.py"]
    ],
    "helpdesk/sla/wording.py": [["tests/sla/test_wording.py"]],
    "helpdesk/sla/verification.py": [["tests/sla/test_verification.py"], ["tests/sla/test_audit.py"]],
    "helpdesk/sla/models/clock.py": [["tests/sla/test_models.py"]],
    "helpdesk/sla/models/exceptions.py": [["tests/sla/test_models.py"]],
    "helpdesk/sla/models/rollout.py": [["tests/sla/test_models.py"]],
    "helpdesk/sla/models/rules.py": [["tests/sla/test_models.py"]],
}
DROP = "drop"
NAMES = ("path", "operator", "line", "change")  # of what tells one mutant from another
Position = tuple[int, int]
SECONDS = 30  # of processor time, for one stage of one mutant


class Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds one module in memory instead of in its file."""

    def __init__(self, path: str, source: str) -> None:
        self.name, self.path, self.source = path.removesuffix(".py").replace("/", "."), path, source

    def find_spec(self, name, path, target=None):
        return importlib.util.spec_from_loader(name, self) if name == self.name else None

    def create_module(self, spec):
        return None

    def exec_module(self, module) -> None:
        exec(compile(self.source, self.path, "exec"), module.__dict__)  # noqa: S102


def judge(path: str, source: str, tests: list[str], *, loaded: Path | None = None) -> str:
    """`survived`, `killed`, `timeout` or `error` (of the run itself): what these tests say of such a module."""
    rows = uses_rows(files_of(tests))
    # The first one makes the database by its migrations, the others find it there.
    database = () if not rows else ("--create-db",) if loaded else ("--nomigrations",)
    pid = os.fork()
    if pid == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
        signal.alarm(6 * SECONDS)  # of the clock on the wall: one that waits for a lock uses no processor
        if not os.environ.get("MUTATE_SHOW"):
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(null, descriptor)
        sys.meta_path.insert(0, Mutated(path, source))
        code = 9
        with suppress(BaseException):
            code = int(pytest.main([*BOTH, *(ROWS if rows else PURE), *database, *tests], plugins=[Selection()]))
            if loaded:
                loaded.write_text("\n".join(sys.modules))
        os._exit(code)
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        return "timeout"
    # 1: a test failed. 2: one could not be collected, since the module cannot be imported.
    return {0: "survived", 1: "killed", 2: "killed"}.get(os.WEXITSTATUS(status), "error")


def files_of(tests: list[str]) -> list[str]:
    """Each file once."""
    return list(dict.fromkeys(tests))


def uses_rows(tests: list[str]) -> bool:
    return any("django" in Path(file).read_text() for file in tests)


def places(source: str) -> list[tuple[str, int, int]]:
    """Operator, occurrence and line of each mutant that no rule leaves out."""
    tree = ast.parse(source)
    out = [*_left_out(tree), *_stars(source)]
    nodes = list(ast_nodes(get_ast(source)))
    found = [(DROP, number, line, end) for number, (line, end, _drop) in enumerate(droppable(tree))]
    for name in operator_names():
        operator = get_operator(name)
        if not operator.arguments() and not name.endswith(("_Is", "_IsNot")):
            spans = (span for node in nodes for span in operator().mutation_positions(node))
            found += [(name, occurrence, begin, end) for occurrence, (begin, end) in enumerate(spans)]
    return [
        (name, occurrence, begin[0])
        for name, occurrence, begin, end in found
        if not any(first <= begin and end <= last for first, last in out)
    ]


def mutant(source: str, operator: str, occurrence: int) -> str | None:
    """The mutated source; None where it is no program, or the same one."""
    if operator == DROP:
        tree = ast.parse(source)
        droppable(tree)[occurrence][2]()
        mutated = ast.unparse(tree)
        return None if signature(compile(mutated, "", "exec")) == signature(compile(source, "", "exec")) else mutated
    mutated = mutate_code(source, get_operator(operator)(), occurrence)
    try:
        return None if compile(mutated, "", "exec") == compile(source, "", "exec") else mutated
    except (SyntaxError, TypeError):
        return None


def droppable(tree: ast.AST) -> list[tuple[Position, Position, Callable[[], None]]]:
    """Statements, named arguments and entries of a dict within functions, and what takes each away."""
    found = []
    for function in ast.walk(tree):
        for node in ast.walk(function) if isinstance(function, ast.FunctionDef) else ():
            match node:
                case ast.Call(keywords=named):
                    found += [(*_range(each.value), partial(named.remove, each)) for each in named]
                case ast.Dict(keys=keys, values=values):
                    for number, value in enumerate(values):
                        found.append((*_range(value), partial(_drop_entry, keys, values, number)))
            for block in (getattr(node, "body", None), getattr(node, "orelse", None), getattr(node, "finalbody", None)):
                for number, each in enumerate(block if isinstance(block, list) else ()):
                    if not isinstance(each, ast.FunctionDef | ast.Pass) and not _is_text(each):
                        found.append((*_range(each), partial(block.__setitem__, number, ast.Pass())))
    return found


def _drop_entry(keys: list[ast.expr], values: list[ast.expr], number: int) -> None:
    del keys[number], values[number]


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _left_out(tree: ast.AST) -> Iterator[tuple[Position, Position]]:
    for node in ast.walk(tree):
        match node:
            case ast.arg(annotation=ast.expr() as part) | ast.AnnAssign(annotation=part):
                yield _range(part)
            case ast.ClassDef(decorator_list=options):
                yield from map(_range, options)
            case ast.FunctionDef(decorator_list=options, returns=returned):
                for each in filter(_is_cache, options):
                    yield (each.lineno, each.col_offset - 1), (each.end_lineno + 1, 0)
                if returned:
                    yield _range(returned)
            case ast.Raise(exc=ast.expr() as part):
                yield _range(part)
            case ast.Call(func=ast.Attribute(value=ast.Name("log")) | ast.Name("_" | "gettext_lazy" | "ngettext")):
                yield _range(node)


def _is_cache(option: ast.expr) -> bool:
    return "lru_cache" in ast.unparse(option)


def _stars(source: str) -> Iterator[tuple[Position, Position]]:
    """The bare `*` of signatures, which a mutant takes for a product."""
    for number, line in enumerate(source.splitlines(), start=1):
        for star in re.finditer(r"\*(?=,)", line):
            yield (number, star.start()), (number, star.end())


def _range(node: ast.expr | ast.stmt) -> tuple[Position, Position]:
    return (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)


def warm(path: str, source: str, stages: list[list[str]]) -> None:
    """Let the module as it is pass, and import what its tests need of others: once, for all children."""
    for tests in stages:
        with tempfile.NamedTemporaryFile() as loaded:
            said = {judge(path, source, tests, loaded=Path(loaded.name)), judge(path, source, tests)}
            if said != {"survived"}:
                sys.exit(f"the tests fail without a mutant: {' '.join(tests)}; MUTATE_SHOW=1 shows why")
            for name in loaded.read().decode().split():
                if name.partition(".")[0] not in {"helpdesk", "config", "tests", "__main__", "__mp_main__"}:
                    with suppress(Exception):  # a module of models, say, which needs settings
                        importlib.import_module(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", choices=STAGES)
    parser.add_argument("--share", type=float, default=1.0, help="of the mutants, drawn at random")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stages", type=int, help="so many of the module's, for a first look")
    parser.add_argument("--within", action="store_true", help="only mutants within functions: of models, say")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    source, stages = Path(asked.path).read_text(), STAGES[asked.path][: asked.stages]
    every = places(source)
    random.Random(asked.seed).shuffle(every)  # so that a run that is ended early is a sample, too
    known = known_of(asked.out)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    inner, outer, outcomes = [], [], Counter()
    plain = ast.unparse(ast.parse(source))
    for operator, occurrence, line in every[: round(len(every) * asked.share)]:
        if (mutated := mutant(source, operator, occurrence)) is None:
            outcomes["no mutant"] += 1
            continue
        row = {"path": asked.path, "operator": operator, "line": line}
        row["change"] = difference(plain if operator == DROP else source, mutated)
        if (is_within := within(source, mutated)) < asked.within:
            outcomes["without"] += 1
        elif outcome := known.get(tuple(row.values())):
            outcomes[outcome] += 1
        else:
            (inner if is_within else outer).append((row, mutated))

    def tell(row: dict[str, Any], outcome: str) -> None:
        if outcome == "survived":
            print(f"{asked.path}:{row['line']} {row['operator']}\n{row['change']}", flush=True)
        with asked.out.open("a") as out:
            out.write(json.dumps({**row, "outcome": outcome}) + "\n")

    if inner:
        mutants = [(row["line"], mutated) for row, mutated in inner]
        tests = files_of(sum(stages, []))
        options = [*BOTH, "-s", *(ROWS if uses_rows(tests) else PURE), *tests]
        hold(asked.path, source, mutants, options, lambda number, outcome: tell(inner[number][0], outcome))
    if outer:
        warm(asked.path, source, stages)
        for row, mutated in outer:
            tell(row, judge_all(asked.path, mutated, stages))
    tried = Counter(outcome for outcome in last_outcomes(asked.out, [row for row, _mutated in (*inner, *outer)]))
    print(asked.path, {"places": len(every), **(outcomes + tried)})


def known_of(out: Path) -> dict[tuple, str]:
    """What was killed, or did not end, before: the others are judged by new tests, too."""
    rows = map(json.loads, out.read_text().splitlines() if out.exists() else ())
    return {
        tuple(row[name] for name in NAMES): row["outcome"] for row in rows if row["outcome"] in ("killed", "timeout")
    }


def last_outcomes(out: Path, asked: list[dict[str, Any]]) -> list[str]:
    rows = [json.loads(row) for row in out.read_text().splitlines()] if asked else ()
    last = {tuple(row[name] for name in NAMES): row["outcome"] for row in rows}
    return [last[tuple(row.values())] for row in asked]


def judge_all(path: str, source: str, stages: list[list[str]]) -> str:
    outcomes = (judge(path, source, tests) for tests in stages)
    return next((outcome for outcome in outcomes if outcome != "survived"), "survived")


def difference(before: str, after: str) -> str:
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return "\n".join(line for line in lines if line[:2] in ("- ", "+ "))


if __name__ == "__main__":
    main()
