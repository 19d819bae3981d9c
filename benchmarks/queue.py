"""What the queue page costs, beside a plain admin change list over the same rows.

    python -m benchmarks.queue [--user anna@premium.example] [--rounds 12]

Against the settings' database, at the present of its data. All lists show fifty rows of a view in the
order of their deadlines to the same person, through the whole stack of middleware. The plain one is
a ModelAdmin with the same columns and as many filters, and a paginator that takes its count from the
planner's statistics: once in this project's theme, once with Django's own templates. Prints JSON:
queries, and milliseconds (median of the rounds, taken in turn; `database_ms` is the part of them
spent in queries). `ratio` is the one to the plain list in the same theme.
"""

import json
import os
from argparse import ArgumentParser
from collections.abc import Callable
from copy import deepcopy
from statistics import median
from time import perf_counter
from typing import Any

import django
import time_machine

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.contrib import admin  # noqa: E402
from django.core.paginator import Paginator  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models import F, QuerySet  # noqa: E402
from django.http import HttpRequest  # noqa: E402
from django.test import Client, override_settings  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils import timezone  # noqa: E402
from django.utils.functional import cached_property  # noqa: E402

from config.urls import urlpatterns as product  # noqa: E402
from helpdesk.accounts.models import User  # noqa: E402
from helpdesk.tickets.models import Ticket  # noqa: E402
from helpdesk.workspace import queue_views  # noqa: E402

VIEWS = ["teams", "open", "unassigned", "mine", "closed"]
ALLOWED_RATIO, ALLOWED_QUERIES = 1.5, 12


class EstimatingPaginator(Paginator):
    """Takes the number of rows from the planner's statistics."""

    @cached_property
    def count(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = 'helpdesk_ticket'::regclass")
            return max(0, cursor.fetchone()[0])


class PlainAdmin(admin.ModelAdmin):
    """What one gets from Django for the same rows."""

    view = "open"
    list_display = ("next_due_at", "subject", "account", "hub", "channel", "severity", "status", "owner")
    list_filter = ("hub", "channel", "severity", "claim", "status")
    search_fields = ("subject",)
    list_select_related = ("account", "hub", "owner")
    list_per_page = 50
    show_full_result_count = False
    paginator = EstimatingPaginator

    def get_queryset(self, request: HttpRequest) -> QuerySet[Ticket]:
        onlooker = queue_views.Onlooker(
            user=request.user,
            team_ids=tuple(request.user.team_memberships.values_list("team_id", flat=True)),
            now=timezone.now(),
        )
        return queue_views.narrow(Ticket.objects.all(), self.view, onlooker)

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        return ["-closed_at"] if self.view == "closed" else [F("next_due_at").asc(nulls_last=True), "id"]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True


class ThemedAdmin(PlainAdmin):
    """The same on this project's site, in its theme."""

    change_list_template = "admin/change_list.html"


bare = admin.AdminSite(name="bare")
bare.register(Ticket, PlainAdmin)
urlpatterns = [
    path("bare/", bare.urls),
    path("plain/", admin.site.admin_view(ThemedAdmin(Ticket, admin.site).changelist_view)),
    *product,
]

PLAIN_TEMPLATES = deepcopy(settings.TEMPLATES)
PLAIN_TEMPLATES[0]["DIRS"] = []


class Stopwatch:
    """Times requests, and the queries in them."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.database: list[float] = []
        self.queries = 0

    def time(self, client: Client, url: str, *, counts: bool) -> None:
        spent: list[float] = []

        def note(execute: Callable, *arguments: Any) -> Any:
            begun = perf_counter()
            try:
                return execute(*arguments)
            finally:
                spent.append(perf_counter() - begun)

        begun = perf_counter()
        with connection.execute_wrapper(note):
            response = client.get(url)
        if counts:
            self.seconds.append(perf_counter() - begun)
            self.database.append(sum(spent))
            self.queries = len(spent)
        if response.status_code != 200:
            raise SystemExit(f"{url} answers {response.status_code}")

    def as_json(self) -> dict[str, Any]:
        return {
            "queries": self.queries,
            "ms": round(median(self.seconds) * 1000, 1),
            "best_ms": round(min(self.seconds) * 1000, 1),
            "database_ms": round(median(self.database) * 1000, 1),
        }


def measure(client: Client, view: str, *, rounds: int) -> dict[str, Any]:
    PlainAdmin.view = view
    queue, plain, django_own = Stopwatch(), Stopwatch(), Stopwatch()
    each = max(1, rounds // 3)
    for _ in range(3):  # in turn, so that a busy moment hits all
        for number in range(each + 1):  # the first request reads the templates: it only warms up
            queue.time(client, f"/admin/helpdesk/ticket/?view={view}", counts=number > 0)
            plain.time(client, "/plain/", counts=number > 0)
        with override_settings(TEMPLATES=PLAIN_TEMPLATES):
            for number in range(each + 1):
                django_own.time(client, "/bare/helpdesk/ticket/", counts=number > 0)
    ratio = median(queue.seconds) / median(plain.seconds)
    return {
        "queue": queue.as_json(),
        "plain": plain.as_json(),
        "django_own": django_own.as_json(),
        "ratio": round(ratio, 2),
        "ratio_to_django_own": round(median(queue.seconds) / median(django_own.seconds), 2),
        "within": queue.queries <= ALLOWED_QUERIES and ratio <= ALLOWED_RATIO,
    }


def main() -> None:
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--user", default="anna@premium.example")
    parser.add_argument("--rounds", type=int, default=12)
    options = parser.parse_args()
    static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    changes = {
        "ROOT_URLCONF": __name__,
        "ALLOWED_HOSTS": ["testserver"],
        "SECURE_SSL_REDIRECT": False,
        "STAFF_MFA_REQUIRED": False,
        "STORAGES": {**settings.STORAGES, "staticfiles": static},
    }
    present = Ticket.objects.order_by("-id").values_list("created_at", flat=True)[0]
    with override_settings(**changes), time_machine.travel(present, tick=True):  # when the data's clocks run
        client = Client()
        client.force_login(User.objects.get(email=options.user))
        found = {view: measure(client, view, rounds=options.rounds) for view in VIEWS}
    print(json.dumps({"tickets": Ticket.objects.count(), "open": Ticket.objects.active().count(), **found}, indent=2))


if __name__ == "__main__":
    main()
