"""What must be true of a ticket whatever happened to it."""

from helpdesk.sla.clock import EventKind, State
from helpdesk.sla.verification import difference
from helpdesk.tickets.models import Claim, Severity, Status, Ticket, TicketEvent


def prove_all() -> None:
    """Every ticket's clocks are what their events say, every change of it has its event, and every event its actor."""
    for ticket in Ticket.objects.order_by("pk"):
        _prove_clocks(ticket)
        _prove_changes(ticket)


def _prove_clocks(ticket: Ticket) -> None:
    for clock in ticket.clocks.order_by("pk"):
        events = list(clock.events.order_by("number"))
        assert difference(clock, events) == "", clock
        for event in events:
            # A deadline passes by itself, unless an act moves it behind the present; everything else somebody did.
            passed = event.kind == EventKind.BREACH and "reason" not in event.data
            assert (event.actor_id is None) == passed, (clock, event)
    running = [clock.due_at for clock in ticket.clocks.filter(state=State.RUNNING)]
    assert ticket.next_due_at == min(running, default=None)


def _is_of_itself(event: TicketEvent) -> bool:
    """What the product does: the acknowledgement, and the acts of an escalation's step, which its event names."""
    return event.kind == TicketEvent.Kind.ACKNOWLEDGED or "percent" in event.data


def _prove_changes(ticket: Ticket) -> None:
    events = list(ticket.events.order_by("id"))
    assert [event.kind for event in events if (event.actor_id is None) != _is_of_itself(event)] == []

    def last(*kinds: str, name: str = "after", otherwise: object = None) -> object:
        return next((event.data[name] for event in reversed(events) if event.kind in kinds), otherwise)

    assert ticket.status == last("status", "reopened", otherwise=Status.NEW)
    assert ticket.owner_id == last("assigned")
    assert ticket.priority == last("priority", otherwise=0)
    assert ticket.merged_into_id == last("merged", name="into")
    judged = next((event for event in reversed(events) if event.kind in ("confirmed", "declined", "raised")), None)
    claimed = any(event.kind == "claimed" for event in events)
    if judged is None:
        assert ticket.claim == (Claim.CLAIMED if claimed else Claim.NONE)
    else:
        assert ticket.claim == judged.data.get("claim", judged.kind)
    assert (ticket.severity == Severity.CRITICAL) == (ticket.claim in (Claim.CLAIMED, Claim.CONFIRMED))
    if ticket.claim not in (Claim.NONE, Claim.CLAIMED):
        assert (ticket.claim_judged_by, ticket.claim_judged_at) == (judged.actor, judged.at)
        assert ticket.claim_reason == judged.data["reason"]
