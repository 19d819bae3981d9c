"""Rows that tie a person to something; who speaks for an account."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from helpdesk.accounts.models import Account, Membership, User
from helpdesk.workspace.rights import Rights


class PersonField(forms.ModelChoiceField):
    """A person, named by their address: no list of everybody is sent to the page."""

    widget = forms.EmailInput
    default_error_messages = {"invalid_choice": _("Nobody has this address. Add the person first.")}

    def __init__(self, **options: Any) -> None:
        super().__init__(User.objects.all(), to_field_name="email", label=_("E-mail"), **options)

    def to_python(self, value: Any) -> User | None:
        return super().to_python(value.strip().lower() if isinstance(value, str) else value)


class RowFormSet(forms.BaseInlineFormSet):
    """Rows of a table: the column's head names each field, for who cannot see it, too."""

    def add_fields(self, form: forms.ModelForm, index: int | None) -> None:
        super().add_fields(form, index)
        for field in form.fields.values():
            widget = getattr(field.widget, "widget", field.widget)  # inside the admin's wrapper, where there is one
            if not isinstance(widget, forms.CheckboxSelectMultiple):  # its boxes have labels of their own
                widget.attrs = {**widget.attrs, "aria-label": field.label}


class ByAddressForm(forms.ModelForm):
    """A row that ties a person to something."""

    user = PersonField()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk:
            self.initial["user"] = self.instance.user.email


class MembershipFormSet(RowFormSet):
    """Somebody must be left who can give roles, as in the portal."""

    def clean(self) -> None:
        super().clean()
        if not self.instance.pk or any(self.errors):
            return
        Account.objects.select_for_update(no_key=True).get(pk=self.instance.pk)
        rows = Membership.objects.filter(account=self.instance, role=Membership.Role.SUPER_ADMIN, user__is_active=True)
        if rows.exists() and not any(self._is_super_admin(form) for form in self.forms):
            raise forms.ValidationError(
                _("The account would have no super admin any more. Give somebody else the role first.")
            )

    def _is_super_admin(self, form: forms.ModelForm) -> bool:
        data = form.cleaned_data
        is_kept = bool(data.get("user")) and not data.get("DELETE")
        return is_kept and data["user"].is_active and data.get("role") == Membership.Role.SUPER_ADMIN


class MembershipInline(Rights, admin.TabularInline):
    model = Membership
    form = ByAddressForm
    formset = MembershipFormSet
    extra = 0
    fields = ("user", "role", "is_designated")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).select_related("user", "account")
