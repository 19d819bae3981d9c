"""A ticket's conversation as its page shows it: messages, and what happened between them, folded."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, Count, F, Func, OuterRef, Q, QuerySet, Window

from helpdesk.accounts.models import User
from helpdesk.core.durations import compact
from helpdesk.sla.clock import EventKind, Metric
from helpdesk.sla.models import Clock, ClockEvent, ExceptionCode
from helpdesk.tickets.models import Attachment, Message, Ticket
from helpdesk.workspace.message_text import Part, parts_of, shown
from helpdesk.workspace.wording import SPOKEN, Line, clock_line, ticket_line

MOST_MESSAGES = 200
MOST_EVENTS = 500
RESPONSES = (Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE)
# Of those whom a message mentions: read with it.
IS_MENTIONED = Func(
    F("pk"),
    OuterRef("mentioned"),
    template="%(expressions)s)",
    arg_joiner=" = ANY(",
    output_field=BooleanField(),
)
NAMES = ArraySubquery(User.objects.filter(IS_MENTIONED).order_by("pk").values("full_name"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The clock that a reply answered, how long that took, and by how much it was late."""

    metric: str
    taken: str
    late: str


@dataclass(slots=True, kw_only=True)
class Entry:
    """A message, or the events between two messages. `names` are those of the colleagues it mentions."""

    message: Message | None = None
    lines: list[Line] = field(default_factory=list)
    answered: Answered | None = None
    waits: bool = False
    files: list[Attachment] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The text as it is shown; what a customer's mail repeats can be folded away."""
        body = self.message.body
        parts = parts_of(body) if self.message.kind == Message.Kind.CUSTOMER else [Part(text=body)]
        return [{"html": shown(part.text, names=self.names), "quoted": part.quoted} for part in parts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """`hidden` counts the oldest messages that are left out; `last` is the id of the newest message.

    `waiting` are the files that wait in the reader's draft.
    """

    entries: list[Entry]
    hidden: int
    explained: dict[int, list[Line]]
    last: int
    waiting: list[Attachment]


def conversation(
    *, ticket: Ticket, clocks: list[Clock], reader: User, codes: Mapping[str, str], everything: bool = False
) -> Conversation:
    """Read a ticket's messages, files and events: four queries, however many there are.

    `codes` are names of exceptions by their code; one more query where events name others.
    """
    spoken = ticket.messages.select_related("author").annotate(mentioned_names=NAMES)
    messages, hidden = _latest(spoken, everything=everything)
    happened = list(ticket.events.exclude(kind__in=SPOKEN).select_related("actor").order_by("-at", "-id")[:MOST_EVENTS])
    ticked = ClockEvent.objects.filter(clock__in=clocks).select_related("actor", "clock").order_by("-at", "-id")
    ticked = list(ticked[:MOST_EVENTS])
    named = {event.data.get("reason") for event in ticked if event.kind == EventKind.EXEMPT}
    named |= {event.data["code"] for event in happened if "code" in event.data}
    if not named <= set(codes):
        codes = {row.code: str(row) for row in ExceptionCode.objects.all()}
    explained: dict[int, list[Line]] = {}
    for event in reversed(ticked):
        explained.setdefault(event.clock_id, []).append(clock_line(event, codes))
    lines = [ticket_line(event, codes) for event in reversed(happened)]
    lines += [line for rows in explained.values() for line in rows]
    since = messages[0].created_at if hidden else None
    lines = sorted((line for line in lines if since is None or line.at >= since), key=lambda line: line.at)
    entries = _merge(messages, lines, clocks)
    return Conversation(
        entries=entries,
        hidden=hidden,
        explained=explained,
        last=max((message.pk for message in messages), default=0),
        waiting=_hang_on(entries, ticket, reader),
    )


def _hang_on(entries: list[Entry], ticket: Ticket, reader: User) -> list[Attachment]:
    """Give messages their files and the names that they mention; returns the files of the reader's draft."""
    spoken = [entry for entry in entries if entry.message is not None]
    shown_here = Q(message__in=[entry.message.pk for entry in spoken]) | Q(message=None, uploaded_by=reader)
    files: dict[int | None, list[Attachment]] = {}
    for file in Attachment.objects.filter(shown_here, ticket=ticket):
        files.setdefault(file.message_id, []).append(file)
    for entry in spoken:
        entry.files = files.get(entry.message.pk, [])
        entry.names = entry.message.mentioned_names
    return files.get(None, [])


def _latest(queryset: QuerySet[Message], *, everything: bool) -> tuple[list[Message], int]:
    if everything:
        return list(queryset), 0
    counted = queryset.annotate(in_all=Window(Count("pk")))
    newest = list(counted.order_by("-created_at", "-id")[:MOST_MESSAGES])
    return newest[::-1], newest[0].in_all - len(newest) if newest else 0


def _merge(messages: list[Message], lines: list[Line], clocks: list[Clock]) -> list[Entry]:
    """In order of time; a message comes before what it caused in the same instant."""
    answered = {(clock.answered_by_id, clock.ended_at): clock for clock in clocks if clock.answered_by_id}
    owed = any(clock.is_open and clock.metric in RESPONSES for clock in clocks)
    last_reply = max((row.created_at for row in messages if row.kind == Message.Kind.REPLY), default=None)
    entries: list[Entry] = []
    rest = iter(lines)
    line = next(rest, None)
    for message in messages:
        while line is not None and line.at < message.created_at:
            _fold(entries, line)
            line = next(rest, None)
        clock = answered.get((message.author_id, message.created_at)) if message.kind == Message.Kind.REPLY else None
        asked = message.kind == Message.Kind.CUSTOMER and (last_reply is None or message.created_at > last_reply)
        entries.append(
            Entry(message=message, answered=_answer(clock, message.created_at) if clock else None, waits=owed and asked)
        )
    for last in [line, *rest] if line is not None else []:
        _fold(entries, last)
    return entries


def _fold(entries: list[Entry], line: Line) -> None:
    if not entries or entries[-1].message is not None:
        entries.append(Entry())
    entries[-1].lines.append(line)


def _answer(clock: Clock, at: datetime) -> Answered:
    late = compact((at - clock.breached_at).total_seconds()) if clock.breached_at else ""
    taken = clock.hours.between(clock.started_at, at, clock.folded().pauses)
    return Answered(metric=clock.get_metric_display(), taken=compact(taken.total_seconds()), late=late)


def answerable(clocks: Iterable[Clock]) -> Clock | None:
    """The clock that a public reply would answer; the one with the first deadline."""
    waiting = [clock for clock in clocks if clock.is_open and clock.metric in RESPONSES]
    return min(waiting, key=lambda clock: (clock.due_at is None, clock.due_at, clock.pk), default=None)
