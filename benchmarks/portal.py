"""How soon a customer sees a page, and what it weighs, in a real browser on a slow line with an empty cache.

    python -m tests.servers python -m benchmarks.portal [--rounds 3] [--line 4g]

On a database of its own with the demonstration's data: collects the static files as an installation
does, serves both with uvicorn, and opens each page in Chromium, held back by the DevTools protocol to
the line's throughput and latency (what a request waits until its answer begins) at 390×844, each time in
a browser without a cache. DevTools holds back answers, not connections: a line without one has its round
trips (TCP, TLS) on top. Prints JSON, for each line and page: the largest contentful paint (median and
worst, milliseconds from the beginning of navigation), when everything was loaded, the server's own time,
bytes as they come over the line (heads included) and requests. `missed` names what is over the goals.
"""

import json
import os
import sys
from argparse import ArgumentParser
from statistics import median
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright's loop runs in this thread
os.environ.setdefault("SECURE", "0")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import reverse  # noqa: E402
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

from benchmarks.live import web  # noqa: E402
from helpdesk.accounts.models import User  # noqa: E402
from helpdesk.knowledge.models import Article  # noqa: E402
from helpdesk.tickets.models import Ticket  # noqa: E402

LINES = {"4g": (9.0, 170), "slow 4g": (1.6, 150)}  # megabits a second, milliseconds
GOAL_PAINT, GOAL_BYTES = 1500, 150_000  # milliseconds at 4G; bytes
QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
# Reads what was painted before this script came, too.
LARGEST_PAINT = """() => new Promise(done => {
  new PerformanceObserver(list => done(Math.max(...list.getEntries().map(entry => entry.startTime))))
    .observe({type: "largest-contentful-paint", buffered: true});
  setTimeout(() => done(-1), 3000);
})"""
# When everything was there; and the server's own time, since the browser notes the answer before it holds it back.
TIMES = """() => {
  const own = performance.getEntriesByType("navigation")[0];
  return {load: own.loadEventEnd, server: own.responseStart - own.requestStart};
}"""


def pages(person: User) -> dict[str, str]:
    """The portal's important pages by name, as this person opens them."""
    ticket = Ticket.objects.filter(requester=person, messages__isnull=False).order_by("-updated_at").first()
    article = Article.objects.filter(is_retired=False, revisions__is_live=True).order_by("pk").first()
    assert ticket
    assert article
    names = ("home", "ask", "ticket_new", "tickets", "callback", "account", "people", "figures", "articles")
    found = {name: reverse(f"portal:{name}") for name in names}
    found["ticket"] = reverse("portal:ticket", args=[ticket.pk])
    found["article"] = reverse("portal:article", args=[article.slug])
    return found


def opened(page: Page, url: str, *, line: str) -> dict[str, float]:
    """One page, over such a line, from nothing."""
    megabits, latency = LINES[line]
    rate = megabits * 1_000_000 / 8
    devtools = page.context.new_cdp_session(page)
    seen = {"bytes": 0.0, "requests": 0}

    def arrived(event: dict[str, Any]) -> None:
        seen["bytes"] += event["encodedDataLength"]
        seen["requests"] += 1

    devtools.on("Network.loadingFinished", arrived)
    devtools.send("Network.enable")
    devtools.send("Network.clearBrowserCache")
    held = {"offline": False, "latency": latency, "downloadThroughput": rate, "uploadThroughput": rate}
    devtools.send("Network.emulateNetworkConditions", held)
    answer = page.goto(url, wait_until="load")
    assert answer is not None
    assert answer.status == 200, (url, answer.status)
    page.wait_for_timeout(300)  # what scripts ask for once the page is there
    return {"paint": page.evaluate(LARGEST_PAINT), **page.evaluate(TIMES), **seen}


def measure(browser: Browser, base: str, path: str, *, line: str, cookie: str, rounds: int) -> dict[str, float]:
    runs = []
    for _round in range(rounds):
        context = browser.new_context(base_url=base, viewport={"width": 390, "height": 844})
        if cookie:
            context.add_cookies([{"name": "sessionid", "value": cookie, "url": base}])
        runs.append(opened(context.new_page(), path, line=line))
        context.close()
    return {
        "paint_ms": round(median(run["paint"] for run in runs)),
        "worst_ms": round(max(run["paint"] for run in runs)),
        "load_ms": round(median(run["load"] for run in runs)),
        "server_ms": round(median(run["server"] for run in runs)),
        "bytes": round(max(run["bytes"] for run in runs)),
        "requests": int(max(run["requests"] for run in runs)),
    }


def over(result: dict[str, dict[str, dict[str, float]]]) -> list[str]:
    """The pages that miss a goal: paint on the 4G line, weight on any."""
    slow = [f"{name}: paint" for name, row in result.get("4g", {}).items() if not 0 <= row["paint_ms"] < GOAL_PAINT]
    rows = [(name, row) for line in result.values() for name, row in line.items()]
    return slow + sorted({f"{name}: bytes" for name, row in rows if row["bytes"] >= GOAL_BYTES})


def main() -> None:
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--line", choices=LINES, action="append")
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    call_command("demo_data", tickets=300, verbosity=0, stdout=sys.stderr)
    person = Ticket.objects.filter(requester__memberships__is_designated=True).order_by("-pk")[0].requester
    client = Client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    cookie = client.cookies["sessionid"].value
    result: dict[str, dict[str, dict[str, float]]] = {}
    with web() as (port, _processes), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=QUIET)
        base = f"http://127.0.0.1:{port}"
        wanted = [(name, path, cookie) for name, path in pages(person).items()]
        wanted.append(("sign-in", reverse("account_login"), ""))
        warm(base, wanted, browser)
        for line in options.line or LINES:
            result[line] = {
                name: measure(browser, base, path, line=line, cookie=own, rounds=options.rounds)
                for name, path, own in wanted
            }
        browser.close()
    print(json.dumps({"lines": LINES, "pages": result, "missed": over(result)}, indent=2))


def warm(base: str, wanted: list[tuple[str, str, str]], browser: Browser) -> None:
    """Both processes have compiled the templates before anything counts."""
    context = browser.new_context(base_url=base)
    for _round in range(4):
        for _name, path, cookie in wanted:
            context.clear_cookies()
            if cookie:
                context.add_cookies([{"name": "sessionid", "value": cookie, "url": base}])
            context.request.get(path)
    context.close()


if __name__ == "__main__":
    main()
