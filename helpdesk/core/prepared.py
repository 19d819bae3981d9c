"""Statements that run with every page or every ticket: made once, and planned by the database once a connection."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import connections, router
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.backends.utils import CursorWrapper
from django.db.models import Model, QuerySet
from django.db.models.query import get_related_populators

M = TypeVar("M", bound=Model)
_STAND_INS: dict[type, Callable[[int], Any]] = {
    int: lambda number: 1_900_000_000 + number,
    str: lambda number: f"stands in for {number}",
    date: lambda number: date(1, 1, 1 + number),
    datetime: lambda number: datetime(1, 1, 1 + number, tzinfo=UTC),
}


class _Cursor(ServerBindingCursor):
    """Values travel beside the statement, which is then the same text each time."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        return super().execute(query, params, prepare=True, **options)

    def _convert_query(self, query: Any, params: Any = None) -> Any:
        """Kept for Django, which logs and counts the statement by it."""
        self._query = super()._convert_query(query, params)
        return self._query


def cursor(using: str = "default") -> CursorWrapper:
    """For a statement whose text is the same each time, with its values apart. Counted and logged as any other."""
    connection = connections[using]
    connection.ensure_connection()
    return connection._prepare_cursor(_Cursor(connection.connection))


class Ready(Generic[M]):
    """A queryset whose SQL is made once: reading it binds its values and makes its objects, and no more.

    `rows` is called once, with a stand-in for each of `kinds` (int, str, date, datetime), which has to become a
    value of the statement. No `None`, no lists: those would be another statement.
    """

    def __init__(self, rows: Callable[..., QuerySet[M]], **kinds: type) -> None:
        self._rows, self._kinds = rows, kinds

    def __call__(self, **values: Any) -> list[M]:
        places, make = self._made
        with cursor(self._using) as line:
            line.execute(self._sql, [values[given] if named else given for named, given in places])
            return [make(row) for row in line.fetchall()]

    @cached_property
    def _made(self) -> tuple[list[tuple[bool, Any]], Callable[[tuple], M]]:
        """The statement's values in order, each a name or a constant; and what makes an object of a row."""
        stand_ins = {name: _STAND_INS[kind](number) for number, (name, kind) in enumerate(self._kinds.items())}
        queryset = self._rows(**stand_ins)
        self._using = router.db_for_read(queryset.model)
        compiler = queryset.query.get_compiler(using=self._using)
        self._sql, params = compiler.as_sql()
        names = {value: name for name, value in stand_ins.items()}
        places = [(True, names[value]) if value in names else (False, value) for value in params]
        if missing := set(self._kinds) - {given for named, given in places if named}:
            raise ValueError(f"these are no values of the statement: {sorted(missing)}")
        return places, self._maker(compiler)

    def _maker(self, compiler: Any) -> Callable[[tuple], M]:
        """As Django's own `ModelIterable` makes them."""
        info, select, using = compiler.klass_info, compiler.select, self._using
        first, last = info["select_fields"][0], info["select_fields"][-1] + 1
        names = [column[0].target.attname for column in select[first:last]]
        related = get_related_populators(info, select, using)
        converters = compiler.get_converters(column[0] for column in select)

        def make(row: tuple) -> M:
            if converters:
                row = next(iter(compiler.apply_converters([row], converters)))
            made = info["model"].from_db(using, names, row[first:last])
            for each in related:
                each.populate(row, made)
            return made

        return make
