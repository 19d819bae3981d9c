"""The rows that stories consist of, and their way into the database by COPY."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from json import JSONEncoder
from typing import Any

from django.db import connection
from django.db.models import JSONField, Model
from psycopg import sql

from helpdesk.escalation.models import Escalation
from helpdesk.sla.models import Clock, ClockEvent, ClockException
from helpdesk.tickets.models import Message, Ticket, TicketEvent

FIRST_TICKET = 20_001

# Columns in the order of the tuples that `story` makes. Parents come before what refers to them.
COLUMNS: dict[type[Model], str] = {
    Ticket: """id subject status severity claim claim_reason claim_judged_by_id claim_judged_at claim_facts account_id
        requester_id hub_id channel source cc team_id owner_id requester_role entitlement language policy_version_id
        calendar_version_id next_due_at reply_token created_at updated_at closed_at""",
    Message: "id ticket_id kind author_id body via message_id created_at",
    TicketEvent: "ticket_id kind at actor_id data",
    Clock: """id ticket_id metric cycle promise policy_version_id calendar_version_id target_seconds
        target_business_days started_at counted_from due_at state version pauses paused_at questioned_pauses
        breached_at exempted gross_basis gross_due_at gross_breached_at ended_at owner_at_due_id answered_by_id
        event_count next_check_at acknowledged_version cause cause_note""",
    ClockException: """id clock_id code_id effect out_from out_until since target_seconds target_business_days evidence
        is_guaranteed state requested_by_id requested_at decided_by_id decided_at decision_note""",
    ClockEvent: "clock_id number kind at recorded_at actor_id data",
    Escalation: """clock_id ticket_id deadline_version percent reminder state due_at detected_at delivered_at
        acknowledged_at acknowledged_by_id""",
}
# What is dropped while very many rows go in, and made again after them.
INDEXES = """
    SELECT indexdef, format('DROP INDEX %%I.%%I', schemaname, indexname)
      FROM pg_indexes
     WHERE tablename = ANY(%s) AND schemaname = current_schema()
       AND indexname NOT IN (SELECT conname FROM pg_constraint WHERE contype IN ('p', 'u', 'x'))
"""
CONSTRAINTS = """
    SELECT format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid)),
           format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname)
      FROM pg_constraint
     WHERE conrelid = ANY(%s::regclass[]) AND contype = ANY(%s) AND connamespace = current_schema()::regnamespace
"""
_json = JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def next_ids() -> dict[type[Model], int]:
    """The id before the first one to use; tickets look like those of a service that has run for a while."""
    return {Ticket: FIRST_TICKET - 1, Message: 0, Clock: 0, ClockException: 0}


@dataclass(slots=True)
class Rows:
    """Rows waiting to be written, and the last id used of the tables whose ids are needed here."""

    last: dict[type[Model], int] = field(default_factory=next_ids)
    waiting: dict[type[Model], list[Sequence[Any]]] = field(default_factory=lambda: {model: [] for model in COLUMNS})
    written: dict[type[Model], int] = field(default_factory=lambda: dict.fromkeys(COLUMNS, 0))

    def take_id(self, model: type[Model]) -> int:
        self.last[model] += 1
        return self.last[model]

    def add(self, model: type[Model], *values: Any) -> None:
        self.waiting[model].append(values)

    def write(self) -> None:
        """COPY what is waiting, table by table."""
        with connection.cursor() as cursor:
            for model, rows in self.waiting.items():
                if rows:
                    _copy(cursor, model, rows)
                    self.written[model] += len(rows)
                    rows.clear()

    def set_sequences(self) -> None:
        """Let the database go on counting where the rows have ended."""
        with connection.cursor() as cursor:
            for model, last in self.last.items():
                if last:
                    table = model._meta.db_table
                    cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [table, last])


def _copy(cursor: Any, model: type[Model], rows: list[Sequence[Any]]) -> None:
    told = COLUMNS[model].split()
    defaults = _defaults(model, told)
    columns = [*told, *defaults]
    documents = {field.column for field in model._meta.concrete_fields if isinstance(field, JSONField)}
    json = [place for place, name in enumerate(columns) if name in documents]
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(model._meta.db_table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    rest = list(defaults.values())
    with cursor.copy(statement) as copy:
        for row in rows:
            values = [*row, *rest]
            for place in json:
                values[place] = _json(values[place])
            copy.write_row(values)


def _defaults(model: type[Model], told: list[str]) -> dict[str, Any]:
    """The columns that no story tells of, with what the model puts there."""
    fields = [field for field in model._meta.concrete_fields if not (field.generated or field.primary_key)]
    return {field.column: field.get_default() for field in fields if field.column not in told}


@contextmanager
def without_indexes() -> Iterator[None]:
    """Load first, index afterwards: many times faster for a million tickets.

    Indexes, unique and foreign keys of the tables are dropped, and made again (which checks every
    row) at the end; all in the caller's transaction, so that a load that fails changes nothing.
    """
    tables = [model._meta.db_table for model in COLUMNS]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with checks outstanding can't be altered
        cursor.execute(INDEXES, [tables])
        indexes = cursor.fetchall()
        found = []
        for kinds in (["f"], ["u", "p"]):  # foreign keys go first and come back last
            cursor.execute(CONSTRAINTS, [tables, kinds])
            found.append(cursor.fetchall())
        foreign, unique = found
        incoming = _incoming(cursor, tables)
        for _definition, away in [*incoming, *foreign, *unique, *indexes]:
            cursor.execute(away)
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")  # to sort for indexes
        cursor.execute("SET LOCAL work_mem = '256MB'")  # to join for foreign keys
        for definition, _away in [*unique, *indexes, *foreign, *incoming]:
            cursor.execute(definition)
        cursor.execute("ANALYZE " + ", ".join(tables))


def _incoming(cursor: Any, tables: list[str]) -> list[tuple[str, str]]:
    """Foreign keys of other tables that refer to these."""
    cursor.execute(
        """
        SELECT format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid)),
               format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname)
          FROM pg_constraint
         WHERE contype = 'f' AND confrelid = ANY(%s::regclass[]) AND NOT conrelid = ANY(%s::regclass[])
        """,
        [tables, tables],
    )
    return cursor.fetchall()
