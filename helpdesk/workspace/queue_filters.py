"""The filters of the queue: each a function of a queryset and a value, so that a saved view counts without a page."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import admin
from django.db.models import CharField, Exists, F, OuterRef, QuerySet, Value
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from helpdesk.accounts.models import StaffRole, Team, User
from helpdesk.core.channels import Channel
from helpdesk.core.prepared import Ready
from helpdesk.sla.models import PROMISES, Clock
from helpdesk.subscriptions.models import Hub
from helpdesk.tickets.models import Claim, Severity, Status, Tag, Ticket
from helpdesk.workspace import queue_views
from helpdesk.workspace.lists import Choice, numbers
from helpdesk.workspace.queue_search import Search, searched
from helpdesk.workspace.queue_views import Onlooker, onlooker

MOST_TAGS = 300
ME, NOBODY = "me", "nobody"
Narrowing = Callable[[QuerySet[Ticket], str, Mapping[str, str], Onlooker], QuerySet[Ticket]]


def _by_key(field: str) -> Narrowing:
    """By the id of something; what can't be one holds no ticket."""

    def narrow(queryset: QuerySet, value: str, _params: Mapping[str, str], _viewer: Onlooker) -> QuerySet:
        return queryset.filter(**{f"{field}__in": numbers([value])})

    return narrow


def _by_text(field: str) -> Narrowing:
    return lambda queryset, value, _params, _viewer: queryset.filter(**{field: value})


def _by_promise(queryset: QuerySet, value: str, params: Mapping[str, str], _viewer: Onlooker) -> QuerySet:
    """What is promised by a clock that runs; of closed tickets, by any that ran."""
    clocks = Clock.objects.all() if params.get("view") == queue_views.CLOSED else Clock.objects.open()
    return queryset.filter(Exists(clocks.filter(ticket=OuterRef("pk"), promise=value)))


def _by_severity(queryset: QuerySet, value: str, _params: Mapping[str, str], _viewer: Onlooker) -> QuerySet:
    if value == Severity.STANDARD:
        return queryset.filter(severity=Severity.STANDARD)
    # The severity is implied by the claim; naming it lets the partial index of critical tickets serve.
    return queryset.filter(severity=Severity.CRITICAL, claim=value)


def _by_owner(queryset: QuerySet, value: str, _params: Mapping[str, str], viewer: Onlooker) -> QuerySet:
    if value == NOBODY:
        return queryset.filter(owner=None)
    return queryset.filter(owner__in=[viewer.user.pk] if value == ME else numbers([value]))


NARROW: dict[str, Narrowing] = {
    "hub": _by_text("hub"),
    "promise": _by_promise,
    "severity": _by_severity,
    "channel": _by_text("channel"),
    "status": _by_text("status"),
    "team": _by_key("team"),
    "owner": _by_owner,
    "tag": _by_key("tags"),
}
# What makes up a view of the queue: its address says it, and a saved view keeps it.
KEPT = ("view", *NARROW, "q")


def narrow_all(queryset: QuerySet[Ticket], params: Mapping[str, str], viewer: Onlooker) -> QuerySet[Ticket]:
    """What the queue would show for these parameters; asks nothing. As on the page, a reference is found anywhere."""
    search = Search(params.get("q", ""), asks=False)
    view = params.get("view", queue_views.OPEN)
    if not search.names_tickets:
        queryset = queue_views.narrow(queryset, view, viewer, everything=bool(search.text))
    for name, narrow in NARROW.items():
        if value := params.get(name):
            queryset = narrow(queryset, value, params, viewer)
    return search.narrow(queryset, among_open=view != queue_views.CLOSED)


def rows_to_count(queryset: QuerySet[Ticket], params: Mapping[str, str], viewer: Onlooker) -> QuerySet[Any]:
    """Rows that are as many as `narrow_all` has. For words among all open tickets those of the words themselves: joined
    to their tickets, the database would walk through every open ticket rather than look up a few hundred."""
    search = Search(params.get("q", ""), asks=False)
    just_words = search.text and search.number is None and not any(params.get(name) for name in NARROW)
    if just_words and params.get("view", queue_views.OPEN) == queue_views.OPEN:
        return search.texts_of_open
    return narrow_all(queryset, params, viewer)


def offered(request: HttpRequest) -> dict[str, list[tuple[str, str]]]:
    """What hubs, teams, people and tags there are to choose from. One query for all of them, once a request."""
    if not hasattr(request, "offered"):
        request.offered = {kind: [] for kind in ("hub", "team", "owner", "tag")}
        for kind, _place, label, key in sorted(_offers.rows(), key=_in_order):
            request.offered[kind].append((key, label.removesuffix(" Hub") if kind == "hub" else label))
    return request.offered


def _all_offers() -> QuerySet:
    staff = User.objects.filter(is_active=True, staff_role__in=StaffRole.values)
    hubs = _named(Hub.objects.annotate(place=F("position")), "hub", "name")
    rest = [
        _named(Team.objects.annotate(place=Value(0)), "team", "name"),
        _named(staff.annotate(place=Value(0)), "owner", "full_name"),
        _named(Tag.objects.order_by("name").annotate(place=Value(0)), "tag", "name")[:MOST_TAGS],
    ]
    return hubs.union(*rest, all=True)


_offers = Ready(_all_offers)


def _named(queryset: QuerySet, kind: str, label: str) -> QuerySet:
    if not queryset.query.order_by:
        queryset = queryset.order_by()
    named = queryset.annotate(kind=Value(kind), label=F(label), key=Cast("pk", CharField()))
    return named.values_list("kind", "place", "label", "key")


def _in_order(row: tuple[str, int, str, str]) -> tuple[str, int, str]:
    kind, place, label, _key = row
    return kind, place, label.casefold()


class ViewFilter(Choice):
    """Which view of the queue; shown in the rail, not among the filters."""

    title = _("view")
    parameter_name = "view"
    options = tuple(queue_views.VIEWS.items())

    def __init__(self, request: HttpRequest, params: Any, model: type, model_admin: admin.ModelAdmin) -> None:
        super().__init__(request, params, model, model_admin)
        self.onlooker = onlooker(request)
        self.searched = searched(request)

    @property
    def chosen(self) -> str:
        """A reference is found in any view; words are looked for among all open tickets unless told otherwise."""
        if self.searched.names_tickets:
            return ""
        return self.value() or (queue_views.OPEN if self.searched.text else self.onlooker.default_view)

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        everything = bool(self.searched.text)
        if not self.chosen:
            return queryset
        return queue_views.narrow(queryset, self.chosen, self.onlooker, everything=everything)


class SavedFilter(Choice):
    """Which saved view the address came from; it narrows nothing, its parameters stand beside it."""

    title = _("saved view")
    parameter_name = "saved"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(str(view.pk), view.name) for view in onlooker(request).saved]

    def narrow(self, queryset: QuerySet, value: str) -> QuerySet:
        return queryset


class QueueFilter(Choice):
    """A filter in sight. `NARROW` says what it does."""

    is_select = False

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        value = self.value()
        if value is None:
            return queryset
        return NARROW[self.parameter_name](queryset, value, request.GET, onlooker(request))


class OfferedFilter(QueueFilter):
    """One of the things that there are; a long list is chosen from a menu."""

    first: tuple[tuple[str, Any], ...] = ()

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, Any]]:
        return [*self.first, *offered(request)[self.parameter_name]]


class HubFilter(OfferedFilter):
    title = _("hub")
    parameter_name = "hub"


class PromiseFilter(QueueFilter):
    title = _("promise")
    parameter_name = "promise"
    options = PROMISES


class SeverityFilter(QueueFilter):
    title = _("severity")
    parameter_name = "severity"
    options = (
        (Claim.CONFIRMED, Claim.CONFIRMED.label),
        (Claim.CLAIMED, Claim.CLAIMED.label),
        (Severity.STANDARD, Severity.STANDARD.label),
    )


class ChannelFilter(QueueFilter):
    title = _("channel")
    parameter_name = "channel"
    options = Channel.choices


class StatusFilter(QueueFilter):
    """Those that a view can hold: of closed tickets the ways to be closed."""

    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        group = Status.done() if request.GET.get("view") == queue_views.CLOSED else Status.active()
        return [(status.value, status.label) for status in group]


class TeamFilter(OfferedFilter):
    title = _("team")
    parameter_name = "team"
    is_select = True


class OwnerFilter(OfferedFilter):
    title = _("owner")
    parameter_name = "owner"
    is_select = True
    first = ((ME, _("Me")), (NOBODY, _("Nobody")))


class TagFilter(OfferedFilter):
    title = _("tag")
    parameter_name = "tag"
    is_select = True

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, Any]]:
        """The tag of the address, too, where there are more than a menu holds."""
        tags = super().lookups(request, model_admin)
        asked = request.GET.get("tag", "")
        if len(tags) < MOST_TAGS or any(key == asked for key, _label in tags):
            return tags
        return tags + [(str(tag.pk), tag.name) for tag in Tag.objects.filter(pk__in=numbers([asked]))]


FILTERS = (
    ViewFilter,
    SavedFilter,
    HubFilter,
    PromiseFilter,
    SeverityFilter,
    ChannelFilter,
    StatusFilter,
    TeamFilter,
    OwnerFilter,
    TagFilter,
)
