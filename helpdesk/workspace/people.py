"""Accounts and people: read by all staff, changed by administrators."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm, UserChangeForm
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from helpdesk.accounts.models import Account, StaffRole, User
from helpdesk.core.channels import Channel
from helpdesk.subscriptions.models import Skill, Subscription
from helpdesk.tickets.services import index_account, index_person
from helpdesk.workspace.erasing import erase_page
from helpdesk.workspace.lists import Choice, RoleAdmin
from helpdesk.workspace.memberships import MembershipInline, RowFormSet
from helpdesk.workspace.rights import Rights


class ChannelsForm(forms.ModelForm):
    """Channels as boxes to tick."""

    channels = forms.MultipleChoiceField(
        label=_("Channels"), choices=Channel.choices, widget=forms.CheckboxSelectMultiple, required=False
    )


def channel_labels(codes: list[str]) -> str:
    return ", ".join(str(label) for value, label in Channel.choices if value in codes) or "–"


class ZoneInput(forms.TextInput):
    """A time zone, with their names to choose from."""

    template_name = "admin/_zone_input.html"

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        return {**super().get_context(name, value, attrs), "zones": sorted(available_timezones())}


ZONE = {"time_zone": ZoneInput({"list": "zones", "autocomplete": "off", "class": "vTextField"})}


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

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "calendar":
            options["empty_label"] = _("The standard calendar")
            options["help_text"] = _("Opening hours that its aims are counted in.")
        return super().formfield_for_foreignkey(db_field, request, **options)

    def get_form(self, request: HttpRequest, obj: Account | None = None, change: bool = False, **options: Any) -> Any:
        texts = {"time_zone": _("Type the city: Berlin, Tokyo. Its days begin and end there.")}
        return super().get_form(request, obj, change=change, **{"widgets": ZONE, "help_texts": texts, **options})

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


def way_in() -> forms.ChoiceField:
    return forms.ChoiceField(
        label=_("Signs in"),
        choices=[("true", _("With a password")), ("false", _("Without a password"))],
        initial="true",
        required=False,
        widget=forms.RadioSelect({"class": "radiolist"}),
        help_text=_("Without one, people come in through their company's sign-in only."),
    )


class PersonForm(AdminUserCreationForm):
    """A new person; the address is kept in small letters, so that it is unique in any case."""

    usable_password = way_in()

    class Meta:
        model = User
        fields = ("email", "full_name", "staff_role", "language", "time_zone")
        field_classes: dict[str, Any] = {}
        widgets = ZONE

    def clean_email(self) -> str:
        return self.cleaned_data["email"].lower()


def administrators() -> QuerySet[User]:
    return User.objects.filter(staff_role=StaffRole.ADMINISTRATOR, is_active=True)


class PersonChangeForm(UserChangeForm):
    password = None  # what is kept of it is nobody's to read

    class Meta:
        model = User
        fields = "__all__"
        field_classes: dict[str, Any] = {}
        widgets = ZONE

    def clean_email(self) -> str:
        return self.cleaned_data["email"].lower()

    def clean(self) -> dict[str, Any]:
        """Somebody must be left who can give roles; the page holds all who can."""
        data = super().clean()
        stays = data.get("is_active") and data.get("staff_role") == StaffRole.ADMINISTRATOR
        if self.instance.is_superuser and not stays and not administrators().exclude(pk=self.instance.pk).exists():
            self.add_error("staff_role", _("This is the last administrator. Give somebody else the role first."))
        return data


class NewPasswordForm(AdminPasswordChangeForm):
    """How a person signs in: with a new password, or without any."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["usable_password"] = way_in()
        self.order_fields(("usable_password", "password1", "password2"))


class SkillInline(Rights, admin.TabularInline):
    """Which hubs a member of staff knows; leads say it on their team's page."""

    model = Skill
    formset = RowFormSet
    extra = 0
    fields = ("hub",)
    verbose_name = _("hub")
    verbose_name_plural = _("Knows these hubs: their tickets are handed out to them first")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Skill]:
        return super().get_queryset(request).select_related("hub", "user")


@admin.register(User)
class PersonAdmin(RoleAdmin, DjangoUserAdmin):
    """People, customers and staff. Passwords are set by Django's own form, never shown."""

    form = PersonChangeForm
    add_form = PersonForm
    add_form_template = "admin/change_form.html"
    change_password_form = NewPasswordForm
    change_user_password_template = "admin/helpdesk/user/password.html"  # noqa: S105 - a file's name
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

    def _hold(self, request: HttpRequest, object_id: str | None) -> None:
        """With all administrators, by id: of two who dismiss each other at once, one stays."""
        list(administrators().order_by("pk").select_for_update(no_key=True))
        super()._hold(request, object_id)

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
