"""Exceptions in a ticket's life: asked for, approved, refused, or waiting still (see `story`)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from helpdesk.sla import clock as pure
from helpdesk.sla.models import ClockException
from helpdesk.sla.target import Target
from helpdesk.tickets.models import TicketEvent
from helpdesk.tickets.services import Wish


@dataclass(slots=True)
class Asked:
    """An exception of the story; `clock` is one of its clocks."""

    id: int
    clock: Any
    code: str
    wish: Wish
    evidence: str
    asked_by: int
    asked_at: datetime
    state: str = ClockException.State.ASKED
    decided_by: int | None = None
    decided_at: datetime | None = None
    note: str = ""


class ExceptionVerbs:
    """The verbs of `tickets.services.exceptions`, for a story."""

    def ask_exception(self, at: datetime, *, clock: Any, code: str, wish: Wish, evidence: str, actor: int) -> Asked:
        self._reach(at)
        asked = Asked(self.rows.take_id(ClockException), clock, code, wish, evidence, actor, at)
        self.asked.append(asked)
        self._excepted(TicketEvent.Kind.EXCEPTION_ASKED, asked, actor=actor, text=evidence)
        return asked

    def decide_exception(self, at: datetime, asked: Asked, *, approve: bool, note: str, actor: int) -> None:
        self._reach(at)
        if approve:
            self._record(asked.clock, self._exemption(asked, at=at), actor=actor)
        asked.state = ClockException.State.APPROVED if approve else ClockException.State.REFUSED
        asked.decided_by, asked.decided_at, asked.note = actor, at, note
        kind = TicketEvent.Kind.EXCEPTION_GRANTED if approve else TicketEvent.Kind.EXCEPTION_REFUSED
        self._excepted(kind, asked, actor=actor, text=note)

    def is_possible(self, wish: Wish, clock: Any) -> bool:
        """Whether a wish would move a deadline: the services refuse one that doesn't."""
        try:
            self._exemption(Asked(0, clock, "", wish, "", 0, self.now), at=self.now)
        except ValueError:
            return False
        return True

    def hand_in_exceptions(self) -> None:
        for asked in self.asked:
            wish = asked.wish
            self.rows.add(
                ClockException, asked.id, asked.clock.id, asked.code, wish.effect, wish.out_from, wish.out_until,
                wish.since, wish.target_seconds, wish.target_business_days, asked.evidence,
                asked.clock.terms.promise == pure.Promise.GUARANTEED, asked.state, asked.asked_by, asked.asked_at,
                asked.decided_by, asked.decided_at, asked.note,
            )  # fmt: skip

    def _exemption(self, asked: Asked, *, at: datetime) -> list[pure.Event]:
        wish, clock = asked.wish, asked.clock
        target = None
        if wish.target_seconds or wish.target_business_days:
            target = Target(seconds=wish.target_seconds, business_days=wish.target_business_days)
        return pure.exempt(
            clock.state,
            at=at,
            effect=wish.effect,
            calendar=clock.hours,
            reason=asked.code,
            out=(wish.out_from, wish.out_until) if wish.out_from and wish.out_until else None,
            since=wish.since,
            target=target,
            under={"exception": asked.id},
        )

    def _excepted(self, kind: TicketEvent.Kind, asked: Asked, *, actor: int, text: str) -> None:
        values = {"exception": asked.id, "clock": asked.clock.id, "code": asked.code, "effect": asked.wish.effect}
        self._event(kind, actor, **values, text=text)
