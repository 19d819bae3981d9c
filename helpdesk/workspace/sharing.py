"""What one person, a team or everybody uses: who sees it, who may change it, and the field that says whose it is."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.accounts.models import Team, User
from helpdesk.core.moments import moment
from helpdesk.tickets.models import CannedReply, Macro
from helpdesk.workspace.duty import led_by
from helpdesk.workspace.lists import Choice, RoleAdmin, numbers
from helpdesk.workspace.rights import Act, may

MINE, ALL, TEAM = "me", "all", "team:"


def readable(model: type[CannedReply] | type[Macro], user: User) -> QuerySet:
    """What somebody uses, and what all teams use for who may change it; never what others keep for themselves."""
    if user.is_managing:
        return model.objects.filter(Q(owner=None) | Q(owner=user))
    return model.objects.visible_to(user)


def may_edit(user: User, shared: CannedReply | Macro) -> bool:
    if shared.owner_id is not None:
        return shared.owner_id == user.pk
    if shared.team_id is None:
        return may(user, Act.CHANGE, "shared_with_all")
    return may(user, Act.CHANGE, "shared_with_team") and (user.is_managing or shared.team_id in led_by(user))


def audience_words(shared: CannedReply | Macro) -> str:
    if shared.owner_id is not None:
        return _("Only me")
    return shared.team.name if shared.team_id else _("Everybody")


class SharedForm(forms.ModelForm):
    """With the field that says who uses it: only what its editor may decide is offered."""

    actor: User  # who fills it in; set by the page
    audience = forms.ChoiceField(label=gettext_lazy("For"))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "audience" in self.fields:
            self.fields["audience"].choices = _audiences(self.actor)
            self.initial["audience"] = _code(self.instance) if self.instance.pk else MINE

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        chosen = data.get("audience", MINE)
        team = numbers([chosen.removeprefix(TEAM)]) if chosen.startswith(TEAM) else []
        self.instance.owner = self.actor if chosen == MINE else None
        self.instance.team = Team.objects.filter(pk__in=team).first()
        self._refuse_second(data)
        return data

    def _refuse_second(self, data: dict[str, Any]) -> None:
        """One name means one thing to each who reads the list, and a form that is sent twice makes one."""
        instance = self.instance
        same = self._meta.model.objects.filter(owner=instance.owner, team=instance.team, name=data.get("name"))
        if same.exclude(pk=instance.pk).exists():
            self.add_error("name", _("There is one of this name already. Choose another name."))


def _audiences(user: User) -> list[tuple[str, str]]:
    choices = [(MINE, _("Only me"))]
    if may(user, Act.CHANGE, "shared_with_team"):
        teams = Team.objects.all() if user.is_managing else Team.objects.filter(pk__in=led_by(user))
        choices += [(f"{TEAM}{pk}", name) for pk, name in teams.values_list("pk", "name")]
    if may(user, Act.CHANGE, "shared_with_all"):
        choices.append((ALL, _("Everybody")))
    return choices


def _code(shared: CannedReply | Macro) -> str:
    if shared.owner_id is not None:
        return MINE
    return f"{TEAM}{shared.team_id}" if shared.team_id else ALL


class AudienceFilter(Choice):
    title = gettext_lazy("for whom")
    parameter_name = "for"
    options = ((MINE, gettext_lazy("Only me")), ("team", gettext_lazy("A team")), (ALL, gettext_lazy("Everybody")))

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        parts = {
            None: Q(),
            MINE: Q(owner=request.user),
            "team": Q(team__isnull=False),
            ALL: Q(owner=None, team=None),
        }
        return queryset.filter(parts[self.value()])


class UseFilter(Choice):
    """What is in use, unless one asks for what isn't."""

    title = gettext_lazy("in use")
    parameter_name = "used"
    options = (("no", gettext_lazy("Put away")), ("all", gettext_lazy("All")))
    all_label = gettext_lazy("In use")

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        parts = {None: Q(is_active=True), "no": Q(is_active=False), "all": Q()}
        return queryset.filter(parts[self.value()])


class SharedAdmin(RoleAdmin):
    """What canned replies and macros have in common."""

    list_filter = (AudienceFilter, UseFilter)
    list_select_related = ("owner", "team")
    ordering = ("name", "id")
    view_fields: tuple[str, ...] = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return readable(self.model, request.user)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.fields if obj is None or self.has_change_permission(request, obj) else self.view_fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None or self.has_change_permission(request, obj) else self.view_fields

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        form = super().get_form(request, obj, change, **options)
        return type(form.__name__, (form,), {"actor": request.user})

    def save_model(self, request: HttpRequest, obj: Any, form: forms.ModelForm, change: bool) -> None:
        if not change:
            obj.created_by = request.user
        obj.save()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or may_edit(request.user, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or may_edit(request.user, obj))

    @admin.display(description=gettext_lazy("For"))
    def audience_text(self, shared: CannedReply | Macro) -> str:
        return audience_words(shared)

    @admin.display(description=gettext_lazy("Used"))
    def uses(self, shared: CannedReply | Macro) -> int:
        return shared.used

    @admin.display(description=gettext_lazy("Last used"))
    def last_use(self, shared: CannedReply | Macro) -> str:
        return moment(shared.last_used_at, timezone.now()) if shared.last_used_at else "–"
