"""The pages of one object: found or not, edited by one person at a time, its history, its end."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import get_content_type_for_model
from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from helpdesk.workspace.wording import instant

SEEN = "seen"  # the hidden field with what its editor had seen
ON_PAGE = 50
LONGEST = 60  # characters of a value that somebody else saved


class _Late(forms.ModelForm):
    """The form of somebody who saves what another person has changed meanwhile."""

    conflict = ""

    def clean(self) -> dict[str, Any] | None:
        data = super().clean()
        self.add_error(None, self.conflict)
        return data


class ObjectPages:
    """For ModelAdmins: what all pages of one object share."""

    has_history = True
    delete_help: str | Promise = ""  # what deleting an object means, for who is asked

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        return None if "\x00" in object_id else super().get_object(request, object_id, from_field)

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        """To the list that it would be in."""
        words = {"what": opts.verbose_name}
        text = _("This %(what)s is not here any more, or it is not yours to see.") % words
        self.message_user(request, text, messages.WARNING)
        return redirect(f"admin:{opts.app_label}_{opts.model_name}_changelist")

    # Two people with the same page open ------------------------------------------------------------------

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Saves one after another; who saves what has changed since they opened it is told so first."""
        if request.method != "POST":
            return super().changeform_view(request, object_id, form_url, extra_context)
        with transaction.atomic():
            self._hold(request, object_id)
            return super().changeform_view(request, object_id, form_url, extra_context)

    def _hold(self, request: HttpRequest, object_id: str | None) -> None:
        """Lock the object, or for a new one who adds it, so that a double click finds what the first one made."""
        obj = self.get_object(request, unquote(object_id)) if object_id else request.user
        if obj is None:
            return
        request.saved_as = str(obj) if object_id else ""  # a refused form has its own idea of the name
        obj._meta.model._base_manager.select_for_update(no_key=True).filter(pk=obj.pk).first()
        if object_id and SEEN in request.POST and self.has_change_permission(request, obj):
            request.conflict = self._conflict(request, object_id)

    def _conflict(self, request: HttpRequest, object_id: str) -> str:
        """What is to be said to who saves; empty where nothing has changed since they opened the page."""
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            return ""
        fields = flatten_fieldsets(self.get_fieldsets(request, obj))
        form = self.get_form(request, obj, change=True, fields=fields)(instance=obj)
        formsets, _inlines = self._create_formsets(request, obj, change=True)
        known = dict(part.rsplit(":", 1) for part in request.POST[SEEN].split() if ":" in part)
        now = state_of(form, formsets)
        changed = [name for name in now if known.get(name, now[name]) != now[name]]
        if not changed:
            return ""
        rows = {formset.prefix: str(formset.model._meta.verbose_name_plural) for formset in formsets}
        told = "; ".join(rows[name] if name in rows else _now_is(form, name) for name in changed)
        return _conflict_words(_last_saved(obj)) % {"told": told}

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        form = super().get_form(request, obj, change=change, **options)
        conflict = getattr(request, "conflict", "")
        return type(form.__name__, (_Late, form), {"conflict": conflict}) if conflict else form

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> Any:
        formsets = [inline.formset for inline in context["inline_admin_formsets"]]
        state = state_of(context["adminform"].form, formsets) if context.get("original") else {}
        seen = " ".join(f"{name}:{digest}" for name, digest in state.items())
        saved_as = getattr(request, "saved_as", "") or context.get("original")
        more = {"seen": seen, "has_history": self.has_history, "saved_as": saved_as}
        return super().render_change_form(request, context | more, *args, **options)

    # History and end -------------------------------------------------------------------------------------

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Who changed what of it in the workspace, the newest first. What only services write has none."""
        obj = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        if not self.has_history:
            raise Http404
        if obj is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        page = self.paginator(_entries(obj), ON_PAGE).get_page(request.GET.get(PAGE_VAR))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("History"),
            "object": obj,
            "entries": page.object_list,
            "newer": page.number - 1,
            "older": page.number + 1 if page.more else 0,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/object_history.html", context)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list, dict, set, list]:
        """Nothing hangs on what may be deleted here, so that nothing has to be looked through."""
        return [], {}, set(), []

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().delete_view(request, object_id, {"help": self.delete_help, **(extra_context or {})})


def state_of(form: forms.ModelForm, formsets: list[Any]) -> dict[str, str]:
    """A digest of each field's saved value, and of each table's rows."""
    kept = [name for name, field in form.fields.items() if not field.disabled]
    state = {name: _digest(form.initial.get(name)) for name in kept}
    return state | {formset.prefix: _digest(_rows(formset)) for formset in formsets}


def _rows(formset: Any) -> list[Any]:
    return [[row.pk, formset.form(instance=row).initial] for row in formset.get_queryset()]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, default=_plain, sort_keys=True).encode()).hexdigest()[:12]


def _plain(value: Any) -> Any:
    if isinstance(value, models.Model):
        return value.pk
    return list(value) if isinstance(value, set | tuple) else str(value)


def _entries(obj: models.Model) -> QuerySet[LogEntry]:
    kind = get_content_type_for_model(obj)
    entries = LogEntry.objects.filter(content_type=kind, object_id=str(obj.pk))
    return entries.select_related("user").order_by("-action_time", "-id")


def _last_saved(obj: models.Model) -> Mapping[str, str]:
    last = _entries(obj).first()
    return {"who": str(last.user), "at": instant(last.action_time)} if last else {}


def _conflict_words(saved: Mapping[str, str]) -> str:
    first = _("%(who)s saved this at %(at)s, while you had it open.") % saved if saved else ""
    more = _(
        "Changed meanwhile: %(told)s. What you typed is kept below: save again to put it in place of theirs, "
        "or open the page anew to see what they saved."
    )
    return " ".join(part for part in (first.replace("%", "%%"), more) if part)


def _now_is(form: forms.ModelForm, name: str) -> str:
    """`Name (now “Kestrel”)`; the label alone where the value is no column."""
    label = capfirst(str(form.fields[name].label or name))
    try:
        column = form.instance._meta.get_field(name)
    except FieldDoesNotExist:
        return label
    if column.many_to_many or isinstance(column, models.JSONField):
        return label
    shown = getattr(form.instance, f"get_{name}_display", lambda: getattr(form.instance, name))()
    if isinstance(shown, bool):
        shown = _("yes") if shown else _("no")
    elif isinstance(shown, list):
        shown = ", ".join(str(one) for one in shown)
    elif hasattr(shown, "tzinfo"):
        shown = instant(shown)
    text = "–" if shown in (None, "") else str(shown)
    words = {"label": label, "value": text if len(text) <= LONGEST else f"{text[:LONGEST]}…"}
    return _("%(label)s (now “%(value)s”)") % words
