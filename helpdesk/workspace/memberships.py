"""Rows that tie a person to something; who speaks for an account."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from helpdesk.accounts import people
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

    def clean(self) -> None:
        """What says that it is new and yet has an id was forged, or mangled on its way."""
        super().clean()
        new = self.forms[max(self.initial_form_count(), 0) :]
        if any(getattr(form, "cleaned_data", {}).get(self.model._meta.pk.name) for form in new):
            raise forms.ValidationError(_("This form was changed on its way. Open the page anew, and type it again."))


class ByAddressForm(forms.ModelForm):
    """A row that ties a person to something."""

    user = PersonField()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk:
            self.initial["user"] = self.instance.user.email


class MembershipFormSet(RowFormSet):
    """An account's people, changed by the verbs that the portal uses: with their history and their rules."""

    actor: User  # who has the page open

    def clean(self) -> None:
        """Do it and take it back, so that what is refused is said on the page."""
        super().clean()
        if any(self.errors):
            return
        if self.instance.pk:
            people.lock_account(self.instance.pk)  # outside of the savepoint, whose end would let go of it
        add, change, remove = self._wanted()
        try:
            if not self.instance.pk:
                for post in add:
                    people.keep_staff_out(post.user)
                return
            with transaction.atomic():
                self._rearrange(add=add, change=change, remove=remove)
                transaction.set_rollback(True)
        except people.Refused as refused:
            raise forms.ValidationError(str(refused)) from None

    def save(self, commit: bool = True) -> list[Membership]:
        add, change, remove = self._wanted()
        self.new_objects = self._rearrange(add=add, change=change, remove=remove)
        fields = {form.instance.pk: form.changed_data for form in self.initial_forms}
        self.changed_objects = [(row, fields[row.pk]) for row, _post in change]
        self.deleted_objects = remove
        return [*self.new_objects, *(row for row, _post in change)]

    def _rearrange(self, **wanted: Any) -> list[Membership]:
        return people.rearrange(account=self.instance, actor=self.actor, now=timezone.now(), **wanted)

    def _wanted(self) -> tuple[list[people.Post], list[tuple[Membership, people.Post]], list[Membership]]:
        """Who is new, whose role changes, who goes. Another person in a row is one that comes and one that goes."""
        add, change, remove = [], [], []
        rows = Membership.objects.filter(account=self.instance.pk).select_related("user", "account")
        kept = {row.pk: row for row in rows}  # as they are now, not as their forms would have them
        for form in self.forms:
            row = kept.get(form.instance.pk)
            if self._should_delete_form(form):
                if row is not None:
                    remove.append(row)
                continue
            if not form.has_changed():
                continue
            post = people.Post(**{name: form.cleaned_data[name] for name in ("user", "role", "is_designated")})
            if form in self.initial_forms and (row is None or row.user_id == post.user.pk):
                change.append((row or form.instance, post))  # refused where they have left meanwhile
                continue
            add.append(post)
            if row is not None:
                remove.append(row)
        return add, change, remove


class MembershipInline(Rights, admin.TabularInline):
    model = Membership
    form = ByAddressForm
    formset = MembershipFormSet
    extra = 0
    fields = ("user", "role", "is_designated")

    def get_formset(self, request: HttpRequest, obj: Account | None = None, **options: Any) -> type[MembershipFormSet]:
        formset = super().get_formset(request, obj, **options)
        formset.actor = request.user
        return formset

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).select_related("user", "account")
