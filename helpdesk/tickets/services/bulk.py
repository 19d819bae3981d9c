"""The same act on many tickets: each on its own, with an account of what came of it, and a way back."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from helpdesk.accounts.models import Team, User
from helpdesk.sla import services as sla
from helpdesk.sla.clock import State
from helpdesk.sla.models import Clock
from helpdesk.tickets.models import BulkAct, Priority, Reading, Status, Ticket, TicketEvent
from helpdesk.tickets.services.handling import assign, set_priority, set_status
from helpdesk.tickets.services.locked import Refused, follow_status, lock, move, own, refresh_deadline, touch
from helpdesk.tickets.services.merging import mark_spam, merge, not_spam
from helpdesk.tickets.services.tags import change_tags

UNDO_FOR = timedelta(minutes=10)
ASSIGN, STATUS, TAGS, PRIORITY, MERGE, SPAM = "assign", "status", "tags", "priority", "merge", "spam"
NEEDS_REASON = (MERGE, SPAM)


@dataclass(frozen=True, kw_only=True)
class BulkOrder:
    """What to do.

    `values`: {"owner": id or None}, {"status": …}, {"add": […], "remove": […]}, {"priority": …}, {"into": id}.
    """

    kind: str
    values: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    shown_at: datetime | None = None  # as of when the page had the tickets that were ticked


def run_bulk(*, order: BulkOrder, ticket_ids: Iterable[int], actor: User, now: datetime, submission: str) -> BulkAct:
    """Do it to each ticket in a transaction of its own, and write down with it what came of it.

    However often the same `submission` is sent, and however it was interrupted, each ticket is done once.
    """
    if order.kind in NEEDS_REASON and not order.reason:
        raise Refused(_("Say why: it is kept in the history of each ticket."))
    ids = [pk for pk in dict.fromkeys(ticket_ids) if pk != order.values.get("into")]
    said = {"kind": order.kind, "values": {**order.values, "tickets": ids}, "reason": order.reason}
    act, made = BulkAct.objects.get_or_create(submission=submission, defaults={"actor": actor, "at": now, **said})
    if not made and (act.actor_id != actor.pk or {name: getattr(act, name) for name in said} != said):
        raise Refused(_("Something else was sent with this form already. Nothing was changed; please choose again."))
    for pk in ids:
        _run_one(act, order, pk, actor=actor, now=now)
    act.refresh_from_db()
    return act


@transaction.atomic
def _run_one(act: BulkAct, order: BulkOrder, pk: int, *, actor: User, now: datetime) -> None:
    act = BulkAct.objects.select_for_update(no_key=True).get(pk=act.pk)
    if any(outcome["ticket"] == pk for outcome in act.outcomes):
        return
    ticket = Ticket.objects.visible_to(actor).filter(pk=pk).first()
    outcome: dict[str, Any] = {"ticket": pk, "done": False}
    if ticket is None:
        outcome["why"] = _("There is no such ticket.")
    else:
        try:
            with transaction.atomic():
                outcome |= _change(order, ticket, actor=actor, now=now)
        except Refused as refused:
            outcome["why"] = str(refused)
    act.outcomes = [*act.outcomes, outcome]
    act.save(update_fields=["outcomes"])


def _change(order: BulkOrder, ticket: Ticket, *, actor: User, now: datetime) -> dict[str, Any]:
    """Change one ticket; returns what its outcome says: that it was done, when, and how it was before."""
    merging = order.kind == MERGE
    # A merge takes both tickets in their order, before anything else.
    row = ticket if merging else lock(ticket, now=now)[0]
    values, common = order.values, {"ticket": row, "actor": actor, "reason": order.reason, "now": now}
    before: dict[str, Any] = {}
    match order.kind:
        case "assign":
            before = {"owner": row.owner_id, "team": row.team_id}
            owner = User.objects.filter(pk=values["owner"]).first() if values["owner"] else None
            _unless(row.owner_id == values["owner"])
            if values["owner"] == actor.pk:
                _unless_taken(row, shown_at=order.shown_at)
            assign(owner=owner, **common)
        case "status":
            before = {"status": row.status}
            _unless(row.status == values["status"])
            set_status(status=Status(values["status"]), **common)
        case "priority":
            before = {"priority": row.priority}
            _unless(row.priority == values["priority"])
            set_priority(priority=Priority(values["priority"]), **common)
        case "tags":
            had = set(row.tags.values_list("name", flat=True))
            change_tags(add=values.get("add", ()), remove=values.get("remove", ()), **common)
            has = set(row.tags.values_list("name", flat=True))
            _unless(had == has)
            before = {"added": sorted(has - had), "removed": sorted(had - has)}
        case "merge":
            merge(into=_survivor(values["into"], actor), **common)
        case "spam":
            mark_spam(**common)
    # Whoever had read it has read this, too: their own act is no news to them.
    Reading.objects.filter(user=actor, ticket=row, at__gte=ticket.updated_at).update(at=now)
    return {"done": True, "before": before, "at": now.isoformat()}


def _survivor(pk: int, actor: User) -> Ticket:
    into = Ticket.objects.visible_to(actor).filter(pk=pk).first()
    if into is None:
        raise Refused(_("There is no ticket to merge it into."))
    return into


def _unless(already: bool) -> None:
    if already:
        raise Refused(_("It was so already."))


def _unless_taken(ticket: Ticket, *, shown_at: datetime | None) -> None:
    """Refused where a locked ticket has become somebody else's since a page showed it. One query at most."""
    if shown_at is None or ticket.owner_id is None or ticket.updated_at <= shown_at:
        return
    given = ticket.events.filter(kind=TicketEvent.Kind.ASSIGNED, at__gt=shown_at, data__after=ticket.owner_id)
    if given.exclude(data__before=ticket.owner_id).exists():
        raise Refused(_("%(name)s has taken it meanwhile.") % {"name": ticket.owner})


def can_undo(act: BulkAct, *, actor: User, now: datetime) -> bool:
    """Whether this person may take it back still: their own, their last one, soon enough, and no merge."""
    if act.actor_id != actor.pk or act.undone_at is not None or act.kind == MERGE or now - act.at > UNDO_FOR:
        return False
    if not any(outcome["done"] for outcome in act.outcomes):
        return False
    return not BulkAct.objects.filter(actor=actor, at__gt=act.at).exists()


def undo_bulk(*, act: BulkAct, actor: User, now: datetime) -> BulkAct:
    """Bring back how each ticket was, unless somebody has changed it since; its outcome says which.

    What was answered stays answered: a solved ticket that is open again has a new cycle of resolution, and
    a next response that was owed is owed as of its own start.
    """
    with transaction.atomic():
        act = BulkAct.objects.select_for_update(no_key=True).get(pk=act.pk)
        if not can_undo(act, actor=actor, now=now):
            raise Refused(_("This can’t be undone any more."))
        act.undone_at = now
        act.save(update_fields=["undone_at"])
    for outcome in act.outcomes:
        if outcome["done"]:
            _undo_one(act, outcome["ticket"], actor=actor, now=now)
    act.refresh_from_db()
    return act


@transaction.atomic
def _undo_one(act: BulkAct, pk: int, *, actor: User, now: datetime) -> None:
    act = BulkAct.objects.select_for_update(no_key=True).get(pk=act.pk)
    outcome = next(row for row in act.outcomes if row["ticket"] == pk)
    try:
        with transaction.atomic():
            _restore(act.kind, outcome, pk, actor=actor, now=now)
        outcome["undone"] = True
    except Refused as refused:
        outcome |= {"undone": False, "why": str(refused)}
    act.save(update_fields=["outcomes"])


def _restore(kind: str, outcome: dict[str, Any], pk: int, *, actor: User, now: datetime) -> None:
    done_at = parse_datetime(outcome["at"])
    ticket, clocks = lock(Ticket(pk=pk), now=now)
    if ticket.updated_at != done_at:
        raise Refused(_("It was changed since."))
    before, why = outcome["before"], _("undone")
    match kind:
        case "assign":
            owner = User.objects.filter(pk=before["owner"]).first()
            team = Team.objects.filter(pk=before["team"]).first()
            touch(ticket, now, *own(ticket, owner=owner, actor=actor, now=now, team=team, reason=why))
        case "status":
            _restore_status(ticket, clocks, Status(before["status"]), actor=actor, now=now, ended_at=done_at)
        case "priority":
            set_priority(ticket=ticket, priority=Priority(before["priority"]), actor=actor, now=now, reason=why)
        case "tags":
            change_tags(ticket=ticket, add=before["removed"], remove=before["added"], actor=actor, now=now, reason=why)
        case "spam":
            not_spam(ticket=ticket, actor=actor, now=now)
    Reading.objects.filter(user=actor, ticket=ticket, at__gte=done_at).update(at=now)


def _restore_status(
    ticket: Ticket, clocks: list[Clock], status: Status, *, actor: User, now: datetime, ended_at: datetime
) -> None:
    """Where it stood before. What its end had cancelled counts on, so that the mistake costs no guarantee."""
    if status == Status.NEW:  # nobody moves a ticket there by hand
        follow_status(clocks, status=Status.OPEN, actor=actor, now=now)
        touch(ticket, now, *move(ticket, status=status, actor=actor, now=now, reason=_("undone")))
    else:
        ticket = set_status(ticket=ticket, status=status, actor=actor, now=now, reason=_("undone"))
    if status not in Status.active():
        return
    related = ("policy_version", "calendar_version")
    cancelled = Clock.objects.filter(ticket=ticket, state=State.CANCELLED, ended_at=ended_at).select_related(*related)
    heirs = [sla.take_over(clock, ticket_id=ticket.pk, now=now, owner_id=ticket.owner_id) for clock in cancelled]
    if heirs:
        follow_status(heirs, status=status, actor=actor, now=now)
        refresh_deadline(ticket=ticket)
