"""What is done to the rows that were ticked: the bar's form, its account, and taking it back."""

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from helpdesk.accounts.models import StaffRole, User
from helpdesk.tickets import services
from helpdesk.tickets.models import BulkAct, Priority, Status
from helpdesk.tickets.services import BulkOrder, Refused, bulk
from helpdesk.workspace.acting import posted, posted_from_list
from helpdesk.workspace.lists import MOST_AT_ONCE, numbers
from helpdesk.workspace.queue_filters import NOBODY, offered
from helpdesk.workspace.rights import Act, may
from helpdesk.workspace.ticket_forms import new_submission

TICKED = "_selected_action"
NAMED = 5  # refusals in sight; the rest is folded


def find_staff(chosen: str) -> User | None:
    """The member of staff whose id was sent, if there is one."""
    return User.objects.filter(is_active=True, staff_role__in=StaffRole.values, pk__in=numbers([chosen])).first()


class BulkForm(forms.Form):
    """One act on what was ticked. The field of the act that was chosen counts, the others are hidden by the sheet."""

    DOES = (
        ("take", gettext_lazy("Take")),
        ("assign", gettext_lazy("Assign to…")),
        ("status", gettext_lazy("Set the status…")),
        ("priority", gettext_lazy("Set the priority…")),
        ("tag", gettext_lazy("Add tags…")),
        ("untag", gettext_lazy("Remove tags…")),
        ("merge", gettext_lazy("Merge into one…")),
        ("spam", gettext_lazy("Mark as spam")),
    )
    STATUSES = (Status.OPEN, Status.WAITING, Status.SOLVED, Status.CLOSED)

    do = forms.ChoiceField(label=gettext_lazy("Do"), choices=DOES)
    owner = forms.ChoiceField(label=gettext_lazy("Whom"), required=False)
    status = forms.ChoiceField(
        label=gettext_lazy("Status"), required=False, choices=[(one.value, one.label) for one in STATUSES]
    )
    priority = forms.TypedChoiceField(
        label=gettext_lazy("Priority"), required=False, coerce=int, choices=Priority.choices
    )
    tags = forms.CharField(label=gettext_lazy("Tags, with commas between them"), required=False, max_length=300)
    into = forms.CharField(label=gettext_lazy("Into"), required=False, max_length=25)
    reason = forms.CharField(label=gettext_lazy("Reason"), required=False, max_length=300)
    submission = forms.CharField(max_length=40)
    shown_at = forms.CharField(required=False)

    def __init__(self, data: Any = None, *, request: HttpRequest) -> None:
        super().__init__(data, initial={"do": "take", "submission": new_submission()}, auto_id="bulk-%s")
        self.viewer = request.user
        if may(request.user, Act.CHANGE, "assign_others"):
            people = offered(request)["owner"]
            self.fields["owner"].choices = [("", _("Choose…")), (NOBODY, _("Nobody")), *people]
        else:
            self.fields["do"].choices = [row for row in self.DOES if row[0] != "assign"]
        self.tags_offered = [label for _key, label in offered(request)["tag"]]
        self.ticked = self._ticked(data) if data is not None else []

    def _ticked(self, data: Any) -> list[int]:
        """What was ticked; ids that aren't numbers are a forged form."""
        sent = data.getlist(TICKED)
        if len(numbers(sent)) != len(sent):
            raise BadRequest("ids are numbers")
        return numbers(sent)

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        does = data.get("do")
        if not self.ticked:
            self.add_error(None, _("No ticket is ticked."))
        elif len(self.ticked) > MOST_AT_ONCE:
            self.add_error(None, _("At most %(most)d tickets at once.") % {"most": MOST_AT_ONCE})
        if does in ("merge", "spam") and not data.get("reason"):
            self.add_error("reason", _("Say why: it is kept in the history of each ticket."))
        if does == "assign" and not data.get("owner") and "owner" not in self.errors:
            self.add_error("owner", _("Choose whom to assign to."))
        if does in ("tag", "untag") and not self._names() and "tags" not in self.errors:
            self.add_error("tags", _("Name a tag."))
        if does == "merge" and self.ticked and "into" not in self.errors:
            self._clean_merge(data)
        return data

    def clean_shown_at(self) -> datetime | None:
        """As of when the rows were that somebody ticked; None where the page doesn't say so intelligibly."""
        try:
            at = parse_datetime(self.cleaned_data["shown_at"])
        except ValueError:
            return None
        return at if at is not None and timezone.is_aware(at) else None

    def _clean_merge(self, data: dict[str, Any]) -> None:
        """Into the ticket that is named, else into the oldest of those ticked."""
        typed = data.get("into", "").strip().upper().removeprefix("#").removeprefix("PS-")
        data["into"] = next(iter(numbers([typed])), None) if typed else min(self.ticked)
        if data["into"] is None:
            self.add_error("into", _("Write the ticket’s reference, such as PS-123."))
        elif set(self.ticked) == {data["into"]}:
            self.add_error("into", _("Tick at least one other ticket."))

    def _names(self) -> list[str]:
        return [
            name for name in (" ".join(part.split()) for part in self.cleaned_data.get("tags", "").split(",")) if name
        ]

    def order(self) -> BulkOrder:
        """What was asked for, as the services take it. Of a valid form."""
        said = self.cleaned_data
        match said["do"]:
            case "take":
                kind, values = bulk.ASSIGN, {"owner": self.viewer.pk}
            case "assign":
                owner = None if said["owner"] == NOBODY else int(said["owner"])
                kind, values = bulk.ASSIGN, {"owner": owner}
            case "tag":
                kind, values = bulk.TAGS, {"add": self._names()}
            case "untag":
                kind, values = bulk.TAGS, {"remove": self._names()}
            case "spam":
                kind, values = bulk.SPAM, {}
            case name:
                kind, values = name, {name: said[name]} if name != "merge" else {"into": said["into"]}
        return BulkOrder(kind=kind, values=values, reason=said["reason"], shown_at=said["shown_at"])


class BulkPages:
    """Of the ticket's admin: the addresses that the bar and its account send to."""

    ROUTES = [("bulk/", "bulk_view", "bulk"), ("bulk/<int:pk>/undo/", "bulk_undo_view", "bulk_undo")]

    @posted_from_list
    def bulk_view(self, request: HttpRequest) -> HttpResponse:
        """Do it, one ticket after the other, and say what came of each. POST only."""
        if request.POST.get("do") == "assign" and not may(request.user, Act.CHANGE, "assign_others"):
            raise PermissionDenied
        form = BulkForm(request.POST, request=request)
        if form.is_valid():
            said = form.cleaned_data
            try:
                act = services.run_bulk(
                    order=form.order(),
                    ticket_ids=form.ticked,
                    actor=request.user,
                    now=timezone.now(),
                    submission=said["submission"],
                )
            except Refused as refused:
                form.data = form.data.copy()
                form.data["submission"] = new_submission()
                form.add_error(None, str(refused))
            else:
                return self._to_account(request, act)
        answer = self.changelist_view(request, extra_context={"bulk": form})
        answer.status_code = 422
        return answer

    @posted
    def bulk_undo_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take one's last act back. POST only; an act of somebody else's is not there."""
        act = BulkAct.objects.filter(pk=pk, actor=request.user).first()
        if act is None:
            raise Http404
        try:
            services.undo_bulk(act=act, actor=request.user, now=timezone.now())
        except Refused as refused:
            self.message_user(request, str(refused), "error")
        return self._to_account(request, act)

    def _to_account(self, request: HttpRequest, act: BulkAct) -> HttpResponse:
        """Back to the view that one came from, with the account above its rows."""
        query = request.GET.copy()
        query["done"] = str(act.pk)
        return HttpResponseRedirect(f"{reverse('admin:helpdesk_ticket_changelist')}?{query.urlencode()}")


def account(request: HttpRequest, pk: str) -> dict[str, Any] | None:
    """What came of one's own bulk act, ticket by ticket; one query, and another while it may be undone."""
    act = BulkAct.objects.filter(pk__in=numbers([pk]), actor=request.user).first()
    if act is None:
        return None
    done = [row for row in act.outcomes if row["done"]]
    refused = [row for row in act.outcomes if not row["done"]]
    undone = [row for row in done if row.get("undone")]
    kept = [row for row in done if row.get("undone") is False]
    return {
        "act": act,
        "what": _what(act, request),
        "done": done if act.undone_at is None else [],
        "done_words": ngettext("%(count)d ticket changed", "%(count)d tickets changed", len(done))
        % {"count": len(done)},
        "undone": undone,
        "undone_words": ngettext("%(count)d ticket is as before", "%(count)d tickets are as before", len(undone))
        % {"count": len(undone)},
        "refused": refused[:NAMED],
        "more_refused": refused[NAMED:],
        "refused_count": len(refused),
        "kept": kept,
        "may_undo": services.can_undo(act, actor=request.user, now=timezone.now()),
    }


def _what(act: BulkAct, request: HttpRequest) -> str:
    """The act in a few words: `Assigned to Lucía Sandoval`."""
    values = act.values
    match act.kind:
        case "assign" if values["owner"] is None:
            return _("Given back to the team")
        case "assign":
            owner = request.user if values["owner"] == request.user.pk else find_staff(str(values["owner"]))
            return _("Assigned to %(owner)s") % {"owner": owner or "–"}
        case "status":
            return _("Status: %(status)s") % {"status": Status(values["status"]).label}
        case "priority":
            return _("Priority: %(priority)s") % {"priority": Priority(values["priority"]).label}
        case "tags":
            names = [f"+ {name}" for name in values.get("add", ())] + [f"− {name}" for name in values.get("remove", ())]
            return _("Tags: %(tags)s") % {"tags": ", ".join(names)}
        case "merge":
            return _("Merged into %(ticket)s") % {"ticket": f"PS-{values['into']}"}
    return _("Marked as spam")
