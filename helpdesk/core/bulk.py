"""Many rows in one statement."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from json import JSONEncoder
from typing import Any

from django.db import connections, router
from django.db.models import Model
from psycopg import sql

from helpdesk.core import prepared

_json = JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"), default=str).encode


def insert(model: type[Model], rows: Sequence[Mapping[str, Any]], *, ignore_conflicts: bool = False) -> None:
    """Insert rows (column: plain value, instants as they are); with `ignore_conflicts` known ones are dropped.

    All rows have the same columns; those that are not given get the model's default. Several times
    faster than `bulk_create`: the rows travel as one JSON document, which PostgreSQL takes apart
    by the types of its own table. IntegrityError as usual.
    """
    if not rows:
        return
    statement, values = _insertion(model, rows)
    if ignore_conflicts:
        statement += " ON CONFLICT DO NOTHING"
    with prepared.cursor(router.db_for_write(model)) as cursor:
        cursor.execute(statement, values)


def insert_together(objects: Iterable[Model], *more: tuple[str, Sequence[Any]]) -> None:
    """Insert unsaved objects of several tables in one statement; those of a table stand side by side.

    `more`: further INSERTs that go with them, each with its values; they don't see the objects' rows.

    Foreign keys are checked at the commit, so the tables may come in any order; what others refer to has its
    key already (`next_id`), what nobody refers to gets none. IntegrityError as usual.
    """
    objects = list(objects)
    parts, values = [], []
    for number, (model, group) in enumerate(groupby(objects, key=type)):
        statement, taken = _insertion(model, [_row(each) for each in group])
        parts.append(f"part{number} AS ({statement})")
        values += taken
    for number, (statement, taken) in enumerate(more):
        parts.append(f"more{number} AS ({statement})")
        values += taken
    using = router.db_for_write(type(objects[0]))
    with prepared.cursor(using) as cursor:
        cursor.execute(f"WITH {', '.join(parts)} SELECT 1", values)
    for each in objects:
        each._state.adding, each._state.db = False, using


def next_id(model: type[Model]) -> str:
    """SQL that draws a row's key before the row is written. Drawn and not used, it leaves a gap, as a rollback does."""
    return f"nextval(pg_get_serial_sequence('{model._meta.db_table}', 'id'))"


def _row(one: Model) -> dict[str, Any]:
    fields = [field for field in one._meta.concrete_fields if not field.generated]
    return {field.column: getattr(one, field.attname) for field in fields if not field.primary_key or one.pk}


def _insertion(model: type[Model], rows: Sequence[Mapping[str, Any]]) -> tuple[str, list[Any]]:
    defaults = model_defaults(model, given=rows[0])
    return _text(model._meta.db_table, tuple(rows[0]), tuple(defaults)), [*defaults.values(), _json(rows)]


@lru_cache(maxsize=256)
def _text(table: str, given: tuple[str, ...], defaults: tuple[str, ...]) -> str:
    columns = sql.SQL(", ").join(map(sql.Identifier, [*given, *defaults]))
    values = sql.SQL(", ").join([*map(sql.Identifier, given), *[sql.Placeholder()] * len(defaults)])
    statement = sql.SQL(
        "INSERT INTO {table} ({columns}) SELECT {values} FROM json_populate_recordset(NULL::{table}, %s::json)"
    )
    return statement.format(table=sql.Identifier(table), columns=columns, values=values).as_string(None)


def model_defaults(model: type[Model], *, given: Mapping[str, Any] | Sequence[str]) -> dict[str, Any]:
    """The columns of a table that are not given, with what the model puts there, as the database takes it."""
    fields = [field for field in model._meta.concrete_fields if not (field.generated or field.primary_key)]
    missing = [field for field in fields if field.column not in given]
    connection = connections[router.db_for_write(model)]
    return {field.column: field.get_db_prep_save(field.get_default(), connection) for field in missing}
