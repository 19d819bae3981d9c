"""The admin site: staff only, and only with a second factor."""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth.views import redirect_to_login
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from helpdesk.workspace import (
    board_page,
    calls,
    forecast,
    knowledge_report,
    live,
    my_settings,
    reports,
    schedules,
    statements,
)
from helpdesk.workspace.head import read_head
from helpdesk.workspace.home import home_context
from helpdesk.workspace.rights import Act, may, may_enter

# Label, address, what one must be allowed to view; the pages that it stands for.
NAVIGATION = [
    (_("Home"), "admin:index", "ticket", ("",)),
    (_("Queue"), "admin:helpdesk_ticket_changelist", "ticket", ("ticket", "clock")),
    (_("Calls"), "admin:calls", "callrequest", ("calls",)),
    (_("Live board"), "admin:board", "board", ("board",)),
    (_("Reports"), "admin:breach_report", "report", ("reports", "rating")),
    (_("Escalations"), "admin:helpdesk_escalation_changelist", "escalation", ("escalation", "managerrequest")),
    (
        _("Exceptions"),
        "admin:helpdesk_clockexception_changelist",
        "clockexception",
        ("clockexception", "exceptioncode"),
    ),
    (_("Articles"), "admin:helpdesk_article_changelist", "article", ("article", "section")),
    (_("Accounts"), "admin:helpdesk_account_changelist", "account", ("account", "subscription")),
    (
        _("Policies"),
        "admin:helpdesk_policy_changelist",
        "policy",
        ("policy", "calendar", "rollout", "dryrun"),
    ),
    (
        _("Administration"),
        "admin:administration",
        "team",
        (
            *(
                "administration",
                "user",
                "identityprovider",
                "team",
                "hub",
                "customfield",
                "absence",
                "oncallshift",
                "alarm",
                "heartbeat",
                "outboxmail",
            ),
            *("cannedreply", "macro"),
        ),
    ),
]
# Keys that lead to a page from anywhere (keys.js), by its address.
KEYS = {"admin:index": "g h", "admin:helpdesk_ticket_changelist": "g q", "admin:board": "g b", "admin:calls": "g c"}
# What belongs together under one entry of the navigation: a row of links on each of these pages.
TABS = [
    ("policy", _("Policies")),
    ("calendar", _("Calendars")),
    ("rollout", _("Rollouts")),
    ("dryrun", _("Dry runs")),
    ("exceptioncode", _("Exception codes")),
]
# The administration: model, and what a person finds there.
INDEX = [
    (
        _("People"),
        [
            ("account", _("Customers, what they bought, and who speaks for them")),
            ("user", _("Everybody who signs in, with their role")),
            ("identityprovider", _("Customers whose people sign in through their own company")),
            ("team", _("Who serves which hubs, and who leads")),
            ("absence", _("Who is away: escalations go to the next in line")),
            ("oncallshift", _("Who is on call, for a team or for all")),
        ],
    ),
    (
        _("Promises"),
        [
            ("policy", _("What is promised to whom, and who hears when it is at risk")),
            ("calendar", _("Business hours and holidays that aims are counted in")),
            ("rollout", _("New rules taking over for open tickets")),
            ("dryrun", _("Drafts of rules, tried over past tickets")),
            ("exceptioncode", _("What a guarantee is subject to, and what each exception may do")),
            ("hub", _("The products that support is given for")),
            ("article", _("What customers read before they write to us")),
            ("section", _("The order of the knowledge base")),
            ("customfield", _("What a hub wants to know of its tickets besides")),
        ],
    ),
    (
        _("Answering"),
        [
            ("cannedreply", _("Texts to reply with, and their shortcuts")),
            ("macro", _("Several changes of a ticket in one act")),
        ],
    ),
    (
        _("Operation"),
        [
            ("outboxmail", _("Mail that waits, left, or was given up")),
            ("alarm", _("What is not well, or was not")),
            ("heartbeat", _("When each recurring job last ran, and what it did")),
            ("escalation", _("Steps that fired, and who took them up")),
            ("managerrequest", _("Who asked for a manager, and what they were answered")),
            ("rating", _("How well customers say that we helped")),
            ("clockexception", _("Response-time exceptions: asked for, approved, refused")),
            ("notice", _("What the workspace told you")),
        ],
    ),
]


class WorkspaceSite(admin.AdminSite):
    """One site for specialists, managers and administrators."""

    site_title = site_header = settings.SITE_NAME
    index_title = _("Administration")
    enable_nav_sidebar = False

    def get_urls(self) -> list[URLPattern | URLResolver]:
        pages = (knowledge_report, board_page, calls, reports, forecast, schedules, statements, my_settings, live)
        administration = path("administration/", self.admin_view(self.administration), name="administration")
        return [*(entry for page in pages for entry in page.urls(self)), administration, *super().get_urls()]

    def register(
        self, model_or_iterable: Any, admin_class: type[admin.ModelAdmin] | None = None, **options: Any
    ) -> None:
        """This project's pages only: those that other packages bring know nothing of its roles."""
        models = [model_or_iterable] if isinstance(model_or_iterable, type) else list(model_or_iterable)
        own = [model for model in models if model._meta.app_label == "helpdesk"]
        super().register(own, admin_class, **options)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Home: one's own work."""
        context = {**self.each_context(request), "title": _("Home"), **home_context(request), **(extra_context or {})}
        return TemplateResponse(request, "admin/index.html", context)

    def administration(self, request: HttpRequest) -> HttpResponse:
        """What is set up, and what goes on: the pages of each model that this person may see."""
        listed = {row["object_name"].lower(): row for app in self.get_app_list(request) for row in app["models"]}
        sections = [(title, [(listed[name], text) for name, text in rows if name in listed]) for title, rows in INDEX]
        context = {**self.each_context(request), "title": self.index_title, "sections": sections}
        return TemplateResponse(request, "admin/administration.html", context)

    def app_index(
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return redirect("admin:administration")

    def has_permission(self, request: HttpRequest) -> bool:
        return may_enter(request.user)

    def admin_view(self, view: Callable[..., HttpResponse], cacheable: bool = False) -> Callable[..., HttpResponse]:
        """For customers the workspace does not exist; who isn't signed in is asked to."""
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def wrapper(request: HttpRequest, *args: Any, **values: Any) -> HttpResponse:
            if request.user.is_authenticated and not request.user.is_staff:
                raise Http404
            return inner(request, *args, **values)

        return wrapper

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is one way to sign in: the portal's. Staff without a second factor are sent to set one up."""
        target = request.GET.get("next", "")
        if not url_has_allowed_host_and_scheme(target, allowed_hosts=None):
            target = reverse("admin:helpdesk_ticket_changelist")
        if not request.user.is_authenticated:
            return redirect_to_login(target)
        if not request.user.is_staff:
            raise Http404
        if self.has_permission(request):
            return redirect(target)
        messages.warning(request, _("The workspace opens with a second factor only. Please set one up."))
        return redirect("mfa_index")

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return redirect("account_logout")

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return redirect("account_change_password")

    def get_log_entries(self, request: HttpRequest) -> QuerySet[LogEntry]:
        """The index shows no list of one's own recent clicks."""
        return LogEntry.objects.none()

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        if not context["has_permission"]:
            return context
        head = read_head(request.user)
        return context | {
            "nav": list(self._navigation(request, calls=head.calls)),
            "tabs": self._tabs(request),
            "alarms": head.alarms,
            "notices_unread": live.unread_words(len(head.notices)),
            "notices_known": " ".join(str(pk) for pk, _at in head.notices[: 2 * live.MOST_NEWS]),
        }

    def _tabs(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Policies, calendars and what goes with them, on their own pages; those that this person may see."""
        here = _page_name(request)
        if here not in dict(TABS):
            return []
        registered = {model._meta.model_name for model in self._registry}
        return [
            {"label": label, "url": reverse(f"admin:helpdesk_{name}_changelist"), "current": name == here}
            for name, label in TABS
            if name in registered and may(request.user, Act.VIEW, name)
        ]

    def _navigation(self, request: HttpRequest, *, calls: int) -> Iterator[dict[str, Any]]:
        here = _page_name(request)
        counts = {"admin:calls": calls}
        for label, name, what, pages in NAVIGATION:
            if may(request.user, Act.VIEW, what):
                shown = {"url": reverse(name), "key": KEYS.get(name, ""), "count": counts.get(name)}
                yield {"label": label, "current": here in pages, **shown}


def _page_name(request: HttpRequest) -> str:
    """The first part of the address inside the workspace: a model, for its pages."""
    return request.path.removeprefix(reverse("admin:index")).removeprefix("helpdesk/").partition("/")[0]
