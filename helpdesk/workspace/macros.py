"""Macros: their list, and the plain form that says what one does."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk.accounts.models import Team
from helpdesk.tickets.models import Macro, Priority, Status, Tag
from helpdesk.workspace.canned import placeholder_help, refuse_unknown
from helpdesk.workspace.lists import as_list
from helpdesk.workspace.sharing import SharedAdmin, SharedForm
from helpdesk.workspace.ticket_forms import BY_HAND, LONGEST_MESSAGE, PlainText

AS_IT_IS = ("", gettext_lazy("– as it is –"))
OWNERS = [AS_IT_IS, ("me", gettext_lazy("Who runs it")), ("nobody", gettext_lazy("Nobody: back to the team"))]
LONGEST_TAG = Tag._meta.get_field("name").max_length


class TagsField(forms.CharField):
    """Words with commas between them."""

    def clean(self, value: Any) -> list[str]:
        names = [" ".join(part.split()) for part in super().clean(value).replace("、", ",").split(",")]
        names = list({name.casefold(): name for name in names if name}.values())
        if too_long := next((name for name in names if len(name) > LONGEST_TAG), None):
            words = {"name": too_long, "most": LONGEST_TAG}
            raise forms.ValidationError(_("“%(name)s” is longer than %(most)d characters.") % words)
        return names


class MacroForm(SharedForm):
    """Each kind of change has its field; what is left as it is does nothing."""

    status = forms.ChoiceField(
        label=gettext_lazy("Status"),
        required=False,
        choices=[AS_IT_IS, *((status.value, status.label) for status in BY_HAND)],
    )
    priority = forms.ChoiceField(label=gettext_lazy("Priority"), required=False, choices=[AS_IT_IS, *Priority.choices])
    owner_of_ticket = forms.ChoiceField(label=gettext_lazy("Give it to"), required=False, choices=OWNERS)
    to_team = forms.ModelChoiceField(
        Team.objects.all(), label=gettext_lazy("Move it to the team"), required=False, empty_label=AS_IT_IS[1]
    )
    tags_to_add = TagsField(
        label=gettext_lazy("Add tags"), required=False, help_text=gettext_lazy("With commas between them.")
    )
    tags_to_remove = TagsField(label=gettext_lazy("Take off tags"), required=False)
    note = PlainText(
        label=gettext_lazy("Internal note"),
        required=False,
        max_length=LONGEST_MESSAGE,
        widget=forms.Textarea(attrs={"rows": 4, "cols": 80}),
    )
    reply = PlainText(
        label=gettext_lazy("Public reply"),
        required=False,
        max_length=LONGEST_MESSAGE,
        widget=forms.Textarea(attrs={"rows": 8, "cols": 80}),
        help_text=gettext_lazy("Sent to the customer at once, with the status above; it can’t be taken back."),
    )

    class Meta:
        model = Macro
        fields = ("name", "is_active")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.initial |= _fields_of(self.instance.acts)

    def clean_note(self) -> str:
        return refuse_unknown(self.cleaned_data["note"])

    def clean_reply(self) -> str:
        return refuse_unknown(self.cleaned_data["reply"])

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if set(data) >= {"status", "note", "reply"} and not self.errors:
            self.instance.acts = _acts_of(data)
            if not self.instance.acts:
                self.add_error(None, _("It would change nothing yet. Choose at least one change."))
        return data


def _acts_of(data: dict[str, Any]) -> list[dict[str, Any]]:
    """The changes, as the model keeps them."""
    acts: list[dict[str, Any]] = []
    given = {"me": {"owner": "me"}, "nobody": {"owner": None}}.get(data["owner_of_ticket"], {})
    if data["to_team"]:
        given |= {"team": data["to_team"].pk}
    if given:
        acts.append({"do": "assign", **given})
    if data["priority"]:
        acts.append({"do": "priority", "priority": int(data["priority"])})
    acts += [{"do": "tag", "tag": tag} for tag in data["tags_to_add"]]
    acts += [{"do": "untag", "tag": tag} for tag in data["tags_to_remove"]]
    acts += [{"do": kind, "body": data[kind]} for kind in ("note", "reply") if data[kind]]
    if data["status"]:
        acts.append({"do": "status", "status": data["status"]})
    return acts


def _fields_of(acts: list[dict[str, Any]]) -> dict[str, Any]:
    """What the form shows of the changes."""
    values: dict[str, Any] = {}
    tags: dict[str, list[str]] = {"tag": [], "untag": []}
    for act in acts:
        match act["do"]:
            case "assign":
                if "owner" in act:
                    values["owner_of_ticket"] = "me" if act["owner"] == "me" else "nobody"
                values["to_team"] = act.get("team")
            case "status" | "priority" as name:
                values[name] = act[name]
            case "note" | "reply" as name:
                values[name] = act["body"]
            case "tag" | "untag" as name:
                tags[name].append(act["tag"])
    return values | {"tags_to_add": ", ".join(tags["tag"]), "tags_to_remove": ", ".join(tags["untag"])}


def act_words(acts: list[dict[str, Any]], *, teams: dict[int, str]) -> list[str]:
    """What a macro does, a line a change."""
    return [_words_of(act, teams) for act in acts]


def _words_of(act: dict[str, Any], teams: dict[int, str]) -> str:
    match act["do"]:
        case "assign":
            owner = {"me": _("to who runs it"), None: _("to nobody")}.get(act.get("owner", "")) or ""
            team = teams.get(act.get("team"), "–") if act.get("team") else ""
            return _("Assign: %(whom)s") % {"whom": ", ".join(part for part in (owner, team) if part)}
        case "priority":
            return _("Priority: %(name)s") % {"name": dict(Priority.choices).get(act["priority"], "–")}
        case "status":
            return _("Status: %(name)s") % {"name": dict(Status.choices).get(act["status"], "–")}
        case "tag":
            return _("Add the tag %(name)s") % {"name": act["tag"]}
        case "untag":
            return _("Take off the tag %(name)s") % {"name": act["tag"]}
        case "note":
            return _("Adds a note")
    return _("Replies to the customer")


@admin.register(Macro)
class MacroAdmin(SharedAdmin):
    """One's own macros, those of one's teams, and everybody's."""

    form = MacroForm
    change_form_template = "admin/helpdesk/cannedreply/change_form.html"
    list_display = ("name", "does", "audience_text", "uses", "last_use")
    search_fields = ("name",)
    search_help_text = gettext_lazy("Name")
    fields = (
        ("name", "audience", "is_active"),
        ("status", "priority"),
        ("owner_of_ticket", "to_team"),
        ("tags_to_add", "tags_to_remove"),
        "note",
        "reply",
    )
    view_fields = ("name", "audience_text", "does", "is_active", "uses", "last_use")
    delete_help = gettext_lazy("What it did stays on the tickets. To keep it for later, take it out of use instead.")

    def prepare(self, rows: list[Macro]) -> None:
        """The names of the teams that these macros move tickets to: one query."""
        teams = team_names(rows)
        for macro in rows:
            macro.words = act_words(macro.acts, teams=teams)

    @admin.display(description=gettext_lazy("Does"))
    def does(self, macro: Macro) -> SafeString:
        words = getattr(macro, "words", None)
        return as_list(words if words is not None else act_words(macro.acts, teams=team_names([macro])))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> Any:
        return super().render_change_form(request, context | {"placeholders": placeholder_help()}, *args, **options)


def team_names(macros: list[Macro]) -> dict[int, str]:
    wanted = {act["team"] for macro in macros for act in macro.acts if act.get("team")}
    return dict(Team.objects.filter(pk__in=wanted).values_list("pk", "name"))
