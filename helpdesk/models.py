"""Index of the models, for Django; each lives in its package."""

from helpdesk.accounts.models import Account, Membership, Team, TeamMembership, User
from helpdesk.escalation.models import Escalation
from helpdesk.notifications.models import Heartbeat, Notice, OutboxMail
from helpdesk.sla.models import Calendar, CalendarVersion, Clock, ClockEvent, Policy, PolicyVersion
from helpdesk.subscriptions.models import Hub, Subscription
from helpdesk.tickets.models import InboundMessage, Message, Ticket, TicketEvent

__all__ = [
    "Account",
    "Calendar",
    "CalendarVersion",
    "Clock",
    "ClockEvent",
    "Escalation",
    "Heartbeat",
    "Hub",
    "InboundMessage",
    "Membership",
    "Message",
    "Notice",
    "OutboxMail",
    "Policy",
    "PolicyVersion",
    "Subscription",
    "Team",
    "TeamMembership",
    "Ticket",
    "TicketEvent",
    "User",
]
