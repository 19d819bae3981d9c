"""Canned replies: their list, the form that they are written in."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.tickets.models import CannedReply
from helpdesk.tickets.placeholders import PLACEHOLDERS, unknown
from helpdesk.workspace.sharing import SharedAdmin, SharedForm, readable


def placeholder_help() -> list[tuple[str, str]]:
    """Each placeholder as it is typed, and what it becomes."""
    return [(f"{{{{ {name} }}}}", words) for name, (words, _value) in PLACEHOLDERS.items()]


def refuse_unknown(text: str) -> str:
    """The text; ValidationError when something in double braces is no placeholder."""
    if strange := unknown(text):
        words = {"names": ", ".join(f"{{{{ {name} }}}}" for name in strange), "known": ", ".join(PLACEHOLDERS)}
        raise forms.ValidationError(_("There is no %(names)s. The placeholders are: %(known)s.") % words)
    return text


class CannedForm(SharedForm):
    language = forms.ChoiceField(label=gettext_lazy("Language of the text"), choices=settings.LANGUAGES)

    class Meta:
        model = CannedReply
        fields = ("name", "shortcut", "body", "language", "hub", "is_active")
        widgets = {"body": forms.Textarea(attrs={"rows": 12, "cols": 80})}

    def clean_body(self) -> str:
        return refuse_unknown(self.cleaned_data["body"].replace("\r\n", "\n").strip())

    def clean_shortcut(self) -> str:
        """One shortcut means one text to each who types it."""
        shortcut = self.cleaned_data["shortcut"].lower()
        if not shortcut:
            return shortcut
        rows = readable(CannedReply, self.actor).filter(shortcut=shortcut, is_active=True).exclude(pk=self.instance.pk)
        if other := rows.first():
            raise forms.ValidationError(
                _("“%(name)s” has this shortcut already. Choose another one.") % {"name": other.name}
            )
        return shortcut


@admin.register(CannedReply)
class CannedReplyAdmin(SharedAdmin):
    """One's own texts, those of one's teams, and everybody's."""

    form = CannedForm
    change_form_template = "admin/helpdesk/cannedreply/change_form.html"
    list_display = ("name", "typed", "audience_text", "language_name", "hub_name", "uses", "last_use")
    list_select_related = ("owner", "team", "hub")
    search_fields = ("name", "shortcut", "body")
    search_help_text = gettext_lazy("Name, shortcut or words of the text")
    fields = ("name", "shortcut", "body", "language", "hub", "audience", "is_active")
    view_fields = (
        "name",
        "typed",
        "body",
        "language_name",
        "hub_name",
        "audience_text",
        "is_active",
        "uses",
        "last_use",
    )
    delete_help = gettext_lazy(
        "What was sent with it stays on the tickets. To keep it for later, take it out of use instead."
    )

    @admin.display(description=gettext_lazy("Shortcut"))
    def typed(self, canned: CannedReply) -> str | SafeString:
        return format_html("<kbd>/{}</kbd>", canned.shortcut) if canned.shortcut else "–"

    @admin.display(description=gettext_lazy("Language"))
    def language_name(self, canned: CannedReply) -> str:
        return str(dict(settings.LANGUAGES).get(canned.language, canned.language))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> Any:
        return super().render_change_form(request, context | {"placeholders": placeholder_help()}, *args, **options)
