"""Policies: the list in order, the editor, and what takes one in or out of force (SPEC 2.2, 2.8).

A policy in use is never edited in place: saving publishes a version for new tickets, a draft waits, and
open tickets move only when somebody asks for it.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Prefetch, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from helpdesk.sla.clock import Promise
from helpdesk.sla.models import METRICS, Policy, PolicyVersion
from helpdesk.sla.versions import move_policy, save_policy_draft, set_policy_active
from helpdesk.tickets.services.rollouts import preview_policy, start_rollout
from helpdesk.workspace.lists import RoleAdmin, numbers
from helpdesk.workspace.policy_drafts import Basis, conflict
from helpdesk.workspace.policy_forms import suggested
from helpdesk.workspace.policy_page import Situation, open_tickets, read
from helpdesk.workspace.policy_views import PolicyEditor
from helpdesk.workspace.policy_words import Names, conditions_words, in_time

LONGEST_NAME, LONGEST_REASON = 160, 200


@admin.register(Policy)
class PolicyAdmin(RoleAdmin):
    """Looked through in order; the first that fits gives the targets."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("accounts/", wrap(self.accounts_view), name="helpdesk_policy_accounts"),
            path("<int:pk>/look/", wrap(self.look_view), name="helpdesk_policy_look"),
            path("<int:pk>/move/", wrap(self.move_view), name="helpdesk_policy_move"),
            path("<int:pk>/discard/", wrap(self.discard_view), name="helpdesk_policy_discard"),
            path("<int:pk>/force/", wrap(self.force_view), name="helpdesk_policy_force"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """All of them in order: there are as many as a person can keep in mind."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {**self._page(request), "title": capfirst(self.opts.verbose_name_plural), "rows": _rows()}
        return TemplateResponse(request, "admin/helpdesk/policy/list.html", context)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self._editor(request, None).answer()

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        policy = self._fetch(request, object_id)
        return self._editor(request, policy).answer()

    def look_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What the typed policy would mean, while somebody types; 0 is one that isn't saved yet."""
        policy = self._fetch(request, str(pk)) if pk else None
        if not self.has_add_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return self._editor(request, policy).side()

    def accounts_view(self, request: HttpRequest) -> HttpResponse:
        """Names of accounts that begin with what is being typed."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        text = request.GET.get("add_account") or request.GET.get("look-account") or ""
        names = suggested(text.replace("\x00", "")[:LONGEST_NAME]).values_list("name", flat=True)
        return HttpResponse(format_html_join("", '<option value="{}"></option>', ((name,) for name in names)))

    def move_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One place up or down."""
        policy = self._fetch(request, str(pk))
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        rank = Policy.objects.filter(
            Q(position__lt=policy.position) | Q(position=policy.position, pk__lt=policy.pk)
        ).count()
        step = {"up": -1, "down": 1}.get(request.POST.get("to", ""), 0)
        if step:
            move_policy(policy=policy, position=max(0, rank + step))
            self._log(request)(policy, _("Place: %(place)d") % {"place": max(0, rank + step) + 1})
        return redirect("admin:helpdesk_policy_changelist")

    def discard_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Throw the draft away, unless somebody saved another one meanwhile."""
        policy = self._fetch(request, str(pk))
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        with transaction.atomic():
            locked = Policy.objects.select_for_update(no_key=True).get(pk=policy.pk)
            found = conflict(Situation.load(locked), Basis.sent(request.POST))
            if found is None:
                save_policy_draft(policy=locked, draft=None, actor=request.user, now=timezone.now())
        if found:
            self.message_user(request, found.text, messages.WARNING)
        else:
            self.message_user(request, _("The draft is gone. The version in force stands here again."))
        return redirect("admin:helpdesk_policy_change", policy.pk)

    def force_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take a policy out of force, or put it back, after saying what becomes of open tickets."""
        policy = self._fetch(request, str(pk))
        now = timezone.now()
        if request.method == "POST":
            return self._force(request, policy, now=now)
        context = {
            **self._page(request),
            "title": policy.name,
            "policy": policy,
            "moved": preview_policy(policy=policy, terms=None, now=now) if policy.is_active else None,
            "serves": sum(open_tickets(policy).values()),
        }
        return TemplateResponse(request, "admin/helpdesk/policy/force.html", context)

    def _force(self, request: HttpRequest, policy: Policy, *, now: datetime) -> HttpResponse:
        active = request.POST.get("to") == "active"
        with transaction.atomic():
            done = set_policy_active(policy=policy, active=active)
            if done:
                self._log(request)(policy, _("Put in force") if active else _("Taken out of force"))
            if done and not active:
                typed = request.POST.get("reason", "").replace("\x00", "").strip()[:LONGEST_REASON]
                reason = typed or _("Policy taken out of force")
                rollout = start_rollout(policy=policy, reason=reason, actor=request.user, now=now)
        if not done:
            self.message_user(request, _("Somebody did that already."), messages.WARNING)
        elif active:
            self.message_user(request, _("“%(name)s” is in force for new tickets.") % {"name": policy.name})
        else:
            text = _("“%(name)s” is out of force. Its open tickets are being recomputed.") % {"name": policy.name}
            self.message_user(request, text)
            return redirect("admin:helpdesk_rollout_change", rollout.pk)
        return redirect("admin:helpdesk_policy_change", policy.pk)

    def _fetch(self, request: HttpRequest, pk: str) -> Policy:
        """The policy, for somebody who may change it; the draft's author comes with it."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        policy = Policy.objects.select_related("draft_by").filter(pk__in=numbers([pk])).first()
        if policy is None:
            raise Http404
        return policy

    def _page(self, request: HttpRequest) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts}

    def _log(self, request: HttpRequest) -> Callable[[Policy, str], None]:
        """Writes into the history that the admin keeps of every object."""
        return lambda policy, text: self.log_change(request, policy, text)

    def _editor(self, request: HttpRequest, policy: Policy | None) -> PolicyEditor:
        return PolicyEditor(
            request=request, policy=policy, now=timezone.now(), site=self._page(request), log=self._log(request)
        )


def _rows() -> list[dict[str, Any]]:
    """The policies in order, in words. Five queries."""
    current = PolicyVersion.objects.filter(is_current=True)
    policies = list(
        Policy.objects.select_related("draft_by").prefetch_related(Prefetch("versions", current, to_attr="in_force"))
    )
    said = {policy.pk: read(next(iter(policy.in_force), None)) for policy in policies}
    names = Names.of(terms for terms in said.values() if terms)
    return [
        {
            "policy": policy,
            "version": next(iter(policy.in_force), None),
            "terms": terms,
            "applies": conditions_words(terms.conditions, names) if terms else [],
            "targets": [
                (str(dict(METRICS)[target.metric]), in_time(target), target.promise == Promise.GUARANTEED)
                for target in terms.targets
            ]
            if terms
            else [],
            "is_first": index == 0,
            "is_last": index == len(policies) - 1,
        }
        for index, policy in enumerate(policies)
        for terms in [said[policy.pk]]
    ]
