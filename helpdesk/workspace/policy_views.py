"""The editor of a policy: what its buttons do."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from helpdesk.sla import versions
from helpdesk.sla.models import Policy, Rollout
from helpdesk.tickets.services import Refused, rollouts
from helpdesk.workspace import dry_runs
from helpdesk.workspace.policy_drafts import Basis, Conflict, begun_with, conflict, draft_of, overtaken
from helpdesk.workspace.policy_editor import Editor, Typed, kept, with_step, without_step
from helpdesk.workspace.policy_page import Situation, look, open_tickets, version_rows
from helpdesk.workspace.policy_words import Names
from helpdesk.workspace.policy_words import changes as changed


@dataclass
class PolicyEditor:
    """One request to the editor. `site`: what every page of the admin needs; `log`: writes into the history."""

    request: HttpRequest
    policy: Policy | None
    now: datetime
    site: dict[str, Any]
    log: Callable[[Policy, str], None]

    def answer(self) -> HttpResponse:
        """The page, or what the pressed button does. Return in a field is a preview: nothing is saved by it."""
        if self.request.method != "POST":
            return self.open()
        acts = {
            "_publish": self.publish,
            **({"_draft": self.save_draft} if self.policy else {}),
            "_try": self.try_out,
            "_add_step": self.add_step,
            "_remove_step": self.remove_step,
            "_add_account": self.add_account,
        }
        act = next((act for button, act in acts.items() if button in self.request.POST), self.preview)
        return act()

    def open(self) -> HttpResponse:
        situation = Situation.load(self.policy)
        draft = draft_of(self.policy)
        passed = draft and draft[1] != str(situation.newest) and situation.current
        run = dry_runs.tried(self.request, policy=self.policy, calendar=None)
        typed = run.typed if run else begun_with(situation)
        editor = Editor(typed, choices=situation.choices, quiet=self.policy is None)
        return self.page(situation, editor, found=overtaken(situation) if passed and not run else None)

    def preview(self) -> HttpResponse:
        situation = Situation.load(self.policy)
        return self.page(situation, Editor(self.typed, choices=situation.choices), count=True, basis=self.basis)

    def side(self) -> HttpResponse:
        """The part of the page that follows what is typed, alone."""
        situation = Situation.load(self.policy)
        editor = Editor(self.typed, choices=situation.choices)
        seen = look(situation, editor, sent=self.request.POST, now=self.now, count="_preview" in self.request.POST)
        context = {"look": seen, "editor": editor, "is_part": True, **self.about(situation)}
        return TemplateResponse(self.request, "admin/helpdesk/policy/_look.html", context)

    def try_out(self) -> HttpResponse:
        """Replay what is typed over past tickets; nothing is put in force or kept as a draft."""
        situation = Situation.load(self.policy)
        editor = Editor(self.typed, choices=situation.choices)
        if not editor.is_legible():
            return self.page(situation, editor, basis=self.basis)
        name = (self.typed.get("name") or [""])[0].strip() or (self.policy.name if self.policy else _("New policy"))
        try:
            run = dry_runs.begin(
                self.request,
                now=self.now,
                name=name[:80],
                policy=self.policy,
                terms=editor.terms(),
                place=editor.place,
                typed=self.typed,
                version=situation.newest + 1,
            )
        except Refused as refused:
            messages.error(self.request, str(refused))
            return self.page(situation, editor, basis=self.basis)
        return redirect("admin:helpdesk_dryrun_change", run.pk)

    def add_step(self) -> HttpResponse:
        return self.retyped(with_step(self.typed))

    def remove_step(self) -> HttpResponse:
        return self.retyped(without_step(self.typed, self.request.POST["_remove_step"]))

    def add_account(self) -> HttpResponse:
        """Tick one more account; one that is not known is said beside the field."""
        situation = Situation.load(self.policy)
        editor = Editor(self.typed, choices=situation.choices)
        if "add_account" in editor.form.faults:
            return self.page(situation, editor, basis=self.basis)
        found = editor.form.cleaned_data["add_account"]
        accounts = self.typed.get("accounts", []) + ([str(found.pk)] if found else [])
        return self.retyped({**self.typed, "accounts": list(dict.fromkeys(accounts)), "add_account": [""]})

    def retyped(self, typed: Typed) -> HttpResponse:
        """The page with other rows: not yet a time to complain."""
        situation = Situation.load(self.policy)
        return self.page(situation, Editor(typed, choices=situation.choices, quiet=True), basis=self.basis)

    def save_draft(self) -> HttpResponse:
        """Keep what is typed, fit or not, for oneself and for other managers."""
        with transaction.atomic():
            locked = Policy.objects.select_for_update(no_key=True, of=("self",)).get(pk=self.policy.pk)
            situation = Situation.load(locked)
            found = conflict(situation, self.basis)
            if found is None:
                draft = {"typed": self.typed, "based_on": situation.newest}
                versions.save_policy_draft(policy=locked, draft=draft, actor=self.request.user, now=self.now)
        if found:
            return self.page(situation, Editor(self.typed, choices=situation.choices), found=found)
        messages.success(self.request, _("The draft is saved. Nothing is in force yet."))
        return redirect("admin:helpdesk_policy_change", locked.pk)

    def publish(self) -> HttpResponse:
        """Put what is typed in force, for new tickets, and for open ones where that was asked for."""
        try:
            with transaction.atomic():
                return self._publish()
        except IntegrityError:  # another policy took the name since it was checked
            situation = Situation.load(self.policy)
            return self.page(situation, Editor(self.typed, choices=situation.choices), basis=self.basis)

    def _publish(self) -> HttpResponse:
        # All of them, by id, as `move_policy` locks them: two who save and move at once don't wait for each other.
        locked = {policy.pk: policy for policy in Policy.objects.select_for_update().order_by("pk")}
        situation = Situation.load(locked[self.policy.pk] if self.policy else None)
        editor = Editor(self.typed, choices=situation.choices)
        if not editor.is_valid():
            return self.page(situation, editor, basis=self.basis)
        if self.policy is None:
            return self._create(editor)
        found = conflict(situation, self.basis)
        return self.page(situation, editor, found=found) if found else self._save(situation, editor)

    def _create(self, editor: Editor) -> HttpResponse:
        made = versions.create_policy(
            name=editor.name,
            terms=editor.terms(),
            position=editor.place,
            note=editor.note,
            actor=self.request.user,
            now=self.now,
        )
        if "active" not in self.request.POST:
            versions.set_policy_active(policy=made, active=False)
        self.log(made, _("Created"))
        text = (
            _("“%(name)s” is in force for new tickets.") if made.is_active else _("“%(name)s” is saved, out of force.")
        )
        messages.success(self.request, text % {"name": made.name})
        return redirect("admin:helpdesk_policy_change", made.pk)

    def _save(self, situation: Situation, editor: Editor) -> HttpResponse:
        policy, terms = situation.policy, editor.terms()
        said = []
        if editor.name != policy.name:
            versions.rename_policy(policy=policy, name=editor.name)
            said.append(_("It is called “%(name)s” now.") % {"name": editor.name})
            self.log(policy, _("Name: %(change)s") % {"change": f"{policy.name} → {editor.name}"})
        if editor.moves:
            versions.move_policy(policy=policy, position=editor.place)
            said.append(_("It has place %(place)d now.") % {"place": editor.place + 1})
            self.log(policy, _("Place: %(place)d") % {"place": editor.place + 1})
        if self._differs(situation, terms):
            version = versions.publish_policy(
                policy=policy,
                terms=terms,
                note=editor.note,
                based_on=situation.newest,
                actor=self.request.user,
                now=self.now,
            )
            said.append(_("Version %(number)d is in force for new tickets.") % {"number": version.number})
            self.log(policy, said[-1])
        elif policy.draft is not None:
            versions.save_policy_draft(policy=policy, draft=None, actor=self.request.user, now=self.now)
        return self._after(policy, editor, said)

    def _differs(self, situation: Situation, terms: Any) -> bool:
        return situation.before is None or bool(changed(situation.before, terms, Names()))

    def _after(self, policy: Policy, editor: Editor, said: list[str]) -> HttpResponse:
        if "move_open" in self.request.POST and policy.is_active:
            reason = editor.note or _("The version in force takes over")
            rollout = rollouts.start_rollout(policy=policy, reason=reason, actor=self.request.user, now=self.now)
            said.append(_("Open tickets are being moved."))
            messages.success(self.request, " ".join(said))
            return redirect("admin:helpdesk_rollout_change", rollout.pk)
        if said:
            messages.success(self.request, " ".join(said))
        else:
            messages.warning(self.request, _("Nothing was changed, so there is no new version."))
        return redirect("admin:helpdesk_policy_change", policy.pk)

    @property
    def typed(self) -> Typed:
        return kept(self.request.POST)

    @property
    def basis(self) -> Basis:
        return Basis.sent(self.request.POST)

    def about(self, situation: Situation) -> dict[str, Any]:
        """What the parts of the page call things."""
        pk = self.policy.pk if self.policy else 0
        return {
            "policy": self.policy,
            "current": situation.current,
            "next": situation.newest + 1,
            "look_url": reverse("admin:helpdesk_policy_look", args=[pk]),
        }

    def page(
        self,
        situation: Situation,
        editor: Editor,
        *,
        count: bool = False,
        found: Conflict | None = None,
        basis: Basis | None = None,
    ) -> HttpResponse:
        """The whole page. `basis`: what the person has before their eyes still; None: what they are shown now."""
        request, policy = self.request, situation.policy
        rows, more = version_rows(policy, everything="versions" in request.GET) if policy else ([], False)
        context = {
            **self.site,
            **self.about(situation),
            **dry_runs.choices(request),
            "title": policy.name if policy else _("New policy"),
            "editor": editor,
            "mistakes": editor.mistakes(),
            "conflict": found,
            "basis": basis or Basis.now(situation),
            "look": look(situation, editor, sent=request.POST, now=self.now, count=count),
            "serves": open_tickets(policy).get(situation.current.pk, 0) if policy and situation.current else 0,
            "versions": rows,
            "more_versions": more,
            "is_unreadable": situation.current is not None and situation.before is None,
            "is_active": "active" in request.POST or request.method != "POST",
            "moves_open": "move_open" in request.POST,
            "rollout": _unfinished(policy) if policy else None,
        }
        # Rendered here: a page that is made inside a transaction shows what that transaction saw.
        return TemplateResponse(request, "admin/helpdesk/policy/page.html", context).render()


def _unfinished(policy: Policy) -> Rollout | None:
    return Rollout.objects.filter(policy=policy, state__in=Rollout.State.unfinished()).order_by("-pk").first()
