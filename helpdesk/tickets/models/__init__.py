"""Tickets and all that belongs to them, a file a subject."""

from helpdesk.tickets.models.bulk import BulkAct
from helpdesk.tickets.models.conversation import Attachment, Draft, FormDraft, InboundMessage, Message, Scan
from helpdesk.tickets.models.event import TicketEvent
from helpdesk.tickets.models.fields import CustomField
from helpdesk.tickets.models.grouping import Tag, TicketLink, Watch
from helpdesk.tickets.models.rating import Rating
from helpdesk.tickets.models.reading import Reading, SearchText, TimeEntry, WordQuery
from helpdesk.tickets.models.shortcuts import CannedReply, Macro, SavedView
from helpdesk.tickets.models.ticket import Claim, Priority, Severity, Source, Status, Ticket, TicketQuerySet

__all__ = [
    "Attachment",
    "BulkAct",
    "CannedReply",
    "Claim",
    "CustomField",
    "Draft",
    "FormDraft",
    "InboundMessage",
    "Macro",
    "Message",
    "Priority",
    "Rating",
    "Reading",
    "SavedView",
    "Scan",
    "SearchText",
    "Severity",
    "Source",
    "Status",
    "Tag",
    "Ticket",
    "TicketEvent",
    "TicketLink",
    "TicketQuerySet",
    "TimeEntry",
    "Watch",
    "WordQuery",
]
