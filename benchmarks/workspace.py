"""What a search in the queue costs beside the list without one, and a ticket's page with few and with many messages.

    python -m benchmarks.workspace [--user anna@premium.example] [--rounds 20]

Against the settings' database, at the present of its data, through the whole stack of middleware.
Searches are for words of subjects and messages that are there, frequent and rare, alone and two
together, in Latin and in Japanese, and for one that nothing has; each among the open tickets and among
all. The ticket's page is opened with 5
messages and again, once it has 200 of them, in a transaction that is rolled back. Prints JSON:
queries, and milliseconds as median and p95.
"""

import gc
import json
import os
import re
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from statistics import quantiles
from typing import Any
from urllib.parse import quote

import django
import time_machine

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.db import transaction  # noqa: E402
from django.test import Client, override_settings  # noqa: E402

from benchmarks.queue import Stopwatch  # noqa: E402
from helpdesk.accounts.models import User  # noqa: E402
from helpdesk.tickets.models import Message, Source, Ticket  # noqa: E402

FEW, MANY = 5, 200
ALLOWED = {"queue_queries": 12, "ticket_queries": 25, "search_ratio": 3.0}
LIST = "/admin/helpdesk/ticket/?view=open"
CLOSED = "/admin/helpdesk/ticket/?view=closed"  # with words: among all tickets


def words(subjects: list[str]) -> dict[str, str]:
    """What is searched for, by what it stands for."""
    latin = Counter(word for subject in subjects for word in set(re.findall(r"[a-z]{5,}", subject.lower())))
    ranked = [word for word, _count in latin.most_common()]
    japanese = [part for subject in subjects for part in re.findall(r"[\u3040-\u30ff\u4e00-\u9fff]{4,}", subject)]
    found = {
        "frequent word": ranked[0],
        "middling word": ranked[len(ranked) // 2],
        "rare word": ranked[-1],
        "beginning of a word": ranked[len(ranked) // 4][:4],
        "two words": f"{ranked[0]} {ranked[1]}",
        "nothing has it": "zzqxjk",
        "a person's address": User.objects.filter(staff_role="").order_by("pk").values_list("email", flat=True)[10],
    }
    if japanese:
        found["part of a Japanese word"] = japanese[0][1:3]
        found["Japanese, four characters"] = japanese[-1][:4]
    return found


def timed(client: Client, url: str, *, rounds: int) -> dict[str, Any]:
    watch = Stopwatch()
    for number in range(rounds + 1):  # the first one only warms up
        watch.time(client, url, counts=number > 0)
    return {**watch.as_json(), "p95_ms": round(quantiles(watch.seconds, n=20)[-1] * 1000, 1)}


@contextmanager
def messages(ticket: Ticket, *, number: int) -> Iterator[None]:
    """The ticket with at least so many messages, in a transaction that is rolled back."""
    last = ticket.messages.order_by("created_at").last()
    missing = number - ticket.messages.count()
    with transaction.atomic():
        Message.objects.bulk_create(
            Message(
                ticket=ticket,
                kind=(Message.Kind.CUSTOMER, Message.Kind.REPLY, Message.Kind.NOTE)[place % 3],
                author=last.author,
                body="One more line of this long conversation. " * 8,
                via=Source.FORM,
                created_at=last.created_at + timedelta(seconds=place + 1),
            )
            for place in range(missing)
        )
        yield
        transaction.set_rollback(True)


def main() -> None:
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--user", default="anna@premium.example")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    changes = {
        "ALLOWED_HOSTS": ["testserver"],
        "SECURE_SSL_REDIRECT": False,
        "STAFF_MFA_REQUIRED": False,
        "STORAGES": {**settings.STORAGES, "staticfiles": static},
    }
    present = Ticket.objects.order_by("-id").values_list("created_at", flat=True)[0]
    with override_settings(**changes), time_machine.travel(present, tick=True):  # when the data's clocks run
        client = Client()
        client.force_login(User.objects.get(email=options.user))
        client.get(LIST)
        gc.freeze()  # as a web process does (`config/asgi.py`)
        plain = timed(client, LIST, rounds=options.rounds)
        recent = list(Ticket.objects.active().order_by("-id").values_list("subject", flat=True)[:2000])
        Random(1).shuffle(recent)  # noqa: S311 - no secret
        searches = {
            f"{name}, {among}": {"text": text, **timed(client, f"{url}&q={quote(text)}", rounds=options.rounds)}
            for name, text in words(recent).items()
            for among, url in (("open", LIST), ("all", CLOSED))
        }
        again = timed(client, LIST, rounds=options.rounds)  # the machine may be busier now
        usual = min(plain["p95_ms"], again["p95_ms"])
        for row in searches.values():
            row["p95_ratio"] = round(row["p95_ms"] / usual, 2)
        ticket = Ticket.objects.active().by_deadline().first()
        page = f"/admin/helpdesk/ticket/{ticket.pk}/change/"
        pages = {}
        for number in (FEW, MANY):
            with messages(ticket, number=number):
                pages[f"{number} messages"] = timed(client, page, rounds=options.rounds)
    within = {
        "search": all(row["p95_ratio"] <= ALLOWED["search_ratio"] for row in searches.values()),
        "queue_queries": all(row["queries"] <= ALLOWED["queue_queries"] for row in [plain, *searches.values()]),
        "ticket_queries": all(row["queries"] <= ALLOWED["ticket_queries"] for row in pages.values()),
        "none_more_for_messages": len({row["queries"] for row in pages.values()}) == 1,
    }
    counted = {"tickets": Ticket.objects.count(), "open": Ticket.objects.active().count()}
    print(
        json.dumps(
            {**counted, "list": plain, "list_again": again, "searches": searches, "ticket": pages, "within": within},
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
