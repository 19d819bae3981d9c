"""Lists that never count or scan a table (SPEC 2.9)."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.exceptions import BadRequest
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from helpdesk.workspace.object_pages import ObjectPages
from helpdesk.workspace.rights import Rights

PER_PAGE = 50
DEEPEST_PAGE = 1000
MOST_AT_ONCE = 200
PLACE_HELP = _("Lower numbers come first.")


def numbers(texts: Iterable[str]) -> list[int]:
    """Those of the texts that can be ids."""
    return [int(text) for text in texts if text.isdecimal() and len(text) < 19]


def chosen_ids(request: HttpRequest) -> list[int]:
    """What was ticked in a list, at most `MOST_AT_ONCE`."""
    return numbers(request.POST.getlist(ACTION_CHECKBOX_NAME))[:MOST_AT_ONCE]


def as_list(rows: list[str]) -> SafeString:
    """Lines of a cell."""
    return format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", ((row,) for row in rows)))


class OpenPaginator(Paginator):
    """Pages without a count: a page knows whether another one follows because it reads one row more."""

    @cached_property
    def count(self) -> int:
        return DEEPEST_PAGE * self.per_page

    def page(self, number: int) -> Page:
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        rows = list(self.object_list[start : start + self.per_page + 1])
        page = Page(rows[: self.per_page], number, self)
        page.more = len(rows) > self.per_page
        return page


class OpenChangeList(ChangeList):
    """A change list with newer and older pages, and no total."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet) -> list[Any]:
        """The page's own order, which an index carries; an address can't ask for another one."""
        return list(self.model_admin.get_ordering(request) or self._get_default_ordering())

    def get_ordering_field_columns(self) -> dict[int, str]:
        return {}

    def get_results(self, request: HttpRequest) -> None:
        if not 1 <= self.page_num <= DEEPEST_PAGE:
            raise IncorrectLookupParameters
        self.paginator = self.model_admin.get_paginator(request, self.queryset, self.list_per_page)
        page = self.paginator.page(self.page_num)
        self.result_list = page.object_list
        self.model_admin.prepare(self.result_list)
        # What Django's templates and actions ask for; `result_count` is what is on the page.
        self.result_count, self.full_result_count = len(self.result_list), None
        self.show_full_result_count = self.show_admin_actions = bool(self.result_list)
        self.can_show_all = self.multi_page = False
        self.newer = self.get_query_string({PAGE_VAR: self.page_num - 1}) if self.page_num > 1 else None
        self.older = self.get_query_string({PAGE_VAR: self.page_num + 1}) if page.more else None


class Choice(admin.SimpleListFilter):
    """A filter with fixed choices: no query makes them up. Reads `field` unless `narrow` is overridden."""

    field = ""
    options: Any = ()
    all_label = _("All")

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(str(value), label) for value, label in self.options]

    def value(self) -> str | None:
        """What was chosen; a value that isn't offered counts as none."""
        chosen = super().value()
        return chosen if chosen in {value for value, _label in self.lookup_choices} else None

    def choices(self, changelist: ChangeList) -> Any:
        every, *rest = super().choices(changelist)
        yield {**every, "display": self.all_label}
        yield from rest

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset if self.value() is None else self.narrow(queryset, self.value())

    def narrow(self, queryset: QuerySet, value: str) -> QuerySet:
        return queryset.filter(**{self.field: value})


class RoleAdmin(Rights, ObjectPages, admin.ModelAdmin):
    """What all pages of the workspace share: rights from the table, lists without counts, no stray filters."""

    actions_on_top = False
    actions_on_bottom = True
    paginator = OpenPaginator
    show_full_result_count = False
    list_per_page = PER_PAGE
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """No hub means all of them, and the list says so."""
        if db_field.name == "hub" and db_field.null:
            options |= {"empty_label": _("All hubs"), "help_text": ""}
        return super().formfield_for_foreignkey(db_field, request, **options)

    @admin.display(description=_("Hub"))
    def hub_name(self, row: Any) -> str:
        return row.hub.name if row.hub else str(_("All hubs"))

    def prepare(self, rows: list[Any]) -> None:
        """Read what the rows of a page have in common, in a fixed number of queries."""

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return OpenChangeList

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def response_action(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        """Only what was ticked, never "all pages"; ids that aren't numbers are a forged form."""
        sent = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if len(numbers(sent)) != len(sent):
            raise BadRequest("ids are numbers")
        request.POST = request.POST.copy()
        request.POST["select_across"] = "0"
        return super().response_action(request, queryset)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Only the filters on the page: an address can't make the database search any other column."""
        return lookup in {getattr(entry, "parameter_name", None) for entry in self.get_list_filter(request)}


class ReadOnlyAdmin(RoleAdmin):
    """Pages that show what only services write."""

    has_history = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [field.name for field in self.opts.fields]
