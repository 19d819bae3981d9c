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
from helpdesk.tickets.services.copies import MOST_COPIES, change_copies
from helpdesk.tickets.services.critical import (
    ask_critical,
    judge_claim,
    may_ask_critical,
    preview_critical,
    raise_to_critical,
)
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
from helpdesk.tickets.services.fields import fields_of, read_value, set_fields
from helpdesk.tickets.services.files import (
    attach_file,
    clear_abandoned_files,
    remove_file,
    remove_form_file,
    take_over_files,
    waiting_files,
)
from helpdesk.tickets.services.form_drafts import (
    FormCrossed,
    clear_abandoned_forms,
    discard_form,
    form_draft,
    form_drafts,
    form_is_crossed,
    form_is_sent,
    form_was_sent,
    keep_form,
)
from helpdesk.tickets.services.handing_out import How, hand_out
from helpdesk.tickets.services.handling import (
    assign,
    change_subject,
    close_by_customer,
    perform_acts,
    set_priority,
    set_status,
)
from helpdesk.tickets.services.linking import join_incident, leave_incident, link, unlink
from helpdesk.tickets.services.locked import Refused, facts_of, refresh_deadline
from helpdesk.tickets.services.merging import Fate, Fated, mark_spam, merge, not_spam, preview_merge
from helpdesk.tickets.services.opening import FIRST_METRIC, NewTicket, ground_of, open_ticket
from helpdesk.tickets.services.rating import CHANGEABLE, is_fixed, may_rate, rate
from helpdesk.tickets.services.scanning import scan_held_files
from helpdesk.tickets.services.searching import index_account, index_person, index_words, rebuild_words
from helpdesk.tickets.services.shortcuts import count_use, run_macro
from helpdesk.tickets.services.splitting import split
from helpdesk.tickets.services.tags import change_tags
from helpdesk.tickets.services.time_spent import MOST_MINUTES, add_time, strike_time
from helpdesk.tickets.services.watching import note_reading, unwatch, watch

__all__ = [
    "BulkOrder",
    "CHANGEABLE",
    "Crossed",
    "FIRST_METRIC",
    "Fate",
    "Fated",
    "How",
    "Leaving",
    "MOST_COPIES",
    "MOST_MINUTES",
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
    "add_time",
    "ask_critical",
    "assign",
    "attach_file",
    "can_be_excepted",
    "can_undo",
    "change_copies",
    "change_subject",
    "change_tags",
    "clear_abandoned_files",
    "clear_abandoned_forms",
    "close_by_customer",
    "code_cause",
    "count_use",
    "customer_reply",
    "decide_exception",
    "discard_draft",
    "discard_form",
    "facts_of",
    "fields_of",
    "form_draft",
    "form_drafts",
    "FormCrossed",
    "form_is_crossed",
    "form_is_sent",
    "form_was_sent",
    "hand_out",
    "index_account",
    "index_person",
    "index_words",
    "is_fixed",
    "join_chat",
    "join_incident",
    "judge_claim",
    "keep_form",
    "leave_drafts",
    "leave_incident",
    "link",
    "mark_spam",
    "may_ask_critical",
    "may_code",
    "may_decide",
    "may_rate",
    "merge",
    "needs_another",
    "not_spam",
    "note_reading",
    "ground_of",
    "open_ticket",
    "outlook",
    "perform_acts",
    "preview_critical",
    "preview_exception",
    "preview_merge",
    "raise_to_critical",
    "rate",
    "read_value",
    "rebuild_words",
    "record_call",
    "refresh_deadline",
    "remove_file",
    "remove_form_file",
    "reply",
    "request_exception",
    "run_bulk",
    "run_macro",
    "save_draft",
    "scan_held_files",
    "send",
    "set_fields",
    "set_priority",
    "set_status",
    "split",
    "strike_time",
    "take_over_files",
    "take_back",
    "undo_bulk",
    "unlink",
    "unwatch",
    "waiting_files",
    "watch",
    "withdraw_exception",
]
