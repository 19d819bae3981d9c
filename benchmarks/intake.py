"""What taking in a ticket costs, beside django-helpdesk's public form, in the same run.

    python -m venv /tmp/djh && /tmp/djh/bin/pip install django-helpdesk gunicorn 'psycopg[binary]'
    python -m benchmarks.intake --peer /tmp/djh/bin/python [--posts 300] [--clients 4]

Ours is the portal's form at the settings' database, whatever it holds: a signed-in customer, one POST a ticket, two
uvicorn processes. The peer is a project of its own in a temporary directory with a database of its own on the same
server (made, and dropped again): its public form as it comes, two gunicorn workers, mails thrown away. Both get
the same words by the same client: so many connections at once, each POST with a CSRF token, answered by a
redirect. `bare` is a page of ours that does nothing, behind the same middleware: what the framework takes. Ours
writes its tickets for an account of its own and leaves them there. Prints JSON: POSTs a second, milliseconds
(median, the slowest of twenty), and the statements of one submission, in all and without those that say who asks
(session, person, membership), as Django counts them (BEGIN, COMMIT and savepoints left out).
"""

import json
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlencode

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("SECURE", "0")
django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from psycopg import connect, sql  # noqa: E402

from helpdesk.management.commands.run import UVICORN  # noqa: E402
from tests.factories import DesignatedFactory, SubscriptionFactory  # noqa: E402

WORKERS = 2
SUBJECT, BODY = "Forms show a blank page", "Since 13:40 every form is blank, and no visitor can place an order. " * 5
# Who asks: the session, the person, the accounts that they belong to.
PERSON = ("django_session", "helpdesk_user", "helpdesk_membership")
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
LENGTH = re.compile(rb"(?i)content-length: (\d+)")
PEER_FIELDS = {"title": SUBJECT, "body": BODY, "priority": "3", "submitter_email": "someone@intake.example"}
Fields = Callable[[], dict[str, str]]

PEER_SETTINGS = """
SECRET_KEY = "benchmark"
ALLOWED_HOSTS = ["*"]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.postgresql", "CONN_MAX_AGE": None, **{database!r}}}}}
INSTALLED_APPS = ["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
    "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles", "django.contrib.sites",
    "django.contrib.humanize", "rest_framework", "helpdesk"]
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware"]
TEMPLATES = [{{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS":
    {{"context_processors": ["django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth", "django.contrib.messages.context_processors.messages"]}}}}]
ROOT_URLCONF = "peer_urls"
SITE_ID = 1
STATIC_URL = "/static/"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
HELPDESK_TEAMS_MODE_ENABLED = False
"""
PEER_URLS = """
from django.urls import include, path
urlpatterns = [path("", include("helpdesk.urls", namespace="helpdesk"))]
"""
PEER_WSGI = """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "peer_settings")
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
"""
PEER_SETUP = """
import json, os
os.environ["DJANGO_SETTINGS_MODULE"] = "peer_settings"
import django; django.setup()
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
call_command("migrate", verbosity=0)
call_command("loaddata", "emailtemplate", verbosity=0)
from helpdesk.models import Queue, Ticket
queue = Queue.objects.create(title="Support", slug="support", allow_public_submission=True)
fields = {**json.loads(os.environ["FIELDS"]), "queue": str(queue.pk)}
client = Client()
client.post("/tickets/submit/", fields)
with CaptureQueriesContext(connection, ) as captured:
    answer = client.post("/tickets/submit/", fields)
assert answer.status_code == 302, answer.content.decode()[:3000]
assert Ticket.objects.count() == 2
made = [one["sql"] for one in captured.captured_queries if not one["sql"].startswith(("SAVEPOINT", "RELEASE", "BEGIN"))]
print(json.dumps({"queue": queue.pk, "statements": len(made)}))
"""


@contextmanager
def serve(command: list[str], **options: object) -> Iterator[tuple[int, list[int]]]:
    """Processes that share one listener; its port and their ids."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        descriptor = listener.fileno()
        commands = [[part.replace("FD", str(descriptor)) for part in command]]
        commands *= WORKERS if "uvicorn" in command else 1
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "pass_fds": [descriptor]}
        started = [subprocess.Popen(one, **quiet, **options) for one in commands]
        try:
            yield listener.getsockname()[1], [one.pid for one in started]
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait()


class Browser:
    """One connection that stays, with as little work of its own as can be: the cores are the servers'."""

    def __init__(self, port: int, url: str, cookie: str) -> None:
        self.port = port
        self.url = url
        self.connect()
        self.cookie = cookie
        head, body = self.ask(f"GET {url} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n".encode())
        assert b" 200 " in head[:20], (head, body[:2000])
        self.token = TOKEN.search(body.decode())[1]
        got = re.findall(rb"(?im)^set-cookie: ([^;\r]+)", head)
        self.cookie = "; ".join(filter(None, [cookie, *(one.decode() for one in got)]))

    def connect(self) -> None:
        """Anew: a server hangs up on one that is silent for some seconds."""
        self.line = socket.create_connection(("127.0.0.1", self.port), timeout=120)

    def ask(self, request: bytes) -> tuple[bytes, bytes]:
        self.line.sendall(request)
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._more()
        head, _end, body = got.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if length:
            while len(body) < int(length[1]):
                body += self._more()
        else:
            while not body.endswith(b"0\r\n\r\n"):
                body += self._more()
        return head, body

    def _more(self) -> bytes:
        got = self.line.recv(65536)
        assert got, "the server hung up"
        return got

    def post(self, fields: dict[str, str]) -> float:
        """Milliseconds until the redirect has come."""
        body = urlencode({**fields, "csrfmiddlewaretoken": self.token}).encode()
        head = f"POST {self.url} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {self.cookie}\r\n"
        head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        began = time.perf_counter()
        answer, _body = self.ask(head.encode() + body)
        taken = (time.perf_counter() - began) * 1000
        assert b" 302 " in answer[:20], answer
        return taken


@dataclass
class Contestant:
    name: str
    url: str
    fields: Fields
    port: int
    processes: list[int]
    cookies: list[str]
    rounds: list[dict[str, float]] = field(default_factory=list)

    def warm(self) -> None:
        """Every thread of every process has had its first request."""
        self.browsers = [Browser(self.port, self.url, cookie) for cookie in self.cookies]
        self.press(20)

    def press(self, posts: int) -> dict[str, float]:
        """So many POSTs a connection, all at once; each sends its next one as soon as the last one is answered."""
        for each in self.browsers:
            each.line.close()
            each.connect()
        before, database, began = cpu(self.processes), cpu([postmaster()]), time.perf_counter()
        with ThreadPoolExecutor(len(self.browsers)) as pool:
            runs = pool.map(lambda one: [one.post(self.fields()) for _number in range(posts)], self.browsers)
            taken = [one for run in runs for one in run]
        seconds, many = time.perf_counter() - began, len(taken)
        return {
            "posts_a_second": round(many / seconds, 1),
            "median_ms": round(median(taken), 1),
            "p95_ms": round(quantiles(taken, n=20)[-1], 1),
            "cpu_ms": round((cpu(self.processes) - before) * 1000 / many, 2),
            "database_cpu_ms": round((cpu([postmaster()]) - database) * 1000 / many, 2),
        }


def cpu(processes: list[int]) -> float:
    """Seconds of processor that these and their children have had, those that have ended included."""
    parents: dict[int, int] = {}
    spent: dict[int, float] = {}
    for each in Path("/proc").iterdir():
        if each.name.isdigit():
            with suppress(OSError):
                facts = (each / "stat").read_text().rpartition(")")[2].split()
                parents[int(each.name)] = int(facts[1])
                spent[int(each.name)] = sum(map(int, facts[11:15])) / os.sysconf("SC_CLK_TCK")
    return sum(taken for pid, taken in spent.items() if pid in processes or parents[pid] in processes)


def postmaster() -> int:
    """The process whose children serve this database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(Path("/proc", str(cursor.fetchone()[0]), "stat").read_text().rpartition(")")[2].split()[1])


def our_fields() -> dict[str, str]:
    return {"key": secrets.token_urlsafe(16), "hub": "content", "subject": SUBJECT, "body": BODY, "cc": ""}


def statements_of_ours(browser: Client) -> dict[str, int]:
    browser.post("/tickets/new/", our_fields(), headers={"Host": "127.0.0.1"})
    with CaptureQueriesContext(connection) as captured:
        assert browser.post("/tickets/new/", our_fields(), headers={"Host": "127.0.0.1"}).status_code == 302
    made = [one["sql"] for one in captured.captured_queries]
    made = [one for one in made if not one.startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT"))]
    person = [one for one in made if any(f'FROM "{table}"' in one for table in PERSON)]
    return {"statements": len(made), "statements_without_session": len(made) - len(person)}


@contextmanager
def ours(clients: int) -> Iterator[tuple[list[Contestant], dict[str, int]]]:
    token = secrets.token_hex(6)
    person = DesignatedFactory(user__email=f"{token}@intake.example", account__name=f"Intake benchmark {token}")
    SubscriptionFactory(account=person.account)
    browsers = [Client() for _number in range(clients)]
    for browser in browsers:
        browser.force_login(person.user, backend=settings.AUTHENTICATION_BACKENDS[0])
    cookies = [f"sessionid={browser.cookies['sessionid'].value}" for browser in browsers]
    with ExitStack() as stack:
        found = []
        for name, module, url in (
            ("ours", "config.asgi", "/tickets/new/"),
            ("bare", "benchmarks.bare", "/bare/"),
        ):
            command = [sys.executable, "-m", "uvicorn", f"{module}:application", "--fd=FD", *UVICORN]
            port, processes = stack.enter_context(serve(command))
            found.append(Contestant(name, url, our_fields, port, processes, cookies))
        yield found, statements_of_ours(browsers[0])


@contextmanager
def peer(python: str, clients: int) -> Iterator[tuple[Contestant, dict[str, int]]]:
    ours = connection.settings_dict
    name = f"peer_{secrets.token_hex(6)}"
    reach = {"host": ours["OPTIONS"].get("host") or ours["HOST"], "user": ours["USER"], "port": ours["PORT"] or None}
    reach = {key: value for key, value in reach.items() if value} | (
        {"password": ours["PASSWORD"]} if ours["PASSWORD"] else {}
    )
    database = {"NAME": name, **{key.upper(): value for key, value in reach.items()}}
    with connect(**reach, dbname=ours["NAME"], autocommit=True) as line:
        line.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        with tempfile.TemporaryDirectory() as folder:
            env, found = set_up(python, Path(folder), database)
            command = [python, "-m", "gunicorn", "peer_wsgi", f"--workers={WORKERS}", "--bind=fd://FD"]
            command += ["--keep-alive=60", "--worker-class=gthread", f"--threads={clients}"]
            fields = {**PEER_FIELDS, "queue": str(found["queue"])}
            with serve(command, cwd=folder, env=env) as (port, processes):
                contestant = Contestant("peer", "/tickets/submit/", lambda: fields, port, processes, [""] * clients)
                yield contestant, {"statements": found["statements"]}
    finally:
        with connect(**reach, dbname=ours["NAME"], autocommit=True) as line:
            line.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def set_up(python: str, folder: Path, database: dict[str, str]) -> tuple[dict[str, str], dict[str, int]]:
    texts = {"peer_settings": PEER_SETTINGS.format(database=database), "peer_urls": PEER_URLS, "peer_wsgi": PEER_WSGI}
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text)
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "FIELDS": json.dumps(PEER_FIELDS)}
    done = subprocess.run([python, "-c", PEER_SETUP], cwd=folder, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return env, json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--peer", default="/tmp/djh/bin/python", help="a Python that has django-helpdesk and gunicorn")  # noqa: S108
    parser.add_argument("--posts", type=int, default=40, help="a connection, in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, default=4)
    chosen = parser.parse_args()
    call_command("collectstatic", interactive=False, verbosity=0)
    with ours(chosen.clients) as (mine, counted), peer(chosen.peer, chosen.clients) as (other, their):
        everybody = [*mine, other]
        for each in everybody:
            each.warm()
        for _number in range(chosen.rounds):
            for each in everybody:
                each.rounds.append(each.press(chosen.posts))
    figures = {each.name: middle(each.rounds) for each in everybody}
    for name, more in (("ours", counted), ("peer", their)):
        figures[name] |= more
    ratios = [a["posts_a_second"] / b["posts_a_second"] for a, b in zip(mine[0].rounds, other.rounds, strict=True)]
    print(
        json.dumps(
            figures | {"ours_to_peer": [round(one, 2) for one in ratios], "median_ratio": round(median(ratios), 2)},
            indent=1,
        )
    )


def middle(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(median(one[name] for one in rounds), 2) for name in rounds[0]}


if __name__ == "__main__":
    main()
