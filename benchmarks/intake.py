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

import http.client
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
from contextlib import contextmanager
from pathlib import Path
from statistics import mean, median, quantiles
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
def serve(command: list[str], **options: object) -> Iterator[int]:
    """Processes that share one listener; its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        descriptor = listener.fileno()
        commands = [[part.replace("FD", str(descriptor)) for part in command]]
        commands *= WORKERS if "uvicorn" in command else 1
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "pass_fds": [descriptor]}
        started = [subprocess.Popen(one, **quiet, **options) for one in commands]
        try:
            yield listener.getsockname()[1]
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait()


def press(port: int, url: str, fields: Fields, *, cookies: list[str], posts: int) -> dict[str, float]:
    """So many POSTs, shared among a connection for each cookie."""

    def work(cookie: str) -> list[float]:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        line.request("GET", url, headers={"Cookie": cookie})
        page = line.getresponse()
        text = page.read().decode()
        assert page.status == 200, (page.status, page.headers.get("Location"), text[:2000])
        token = TOKEN.search(text)[1]
        jar = "; ".join([cookie, *(one.partition(";")[0] for one in page.headers.get_all("Set-Cookie", []))]).strip(
            "; "
        )
        head = {"Cookie": jar, "Content-Type": "application/x-www-form-urlencoded"}
        taken = []
        for _number in range(posts // len(cookies) + 3):
            body = urlencode({**fields(), "csrfmiddlewaretoken": token})
            began = time.perf_counter()
            line.request("POST", url, body, head)
            answer = line.getresponse()
            answer.read()
            taken.append((time.perf_counter() - began) * 1000)
            assert answer.status == 302, answer.status
        line.close()
        return taken[3:]  # the first ones start the processes up

    with ThreadPoolExecutor(len(cookies)) as pool:
        taken = [one for some in pool.map(work, cookies) for one in some]
    # Each connection sends its next POST as soon as the last one is answered: no start-up in this figure.
    rounds = {"posts": len(taken), "posts_a_second": round(len(cookies) * 1000 / mean(taken), 1)}
    return rounds | {"median_ms": round(median(taken), 1), "p95_ms": round(quantiles(taken, n=20)[-1], 1)}


def our_fields() -> dict[str, str]:
    return {"key": secrets.token_urlsafe(16), "hub": "content", "subject": SUBJECT, "body": BODY, "cc": ""}


def ours(posts: int, clients: int) -> dict[str, object]:
    token = secrets.token_hex(6)
    person = DesignatedFactory(user__email=f"{token}@intake.example", account__name=f"Intake benchmark {token}")
    SubscriptionFactory(account=person.account)
    browsers = [Client() for _number in range(clients)]
    for browser in browsers:
        browser.force_login(person.user, backend=settings.AUTHENTICATION_BACKENDS[0])
    browsers[0].post("/tickets/new/", our_fields(), headers={"Host": "127.0.0.1"})
    with CaptureQueriesContext(connection) as captured:
        assert browsers[0].post("/tickets/new/", our_fields(), headers={"Host": "127.0.0.1"}).status_code == 302
    made = [one["sql"] for one in captured.captured_queries]
    made = [one for one in made if not one.startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT"))]
    session = [one for one in made if any(f'FROM "{table}"' in one for table in PERSON)]
    cookies = [f"sessionid={browser.cookies['sessionid'].value}" for browser in browsers]
    with serve([sys.executable, "-m", "uvicorn", "config.asgi:application", "--fd=FD", *UVICORN]) as port:
        speed = press(port, "/tickets/new/", our_fields, cookies=cookies, posts=posts)
    with serve([sys.executable, "-m", "uvicorn", "benchmarks.bare:application", "--fd=FD", *UVICORN]) as port:
        bare = press(port, "/bare/", our_fields, cookies=cookies, posts=posts)
    speed |= {"statements": len(made), "statements_without_session": len(made) - len(session)}
    return {"ours": speed, "bare": bare}


def peer(python: str, posts: int, clients: int) -> dict[str, object]:
    ours = connection.settings_dict
    name = f"peer_{secrets.token_hex(6)}"
    reach = {"host": ours["OPTIONS"].get("host") or ours["HOST"], "user": ours["USER"], "port": ours["PORT"] or None}
    reach = {key: value for key, value in reach.items() if value} | (
        {"password": ours["PASSWORD"]} if ours["PASSWORD"] else {}
    )
    with connect(**reach, dbname=ours["NAME"], autocommit=True) as line:
        line.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        with tempfile.TemporaryDirectory() as folder:
            return _peer(
                python,
                Path(folder),
                {"NAME": name, **{key.upper(): value for key, value in reach.items()}},
                posts,
                clients,
            )
    finally:
        with connect(**reach, dbname=ours["NAME"], autocommit=True) as line:
            line.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _peer(python: str, folder: Path, database: dict[str, str], posts: int, clients: int) -> dict[str, object]:
    texts = {"peer_settings": PEER_SETTINGS.format(database=database), "peer_urls": PEER_URLS, "peer_wsgi": PEER_WSGI}
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text)
    fields = {"title": SUBJECT, "body": BODY, "priority": "3", "submitter_email": "someone@intake.example"}
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "FIELDS": json.dumps(fields)}
    done = subprocess.run([python, "-c", PEER_SETUP], cwd=folder, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    found = json.loads(done.stdout.splitlines()[-1])
    fields["queue"] = str(found["queue"])
    command = [python, "-m", "gunicorn", "peer_wsgi", f"--workers={WORKERS}", "--bind=fd://FD", "--keep-alive=60"]
    command += ["--worker-class=gthread", f"--threads={clients}"]
    with serve(command, cwd=folder, env=env) as port:
        speed = press(port, "/tickets/submit/", lambda: fields, cookies=[""] * clients, posts=posts)
    return {**speed, "statements": found["statements"]}


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--peer", default="/tmp/djh/bin/python", help="a Python that has django-helpdesk and gunicorn")  # noqa: S108
    parser.add_argument("--posts", type=int, default=300)
    parser.add_argument("--clients", type=int, default=4)
    chosen = parser.parse_args()
    call_command("collectstatic", interactive=False, verbosity=0)
    figures = {**ours(chosen.posts, chosen.clients), "peer": peer(chosen.peer, chosen.posts, chosen.clients)}
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
