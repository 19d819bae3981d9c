"""Versions of policies and calendars, kept by each process."""

from collections.abc import Iterable
from typing import Generic, TypeVar

from django.db.models import Model

from helpdesk.sla.models import CalendarVersion, PolicyVersion

V = TypeVar("V", bound=Model)


class Kept(Generic[V]):
    """Versions by id. What one says never changes (a trigger sees to it), so each is read once.

    Which one is in force does change: that is asked of the database, and never read from these rows.
    """

    def __init__(self, model: type[V]) -> None:
        self.model = model
        self.rows: dict[int, V] = {}

    def of(self, ids: Iterable[int]) -> list[V]:
        """In the order of the ids; one query where some are not known yet."""
        ids = list(ids)
        if missing := set(ids) - self.rows.keys():
            self.rows |= self.model._default_manager.in_bulk(missing)
        return [self.rows[pk] for pk in ids]


calendars = Kept(CalendarVersion)
policies = Kept(PolicyVersion)
