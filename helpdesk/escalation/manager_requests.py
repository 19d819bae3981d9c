"""A manager is asked for: by the customer, who reads the answer, or by a specialist (SPEC 2.7)."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from helpdesk.accounts.models import StaffRole, User
from helpdesk.accounts.readers import reader_of
from helpdesk.core import moments
from helpdesk.escalation.models import ManagerRequest
from helpdesk.escalation.recipients import Directory, Hearing
from helpdesk.notifications.services import Telling, post, tell
from helpdesk.sla.terms import Recipient
from helpdesk.tickets.mails import to_customer
from helpdesk.tickets.models import Status, Ticket, TicketEvent
from helpdesk.tickets.services import Refused, index_words
from helpdesk.tickets.services.locked import happened, lock, touch

ASKED, ANSWERED = "manager_asked", "manager_answered"
ANSWERING = (StaffRole.TEAM_LEAD, StaffRole.MANAGER, StaffRole.ADMINISTRATOR)
HEARING = (Recipient.TEAM_LEAD, Recipient.MANAGER)


def may_answer(user: User) -> bool:
    """A manager is asked for, so a lead, a manager or an administrator answers."""
    return user.is_active and user.staff_role in ANSWERING


@transaction.atomic
def ask_manager(*, ticket: Ticket, actor: User, reason: str, now: datetime) -> ManagerRequest:
    """The customer, or a specialist, wants a manager to look at it, and says why.

    The team's leads and the managers hear at once, or who stands in where they are away. No clock changes:
    what is promised stays promised. One at a time of the customer's and one of the staff's (a constraint).
    """
    ticket, _clocks = lock(ticket, now=now)
    by_customer = not actor.is_staff
    if ticket.status in (Status.SPAM, Status.MERGED):
        raise Refused(_("This ticket is not worked on any more."))
    if not reason.strip():
        raise Refused(_("Say why: the manager reads it."))
    waiting = ManagerRequest.objects.of(ticket).filter(by_customer=by_customer, answered_at=None).first()
    if waiting:
        words = {"time": moments.moment(waiting.asked_at, now)}
        raise Refused(_("A manager was asked at %(time)s already, and answers here.") % words)
    hearing = Directory.load(now=now).find(ticket=ticket, recipients=HEARING)
    asked = ManagerRequest.objects.create(
        ticket=ticket,
        asked_by=actor,
        by_customer=by_customer,
        reason=reason,
        asked_at=now,
        told=hearing.told,
        skipped=hearing.skipped,
    )
    index_words(ticket, reason)
    kind = TicketEvent.Kind.CUSTOMER_ESCALATED if by_customer else TicketEvent.Kind.ESCALATED
    happened(ticket, kind, now, actor, reason=reason, request=asked.pk).save()
    touch(ticket, now)
    tell([_to_managers(asked, hearing)], now=now)
    return asked


@transaction.atomic
def answer_request(*, request: ManagerRequest, actor: User, answer: str, now: datetime) -> ManagerRequest:
    """Answer who asked for a manager: the customer by mail and on the ticket, a specialist on their screen.

    It is no reply to what the ticket asks, so it answers no clock (decision 24). After a merge the answer stands
    on the ticket that stays, and goes to whoever reads its mails.
    """
    stands = ManagerRequest.objects.select_related("ticket__merged_into__merged_into").get(pk=request.pk).standing
    ticket, _clocks = lock(stands, now=now)
    request = ManagerRequest.objects.select_for_update().select_related("asked_by").get(pk=request.pk)
    if not may_answer(actor):
        raise Refused(_("A manager was asked for: a team lead, a manager or an administrator answers."))
    if not request.is_open:
        raise Refused(_("Somebody has answered this already. Nothing was sent."))
    if not answer.strip():
        raise Refused(_("Write an answer first.") if request.by_customer else _("Write what is to be done."))
    request.answer, request.answered_by, request.answered_at = answer, actor, now
    request.save(update_fields=["answer", "answered_by", "answered_at"])
    index_words(ticket, answer)
    data = {"answer": answer, "request": request.pk, "internal": not request.by_customer}
    happened(ticket, TicketEvent.Kind.ESCALATION_ANSWERED, now, actor, **data).save()
    touch(ticket, now)
    if request.by_customer:
        said = {"author": actor.full_name, "answer": answer, "reason": request.reason}
        asked_at = {"asked_at": request.asked_at.isoformat()}
        key = f"{ANSWERED}/{request.pk}"
        post(to_customer(ticket=ticket, key=key, template=ANSWERED, context=said | asked_at, now=now))
    elif request.asked_by_id != actor.pk:
        tell([_to_specialist(request, ticket, now=now)], now=now)
    return request


def _values(ticket: Ticket) -> dict[str, Any]:
    return {
        "reference": ticket.reference,
        "subject": ticket.subject,
        "account": ticket.account.name,
        "hub": ticket.hub.name,
        "owner": ticket.owner.full_name if ticket.owner else "",
        "url": settings.SITE_URL + _address(ticket),
    }


def _address(ticket: Ticket) -> str:
    return reverse("admin:helpdesk_ticket_change", args=[ticket.pk])


def _to_managers(asked: ManagerRequest, hearing: Hearing) -> Telling:
    """Never held back by quiet hours: somebody waits for a person."""
    said = {
        "author": asked.asked_by.full_name,
        "by_customer": asked.by_customer,
        "reason": asked.reason,
        "asked_at": asked.asked_at.isoformat(),
    }
    return Telling(
        key=f"{ASKED}/{asked.pk}",
        kind=ASKED,
        context=_values(asked.ticket) | said,
        url=_address(asked.ticket),
        readers=hearing.readers,
    )


def _to_specialist(request: ManagerRequest, ticket: Ticket, *, now: datetime) -> Telling:
    return Telling(
        key=f"{ANSWERED}/{request.pk}",
        kind=ANSWERED,
        context=_values(ticket) | {"author": request.answered_by.full_name, "answer": request.answer},
        url=_address(ticket),
        readers=[reader_of(request.asked_by, now=now)],
        by_mail=False,
    )
