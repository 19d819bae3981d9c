"""The queue: the change list of tickets, in the order of their deadlines."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from helpdesk.accounts.models import Account, StaffRole, User
from helpdesk.accounts.presence import around
from helpdesk.core.channels import Channel
from helpdesk.sla.models import PROMISES, Clock
from helpdesk.subscriptions.models import Hub
from helpdesk.tickets import services
from helpdesk.tickets.models import Claim, Severity, Status, Ticket
from helpdesk.tickets.queue import take, take_next
from helpdesk.workspace import queue_views
from helpdesk.workspace.faces import open_faces
from helpdesk.workspace.lists import Choice, OpenChangeList, RoleAdmin, chosen_ids, numbers
from helpdesk.workspace.queue_rows import Rows
from helpdesk.workspace.queue_views import Onlooker
from helpdesk.workspace.rights import Act, may

MOST_ACCOUNTS = 50
SHOWN = (
    "subject",
    "status",
    "claim",
    "priority",
    "channel",
    "language",
    "requester_role",
    "closed_at",
    "account__name",
    "hub__name",
    "owner__full_name",
    "owner__email",
)


def onlooker(request: HttpRequest) -> Onlooker:
    """Who looks at the queue; found once a request."""
    if not hasattr(request, "onlooker"):
        teams = request.user.team_memberships.values_list("team_id", flat=True)
        request.onlooker = Onlooker(user=request.user, team_ids=tuple(teams), now=timezone.now())
    return request.onlooker


class ViewFilter(Choice):
    """Which view of the queue; shown in the rail, not among the filters."""

    title = gettext_lazy("view")
    parameter_name = "view"
    options = tuple(queue_views.VIEWS.items())

    def __init__(self, request: HttpRequest, params: Any, model: type, model_admin: admin.ModelAdmin) -> None:
        super().__init__(request, params, model, model_admin)
        self.onlooker = onlooker(request)
        self.searched = Search(request.GET.get("q", ""))

    @property
    def chosen(self) -> str:
        if self.searched.names_tickets and not self.value():
            return ""
        return self.value() or self.onlooker.default_view

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queue_views.narrow(queryset, self.chosen, self.onlooker) if self.chosen else queryset


class HubFilter(Choice):
    title = gettext_lazy("hub")
    parameter_name = "hub"
    field = "hub"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(hub.pk, hub.name.removesuffix(" Hub")) for hub in Hub.objects.all()]


class PromiseFilter(Choice):
    title = gettext_lazy("promise")
    parameter_name = "promise"
    options = PROMISES

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """What is promised by a clock that runs; of closed tickets, by any that ran."""
        if self.value() is None:
            return queryset
        closed = request.GET.get("view") == queue_views.CLOSED
        clocks = Clock.objects.all() if closed else Clock.objects.open()
        return queryset.filter(Exists(clocks.filter(ticket=OuterRef("pk"), promise=self.value())))


class SeverityFilter(Choice):
    title = gettext_lazy("severity")
    parameter_name = "severity"
    options = (
        (Claim.CONFIRMED, Claim.CONFIRMED.label),
        (Claim.CLAIMED, Claim.CLAIMED.label),
        (Severity.STANDARD, Severity.STANDARD.label),
    )

    def narrow(self, queryset: QuerySet, value: str) -> QuerySet:
        if value == Severity.STANDARD:
            return queryset.filter(severity=Severity.STANDARD)
        # The severity is implied by the claim; naming it lets the partial index of critical tickets serve.
        return queryset.filter(severity=Severity.CRITICAL, claim=value)


class ChannelFilter(Choice):
    title = gettext_lazy("channel")
    parameter_name = "channel"
    field = "channel"
    options = Channel.choices


class StatusFilter(Choice):
    title = gettext_lazy("status")
    parameter_name = "status"
    field = "status"
    options = [(status.value, status.label) for status in Status.active()]


class Search:
    """What was typed into the search box. Every way of finding has an index behind it."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        number = self.text.upper().removeprefix("#").removeprefix("PS-")
        self.number = int(number) if number.isdecimal() and len(number) < 19 else None
        self.email = self.text.lower() if "@" in self.text else ""

    @property
    def names_tickets(self) -> bool:
        """A reference or a person: found in any view, closed tickets too."""
        return self.number is not None or bool(self.email)

    def narrow(self, queryset: QuerySet[Ticket]) -> QuerySet[Ticket]:
        if self.number is not None:
            return queryset.filter(pk=self.number)
        if self.email:
            people = User.objects.filter(email=self.email).values_list("pk", flat=True)
            return queryset.filter(requester__in=list(people))
        accounts = Account.objects.filter(name__istartswith=self.text).values_list("pk", flat=True)[:MOST_ACCOUNTS]
        return queryset.filter(Q(account__in=list(accounts)) | Q(subject__istartswith=self.text))


class TicketChangeList(OpenChangeList):
    """The queue with what its page shows besides the rows: faces of clocks, views with their counts, sums."""

    def __init__(self, request: HttpRequest, *args: Any, **options: Any) -> None:
        super().__init__(request, *args, **options)
        self.title = queue_views.VIEWS.get(self.view.chosen) or _("Found")

    @cached_property
    def view(self) -> ViewFilter:
        return next(spec for spec in self.filter_specs if isinstance(spec, ViewFilter))

    @property
    def shown_filters(self) -> list[Choice]:
        return [spec for spec in self.filter_specs if spec is not self.view]

    def get_ordering(self, request: HttpRequest, queryset: QuerySet) -> list[Any]:
        chosen = request.GET.get("view")
        return list(queue_views.order(chosen if chosen in queue_views.VIEWS else ""))

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.onlooker = onlooker(request)
        self.now = self.onlooker.now
        faces = open_faces(ticket_ids=[ticket.pk for ticket in self.result_list], now=self.now)
        here = around([ticket.pk for ticket in self.result_list])
        self.rows = Rows(user=request.user).of(self.result_list, faces, here)
        self.carried = f"?view={self.view.value()}" if self.view.value() else ""
        self._count()

    def _sums_to_count(self) -> dict[str, QuerySet[Ticket]]:
        """The sums that aren't the counts of views already; what is closed has no others than their number."""
        narrowed = bool(self.query) or any(spec.value() for spec in self.shown_filters)
        view, here = self.view.chosen, self.queryset
        sums = {"all": here} if narrowed or view == queue_views.CLOSED else {}
        if view != queue_views.CLOSED and (narrowed or view != queue_views.OPEN):
            sums["late"] = queue_views.late(here.active(), now=self.now)
            sums["soon"] = queue_views.near_breach(here.active(), now=self.now)
            sums["free"] = here.active().filter(owner=None)
        return sums

    def _count(self) -> None:
        """The views' counts and the sums of what is shown, in one query."""
        counted = [key for key in queue_views.VIEWS if key != queue_views.CLOSED]
        parts = {key: queue_views.narrow(self.root_queryset, key, self.onlooker) for key in counted}
        counts = queue_views.counts(parts | self._sums_to_count())
        same = {"all": self.view.chosen}
        if self.view.chosen != queue_views.CLOSED:
            same |= {"late": queue_views.BREACHED, "soon": queue_views.NEAR, "free": queue_views.UNASSIGNED}
        self.sums = {key: counts[key] if key in counts else counts[view] for key, view in same.items()}
        self.shown_sums = {key: queue_views.shown(key, count) for key, count in self.sums.items()}
        self.views = [
            {
                "key": key,
                "label": label,
                "count": counts.get(key),
                "shown": queue_views.shown(key, counts[key]) if key in counts else "",
                "current": key == self.view.chosen,
                "url": self.get_query_string({"view": key}, ["q"]),
            }
            for key, label in queue_views.VIEWS.items()
        ]


def staff_choices() -> list[tuple[int, str]]:
    """Everybody who can own a ticket. Reads the partial index of staff."""
    staff = User.objects.filter(is_active=True, staff_role__in=StaffRole.values).order_by("full_name")
    return [(person.pk, person.full_name) for person in staff.only("pk", "full_name", "email")]


def shown_at(request: HttpRequest) -> datetime | None:
    """As of when the rows were that somebody ticked; None where the page doesn't say so intelligibly."""
    try:
        at = parse_datetime(request.POST.get("shown_at", ""))
    except ValueError:
        return None
    return at if at is not None and timezone.is_aware(at) else None


def find_staff(chosen: str) -> User | None:
    """The member of staff whose id was sent, if there is one."""
    return User.objects.filter(is_active=True, staff_role__in=StaffRole.values, pk__in=numbers([chosen])).first()


class QueuePages(RoleAdmin):
    """The list half of the ticket's admin."""

    list_display = ("clock", "subject", "account", "hub", "channel", "severity", "status", "owner")
    list_filter = (ViewFilter, HubFilter, PromiseFilter, SeverityFilter, ChannelFilter, StatusFilter)
    search_fields = ("pk", "account__name", "subject")
    search_help_text = gettext_lazy("Reference, account, e-mail, start of the subject")
    list_select_related = ("account", "hub", "owner")
    actions = ("take", "assign_to")

    @admin.display(description=gettext_lazy("Next clock"))
    def clock(self, ticket: Ticket) -> str:
        """Shown by the row's own template (`queue_rows`)."""
        return ""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Ticket]:
        return Ticket.objects.visible_to(request.user).only(*SHOWN)

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return TicketChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Ticket], search_term: str
    ) -> tuple[QuerySet[Ticket], bool]:
        return (Search(search_term).narrow(queryset) if search_term.strip() else queryset), False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        if not may(request.user, Act.CHANGE, "assign_others"):
            actions.pop("assign_to", None)
        return actions

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {"may_assign": may(request.user, Act.CHANGE, "assign_others")}
        if context["may_assign"]:
            context["staff"] = staff_choices()
        return super().changelist_view(request, context | (extra_context or {}))

    @admin.action(description=gettext_lazy("Take"), permissions=["change"])
    def take(self, request: HttpRequest, queryset: QuerySet[Ticket]) -> None:
        """What somebody else got since the page was shown stays theirs."""
        self._assign_all(request, request.user, now=timezone.now(), shown_at=shown_at(request))

    @admin.action(description=gettext_lazy("Assign to…"), permissions=["change"])
    def assign_to(self, request: HttpRequest, queryset: QuerySet[Ticket]) -> None:
        owner = find_staff(request.POST.get("owner", ""))
        if owner is None:
            self.message_user(request, _("Choose whom to assign to. Nothing was changed."), messages.ERROR)
            return
        self._assign_all(request, owner, now=timezone.now())

    def _assign_all(
        self, request: HttpRequest, owner: User, *, now: datetime, shown_at: datetime | None = None
    ) -> None:
        """Assign what was ticked, wherever it stands by now, one by one; say what came of each."""
        chosen = chosen_ids(request)
        tickets = Ticket.objects.visible_to(request.user).select_related("owner").in_bulk(chosen)
        done = []
        for ticket in tickets.values():
            try:
                if owner == request.user:
                    take(ticket=ticket, actor=owner, now=now, shown_at=shown_at)
                else:
                    services.assign(ticket=ticket, owner=owner, actor=request.user, now=now)
            except services.Refused as refused:
                words = {"ticket": ticket.reference, "why": refused}
                self.message_user(request, _("%(ticket)s was not assigned: %(why)s") % words, messages.ERROR)
            else:
                done.append(ticket.reference)
        if done:
            text = ngettext(
                "%(count)d ticket is now %(owner)s’s: %(tickets)s.",
                "%(count)d tickets are now %(owner)s’s: %(tickets)s.",
                len(done),
            )
            listed = ", ".join(done[:10]) + (" …" if len(done) > 10 else "")
            self.message_user(request, text % {"count": len(done), "owner": owner, "tickets": listed})

    def take_next_view(self, request: HttpRequest) -> HttpResponse:
        """Give the most urgent unassigned ticket to who asks, and open it. POST only."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_change_permission(request):
            raise PermissionDenied
        ticket = take_next(actor=request.user, now=timezone.now())
        if ticket is None:
            self.message_user(request, _("Nothing is waiting for an owner."), messages.WARNING)
            return redirect("admin:helpdesk_ticket_changelist")
        return redirect("admin:helpdesk_ticket_change", ticket.pk)
