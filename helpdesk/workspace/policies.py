"""Policies and calendars in plain words; read-only, since one in use is never edited in place (SPEC 2.2)."""

from datetime import date
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.dates import WEEKDAYS
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from helpdesk.accounts.models import Account, RequesterRole
from helpdesk.core.channels import Channel
from helpdesk.core.durations import target_words
from helpdesk.core.moments import full_date
from helpdesk.sla.calendar import DAY_NAMES
from helpdesk.sla.models import METRICS, PROMISES, Calendar, CalendarVersion, Policy, PolicyVersion
from helpdesk.sla.terms import Conditions, Hours, Recipient, TargetTerms, Terms
from helpdesk.subscriptions.models import Hub
from helpdesk.tickets.models import Severity
from helpdesk.workspace.lists import ReadOnlyAdmin
from helpdesk.workspace.wording import instant

RECIPIENTS = {
    Recipient.OWNER: gettext_lazy("the owner, or the team while there is none"),
    Recipient.TEAM: gettext_lazy("the team"),
    Recipient.TEAM_LEAD: gettext_lazy("the team lead"),
    Recipient.MANAGER: gettext_lazy("the managers"),
    Recipient.ON_CALL: gettext_lazy("who is on call"),
}


def conditions_words(conditions: Conditions) -> str:
    """To whom a policy applies."""
    hubs = dict(Hub.objects.values_list("pk", "name")) if conditions.hubs else {}
    accounts = dict(Account.objects.filter(pk__in=conditions.accounts).values_list("pk", "name"))
    parts = [
        _listed(_("hub"), conditions.hubs, hubs),
        _listed(_("channel"), conditions.channels, dict(Channel.choices)),
        _listed(_("asked by"), conditions.roles, dict(RequesterRole.choices)),
        _listed(_("severity"), conditions.severities, dict(Severity.choices)),
        _listed(_("account"), conditions.accounts, accounts),
    ]
    return "; ".join(part for part in parts if part) or _("Every ticket that no policy before this one fits")


def _listed(what: str, values: frozenset[Any], names: dict[Any, Any]) -> str:
    return f"{what}: " + ", ".join(sorted(str(names.get(value, value)) for value in values)) if values else ""


def target_sentence(target: TargetTerms) -> str:
    """`First response: 30 minutes, guaranteed, always open`."""
    words = {
        "metric": dict(METRICS)[target.metric],
        "target": target_words(seconds=target.target.seconds, business_days=target.target.business_days),
        "promise": str(dict(PROMISES)[target.promise]).lower(),
        "hours": _("counted at all hours") if target.hours == Hours.ALWAYS else _("counted in business hours"),
    }
    return _("%(metric)s: %(target)s, %(promise)s, %(hours)s") % words


def step_sentences(terms: Terms) -> list[str]:
    """When somebody is told, and who."""
    rows = [
        _("At %(percent)d %% of the time: %(who)s")
        % {"percent": step.percent, "who": ", ".join(str(RECIPIENTS[who]) for who in step.recipients)}
        for step in terms.steps
    ]
    if terms.steps and terms.repeat_minutes:
        rows.append(_("Then again every %(count)d minutes, while unanswered") % {"count": terms.repeat_minutes})
    return rows


def as_list(rows: list[str]) -> SafeString:
    return format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", ((row,) for row in rows)))


@admin.register(Policy)
class PolicyAdmin(ReadOnlyAdmin):
    """Looked through in order; the first that fits gives the targets."""

    list_display = ("place", "name", "is_active", "applies", "promises")
    list_display_links = ("name",)
    ordering = ("position", "id")
    fields = ("name", "position", "is_active", "applies", "promises", "ladder", "versions_text")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Policy]:
        return super().get_queryset(request).prefetch_related("versions__created_by")

    def get_readonly_fields(self, request: HttpRequest, obj: Policy | None = None) -> list[str]:
        return [*super().get_readonly_fields(request, obj), "applies", "promises", "ladder", "versions_text"]

    @admin.display(description=gettext_lazy("Order"))
    def place(self, policy: Policy) -> int:
        return policy.position + 1

    @admin.display(description=gettext_lazy("Applies to"))
    def applies(self, policy: Policy) -> str:
        version = _current(policy)
        return conditions_words(version.terms.conditions) if version else "–"

    @admin.display(description=gettext_lazy("Promises"))
    def promises(self, policy: Policy) -> SafeString | str:
        version = _current(policy)
        return as_list([target_sentence(target) for target in version.terms.targets]) if version else "–"

    @admin.display(description=gettext_lazy("Escalation"))
    def ladder(self, policy: Policy) -> SafeString | str:
        version = _current(policy)
        return as_list(step_sentences(version.terms)) if version else "–"

    @admin.display(description=gettext_lazy("Versions"))
    def versions_text(self, policy: Policy) -> SafeString:
        return as_list(_versions(policy.versions.all()))


@admin.register(Calendar)
class CalendarAdmin(ReadOnlyAdmin):
    """Business hours."""

    list_display = ("name", "is_default", "zone", "week")
    ordering = ("name",)
    fields = ("name", "is_default", "zone", "week", "holidays", "special", "versions_text")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Calendar]:
        return super().get_queryset(request).prefetch_related("versions__created_by")

    def get_readonly_fields(self, request: HttpRequest, obj: Calendar | None = None) -> list[str]:
        computed = ["zone", "week", "holidays", "special", "versions_text"]
        return [*super().get_readonly_fields(request, obj), *computed]

    @admin.display(description=gettext_lazy("Time zone"))
    def zone(self, calendar: Calendar) -> str:
        return _definition(calendar).get("timezone", "–")

    @admin.display(description=gettext_lazy("Weekly hours"))
    def week(self, calendar: Calendar) -> SafeString:
        weekly = _definition(calendar).get("weekly", {})
        days = [(capfirst(WEEKDAYS[index]), weekly.get(day)) for index, day in enumerate(DAY_NAMES)]
        return as_list([f"{name}: {_hours(hours)}" for name, hours in days if hours])

    @admin.display(description=gettext_lazy("Holidays"))
    def holidays(self, calendar: Calendar) -> SafeString | str:
        days = _definition(calendar).get("holidays", [])
        return as_list([_day(day) for day in sorted(days)]) if days else "–"

    @admin.display(description=gettext_lazy("Days with hours of their own"))
    def special(self, calendar: Calendar) -> SafeString | str:
        days = _definition(calendar).get("special_days", {})
        return as_list([f"{_day(day)}: {_hours(hours)}" for day, hours in sorted(days.items())]) if days else "–"

    @admin.display(description=gettext_lazy("Versions"))
    def versions_text(self, calendar: Calendar) -> SafeString:
        return as_list(_versions(calendar.versions.all()))


def _current(policy: Policy) -> PolicyVersion | None:
    return next((version for version in policy.versions.all() if version.is_current), None)


def _definition(calendar: Calendar) -> dict[str, Any]:
    return next((version.definition for version in calendar.versions.all() if version.is_current), {})


def _hours(intervals: list[list[str]]) -> str:
    return ", ".join(f"{begin}–{end}" for begin, end in intervals) or pgettext("opening hours", "closed")


def _day(day: str) -> str:
    return full_date(date.fromisoformat(day))


def _versions(versions: Any) -> list[str]:
    rows: list[CalendarVersion | PolicyVersion] = sorted(versions, key=lambda version: -version.number)
    return [
        _("Version %(number)d, %(at)s, by %(who)s")
        % {
            "number": row.number,
            "at": instant(row.created_at),
            "who": row.created_by or _("the installation"),
        }
        + (f" ({_('in force')})" if row.is_current else "")
        for row in rows
    ]
