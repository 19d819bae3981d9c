"""`manage.py run`: the whole product on one machine, supervised until Ctrl-C."""

import http.client
import os
import signal
import socket
import sys
from argparse import ArgumentParser
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from urllib.parse import urlsplit

import environ
import psycopg
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import get_commands
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from psycopg import sql

from helpdesk.core.arguments import whole
from helpdesk.core.catalogues import compile_catalogues
from helpdesk.core.demo import LOGINS, PASSWORD
from helpdesk.core.embedded import servers
from helpdesk.core.exclusive import listening, only_one, open_standard_files
from helpdesk.core.processes import Program, StartFailed, Stopping, Supervisor

env = environ.Env()
# A socket brings a screen small messages, and takes next to none: no compressor for each, no large frame from outside.
UVICORN = ["--no-access-log", "--no-server-header", "--ws-per-message-deflate=false", "--ws-max-size=65536"]


def say(line: str) -> None:
    """Print at once. A terminal that is gone must not keep us from stopping what we started."""
    with suppress(OSError):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


class Command(BaseCommand):
    help = "Run database, broker, web, worker, beat and watchdog, and keep them running. Ctrl-C stops them all."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--bind", type=ip_address, default=env.str("BIND", default="127.0.0.1"))
        parser.add_argument("--port", type=whole(0, 65_535), default=env.str("PORT", default="8000"))

    def handle(self, *, bind: IPv4Address | IPv6Address, port: int, **_options: object) -> None:
        open_standard_files()
        demo = env.bool("DEMO", default=not env.str("DATABASE_URL", default=""))
        if demo and "DEMO" not in os.environ and not bind.is_loopback:
            raise CommandError(
                f"The demonstration's passwords are known: it is not served at {bind}. Set DEMO=0, or DEMO=1 to insist."
            )
        supervisor = Supervisor(say=say)
        try:
            with only_one(settings.VAR) as announce, listening(bind, port) as listener:
                url = announce(listener, bind)
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    signal.signal(number, supervisor.request_stop)
                try:
                    Run(supervisor, listener, url=url, demo=demo).start()
                    supervisor.watch()
                except Stopping:
                    pass
                finally:
                    supervisor.stop()
        except StartFailed as error:
            raise CommandError(str(error)) from error
        say("Stopped.")


class Run:
    """One run of the product: its programs, and the order of their start."""

    def __init__(self, supervisor: Supervisor, listener: socket.socket, *, url: str, demo: bool) -> None:
        self.supervisor = supervisor
        self.listener = listener
        self.url = url
        self.demo = demo
        self.var: Path = settings.VAR
        self.env = {
            **os.environ,
            "HELPDESK_VAR": str(self.var),
            "PORT": str(listener.getsockname()[1]),
            "DEMO": str(demo),
            "PYTHONUNBUFFERED": "1",
        }

    def start(self) -> None:
        """Start everything and say where it is. Raises StartFailed, or Stopping when a stop is requested."""
        say(f"Logs: {self.var / 'log'}")
        compile_catalogues()
        self.start_database()
        self.start_broker()
        self.complete("Preparing the database", "migrate", "--no-input")
        self.complete("Collecting static files", "collectstatic", "--no-input", "--verbosity=0")
        if self.demo and "demo_data" in get_commands() and is_empty():
            self.complete("Loading the demonstration", "demo_data", "--tickets=300")
        say("Starting worker, web, beat and watchdog")
        self.supervisor.start(self.worker())
        webs = [self.web(number + 1) for number in range(env.int("WEB_WORKERS", default=2))]
        self.supervisor.start(*webs, ready=self.answers)
        self.supervisor.start(self.beat(), self.watchdog())
        self.greet()

    def start_database(self) -> None:
        if env.str("DATABASE_URL", default=""):
            say("Using the database of DATABASE_URL")
        else:
            say("Starting PostgreSQL")
            program = servers.postgres(var=self.var, env=self.env)
            self.supervisor.start(program, ready=lambda: servers.postgres_ready(self.var))
            servers.create_database(self.var)
        try:
            connect().close()
        except psycopg.OperationalError as error:
            raise StartFailed(f"The database can't be reached: {error}") from error

    def start_broker(self) -> None:
        if env.str("REDIS_URL", default=""):
            say("Using the Redis of REDIS_URL")
            if not servers.redis_answers(settings.REDIS_URL):
                raise StartFailed("The Redis of REDIS_URL can't be reached: start it, or mend the URL")
        else:
            say("Starting Redis")
            program = servers.redis_program(var=self.var, env=self.env)
            self.supervisor.start(program, ready=lambda: servers.redis_answers(settings.REDIS_URL))

    def complete(self, what: str, command: str, *arguments: str) -> None:
        say(what)
        self.supervisor.complete(self.python(command, "manage.py", command, *arguments, log="setup"))

    def worker(self) -> Program:
        concurrency = env.int("WORKER_CONCURRENCY", default=2)
        options = [f"--concurrency={concurrency}", "--loglevel=INFO", "--without-gossip", "--without-mingle"]
        return self.python("worker", "-m", "celery", "-A", "config", "worker", *options, grace=20)

    def beat(self) -> Program:
        options = ["--loglevel=INFO", "--pidfile=", f"--schedule={self.var / 'beat-schedule'}"]
        return self.python("beat", "-m", "celery", "-A", "config", "beat", *options)

    def watchdog(self) -> Program:
        """Neither the worker nor the broker that it watches has a part in it."""
        return self.python("watchdog", "manage.py", "watchdog")

    def web(self, number: int) -> Program:
        """One of the web processes: all accept from the one socket that we hold, so that none of them
        can keep the port from the next run, and a request waits in line while one is brought back."""
        descriptor = self.listener.fileno()
        options = [f"--fd={descriptor}", "--timeout-graceful-shutdown=5", *UVICORN]
        return self.python(
            f"web-{number}", "-m", "uvicorn", "config.asgi:application", *options, log="web", pass_fds=[descriptor]
        )

    def python(self, name: str, *argv: str, log: str | None = None, **kwargs: object) -> Program:
        return Program(
            name=name,
            argv=[sys.executable, *argv],
            log=self.var / "log" / f"{log or name}.log",
            cwd=settings.BASE_DIR,
            env=self.env,
            **kwargs,
        )

    def answers(self) -> bool:
        """Whether the web answers; a refusal (of this host name, say) is an answer, too."""
        web = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=5)
        try:
            web.request("GET", "/healthz")
            return web.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            web.close()

    def greet(self) -> None:
        say(f"\n  {settings.SITE_NAME} is at {self.url}")
        if self.demo:
            width = max(len(role) for role, _ in LOGINS)
            say(f"\n  Sign in, with the password {PASSWORD}, as")
            for role, email in LOGINS:
                say(f"    {role:{width}}  {email}")
        if settings.EMAIL_BACKEND.endswith("filebased.EmailBackend"):
            say(f"\n  Mail is written to {settings.EMAIL_FILE_PATH} (EMAIL_URL names a mail server)")
        say("\n  Ctrl-C stops it.\n")


def connect() -> psycopg.Connection:
    """A connection of our own: Django's pool would leave threads here, and a process with threads
    should not fork."""
    return psycopg.connect(**connection.get_connection_params(), connect_timeout=10)


def is_empty() -> bool:
    """Whether the database knows no person yet."""
    people = sql.Identifier(get_user_model()._meta.db_table)
    with connect() as own:
        return not own.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(people)).fetchone()[0]
