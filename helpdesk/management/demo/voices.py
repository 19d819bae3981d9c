"""What customers said of the help: ratings, an escalation that waits for a manager, one that was answered."""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef

from helpdesk.accounts.models import StaffRole, User
from helpdesk.escalation.manager_requests import answer_request, ask_manager
from helpdesk.tickets.models import Message, Rating, Status, Ticket, TicketEvent

MOST_RATED = 400
MINUTE = timedelta(minutes=1)
# Of ten: what is said, and by how many; the number of the ticket picks one, so that a seed gives the same again.
SAID = [
    (5, "Quick, and it worked at once. Thank you."),
    (4, ""),
    (5, ""),
    (4, "Good answer; I would have liked it a little sooner."),
    (2, "It took three messages until somebody looked at the log that I had attached."),
    (5, ""),
    (3, "The first half is mended. For the second one I was sent to the documentation."),
    (4, ""),
    (5, "丁寧な説明で助かりました。"),
    (1, "We had to find the cause ourselves."),
]


def bring_ratings(*, now: datetime) -> None:
    """Every second ticket that was answered and closed lately has been rated. Four statements."""
    answers = Message.objects.filter(ticket=OuterRef("pk"), kind=Message.Kind.REPLY)
    closed = Ticket.objects.filter(Exists(answers), status__in=(Status.SOLVED, Status.CLOSED), closed_at__lt=now)
    tickets = [row for row in closed.order_by("-closed_at", "-id")[: 2 * MOST_RATED] if row.pk % 2]
    last = Message.objects.filter(ticket__in=tickets, kind=Message.Kind.REPLY).order_by("created_at", "id")
    answered_by = dict(last.values_list("ticket_id", "author_id"))
    ratings, events = [], []
    for ticket in tickets:
        score, comment = SAID[ticket.pk // 2 % len(SAID)]
        at = min(ticket.closed_at + (ticket.pk % 40 + 5) * MINUTE, now)
        rating = Rating(
            ticket=ticket,
            by_id=ticket.requester_id,
            specialist_id=answered_by[ticket.pk],
            team_id=ticket.team_id,
            score=score,
            comment=comment,
            rated_at=at,
            changed_at=at,
        )
        data = {"score": score, "before": None}
        events.append(
            TicketEvent(ticket=ticket, kind=TicketEvent.Kind.RATED, at=at, actor_id=ticket.requester_id, data=data)
        )
        ratings.append(rating)
    Rating.objects.bulk_create(ratings)
    TicketEvent.objects.bulk_create(events)


def bring_escalations(*, now: datetime) -> None:
    """Two of Mina's open tickets on which nothing is late: one was answered by a manager, one waits."""
    mina = User.objects.filter(email="mina@kestrel.example").first()
    manager = User.objects.filter(staff_role=StaffRole.MANAGER).order_by("pk").first()
    calm = Ticket.objects.filter(requester=mina, status=Status.WAITING, next_due_at=None).order_by("pk")[:2]
    if mina is None or manager is None or len(calm) < 2:
        return
    first, second = calm
    reason = "This is the third time since September. I would like to hear what is done so that it doesn't come back."
    asked = ask_manager(ticket=first, actor=mina, reason=reason, now=now - 95 * MINUTE)
    answer = (
        "I have read all three tickets with the team. The import gets a check of its own this week, and I write to "
        "you on Friday how it went. If anything comes up before, this reaches me directly."
    )
    answer_request(request=asked, actor=manager, answer=answer, now=now - 60 * MINUTE)
    reason = "Two specialists have asked me the same questions. Please let one person take it to the end."
    ask_manager(ticket=second, actor=mina, reason=reason, now=now - 12 * MINUTE)
