"""Many rows in one statement."""

from collections.abc import Mapping, Sequence
from json import JSONEncoder
from typing import Any

from django.db import connections, router
from django.db.models import Model
from psycopg import sql

_json = JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"), default=str).encode


def insert(model: type[Model], rows: Sequence[Mapping[str, Any]], *, ignore_conflicts: bool = False) -> None:
    """Insert rows (column: plain value, instants as they are); with `ignore_conflicts` known ones are dropped.

    All rows have the same columns; those that are not given get the model's default. Several times
    faster than `bulk_create`: the rows travel as one JSON document, which PostgreSQL takes apart
    by the types of its own table. IntegrityError as usual.
    """
    if not rows:
        return
    defaults = model_defaults(model, given=rows[0])
    columns = sql.SQL(", ").join(map(sql.Identifier, [*rows[0], *defaults]))
    values = sql.SQL(", ").join([*map(sql.Identifier, rows[0]), *[sql.Placeholder()] * len(defaults)])
    table = sql.Identifier(model._meta.db_table)
    statement = sql.SQL(
        "INSERT INTO {table} ({columns}) SELECT {values} FROM json_populate_recordset(NULL::{table}, %s::json){end}"
    ).format(
        table=table, columns=columns, values=values, end=sql.SQL(" ON CONFLICT DO NOTHING" if ignore_conflicts else "")
    )
    connection = connections[router.db_for_write(model)]
    with connection.cursor() as cursor:
        cursor.execute(statement.as_string(None), [*defaults.values(), _json(rows)])


def model_defaults(model: type[Model], *, given: Mapping[str, Any] | Sequence[str]) -> dict[str, Any]:
    """The columns of a table that are not given, with what the model puts there, as the database takes it."""
    fields = [field for field in model._meta.concrete_fields if not (field.generated or field.primary_key)]
    missing = [field for field in fields if field.column not in given]
    connection = connections[router.db_for_write(model)]
    return {field.column: field.get_db_prep_save(field.get_default(), connection) for field in missing}
