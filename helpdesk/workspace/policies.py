"""Policies in plain words; read-only, since one in use is never edited in place (SPEC 2.2)."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.accounts.models import Account, RequesterRole
from helpdesk.core.channels import Channel
from helpdesk.core.durations import target_words
from helpdesk.sla.models import METRICS, PROMISES, Policy, PolicyVersion
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


def _current(policy: Policy) -> PolicyVersion | None:
    return next((version for version in policy.versions.all() if version.is_current), None)


def _versions(versions: Any) -> list[str]:
    rows: list[PolicyVersion] = sorted(versions, key=lambda version: -version.number)
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
