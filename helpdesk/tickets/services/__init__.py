"""Verbs of a ticket. Each is one transaction, names its actor in an event, and takes `now`.

Locks are taken in one order: tickets by id, then their clocks. Both with NO KEY UPDATE, so that rows
which only refer to them (an escalation, a mail) never wait for a person's work.
"""

from helpdesk.tickets.services.bulk import BulkOrder, can_undo, run_bulk, undo_bulk
from helpdesk.tickets.services.causes import code_cause, may_code
from helpdesk.tickets.services.conversation import (
    add_note,
    customer_reply,
    join_chat,
    record_call,
    reply,
)
from helpdesk.tickets.services.critical import ask_critical, judge_claim, raise_to_critical
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
from helpdesk.tickets.services.searching import index_account, index_words, rebuild_words
from helpdesk.tickets.services.tags import change_tags

__all__ = [
    "FIRST_METRIC",
    "BulkOrder",
    "NewTicket",
    "Outlook",
    "Refused",
    "Wish",
    "WrongValue",
    "add_note",
    "ask_critical",
    "assign",
    "can_be_excepted",
    "can_undo",
    "change_tags",
    "close_by_customer",
    "code_cause",
    "customer_reply",
    "decide_exception",
    "facts_of",
    "index_account",
    "index_words",
    "join_chat",
    "judge_claim",
    "mark_spam",
    "may_code",
    "may_decide",
    "merge",
    "needs_another",
    "not_spam",
    "open_ticket",
    "outlook",
    "perform_acts",
    "preview_exception",
    "raise_to_critical",
    "rebuild_words",
    "record_call",
    "refresh_deadline",
    "reply",
    "request_exception",
    "run_bulk",
    "set_priority",
    "set_status",
    "undo_bulk",
    "withdraw_exception",
]
