"""Accounts, people, teams and hubs: read by all staff, changed by administrators."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from helpdesk.accounts.models import Account, StaffRole, Team, TeamMembership, User
from helpdesk.core.channels import Channel
from helpdesk.subscriptions.models import Hub, Skill, Subscription
from helpdesk.subscriptions.skills import set_skills
from helpdesk.tickets.services import index_account, index_person
from helpdesk.workspace.duty import led_teams
from helpdesk.workspace.erasing import erase_page
from helpdesk.workspace.lists import PLACE_HELP, Choice, RoleAdmin
from helpdesk.workspace.memberships import ByAddressForm, MembershipInline, RowFormSet
from helpdesk.workspace.rights import Rights


class ChannelsForm(forms.ModelForm):
    """Channels as boxes to tick."""

    channels = forms.MultipleChoiceField(
        label=_("Channels"), choices=Channel.choices, widget=forms.CheckboxSelectMultiple, required=False
    )


def channel_labels(codes: list[str]) -> str:
    return ", ".join(str(label) for value, label in Channel.choices if value in codes) or "–"


class SubscriptionInline(Rights, admin.TabularInline):
    model = Subscription
    form = ChannelsForm
    formset = RowFormSet
    extra = 0
    readonly_fields = ("channel_names",)
    formfield_overrides = {models.DateField: {"widget": forms.DateInput({"type": "date"}, format="%Y-%m-%d")}}

    def get_fields(self, request: HttpRequest, obj: Account | None = None) -> tuple[str, ...]:
        channels = "channels" if self.has_change_permission(request, obj) else "channel_names"
        return ("hub", "tier", "premium_support", channels, "starts_on", "ends_on")

    @admin.display(description=_("channels"))
    def channel_names(self, subscription: Subscription) -> str:
        return channel_labels(subscription.channels)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """The hubs are read once, not once a row."""
        field = super().formfield_for_foreignkey(db_field, request, **options)
        field.choices = list(field.choices)
        return field

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscription]:
        return super().get_queryset(request).select_related("hub", "account")


@admin.register(Account)
class AccountAdmin(RoleAdmin):
    """A customer company with its subscriptions and people."""

    list_display = ("name", "premium", "time_zone", "calendar")
    list_select_related = ("calendar",)
    search_fields = ("name__istartswith",)
    search_help_text = _("Beginning of the name")
    ordering = ("name",)
    fields = ("name", "time_zone", "calendar")
    inlines = (SubscriptionInline, MembershipInline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        return Account.objects.visible_to(request.user).prefetch_related("subscriptions__hub")

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and "name" in form.changed_data:
            index_account(account=obj, name=obj.name)

    @admin.display(description=_("Premium support"))
    def premium(self, account: Account) -> str:
        """The hubs that a subscription of today includes it for, by the account's own calendar day."""
        today = account.local_day(timezone.now())
        hubs = {row.hub for row in account.subscriptions.all() if row.premium_support and row.covers(today)}
        return ", ".join(hub.name.removesuffix(" Hub") for hub in sorted(hubs, key=lambda hub: hub.position)) or "–"


class StaffFilter(Choice):
    title = _("role")
    parameter_name = "role"
    options = (*StaffRole.choices, ("customer", _("Customer")))

    def narrow(self, queryset: QuerySet, value: str) -> QuerySet:
        return queryset.filter(staff_role="" if value == "customer" else value)


class PersonForm(AdminUserCreationForm):
    """A new person; the address is kept in small letters, so that it is unique in any case."""

    usable_password = forms.ChoiceField(
        label=_("Signs in"),
        choices=[("true", _("With a password")), ("false", _("Without a password"))],
        initial="true",
        required=False,
        widget=forms.RadioSelect,
        help_text=_("Without one, people come in through their company's sign-in only."),
    )

    class Meta:
        model = User
        fields = ("email", "full_name", "staff_role", "language", "time_zone")
        field_classes: dict[str, Any] = {}

    def clean_email(self) -> str:
        return self.cleaned_data["email"].lower()


class PersonChangeForm(UserChangeForm):
    password = None  # what is kept of it is nobody's to read

    class Meta:
        model = User
        fields = "__all__"
        field_classes: dict[str, Any] = {}

    def clean_email(self) -> str:
        return self.cleaned_data["email"].lower()

    def clean(self) -> dict[str, Any]:
        """Somebody must be left who can give roles: of two who dismiss each other at once, one stays."""
        data = super().clean()
        stays = data.get("is_active") and data.get("staff_role") == StaffRole.ADMINISTRATOR
        if stays or not self.instance.is_superuser:
            return data
        all_of_them = User.objects.filter(staff_role=StaffRole.ADMINISTRATOR, is_active=True).order_by("pk")
        if not any(row.pk != self.instance.pk for row in all_of_them.select_for_update(no_key=True)):
            self.add_error("staff_role", _("This is the last administrator. Give somebody else the role first."))
        return data


class SkillInline(Rights, admin.TabularInline):
    """Which hubs a member of staff knows; leads say it on their team's page."""

    model = Skill
    formset = RowFormSet
    extra = 0
    fields = ("hub",)
    verbose_name_plural = _("Knows these hubs: their tickets are handed out to them first")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Skill]:
        return super().get_queryset(request).select_related("hub", "user")


@admin.register(User)
class PersonAdmin(RoleAdmin, DjangoUserAdmin):
    """People, customers and staff. Passwords are set by Django's own form, never shown."""

    form = PersonChangeForm
    add_form = PersonForm
    add_form_template = "admin/change_form.html"
    list_display = ("email", "full_name", "role", "is_active")
    list_filter = (StaffFilter,)
    search_fields = ("email__istartswith", "full_name__istartswith")
    search_help_text = _("Beginning of the address or the name")
    ordering = ("email",)
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("email", "full_name", "signs_in")}),
        (_("Reads"), {"fields": ("language", "time_zone")}),
        (_("Rights"), {"fields": ("staff_role", "is_active", "belongs_to")}),
    )
    readonly_fields = ("signs_in", "belongs_to")
    add_fieldsets = (
        (None, {"fields": ("email", "full_name", "staff_role", "language", "time_zone")}),
        (_("Password"), {"fields": ("usable_password", "password1", "password2")}),
    )

    change_form_template = "admin/helpdesk/user/change_form.html"

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(lambda request, pk: erase_page(request, self, pk))
        return [path("<int:pk>/erase/", page, name="helpdesk_user_erase"), *super().get_urls()]

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        return (SkillInline,) if obj is not None and obj.is_staff else ()

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Who may only look sees no word about the password."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        return ((None, {"fields": ("email", "full_name")}), *fieldsets[1:])

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and {"full_name", "email"} & set(form.changed_data):
            index_person(person=obj)

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "staff_role":
            options["choices"] = [("", _("None: a customer")), *StaffRole.choices]
        return super().formfield_for_choice_field(db_field, request, **options)

    @admin.display(description=_("Role"))
    def role(self, person: User) -> str:
        return str(person.get_staff_role_display() if person.is_staff else _("Customer"))

    @admin.display(description=_("Signs in"))
    def signs_in(self, person: User) -> SafeString:
        words = _("With a password") if person.has_usable_password() else _("Without a password")
        url, link = reverse("admin:auth_user_password_change", args=[person.pk]), _("Set a new password")
        return format_html('{} <a class="btn btn--s" href="{}">{}</a>', words, url, link)

    @admin.display(description=_("Belongs to"))
    def belongs_to(self, person: User) -> SafeString | str:
        """The accounts that they speak for, or their teams."""
        places = [("team", row.team) for row in person.team_memberships.select_related("team")]
        places += [("account", row.account) for row in person.memberships.select_related("account")]
        rows = [(reverse(f"admin:helpdesk_{kind}_change", args=[place.pk]), place) for kind, place in places]
        return format_html_join(", ", '<a href="{}">{}</a>', rows) or "–"


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


@admin.register(Hub)
class HubAdmin(RoleAdmin):
    list_display = ("name", "served_by")
    ordering = ("position",)
    fields = ("code", "name", "position", "teams")
    formfield_overrides = {models.ManyToManyField: {"widget": forms.CheckboxSelectMultiple}}

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
