"""Index of the models, for Django; each lives in its package."""

from helpdesk.accounts.models import Absence, Account, Membership, OnCallShift, Team, TeamMembership, User
from helpdesk.escalation.models import Escalation
from helpdesk.notifications.models import Alarm, Heartbeat, Notice, OutboxMail
from helpdesk.sla.models import (
    Calendar,
    CalendarVersion,
    Clock,
    ClockEvent,
    ClockException,
    ExceptionCode,
    Policy,
    PolicyVersion,
    Rollout,
)
from helpdesk.subscriptions.models import Hub, Subscription
from helpdesk.tickets.models import InboundMessage, Message, Ticket, TicketEvent

__all__ = [
    "Absence",
    "Account",
    "Alarm",
    "Calendar",
    "CalendarVersion",
    "Clock",
    "ClockEvent",
    "ClockException",
    "Escalation",
    "ExceptionCode",
    "Heartbeat",
    "Hub",
    "InboundMessage",
    "Membership",
    "Message",
    "Notice",
    "OnCallShift",
    "OutboxMail",
    "Policy",
    "PolicyVersion",
    "Rollout",
    "Subscription",
    "Team",
    "TeamMembership",
    "Ticket",
    "TicketEvent",
    "User",
]
