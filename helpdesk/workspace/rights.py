"""Who may do what in the workspace: one table, read by every page of it (SPEC 2.1, 2.8).

The letters stand for view, add, change and delete. What isn't in the table nobody may do: nobody
deletes a ticket, a clock or an event.
"""

from enum import StrEnum
from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model
from django.http import HttpRequest

from helpdesk.accounts.models import StaffRole, User

SPECIALIST, LEAD, MANAGER, ADMINISTRATOR = StaffRole


class Act(StrEnum):
    VIEW = "v"
    ADD = "a"
    CHANGE = "c"
    DELETE = "d"


def _all(letters: str, administrator: str | None = None) -> dict[str, str]:
    """The same for everybody, and perhaps more for administrators."""
    return dict.fromkeys(StaffRole.values, letters) | {ADMINISTRATOR: administrator or letters}


# By model name; "board", "report", "assign_others", "absence_of_others", "shared_…" are acts without a model.
RIGHTS: dict[str, dict[str, str]] = {
    "ticket": _all("vc"),
    "assign_others": {LEAD: "c", MANAGER: "c", ADMINISTRATOR: "c"},
    "clock": _all("v"),
    "clockevent": _all("v"),
    "clockexception": {LEAD: "v", MANAGER: "v", ADMINISTRATOR: "v"},  # who decides which: `tickets.services`
    "exceptioncode": {LEAD: "v", MANAGER: "vac", ADMINISTRATOR: "vac"},
    "escalation": _all("vc"),
    "managerrequest": _all("v"),  # who answers: `escalation.manager_requests`
    "rating": _all("v"),  # a specialist's are those of their own answers
    "notice": _all("vc"),
    # One's own; those of others need the next line.
    "absence": _all("vacd"),
    "absence_of_others": {LEAD: "vacd", MANAGER: "vacd", ADMINISTRATOR: "vacd"},
    # A lead's are those of the teams that they lead.
    "oncallshift": {SPECIALIST: "v", LEAD: "vacd", MANAGER: "vacd", ADMINISTRATOR: "vacd"},
    "board": {LEAD: "v", MANAGER: "v", ADMINISTRATOR: "v"},
    # One's own; what a team or everybody uses needs the lines after. A lead's teams are those that they lead.
    "callrequest": _all("vc"),
    "cannedreply": _all("vacd"),
    "macro": _all("vacd"),
    "shared_with_team": {LEAD: "vacd", MANAGER: "vacd", ADMINISTRATOR: "vacd"},
    "shared_with_all": {LEAD: "vacd", MANAGER: "vacd", ADMINISTRATOR: "vacd"},
    "report": {MANAGER: "v", ADMINISTRATOR: "v"},
    "account": _all("v", "vac"),
    "membership": _all("v", "vacd"),
    "identityprovider": {ADMINISTRATOR: "vac"},
    "subscription": _all("v", "vac"),
    "user": _all("v", "vac"),
    # A lead's are those of the teams that they lead.
    "team": _all("v", "vac") | {LEAD: "vc"},
    "teammembership": _all("v", "vacd") | {LEAD: "vacd"},
    "skill": _all("v", "vacd"),
    "customfield": {MANAGER: "vac", ADMINISTRATOR: "vac"},
    "hub": _all("v", "vac"),
    "policy": {MANAGER: "vac", ADMINISTRATOR: "vac"},
    "rollout": {MANAGER: "vc", ADMINISTRATOR: "vc"},
    "dryrun": {MANAGER: "vc", ADMINISTRATOR: "vc"},
    "calendar": {MANAGER: "vac", ADMINISTRATOR: "vac"},
    "article": _all("vac"),  # who publishes: `knowledge.services`
    "section": {SPECIALIST: "v", LEAD: "vac", MANAGER: "vac", ADMINISTRATOR: "vac"},
    "knowledge_report": {LEAD: "v", MANAGER: "v", ADMINISTRATOR: "v"},
    "outboxmail": {MANAGER: "v", ADMINISTRATOR: "vc"},
    "alarm": {MANAGER: "v", ADMINISTRATOR: "v"},
    "heartbeat": {MANAGER: "v", ADMINISTRATOR: "v"},
}


def may_enter(user: User | AnonymousUser) -> bool:
    """May this person open the workspace at all? Staff only, and only with a second factor."""
    if not (user.is_active and user.is_authenticated and user.is_staff):
        return False
    return not settings.STAFF_MFA_REQUIRED or is_mfa_enabled(user)


def may(user: User, act: Act, what: str) -> bool:
    """May this person do `act` on `what` (a model's name, or a name of the table)?"""
    return user.is_active and act in RIGHTS.get(what, {}).get(user.staff_role, "")


class Rights:
    """For ModelAdmins and inlines: permissions come from the table."""

    model: type[Model]

    def _may(self, request: HttpRequest, act: Act) -> bool:
        return request.user.is_authenticated and may(request.user, act, self.model._meta.model_name)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, Act.VIEW)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, Act.ADD)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, Act.CHANGE)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, Act.DELETE)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may(request, Act.VIEW)
