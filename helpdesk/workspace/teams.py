"""Teams and hubs: read by all staff, changed by administrators, a team by its leads, too."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from helpdesk.accounts.models import Team, TeamMembership, User
from helpdesk.subscriptions.models import Hub
from helpdesk.subscriptions.skills import set_skills
from helpdesk.workspace.duty import led_teams
from helpdesk.workspace.lists import PLACE_HELP, RoleAdmin
from helpdesk.workspace.memberships import ByAddressForm, RowFormSet
from helpdesk.workspace.people import ChannelsForm, channel_labels
from helpdesk.workspace.rights import Rights


class HubBoxes(forms.ModelMultipleChoiceField):
    """Hubs as boxes to tick; they are read once for a page."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, **options: Any) -> None:
        super().__init__(Hub.objects.order_by("position"), required=False, **options)

    def label_from_instance(self, hub: Hub) -> str:
        return hub.name.removesuffix(" Hub")


class TeamMemberForm(ByAddressForm):
    knows = HubBoxes(label=_("Knows"))

    class Meta:
        labels = {"is_lead": _("Leads the team")}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk:
            self.initial["knows"] = [skill.hub_id for skill in self.instance.user.skills.all()]

    def clean_user(self) -> User:
        person = self.cleaned_data["user"]
        if not person.is_staff:
            raise forms.ValidationError(_("Only members of staff belong to a team."))
        return person


class TeamRowFormSet(RowFormSet):
    """The hubs are read once, not once a row."""

    def add_fields(self, form: forms.ModelForm, index: int | None) -> None:
        super().add_fields(form, index)
        if "knows" in form.fields:
            if not hasattr(self, "hubs"):
                self.hubs = list(form.fields["knows"].choices)
            form.fields["knows"].choices = self.hubs


class TeamMemberInline(Rights, admin.TabularInline):
    model = TeamMembership
    form = TeamMemberForm
    formset = TeamRowFormSet
    extra = 0
    readonly_fields = ("person", "known_hubs")
    verbose_name_plural = _("Members: who leads, and which hubs each of them knows")

    def get_fields(self, request: HttpRequest, obj: Team | None = None) -> tuple[str, ...]:
        return ("person", "user", "is_lead", "knows" if self.has_change_permission(request, obj) else "known_hubs")

    def get_queryset(self, request: HttpRequest) -> QuerySet[TeamMembership]:
        rows = super().get_queryset(request).select_related("user", "team")
        return rows.prefetch_related("user__skills__hub")

    @admin.display(description=_("Name"))
    def person(self, row: TeamMembership) -> str:
        return row.user.full_name if row.pk else "–"

    @admin.display(description=_("Knows"))
    def known_hubs(self, row: TeamMembership) -> str:
        return ", ".join(skill.hub.name for skill in row.user.skills.all()) or "–"

    def has_add_permission(self, request: HttpRequest, obj: Team | None = None) -> bool:
        return super().has_add_permission(request, obj) and governs(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Team | None = None) -> bool:
        return super().has_change_permission(request, obj) and governs(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Team | None = None) -> bool:
        return super().has_delete_permission(request, obj) and governs(request, obj)


def governs(request: HttpRequest, team: Team | None) -> bool:
    """Administrators look after every team, a lead after those that they lead."""
    if team is None or request.user.is_superuser:
        return True
    return team.pk in led_teams(request)


class TeamForm(ChannelsForm):
    hubs = HubBoxes(label=_("Hubs"), help_text=_("Their new tickets come to this team, by the channels above."))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk:
            self.initial["hubs"] = [hub.pk for hub in self.instance.hubs.all()]


@admin.register(Team)
class TeamAdmin(RoleAdmin):
    """Who serves which hubs. A lead looks after the members, the hubs and the channels of their own team."""

    form = TeamForm
    list_display = ("name", "people", "served", "channel_names")
    search_fields = ("name__istartswith",)
    search_help_text = _("Beginning of the name")
    readonly_fields = ("channel_names", "served")
    inlines = (TeamMemberInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        return super().get_queryset(request).prefetch_related("memberships__user", "hubs")

    def has_change_permission(self, request: HttpRequest, obj: Team | None = None) -> bool:
        return super().has_change_permission(request, obj) and governs(request, obj)

    def get_fields(self, request: HttpRequest, obj: Team | None = None) -> tuple[str, ...]:
        may = self.has_change_permission(request, obj)
        return ("name", "channels", "hubs") if may else ("name", "channel_names", "served")

    def get_readonly_fields(self, request: HttpRequest, obj: Team | None = None) -> tuple[str, ...]:
        named = () if request.user.is_superuser else ("name",)
        return (*named, *self.readonly_fields)

    def save_related(self, request: HttpRequest, form: forms.ModelForm, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if "hubs" in form.cleaned_data:
            form.instance.hubs.set(form.cleaned_data["hubs"])
        for formset in formsets:
            for row in formset.forms:
                if "knows" in row.changed_data and not row.cleaned_data.get("DELETE"):
                    set_skills(user=row.cleaned_data["user"], hubs=row.cleaned_data["knows"], actor=request.user)

    @admin.display(description=_("channels"))
    def channel_names(self, team: Team) -> str:
        return channel_labels(team.channels)

    @admin.display(description=_("Members"))
    def people(self, team: Team) -> str:
        names = [(row.user.full_name, row.is_lead) for row in team.memberships.all()]
        return ", ".join(str(_("%(name)s (lead)") % {"name": name}) if leads else name for name, leads in names)

    @admin.display(description=_("Hubs"))
    def served(self, team: Team) -> str:
        return ", ".join(hub.name for hub in team.hubs.all())


class HubForm(forms.ModelForm):
    """Teams as boxes to tick."""

    teams = forms.ModelMultipleChoiceField(
        Team.objects.order_by("name"),
        label=_("Teams that serve it"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("New tickets for the hub come to them, by the channels of each team."),
    )


@admin.register(Hub)
class HubAdmin(RoleAdmin):
    form = HubForm
    list_display = ("name", "served_by")
    ordering = ("position",)
    fields = ("code", "name", "position", "teams")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Hub]:
        return super().get_queryset(request).prefetch_related("teams")

    def get_readonly_fields(self, request: HttpRequest, obj: Hub | None = None) -> tuple[str, ...]:
        return ("code",) if obj else ()

    def get_form(self, request: HttpRequest, obj: Hub | None = None, change: bool = False, **options: Any) -> Any:
        code = _("Small letters, digits and hyphens: what files and events call it. It stays for good.")
        texts = {"code": code, "position": PLACE_HELP}
        return super().get_form(request, obj, change=change, **{"help_texts": texts, **options})

    @admin.display(description=_("Teams that serve it"))
    def served_by(self, hub: Hub) -> str:
        return ", ".join(team.name for team in hub.teams.all())
