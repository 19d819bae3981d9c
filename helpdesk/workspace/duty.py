"""Who is away, and who is on call: what the escalation ladder looks at (SPEC 2.5)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from helpdesk.accounts.models import Absence, OnCallShift, StaffRole, Team, User
from helpdesk.core import moments
from helpdesk.workspace.lists import Choice, RoleAdmin
from helpdesk.workspace.queue_views import onlooker
from helpdesk.workspace.rights import Act, may
from helpdesk.workspace.wording import instant

LABELS = {
    "starts_at": pgettext_lazy("a stretch of time", "From"),
    "ends_at": pgettext_lazy("a stretch of time", "Until"),
}


class StretchFilter(Choice):
    """What is now or to come, unless one asks for what is over."""

    title = gettext_lazy("time")
    parameter_name = "time"
    options = (("over", gettext_lazy("Over")), ("all", gettext_lazy("All")))
    all_label = gettext_lazy("Now and to come")

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        now = timezone.now()
        parts = {None: Q(ends_at__gt=now), "over": Q(ends_at__lte=now), "all": Q()}
        return queryset.filter(parts[self.value()])


class StretchForm(forms.ModelForm):
    """A person, from when until when, in the time zone of whoever writes it."""

    actor: User  # who fills it in; set by the page
    overlap_text = ""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in LABELS.keys() & self.fields.keys():  # none, for who may only look
            self.fields[name].label, self.fields[name].help_text = LABELS[name], moments.zone()
        if "user" in self.fields:
            self.fields["user"].queryset = User.objects.filter(
                Q(is_active=True) & ~Q(staff_role="") | Q(pk=self.instance.user_id)
            ).order_by("full_name", "pk")
            self.fields["user"].label_from_instance = lambda person: f"{person.full_name} ({person.email})"

    @property
    def person(self) -> User | None:
        if "user" in self.fields:
            return self.cleaned_data.get("user")
        return self.instance.user if self.instance.user_id else self.actor

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        starts, ends = data.get("starts_at"), data.get("ends_at")
        if starts and ends and ends <= starts:
            self.add_error("ends_at", _("The end lies before the beginning. Choose a later end."))
        elif starts and ends and self.person:
            other = self.overlapping(starts, ends)
            if other is not None:
                words = {"name": other.user.full_name, "from": instant(other.starts_at), "to": instant(other.ends_at)}
                self.add_error("starts_at", self.overlap_text % words)
        return data

    def overlapping(self, starts: datetime, ends: datetime) -> Absence | OnCallShift | None:
        rows = self._meta.model.objects.filter(user=self.person, starts_at__lt=ends, ends_at__gt=starts)
        return rows.exclude(pk=self.instance.pk).select_related("user").first()


class AbsenceForm(StretchForm):
    overlap_text = gettext_lazy(
        "%(name)s is away from %(from)s until %(to)s already. Change that absence, or choose other times."
    )


class ShiftForm(StretchForm):
    overlap_text = gettext_lazy(
        "%(name)s is on call from %(from)s until %(to)s already. Change that shift, or choose other times."
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "team" in self.fields:
            team = self.fields["team"]
            team.empty_label = _("All teams")
            if not self.actor.is_managing:
                team.queryset = Team.objects.filter(pk__in=led_by(self.actor))
                team.required, team.empty_label, team.help_text = True, None, ""

    def overlapping(self, starts: datetime, ends: datetime) -> OnCallShift | None:
        """On call for the same team, or for all."""
        rows = OnCallShift.objects.filter(user=self.person, starts_at__lt=ends, ends_at__gt=starts)
        team = self.cleaned_data.get("team")
        return rows.filter(team=team).exclude(pk=self.instance.pk).select_related("user").first()


def led_by(user: User) -> list[int]:
    """The teams that somebody leads."""
    if user.staff_role != StaffRole.TEAM_LEAD:
        return []
    return list(user.team_memberships.filter(is_lead=True).values_list("team_id", flat=True))


def led_teams(request: HttpRequest) -> Sequence[int]:
    """The teams that the reader leads, found once a request."""
    return onlooker(request).led_ids if request.user.staff_role == StaffRole.TEAM_LEAD else ()


class StretchAdmin(RoleAdmin):
    """What absences and shifts have in common."""

    list_filter = (StretchFilter,)
    list_select_related = ("user",)
    ordering = ("starts_at", "id")
    formfield_overrides = {
        models.DateTimeField: {
            "form_class": forms.DateTimeField,
            "widget": forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        }
    }

    def get_form(self, request: HttpRequest, obj: Any = None, **options: Any) -> type[StretchForm]:
        form = super().get_form(request, obj, **options)
        form.actor = request.user
        return form

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """A plain list: what may be chosen is decided by the form."""
        return db_field.formfield(**options)

    @admin.display(description=gettext_lazy("Person"))
    def person(self, row: Absence | OnCallShift) -> str:
        return row.user.full_name

    @admin.display(description=LABELS["starts_at"])
    def begins(self, row: Absence | OnCallShift) -> str:
        return instant(row.starts_at)

    @admin.display(description=LABELS["ends_at"])
    def ends(self, row: Absence | OnCallShift) -> str:
        return instant(row.ends_at)

    @admin.display(description=gettext_lazy("State"))
    def state(self, row: Absence | OnCallShift) -> str:
        now = timezone.now()
        if row.ends_at <= now:
            return pgettext("a stretch of time", "over")
        return (
            pgettext("a stretch of time", "now") if row.starts_at <= now else pgettext("a stretch of time", "to come")
        )


@admin.register(Absence)
class AbsenceAdmin(StretchAdmin):
    """One's own absences; leads and managers write anybody's. Escalations skip who is away."""

    form = AbsenceForm
    delete_help = gettext_lazy("Escalations go to this person again.")
    list_display = ("person", "begins", "ends", "state", "note")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Absence]:
        rows = super().get_queryset(request)
        return rows if may(request.user, Act.VIEW, "absence_of_others") else rows.filter(user=request.user)

    def get_fields(self, request: HttpRequest, obj: Absence | None = None) -> tuple[str, ...]:
        others = may(request.user, Act.CHANGE, "absence_of_others")
        return (*(("user",) if others else ()), "starts_at", "ends_at", "note")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"user": request.user.pk}

    def save_model(self, request: HttpRequest, obj: Absence, form: AbsenceForm, change: bool) -> None:
        if not change and "user" not in form.fields:
            obj.user = request.user
        super().save_model(request, obj, form, change)

    def has_change_permission(self, request: HttpRequest, obj: Absence | None = None) -> bool:
        return super().has_change_permission(request, obj) and self._may_touch(request.user, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Absence | None = None) -> bool:
        return super().has_delete_permission(request, obj) and self._may_touch(request.user, obj)

    def _may_touch(self, user: User, obj: Absence | None) -> bool:
        return obj is None or obj.user_id == user.pk or may(user, Act.CHANGE, "absence_of_others")


@admin.register(OnCallShift)
class OnCallShiftAdmin(StretchAdmin):
    """Who is on call: all staff see it, leads write it for their teams, managers for all."""

    form = ShiftForm
    delete_help = gettext_lazy("Escalations to who is on call pass this person over.")
    list_display = ("person", "team_text", "begins", "ends", "state")
    list_select_related = ("user", "team")
    fields = ("user", "team", "starts_at", "ends_at")

    @admin.display(description=gettext_lazy("Team"))
    def team_text(self, row: OnCallShift) -> str:
        return row.team.name if row.team else _("All teams")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_add_permission(request, obj) and (request.user.is_managing or bool(led_teams(request)))

    def has_change_permission(self, request: HttpRequest, obj: OnCallShift | None = None) -> bool:
        return super().has_change_permission(request, obj) and self._may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: OnCallShift | None = None) -> bool:
        return super().has_delete_permission(request, obj) and self._may_touch(request, obj)

    def _may_touch(self, request: HttpRequest, obj: OnCallShift | None) -> bool:
        return obj is None or request.user.is_managing or obj.team_id in led_teams(request)
