"""What stands in a copy of a person's data, part by part (SPEC 2.9): their own, and nothing of others."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.db.models import Q

from helpdesk.accounts.invitations import AccountEvent, Invitation
from helpdesk.accounts.models import Absence, Membership, OnCallShift, User
from helpdesk.accounts.past import PastIdentity
from helpdesk.channels.callback.models import CallRequest
from helpdesk.escalation.models import ManagerRequest
from helpdesk.knowledge.models import Consultation, Vote
from helpdesk.notifications.models import OutboxMail
from helpdesk.privacy.known import known_as
from helpdesk.tickets.models import (
    Attachment,
    Draft,
    FormDraft,
    Message,
    Rating,
    Ticket,
    TicketQuerySet,
    TimeEntry,
    Watch,
)

BATCH = 500  # rows


def profile(user: User, *, now: datetime) -> dict[str, Any]:
    past = PastIdentity.objects.filter(user=user).order_by("until", "pk")
    factors = Authenticator.objects.filter(user=user).order_by("pk")
    return {
        "made_at": now,
        "email": user.email,
        "name": user.full_name,
        "before": [{"what": row.kind, "was": row.value, "until": row.until} for row in past],
        "language": user.language,
        "time_zone": user.time_zone,
        "joined_at": user.joined_at,
        "last_signed_in_at": user.last_login,
        "staff_role": user.staff_role,
        "mail_of_copies": user.mail_copies,
        "quiet_hours": [user.quiet_from, user.quiet_until],
        # That there is one, never what it is made of.
        "second_factors": [{"kind": row.get_type_display(), "added_at": row.created_at} for row in factors],
        "company_sign_ins": [
            {"called_there": row.uid, "since": row.date_joined, "last_used_at": row.last_login}
            for row in SocialAccount.objects.filter(user=user).order_by("pk")
        ],
    }


def memberships(user: User) -> dict[str, Any]:
    rows = Membership.objects.filter(user=user).select_related("account").order_by("account__name")
    addresses = known_as(user).addresses
    events = AccountEvent.objects.filter(Q(person=user) | Q(actor=user) | Q(email__in=addresses))
    sent = Invitation.objects.filter(Q(invited_by=user) | Q(accepted_by=user) | Q(email__in=addresses))
    return {
        "accounts": [
            {"account": row.account.name, "role": row.requester_role, "mail_of_all_tickets": row.mail_all}
            for row in rows
        ],
        "changes": [
            {
                "at": row.at,
                "account": row.account.name,
                "what": row.kind,
                "by": "me" if row.actor_id == user.pk else "another",
                "whom": "me" if user.pk == row.person_id or row.email in addresses else "another",
                "before": row.before,
                "after": row.after,
            }
            for row in events.select_related("account").order_by("at", "pk")
        ],
        "invitations": [
            {
                "account": row.account.name,
                "address": row.email,
                "by": "me" if row.invited_by_id == user.pk else "another",
                "role": row.role,
                "sent_at": row.sent_at,
                "accepted_at": row.accepted_at,
                "taken_back_at": row.revoked_at,
            }
            for row in sent.select_related("account").order_by("created_at", "pk")
        ],
    }


def sessions(user: User) -> list[dict[str, Any]]:
    rows = UserSession.objects.filter(user=user).order_by("created_at")
    return [{"signed_in_at": row.created_at, "ip": row.ip, "browser": row.user_agent} for row in rows]


def mails(user: User) -> list[dict[str, Any]]:
    """What was written to the person, at the addresses that they had."""
    mine = OutboxMail.objects.filter(Q(recipient=user) | Q(to__overlap=list(known_as(user).addresses)))
    rows = mine.order_by("pk").values("created_at", "template", "sent_at", "to")
    return [
        {"written_at": row["created_at"], "kind": row["template"], "sent_at": row["sent_at"], "to": row["to"]}
        for row in rows
    ]


def ratings(user: User) -> list[dict[str, Any]]:
    rows = Rating.objects.filter(by=user).select_related("ticket").order_by("rated_at", "pk")
    return [
        {
            "reference": row.ticket.reference,
            "rated_at": row.rated_at,
            "changed_at": row.changed_at,
            "score": row.score,
            "comment": row.comment,
        }
        for row in rows
    ]


def manager_requests(user: User) -> list[dict[str, Any]]:
    """What the person asked a manager; the answer where they can still read the ticket."""
    rows = ManagerRequest.objects.filter(asked_by=user).select_related("ticket").order_by("asked_at", "pk")
    readable = set(Ticket.objects.visible_to(user).filter(manager_requests__in=rows).values_list("pk", flat=True))
    return [
        {
            "reference": row.ticket.reference,
            "asked_at": row.asked_at,
            "reason": row.reason,
            "answered_at": row.answered_at,
            **({"answer": row.answer} if row.ticket_id in readable else {}),
        }
        for row in rows
    ]


def calls(user: User) -> list[dict[str, Any]]:
    rows = CallRequest.objects.filter(requester=user).select_related("ticket").order_by("asked_at", "pk")
    return [
        {
            "reference": row.ticket.reference,
            "asked_at": row.asked_at,
            "number": row.number,
            "time_zone": row.time_zone,
            "window": [row.begins_at, row.ends_at],
            "outcome": row.state,
            "attempts": row.attempts,
            "ended_at": row.ended_at,
        }
        for row in rows
    ]


def drafts(user: User) -> list[dict[str, Any]]:
    """What was typed into forms and not sent, with the names of the files that wait there."""
    rows = FormDraft.objects.filter(user=user).select_related("account", "ticket").order_by("saved_at", "pk")
    waiting = Attachment.objects.filter(uploaded_by=user, message=None).exclude(form_key="").order_by("pk")
    files: dict[str, list[str]] = {}
    for key, name in waiting.values_list("form_key", "name"):
        files.setdefault(key, []).append(name)
    return [
        {
            "account": row.account.name,
            "reference": row.ticket.reference if row.ticket else None,
            "saved_at": row.saved_at,
            "content": row.values,
            "files": files.get(row.key, []),
        }
        for row in rows
    ]


def questions(user: User) -> list[dict[str, Any]]:
    rows = Consultation.objects.filter(user=user).order_by("at", "pk")
    return [{"asked_at": row.at, "question": row.question, "outcome": row.outcome} for row in rows]


def votes(user: User) -> list[dict[str, Any]]:
    rows = Vote.objects.filter(user=user).select_related("article").order_by("at", "pk")
    return [{"at": row.at, "article": row.article.slug, "helpful": row.helpful} for row in rows]


def in_copy(user: User) -> list[dict[str, Any]]:
    """Tickets of others that send their replies to an address of the person's. Only which: they may not read them."""
    copied = Ticket.objects.filter(cc__overlap=list(known_as(user).addresses)).order_by("pk")
    return [{"reference": row.reference, "opened_at": row.created_at} for row in copied]


def work(user: User) -> dict[str, Any]:
    """What a member of staff left that isn't a customer's conversation."""
    drafts = Draft.objects.filter(user=user).select_related("ticket").order_by("pk")
    times = TimeEntry.objects.filter(user=user).select_related("ticket").order_by("pk")
    return {
        "absences": list(Absence.objects.filter(user=user).order_by("pk").values("starts_at", "ends_at", "note")),
        "on_call": list(OnCallShift.objects.filter(user=user).order_by("pk").values("starts_at", "ends_at")),
        "drafts": [{"reference": row.ticket.reference, "saved_at": row.saved_at, "text": row.body} for row in drafts],
        "time_spent": [{"reference": row.ticket.reference, "minutes": row.minutes, "note": row.note} for row in times],
        "watched": list(Watch.objects.filter(user=user).order_by("pk").values("ticket_id", "since")),
    }


def tickets(user: User) -> Iterator[dict[str, Any]]:
    """Those that the person asked for and can read, with the conversation; elsewhere what they wrote, and no more."""
    said = Message.objects.filter(kind__in=[Message.Kind.CUSTOMER, Message.Kind.REPLY])
    own = _own(user)
    for ticket in own.select_related("account", "hub").order_by("pk").iterator(BATCH):
        yield {
            "reference": ticket.reference,
            "account": ticket.account.name,
            "hub": ticket.hub.name,
            "subject": ticket.subject,
            "status": ticket.status,
            "severity": ticket.severity,
            "in_copy": ticket.cc,
            "facts": ticket.claim_facts,
            "opened_at": ticket.created_at,
            "messages": [_message(row, user) for row in said.filter(ticket=ticket).order_by("created_at", "pk")],
        }
    elsewhere = Message.objects.filter(author=user).exclude(ticket__in=own).select_related("ticket")
    for message in elsewhere.order_by("pk").iterator(BATCH):
        yield {"reference": message.ticket.reference, "messages": [_message(message, user)]}


def _own(user: User) -> TicketQuerySet:
    """Who has left an account reads its tickets no more."""
    return Ticket.objects.visible_to(user).filter(requester=user)


def _message(row: Message, user: User) -> dict[str, Any]:
    return {"at": row.created_at, "from": "me" if row.author_id == user.pk else row.kind, "text": row.body}
