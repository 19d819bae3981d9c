"""Canned replies and macros at work on a ticket."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from helpdesk.accounts.models import Team, User
from helpdesk.tickets.models import CannedReply, Macro, Priority, Status, Ticket
from helpdesk.tickets.placeholders import fill
from helpdesk.tickets.services.conversation import add_note, reply
from helpdesk.tickets.services.handling import assign, set_priority, set_status
from helpdesk.tickets.services.locked import Refused, in_the_name_of, lock, was_sent
from helpdesk.tickets.services.tags import change_tags

# Which of a macro's changes come first, whatever order they were written in; then its tags, and its status,
# where no reply has set that.
ORDER = ("assign", "priority", "note", "reply")


def count_use(shared: CannedReply | Macro, *, now: datetime) -> None:
    """One more use: nothing is read, so that two at once both count."""
    type(shared).objects.filter(pk=shared.pk).update(used=F("used") + 1, last_used_at=now)


@transaction.atomic
def run_macro(*, macro: Macro, ticket: Ticket, actor: User, now: datetime, submission: str = "") -> Ticket:
    """Make all of a macro's changes, or none: Refused when one of them can't be made. Its name is in their events.

    A status that comes with a reply is the one that the reply leaves, as in the reply box. Nothing of it waits to
    be taken back: what a macro says was written beforehand. Sent twice with one `submission`, it is run once.
    """
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for act in macro.acts:
        by_kind.setdefault(act["do"], []).append(act)
    status = Status(by_kind["status"][-1]["status"]) if "status" in by_kind else None
    ticket, _clocks = lock(ticket, now=now)
    if was_sent(ticket, submission, macro=macro.name):
        return ticket
    with in_the_name_of(macro=macro.name, **({"form": submission} if submission else {})):
        for kind in ORDER:
            for act in by_kind.get(kind, ()):
                _do(act, ticket=ticket, actor=actor, status=status, now=now)
        tags = {kind: [act["tag"] for act in by_kind.get(kind, ())] for kind in ("tag", "untag")}
        if tags["tag"] or tags["untag"]:
            change_tags(ticket=ticket, add=tags["tag"], remove=tags["untag"], actor=actor, now=now)
        if status is not None and "reply" not in by_kind:
            set_status(ticket=ticket, status=status, actor=actor, now=now)
    count_use(macro, now=now)
    return ticket


def _do(act: dict[str, Any], *, ticket: Ticket, actor: User, status: Status | None, now: datetime) -> None:
    common = {"ticket": ticket, "actor": actor, "now": now}
    match act["do"]:
        case "assign":
            _assign(act, **common)
        case "priority":
            set_priority(priority=Priority(act["priority"]), **common)
        case "note":
            add_note(body=_text(act, ticket, actor), **common)
        case "reply":
            reply(body=_text(act, ticket, actor), status=status or Status.OPEN, **common)


def _assign(act: dict[str, Any], *, ticket: Ticket, actor: User, now: datetime) -> None:
    """To who runs it, to somebody, or to nobody; a macro that only names a team leaves the owner."""
    team = Team.objects.filter(pk=act["team"]).first() if act.get("team") else None
    if act.get("team") and team is None:
        raise Refused(_("The macro’s team isn’t there any more. Edit the macro."))
    match act.get("owner", "as it is"):
        case "as it is":
            owner = ticket.owner
        case "me":
            owner = actor
        case pk:
            owner = User.objects.filter(pk=pk).first() if pk else None
    assign(ticket=ticket, owner=owner, team=team, actor=actor, now=now)


def _text(act: dict[str, Any], ticket: Ticket, actor: User) -> str:
    """As the requester reads it; a note names things as the reply would."""
    return fill(act["body"], ticket=ticket, agent=actor, language=ticket.requester.language)
