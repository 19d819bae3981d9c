"""What tickets are found by: the words of their subject, their conversation and their people.

The words themselves are made in the database (`helpdesk_words`, migration 0009), by the same rules as the query.
"""

from collections.abc import Iterable

from django.db import connection, transaction

from helpdesk.accounts.models import Account, User
from helpdesk.tickets.models import Status, Ticket

# A tsvector holds one megabyte. What is beyond this is not found, rather than a reply refused.
MOST_BYTES = 500_000
# Only as a row is made; from then on it follows the ticket's status by a trigger (migration 0017).
OPEN = f"ticket.status IN ({', '.join(repr(status.value) for status in Status.active())})"
ADD = """
    INSERT INTO helpdesk_searchtext AS kept (ticket_id, words, is_open)
    SELECT ticket.id, {words}, {open} FROM helpdesk_ticket AS ticket WHERE ticket.id = %s
    ON CONFLICT (ticket_id) DO UPDATE SET words = kept.words || EXCLUDED.words
     WHERE octet_length(kept.words::text) < {most}
"""
ADD_TEXT = ADD.format(most=MOST_BYTES, open=OPEN, words="helpdesk_words(%s)")
# A ticket without words adds none.
ADD_WORDS_OF = ADD.format(
    most=MOST_BYTES,
    open=OPEN,
    words="coalesce((SELECT words FROM helpdesk_searchtext WHERE ticket_id = %s), ''::tsvector)",
)
HOLD_ALL = "SELECT 1 FROM helpdesk_ticket WHERE {column} = %s ORDER BY id FOR NO KEY UPDATE"
ADD_TO_ALL = """
    UPDATE helpdesk_searchtext SET words = words || helpdesk_words(%s)
     WHERE ticket_id IN (SELECT id FROM helpdesk_ticket WHERE {column} = %s)
"""
# Everything that a ticket is found by: of its first 100,000 letters, what was said last coming first.
REBUILD = """
    INSERT INTO helpdesk_searchtext (ticket_id, words, is_open)
    SELECT ticket.id,
           helpdesk_words(concat_ws(' ', ticket.subject, asker.full_name, asker.email, account.name, (
               SELECT string_agg(left(text, 20000), ' ' ORDER BY at DESC)
                 FROM (SELECT body AS text, created_at AS at FROM helpdesk_message WHERE ticket_id = ticket.id
                       UNION ALL
                       SELECT data ->> 'note', at FROM helpdesk_ticketevent
                        WHERE ticket_id = ticket.id AND kind = 'called'
                       UNION ALL
                       SELECT coalesce(data ->> 'reason', data ->> 'answer'), at FROM helpdesk_ticketevent
                        WHERE ticket_id = ticket.id
                          AND kind IN ('customer_escalated', 'escalated', 'escalation_answered')) AS said
           )), 100000),
           {open}
      FROM helpdesk_ticket AS ticket
      JOIN helpdesk_user AS asker ON asker.id = ticket.requester_id
      JOIN helpdesk_account AS account ON account.id = ticket.account_id
     WHERE ticket.id = ANY(%s)
        ON CONFLICT (ticket_id) DO UPDATE SET words = EXCLUDED.words, is_open = EXCLUDED.is_open
""".replace("{open}", OPEN)


def first_words(ticket: Ticket, *texts: str) -> tuple[str, list[object]]:
    """As `index_words`, of a ticket whose row is about to be written: an INSERT to go with it, and its values."""
    row = "INSERT INTO helpdesk_searchtext (ticket_id, words, is_open) VALUES (%s, helpdesk_words(%s), %s)"
    return row, [ticket.pk, " ".join(texts), ticket.status in Status.active()]


def index_words(ticket: Ticket, *texts: str) -> None:
    """Let the ticket be found by these texts, too. One statement, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(ADD_TEXT, [" ".join(texts), ticket.pk])


def index_merged(*, ticket: Ticket, into: Ticket) -> None:
    """Let the survivor be found by what the other one was found by."""
    with connection.cursor() as cursor:
        cursor.execute(ADD_WORDS_OF, [ticket.pk, into.pk])


@transaction.atomic
def rebuild_words(ticket_ids: Iterable[int]) -> int:
    """Make the words of these tickets again from what is written; returns how many tickets there were."""
    ids = list(ticket_ids)
    with connection.cursor() as cursor:
        # As the services do: nobody adds words to what is being read.
        cursor.execute("SELECT 1 FROM helpdesk_ticket WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [ids])
    return write_words(ids)


def write_words(ticket_ids: Iterable[int]) -> int:
    """As `rebuild_words`, of tickets that nobody else can be writing to."""
    with connection.cursor() as cursor:
        cursor.execute(REBUILD, [list(ticket_ids)])
        return cursor.rowcount


@transaction.atomic
def index_account(*, account: Account, name: str) -> None:
    """An account has another name now: let its tickets be found by it, too."""
    _index_all("account_id", account.pk, name)


@transaction.atomic
def index_person(*, person: User) -> None:
    """A person has another name or address now: let what they asked be found by it, too."""
    _index_all("requester_id", person.pk, f"{person.full_name} {person.email}")


def _index_all(column: str, pk: int, text: str) -> None:
    """Add to the words of all tickets of an account or a requester."""
    with connection.cursor() as cursor:
        # As the services do, so that a merge of two of them and this never wait for each other.
        cursor.execute(HOLD_ALL.format(column=column), [pk])
        cursor.execute(ADD_TO_ALL.format(column=column), [text, pk])
