"""The fields that a hub's tickets have besides what every ticket has. They are put out of use, never deleted."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.tickets.models import CustomField
from helpdesk.workspace.lists import Choice, RoleAdmin

MOST_CHOICES = 60
LONGEST_CHOICE = CustomField._meta.get_field("choices").base_field.max_length


class Lines(forms.CharField):
    """Several texts, one a line; empty lines don't count."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:
        lines = (line.strip() for line in (value or "").splitlines())
        return list(dict.fromkeys(line for line in lines if line))

    def validate(self, value: list[str]) -> None:
        if len(value) > MOST_CHOICES:
            raise forms.ValidationError(_("At most %(most)d choices.") % {"most": MOST_CHOICES})
        if long := next((line for line in value if len(line) > LONGEST_CHOICE), None):
            words = {"line": long[:30], "most": LONGEST_CHOICE}
            raise forms.ValidationError(_("“%(line)s…” is longer than %(most)d characters.") % words)

    def run_validators(self, value: list[str]) -> None:
        """Those of a text; these are several."""


class CustomFieldForm(forms.ModelForm):
    choices = Lines(
        label=gettext_lazy("Choices"),
        required=False,
        help_text=gettext_lazy("One a line. A value that a ticket has already stays, whatever the list says."),
    )

    class Meta:
        model = CustomField
        fields = ("label", "label_ja", "code", "hub", "kind", "choices", "position", "is_active")
        help_texts = {
            "code": gettext_lazy(
                "Small letters, digits and hyphens: what files and events call it. It stays for good."
            ),
        }

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        kind = data.get("kind") or self.instance.kind
        if kind == CustomField.Kind.CHOICE and "choices" in data and len(data["choices"]) < 2:
            self.add_error("choices", _("Give at least two choices, one a line."))
        if kind != CustomField.Kind.CHOICE and data.get("choices"):
            self.add_error("choices", _("Only a field of the kind “One of several” has choices."))
        return data


class UseFilter(Choice):
    """Those in use, unless one asks for the others."""

    title = gettext_lazy("use")
    parameter_name = "use"
    options = (("out", gettext_lazy("Out of use")), ("all", gettext_lazy("All")))
    all_label = gettext_lazy("In use")

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() == "all":
            return queryset
        return queryset.filter(is_active=self.value() is None)


@admin.register(CustomField)
class CustomFieldAdmin(RoleAdmin):
    """Managers define them, staff fill them in on the ticket."""

    form = CustomFieldForm
    list_display = ("label", "label_ja", "code", "hub_name", "kind", "choice_list", "position")
    list_filter = (UseFilter,)
    list_select_related = ("hub",)
    ordering = ("position", "code")
    fields = ("label", "label_ja", "code", "hub", "kind", "choices", "position", "is_active")

    def get_readonly_fields(self, request: HttpRequest, obj: CustomField | None = None) -> tuple[str, ...]:
        """Tickets have values by its code and of its kind."""
        return ("code", "kind") if obj else ()

    @admin.display(description=gettext_lazy("Choices"))
    def choice_list(self, field: CustomField) -> str:
        return ", ".join(field.choices) or "–"
