"""How soon the customer's pages are there on a phone's network, and what they weigh.

    python -m tests.servers python -m benchmarks.portal [--network slow|fast] [--rounds 3]

On servers of its own with the demonstration's data, static files collected and compressed as in production, and
uvicorn as `manage.py run` starts it. Chromium opens each page on a phone's screen with an empty cache, its network
throttled by the DevTools protocol: *slow* is Lighthouse's slow 4G (1.6 Mbit/s, 150 ms there and back), *fast* a
better one (9 Mbit/s, 170 ms). Prints JSON, then a table: the median of the largest contentful paint in
milliseconds, the bytes that came over the network and the requests. Ends with 1 where a page misses the goal.
"""

import json
import os
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any
from urllib.request import urlopen

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("DEMO", "1")
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright's loop runs in this thread
django.setup()

from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402
from playwright.sync_api import Browser, sync_playwright  # noqa: E402

from helpdesk.accounts.models import User  # noqa: E402
from helpdesk.management.commands.run import UVICORN  # noqa: E402
from helpdesk.tickets import services  # noqa: E402
from helpdesk.tickets.models import Ticket  # noqa: E402

NETWORKS = {"slow": (1_600_000, 150), "fast": (9_000_000, 170)}  # bits a second, milliseconds there and back
MOST_MS, MOST_BYTES = 1500, 150_000
PAINTED = """() => new Promise(done => new PerformanceObserver(list =>
  done(list.getEntries().at(-1).startTime)).observe({type: "largest-contentful-paint", buffered: true}))"""
CUSTOMER, SPECIALIST = "mina@kestrel.example", "anna@premium.example"


def pages() -> dict[str, str]:
    """What is opened, and its address; the last of them by nobody who is signed in."""
    mina = User.objects.get(email=CUSTOMER)
    ticket = Ticket.objects.filter(requester=mina).order_by("-pk").first()
    anna = User.objects.get(email=SPECIALIST)
    for _n in range(15):
        services.reply(ticket=ticket, actor=anna, body="An answer of some length. " * 12, now=timezone.now())
        services.customer_reply(ticket=ticket, actor=mina, body="A question about it. " * 8, now=timezone.now())
    return {
        "home": "/",
        "question": "/ask/",
        "form": "/tickets/new/",
        "tickets": "/tickets/",
        "ticket, 30 messages": f"/tickets/{ticket.pk}/",
        "callback": "/callback/",
        "account": "/account/",
        "figures": "/account/figures/",
        "people": "/account/people/",
        "statements": "/statements/",
        "article": "/articles/what-is-business-critical/",
        "sign-in": "/accounts/login/",
    }


@contextmanager
def web() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        descriptor = listener.fileno()
        command = [sys.executable, "-m", "uvicorn", "config.asgi:application", f"--fd={descriptor}", *UVICORN]
        process = subprocess.Popen(command, pass_fds=[descriptor], stdout=subprocess.DEVNULL)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            urlopen(f"{url}/healthz", timeout=60).close()  # noqa: S310 - our own; waits until it answers
            yield url
        finally:
            process.terminate()
            process.wait()


def session() -> str:
    client = Client()
    client.force_login(User.objects.get(email=CUSTOMER), backend="allauth.account.auth_backends.AuthenticationBackend")
    return client.cookies["sessionid"].value


def opened(browser: Browser, url: str, *, cookie: str, network: tuple[int, int]) -> dict[str, Any]:
    """One cold visit. Bytes are those on the wire, heads included."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    if cookie:
        context.add_cookies([{"name": "sessionid", "value": cookie, "url": url}])
    page = context.new_page()
    protocol = context.new_cdp_session(page)
    received: list[float] = []
    protocol.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    protocol.send("Network.enable")
    bits, latency = network
    conditions = {"offline": False, "latency": latency, "downloadThroughput": bits / 8, "uploadThroughput": bits / 8}
    protocol.send("Network.emulateNetworkConditions", conditions)
    answer = page.goto(url, wait_until="networkidle")
    if answer is None or answer.status != 200 or page.url != url:
        raise SystemExit(f"{url} did not answer with its page")
    seen = {"lcp_ms": page.evaluate(PAINTED), "bytes": sum(received), "requests": len(received)}
    context.close()
    return seen


def measured(browser: Browser, url: str, *, rounds: int, **how: Any) -> dict[str, int]:
    visits = [opened(browser, url, **how) for _ in range(rounds + 1)][1:]  # the first one warms the server up
    return {name: round(median(visit[name] for visit in visits)) for name in visits[0]}


def main() -> None:
    parser = ArgumentParser()
    parser.add_argument("--network", choices=NETWORKS, default="slow")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    call_command("demo_data", tickets=300, verbosity=0)
    addresses, cookie = pages(), session()
    how = {"rounds": options.rounds, "network": NETWORKS[options.network]}
    with web() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        found = {
            name: measured(browser, url + path, cookie="" if name == "sign-in" else cookie, **how)
            for name, path in addresses.items()
        }
        browser.close()
    print(json.dumps({"network": options.network, "at": time.strftime("%Y-%m-%d"), "pages": found}, indent=1))
    print("\n| page | LCP, ms | kB | requests |\n| --- | --- | --- | --- |")
    for name, row in found.items():
        print(f"| {name} | {row['lcp_ms']:,} | {row['bytes'] / 1000:.1f} | {row['requests']} |")
    sys.exit(any(row["lcp_ms"] >= MOST_MS or row["bytes"] >= MOST_BYTES for row in found.values()))


if __name__ == "__main__":
    main()
