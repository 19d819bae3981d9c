"""What the ticket's page shows around the conversation: other tickets, tags, fields, time, who watches.

Five queries, whatever there is: other tickets of every kind come in one.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import CharField, Exists, F, OuterRef, QuerySet, Subquery, Value

from helpdesk.accounts.models import User
from helpdesk.tickets import services
from helpdesk.tickets.models import (
    CustomField,
    SearchText,
    Status,
    Tag,
    Ticket,
    TicketLink,
    TimeEntry,
    Watch,
    WordQuery,
)
from helpdesk.workspace.organise_words import hours, shown_value

OTHER_TICKETS = 5
SIMILAR_TICKETS = 5
MOST_PARTS = 50
MOST_ABSORBED = 10
MOST_TAGS = 300
MOST_CANDIDATES = 12
FOUND_BY_WORDS = 400  # of so many that share words, those of the same hub are shown
RARE_WORD = 5  # letters; shorter ones are in every second subject
MOST_WORDS = 4
START_OF_SUBJECT = 14
COLUMNS = ("pk", "subject", "status", "language", "created_at", "account__name", "requester__full_name")

PERSON, ACCOUNT, PART, INCIDENT, GONE_TO, ABSORBED, SIMILAR = (
    "person",
    "account",
    "part",
    "incident",
    "gone_to",
    "absorbed",
    "similar",
)
LINKED = tuple(TicketLink.Kind.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Another ticket, as a line of the page."""

    pk: int
    subject: str
    status: str
    language: str
    created_at: datetime
    account: str
    requester: str
    why: str

    @property
    def reference(self) -> str:
        return f"PS-{self.pk}"

    @property
    def status_label(self) -> str:
        return str(Status(self.status).label)

    @property
    def is_active(self) -> bool:
        return self.status in Status.active()

    @property
    def link_label(self) -> str:
        return str(TicketLink.Kind(self.why).label)


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """The other tickets of a ticket's page, by what they have to do with it."""

    rows: Mapping[str, list[Other]]
    faces: dict[int, Any] = field(default_factory=dict)  # of the parts of an incident

    def _of(self, *why: str) -> list[Other]:
        return [row for name in why for row in self.rows.get(name, [])]

    @property
    def person(self) -> list[Other]:
        return self._of(PERSON)

    @property
    def account(self) -> list[Other]:
        return self._of(ACCOUNT)

    @property
    def similar(self) -> list[Other]:
        shown = {row.pk for row in self._of(PERSON, ACCOUNT)}
        return [row for row in self._of(SIMILAR) if row.pk not in shown][:SIMILAR_TICKETS]

    @property
    def linked(self) -> list[Other]:
        return self._of(*LINKED)

    @property
    def absorbed(self) -> list[Other]:
        return self._of(ABSORBED)

    @property
    def incident(self) -> Other | None:
        return next(iter(self._of(INCIDENT)), None)

    @property
    def gone_to(self) -> Other | None:
        return next(iter(self._of(GONE_TO)), None)

    @property
    def parts(self) -> list[Other]:
        return self._of(PART)

    @property
    def part_rows(self) -> list[tuple[Other, Any]]:
        return [(row, self.faces.get(row.pk)) for row in self.parts]

    @property
    def open_parts(self) -> list[Other]:
        return [row for row in self.parts if row.status not in (Status.MERGED, Status.SPAM)]

    @property
    def also(self) -> str:
        """Those that a reply on the incident may go to, too, as the reply box names them."""
        return ",".join(str(row.pk) for row in self.open_parts)


def read_around(ticket: Ticket, *, user: User) -> Around:
    """One query of a handful of index look-ups, each with a limit of its own."""
    seen = Ticket.objects.visible_to(user).exclude(pk=ticket.pk)
    parts = [
        _marked(seen.filter(requester=ticket.requester_id).order_by("-created_at")[:OTHER_TICKETS], PERSON),
        _marked(
            seen.filter(account=ticket.account_id)
            .exclude(requester=ticket.requester_id)
            .order_by("-created_at")[:OTHER_TICKETS],
            ACCOUNT,
        ),
        _marked(seen.filter(parent=ticket.pk).order_by("pk")[:MOST_PARTS], PART),
        _marked(seen.filter(merged_into=ticket.pk).order_by("pk")[:MOST_ABSORBED], ABSORBED),
        *_linked(seen, ticket),
        *_similar(seen, ticket),
    ]
    if ticket.parent_id:
        parts.append(_marked(seen.filter(pk=ticket.parent_id), INCIDENT))
    if ticket.merged_into_id:
        parts.append(_marked(seen.filter(pk=ticket.merged_into_id), GONE_TO))
    first, *rest = parts
    rows: dict[str, dict[int, Other]] = {}
    for *values, why in first.union(*rest, all=True):
        other = Other(**dict(zip(Other.__dataclass_fields__, [*values, why], strict=True)))
        rows.setdefault(why, {})[other.pk] = other
    oldest_first = (PART, ABSORBED)
    return Around(
        rows={
            why: sorted(found.values(), key=lambda row: (row.created_at, row.pk), reverse=why not in oldest_first)
            for why, found in rows.items()
        }
    )


def _marked(tickets: QuerySet[Ticket], why: Any) -> QuerySet[Ticket]:
    mark = Value(why, output_field=CharField()) if isinstance(why, str) else why
    return tickets.annotate(why=mark).values_list(*COLUMNS, "why")


def _linked(seen: QuerySet[Ticket], ticket: Ticket) -> Iterable[QuerySet[Ticket]]:
    """Two parts, not one condition with *or*: each is found by an index."""
    for this, other in (("first", "second"), ("second", "first")):
        links = TicketLink.objects.filter(**{this: ticket.pk})
        kind = links.filter(**{other: OuterRef("pk")}).values("kind")[:1]
        yield _marked(seen.filter(pk__in=links.values(other)), Subquery(kind, output_field=CharField()))


def _similar(seen: QuerySet[Ticket], ticket: Ticket) -> Iterable[QuerySet[Ticket]]:
    """Of the same hub, with a rare word of the subject in common; or, while open, with the same beginning."""
    same_hub = seen.filter(hub=ticket.hub_id).exclude(status=Status.SPAM)
    start = ticket.subject[:START_OF_SUBJECT]
    if len(start) >= RARE_WORD:
        beginning = same_hub.active().filter(subject__istartswith=start).order_by("-pk")
        yield _marked(beginning[:SIMILAR_TICKETS], SIMILAR)
    if words := rare_words(ticket.subject):
        query = reduce(or_, (WordQuery(word) for word in words))
        found = SearchText.objects.having(query).values("ticket")[:FOUND_BY_WORDS]
        yield _marked(same_hub.filter(pk__in=found).order_by("-pk")[:SIMILAR_TICKETS], SIMILAR)


def rare_words(subject: str) -> list[str]:
    """The longest words: most likely to be about the matter."""
    words = {word.lower() for word in re.findall(r"[^\W_]+", subject) if len(word) >= RARE_WORD}
    return sorted(words, key=lambda word: (-len(word), word))[:MOST_WORDS]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRow:
    """A custom field with what is shown in it, and what was wrong with it."""

    field: CustomField
    text: str
    was: str
    error: str = ""

    @property
    def name(self) -> str:
        return f"f-{self.field.code}"

    @property
    def is_on(self) -> bool:
        return self.text in ("on", "true")

    @property
    def shown(self) -> str:
        return shown_value(self.is_on if self.field.kind == CustomField.Kind.CHECK else self.text)


def field_rows(ticket: Ticket, sent: Mapping[str, str] | None, errors: Mapping[str, str]) -> list[FieldRow]:
    """The hub's fields; as they were sent, where they were refused. One query."""
    rows = []
    for one in services.fields_of(ticket.hub_id):
        kept = ticket.custom_values.get(one.code)
        was = ("on" if kept else "") if one.kind == CustomField.Kind.CHECK else "" if kept is None else str(kept)
        text = was if sent is None else sent.get(f"f-{one.code}", "")
        was = was if sent is None else sent.get(f"was-{one.code}", "")
        rows.append(FieldRow(field=one, text=text, was=was, error=errors.get(one.code, "")))
    return rows


def organised(ticket: Ticket, *, user: User, refused: Mapping[str, Any]) -> dict[str, Any]:
    """Tags, fields, time and who watches. `refused`: by form, what was sent and could not be done. Four queries."""
    on = Ticket.tags.through.objects.filter(ticket=ticket.pk, tag=OuterRef("pk"))
    tags = list(Tag.objects.annotate(is_on=Exists(on)).order_by("-is_on", "name")[:MOST_TAGS])
    watching = list(Watch.objects.filter(ticket=ticket).select_related("user").order_by("since", "pk"))
    entries = list(TimeEntry.objects.filter(ticket=ticket).select_related("user").order_by("-at", "-pk"))
    spent = sum(entry.minutes for entry in entries if entry.struck_at is None)
    fields = refused.get("fields", {})
    return {
        "tags": [tag for tag in tags if tag.is_on],
        "other_tags": [tag for tag in tags if not tag.is_on],
        "watching": watching,
        "is_watching": any(row.user_id == user.pk for row in watching),
        "fields": field_rows(ticket, fields.get("sent"), fields.get("errors", {})),
        "entries": [(entry, hours(entry.minutes)) for entry in entries],
        "spent": hours(spent) if entries else "",
        "refused": refused,
    }


def candidates(ticket: Ticket, *, user: User) -> list[Ticket]:
    """Open tickets of the account that one may mean, those of the same person first."""
    seen = Ticket.objects.visible_to(user).active().exclude(pk=ticket.pk).select_related("account", "requester")
    is_same = Exists(Ticket.objects.filter(pk=OuterRef("pk"), requester=ticket.requester_id))
    rows = seen.filter(account=ticket.account_id).annotate(is_same=is_same)
    return list(rows.order_by(F("is_same").desc(), "-created_at")[:MOST_CANDIDATES])


def open_incidents(ticket: Ticket, *, user: User) -> list[Ticket]:
    """Tickets that others hang on already."""
    seen = Ticket.objects.visible_to(user).active().exclude(pk=ticket.pk).select_related("account", "requester")
    parents = Ticket.objects.filter(parent__isnull=False).values("parent")
    return list(seen.filter(pk__in=parents).order_by("-created_at")[:MOST_CANDIDATES])
