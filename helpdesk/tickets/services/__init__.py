"""Verbs of a ticket. Each is one transaction, names its actor in an event, and takes `now`.

Locks are taken in one order: tickets by id, then their clocks. Both with NO KEY UPDATE, so that rows
which only refer to them (an escalation, a mail) never wait for a person's work.
"""

from helpdesk.tickets.services.conversation import (
    add_note,
    customer_reply,
    join_chat,
    record_call,
    reply,
)
from helpdesk.tickets.services.critical import ask_critical, judge_claim, raise_to_critical
from helpdesk.tickets.services.drafts import (
    Crossed,
    Leaving,
    Sent,
    SentBefore,
    Stale,
    Typed,
    discard_draft,
    leave_drafts,
    save_draft,
    send,
    take_back,
)
from helpdesk.tickets.services.exceptions import (
    Outlook,
    Wish,
    WrongValue,
    can_be_excepted,
    decide_exception,
    may_decide,
    needs_another,
    outlook,
    preview_exception,
    request_exception,
    withdraw_exception,
)
from helpdesk.tickets.services.files import attach_file, clear_abandoned_files, remove_file
from helpdesk.tickets.services.handling import (
    assign,
    close_by_customer,
    perform_acts,
    set_priority,
    set_status,
)
from helpdesk.tickets.services.locked import Refused, facts_of, refresh_deadline
from helpdesk.tickets.services.merging import mark_spam, merge, not_spam
from helpdesk.tickets.services.opening import FIRST_METRIC, NewTicket, open_ticket
from helpdesk.tickets.services.shortcuts import count_use, run_macro
from helpdesk.tickets.services.tags import change_tags

__all__ = [
    "FIRST_METRIC",
    "Crossed",
    "Leaving",
    "NewTicket",
    "Outlook",
    "Refused",
    "Sent",
    "SentBefore",
    "Stale",
    "Typed",
    "Wish",
    "WrongValue",
    "add_note",
    "ask_critical",
    "assign",
    "attach_file",
    "can_be_excepted",
    "change_tags",
    "clear_abandoned_files",
    "close_by_customer",
    "count_use",
    "customer_reply",
    "decide_exception",
    "discard_draft",
    "facts_of",
    "join_chat",
    "judge_claim",
    "leave_drafts",
    "mark_spam",
    "may_decide",
    "merge",
    "needs_another",
    "not_spam",
    "open_ticket",
    "outlook",
    "perform_acts",
    "preview_exception",
    "raise_to_critical",
    "record_call",
    "refresh_deadline",
    "remove_file",
    "reply",
    "request_exception",
    "run_macro",
    "save_draft",
    "send",
    "set_priority",
    "set_status",
    "take_back",
    "withdraw_exception",
]
