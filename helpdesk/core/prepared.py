"""Statements that run with every page or every ticket: made once, and planned by the database once a connection."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
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
    datetime: lambda number: datetime(1000 + number, 7, 1, tzinfo=UTC),
}

_NEAR = timedelta(days=180)  # an instant that a queryset reckons from one of its values is taken along


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


def _value(given: Any, apart: timedelta | None) -> Any:
    return given if apart is None else given + apart


class Ready(Generic[M]):
    """A queryset whose SQL is made once: reading it binds its values and makes its objects, and no more.

    `rows` is called once, with a stand-in for each of `kinds` (int, str, date, datetime), which has to become a
    value of the statement, or the instant that it is reckoned from. No `None`, no lists: those would be another
    statement.
    """

    def __init__(self, rows: Callable[..., QuerySet[M]], **kinds: type) -> None:
        self._rows, self._kinds = rows, kinds

    def __call__(self, **values: Any) -> list[M]:
        sql, bound = self.text(**values)
        with cursor(self._using) as line:
            line.execute(sql, bound)
            return [self._make(row) for row in line.fetchall()]

    def rows(self, **values: Any) -> list[tuple]:
        """As the database gives them: of plain values, or of several tables together. Planned each time."""
        sql, bound = self.text(**values)
        with connections[self._using].cursor() as line:
            line.execute(sql, bound)
            return line.fetchall()

    def text(self, **values: Any) -> tuple[str, list[Any]]:
        """The statement with its values, for a part of another one. EmptyResultSet where it can find nothing."""
        sql, places = self._made
        return sql, [_value(values[name], apart) if name else apart for name, apart in places]

    @cached_property
    def _using(self) -> str:
        return router.db_for_read(self._queryset.model)

    @cached_property
    def _stand_ins(self) -> dict[str, Any]:
        return {name: _STAND_INS[kind](number) for number, (name, kind) in enumerate(self._kinds.items())}

    @cached_property
    def _queryset(self) -> QuerySet[M]:
        return self._rows(**self._stand_ins)

    @cached_property
    def _compiler(self) -> Any:
        return self._queryset.query.get_compiler(using=self._using)

    @cached_property
    def _made(self) -> tuple[str, list[tuple[str, Any]]]:
        """The statement, and its values in order: a name, with what an instant is apart from it; or a constant."""
        sql, params = self._compiler.as_sql()
        places = [self._place(value) for value in params]
        if missing := set(self._kinds) - {name for name, _apart in places}:
            raise ValueError(f"these are no values of the statement: {sorted(missing)}")
        return sql, places

    def _place(self, value: Any) -> tuple[str, Any]:
        for name, stand_in in self._stand_ins.items():
            if type(value) is type(stand_in):
                if value == stand_in:
                    return name, None
                if isinstance(value, datetime) and abs(value - stand_in) < _NEAR:
                    return name, value - stand_in
        return "", value

    @cached_property
    def _make(self) -> Callable[[tuple], M]:
        """What makes an object of a row, as Django's own `ModelIterable` does."""
        compiler = self._compiler
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
