"""The queue: the change list of tickets, in the order of their deadlines."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.accounts.presence import around
from helpdesk.tickets.models import Reading, SavedView, Ticket
from helpdesk.tickets.queue import take_next
from helpdesk.workspace import queue_columns, queue_views
from helpdesk.workspace.faces import open_faces
from helpdesk.workspace.lists import Choice, OpenChangeList, RoleAdmin
from helpdesk.workspace.queue_bulk import BulkForm, BulkPages, account, find_staff
from helpdesk.workspace.queue_columns import Column
from helpdesk.workspace.queue_export import ExportPages
from helpdesk.workspace.queue_filters import FILTERS, QueueFilter, SavedFilter, ViewFilter, rows_to_count
from helpdesk.workspace.queue_rows import Rows
from helpdesk.workspace.queue_saved import SavedPages, SaveForm, columns_offered, expanded, kept_params
from helpdesk.workspace.queue_search import searched
from helpdesk.workspace.queue_views import onlooker
from helpdesk.workspace.rights import Act, may

__all__ = ["QueuePages", "find_staff", "onlooker"]


class TicketChangeList(OpenChangeList):
    """The queue with what its page shows besides the rows: faces of clocks, views with their counts, sums."""

    def __init__(self, request: HttpRequest, *args: Any, **options: Any) -> None:
        self.asked = request.GET
        super().__init__(request, *args, **options)
        found = _("Found in all tickets") if self.is_by_number else _("Found")
        label = "" if self.is_by_number else queue_views.VIEWS.get(self.view.chosen)
        self.title = self.saved.name if self.saved else label or found

    def get_query_string(self, new_params: Any = None, remove: Any = None) -> str:
        """With its path: the page is shown at other addresses, too, when a form is refused."""
        return self.base + super().get_query_string(new_params, remove)

    def _spec(self, kind: type[Choice]) -> Any:
        """Django leaves out a filter that has nothing to choose from."""
        return next((spec for spec in self.filter_specs if isinstance(spec, kind)), None)

    @property
    def query_of_list(self) -> str:
        """What makes up this list, as the query of an address."""
        return super().get_query_string()

    @property
    def base(self) -> str:
        return reverse("admin:helpdesk_ticket_changelist")

    @cached_property
    def view(self) -> ViewFilter:
        return self._spec(ViewFilter)

    @property
    def is_by_deadline(self) -> bool:
        return self.view.chosen != queue_views.CLOSED

    @property
    def is_by_number(self) -> bool:
        """One looks for words among all tickets, which no view shows."""
        return bool(self.query) and not self.is_by_deadline

    @cached_property
    def saved(self) -> SavedView | None:
        """The saved view that the address came from."""
        spec = self._spec(SavedFilter)
        chosen = spec.value() if spec else None
        return next((view for view in self.view.onlooker.saved if str(view.pk) == chosen), None)

    @property
    def shown_filters(self) -> list[QueueFilter]:
        return [spec for spec in self.filter_specs if isinstance(spec, QueueFilter)]

    @property
    def narrowed_by(self) -> list[QueueFilter]:
        return [spec for spec in self.shown_filters if spec.value() is not None]

    @cached_property
    def columns(self) -> list[Column]:
        chosen = self.saved.columns if self.saved and self.saved.columns else self.view.onlooker.user.queue_columns
        return queue_columns.shown(chosen)

    def get_queryset(self, request: HttpRequest, **options: Any) -> QuerySet[Ticket]:
        """What the page shows of each row, and nothing more."""
        queryset = super().get_queryset(request, **options)
        reads = [name for column in self.columns for name in column.reads]
        related = {*queue_columns.RELATED, *(name for column in self.columns for name in column.related)}
        queryset = queryset.select_related(*related).only(*queue_columns.ALWAYS, *reads)
        return queryset.prefetch_related("tags") if any(column.key == "tags" for column in self.columns) else queryset

    def get_ordering(self, request: HttpRequest, queryset: QuerySet) -> list[Any]:
        chosen = request.GET.get("view")
        everything = bool(searched(request).text)
        return list(queue_views.order(chosen if chosen in queue_views.VIEWS else "", everything=everything))

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.onlooker = onlooker(request)
        self.now = self.onlooker.now
        faces = open_faces(ticket_ids=[ticket.pk for ticket in self.result_list], now=self.now)
        here = around([ticket.pk for ticket in self.result_list])
        self.carried = self._carried()
        rows = Rows(
            user=request.user,
            columns=self.columns,
            read_at=self._read_at(),
            carried=self.carried,
            ticked=getattr(request, "ticked", ()),
        )
        self.rows = rows.of(self.result_list, faces, here)
        self._count()
        self.also_closed = self._also_closed(request)

    def _carried(self) -> str:
        """What a ticket's page is told of the list that it was opened from, to go on to the next one of it."""
        kept = kept_params(self.asked)
        if self.saved and all(kept.get(name) == value for name, value in {"view": "open", **self.saved.params}.items()):
            return f"?saved={self.saved.pk}"
        return f"?{urlencode(kept)}" if kept else ""

    def _read_at(self) -> dict[int, Any]:
        """When this person last had each of the page's tickets open."""
        keys = [ticket.pk for ticket in self.result_list]
        read = Reading.objects.filter(user=self.onlooker.user, ticket__in=keys)
        return dict(read.values_list("ticket", "at"))

    def _also_closed(self, request: HttpRequest) -> str:
        """Where words are looked for among all tickets; empty where they are already."""
        search = searched(request)
        if not search.text or search.names_tickets or self.view.chosen == queue_views.CLOSED:
            return ""
        return self.get_query_string({"view": queue_views.CLOSED}, ["status", "saved"])

    def _sums_to_count(self) -> dict[str, QuerySet[Ticket]]:
        """The sums that aren't the counts of views already; what is closed has no others than their number."""
        narrowed = bool(self.query) or bool(self.narrowed_by)
        view, here = self.view.chosen, self.queryset
        sums = {"all": here} if narrowed or view == queue_views.CLOSED else {}
        if view != queue_views.CLOSED and (narrowed or view != queue_views.OPEN):
            sums["late"] = queue_views.late(here.active(), now=self.now)
            sums["soon"] = queue_views.near_breach(here.active(), now=self.now)
            sums["free"] = here.active().filter(owner=None)
        return sums

    def _count(self) -> None:
        """The views' counts, the saved ones' too, and the sums of what is shown, in one query."""
        counted = [key for key in queue_views.VIEWS if key != queue_views.CLOSED]
        parts: dict[str, queue_views.Countable] = {key: queue_views.to_count(key, self.onlooker) for key in counted}
        for view in self.onlooker.saved:
            parts[f"saved-{view.pk}"] = rows_to_count(self.root_queryset, view.params, self.onlooker)
        found = self.view.searched.found if self.view.chosen == queue_views.CLOSED else None
        if found is None:
            parts |= self._sums_to_count()
        counts = queue_views.counts(parts) | ({} if found is None else {"all": found.number})
        same = {"all": self.view.chosen}
        if self.view.chosen != queue_views.CLOSED:
            same |= {"late": queue_views.BREACHED, "soon": queue_views.NEAR, "free": queue_views.UNASSIGNED}
        self.sums = {key: counts[key] if key in counts else counts[view] for key, view in same.items()}
        self.shown_sums = {key: queue_views.shown(key, count) for key, count in self.sums.items()}
        if found is not None and not found.is_all:
            self.shown_sums["all"] = queue_views.at_least("all", found.number)
        self.views = [
            {
                "key": key,
                "label": label,
                "count": counts.get(key),
                "shown": queue_views.shown(key, counts[key]) if key in counts else "",
                "current": self.saved is None and key == self.view.chosen and not self.is_by_number,
                "url": self.get_query_string({"view": key}, ["q", "saved"]),
            }
            for key, label in queue_views.VIEWS.items()
        ]
        self.saved_views = [
            {
                "view": view,
                "shown": queue_views.shown("", counts[f"saved-{view.pk}"]),
                "current": self.saved is not None and view.pk == self.saved.pk,
                "url": f"{self.base}?saved={view.pk}",
            }
            for view in self.onlooker.saved
        ]


class ExportedList(TicketChangeList):
    """The same tickets in the same order, without a page of them."""

    def get_results(self, request: HttpRequest) -> None:
        self.result_list = []


class QueuePages(BulkPages, SavedPages, ExportPages, RoleAdmin):
    """The list half of the ticket's admin."""

    list_display = ("clock", "subject", "account", "hub", "channel", "severity", "status", "owner")
    list_filter = FILTERS
    search_fields = ("pk", "account__name", "subject")
    search_help_text = gettext_lazy("Reference, words, account, person")
    actions = ()

    @admin.display(description=gettext_lazy("Next clock"))
    def clock(self, ticket: Ticket) -> str:
        """Shown by the row's own template (`queue_rows`)."""
        return ""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Ticket]:
        return Ticket.objects.visible_to(request.user)

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return ExportedList if getattr(request, "exports", False) else TicketChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Ticket], search_term: str
    ) -> tuple[QuerySet[Ticket], bool]:
        among_open = request.GET.get("view") != queue_views.CLOSED
        return searched(request).narrow(queryset, among_open=among_open), False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """None of Django's: the bar has its own form, whose account names each ticket."""
        return {}

    def expand(self, request: HttpRequest) -> None:
        """Read the address as what its saved view stands for; the account of an act is no filter."""
        request.done = request.GET.get("done", "")
        request.GET = expanded(request).copy()
        request.GET.pop("done", None)

    def export_list(self, request: HttpRequest) -> ExportedList:
        request.exports = True
        return self.get_changelist_instance(request)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        self.expand(request)
        query = request.GET.urlencode()
        context = {
            "bulk": BulkForm(request=request),
            "saving": SaveForm(request=request),
            "account": account(request, request.done) if request.done else None,
            "may_assign": may(request.user, Act.CHANGE, "assign_others"),
            "query": query,
            "base": reverse("admin:helpdesk_ticket_changelist"),
            "here": f"{reverse('admin:helpdesk_ticket_changelist')}?{query}",
            **(extra_context or {}),
        }
        request.ticked = context["bulk"].ticked
        answer = super().changelist_view(request, context)
        if (found := getattr(answer, "context_data", None)) and "cl" in found:
            found["may_keep_saved"] = found["cl"].saved is not None and onlooker(request).keeps(found["cl"].saved)
            found["columns"] = columns_offered([column.key for column in found["cl"].columns])
        return answer

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
