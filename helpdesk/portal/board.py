"""An account's tickets as the customer lists them: the promised time first (SPEC 2.7)."""

import re
from dataclasses import dataclass, replace
from datetime import datetime

from django.contrib.postgres.aggregates import StringAgg
from django.contrib.postgres.search import SearchVectorField
from django.db.models import Func, OuterRef, Prefetch, Q, Subquery, TextField, Value
from django.db.models.functions import Concat
from django.utils.translation import gettext as _

from helpdesk.core import durations, moments
from helpdesk.portal.access import Visitor
from helpdesk.sla.clock import Metric, State
from helpdesk.sla.models import Clock
from helpdesk.tickets.models import Claim, Message, Status, Ticket, TicketQuerySet, WordQuery

MOST_LETTERS = 100_000  # of a conversation that are searched
REFERENCE = re.compile(r"(?:PS-?)?(\d{1,15})", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """A sign and a word: `css` carries the colour, which never speaks alone."""

    css: str
    icon: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One ticket: a figure (a time, if there is one), what it says, and the state."""

    ticket: Ticket
    figure: str
    at: datetime | None = None  # when `figure` is an instant
    below: str = ""
    counts: bool = False  # `below` is the distance to `at`, and counts on
    badge: Badge | None
    note: str
    claim: str = ""  # what stands after *Business critical*


def tickets_of(visitor: Visitor, *, whole_account: bool) -> TicketQuerySet:
    """What the person may see of the account; their own only, unless a super admin asks for all."""
    tickets = Ticket.objects.visible_to(visitor.user).filter(account=visitor.account)
    if not (whole_account and visitor.membership.is_super_admin):
        tickets = tickets.filter(requester=visitor.user)
    return tickets


def listed(tickets: TicketQuerySet) -> TicketQuerySet:
    """With all that a row shows, in two queries however many rows."""
    wanted = Clock.objects.filter(
        Q(state__in=[State.RUNNING, State.PAUSED], metric=Metric.NEXT_RESPONSE) | Q(metric=Metric.FIRST_RESPONSE)
    ).order_by("due_at")
    return tickets.select_related("hub", "owner", "requester").prefetch_related(
        Prefetch("clocks", queryset=wanted, to_attr="listed_clocks")
    )


def open_first(tickets: TicketQuerySet) -> TicketQuerySet:
    return tickets.active().by_deadline()


def closed_lately(tickets: TicketQuerySet) -> TicketQuerySet:
    return tickets.filter(closed_at__isnull=False).order_by("-closed_at", "-id")


def search(tickets: TicketQuerySet, *, text: str, hub: str, since: datetime | None = None) -> TicketQuerySet:
    """By number, or by words of the subject and of what was said; within one account, never over the whole table.

    The index of words holds internal notes, too. So it only finds candidates, and what the customer can
    read decides: no search tells them what a note says.
    """
    if hub:
        tickets = tickets.filter(hub=hub)
    if since:
        tickets = tickets.filter(created_at__gte=since)
    if number := REFERENCE.fullmatch(text):
        return tickets.filter(Q(pk=number[1]) | Q(subject__icontains=text))
    if not text:
        return tickets
    query = WordQuery(text)
    said = Message.objects.filter(ticket=OuterRef("pk")).exclude(kind=Message.Kind.NOTE).order_by().values("ticket")
    said = said.annotate(text=StringAgg("body", " ")).values("text")
    readable = Concat("subject", Value(" "), Subquery(said), output_field=TextField())
    words = Func(readable, Value(MOST_LETTERS), function="helpdesk_words", output_field=SearchVectorField())
    return tickets.filter(search_text__words=query).alias(readable=words).filter(readable=query)


def row_of(ticket: Ticket, *, visitor: Visitor) -> Row:
    """A ticket fetched by `listed`, as a row."""
    make = _open_row if ticket.is_active else _closed_row
    return replace(make(ticket, visitor), claim=claim_words(ticket))


def metric_name(clock: Clock) -> str:
    names = {Metric.FIRST_RESPONSE: _("First reply"), Metric.CALLBACK: _("Call")}
    return names.get(clock.metric) or _("Next reply")


def _open_row(ticket: Ticket, visitor: Visitor) -> Row:
    now, note = visitor.now, _note(ticket, visitor)
    clock = next((clock for clock in ticket.listed_clocks if clock.is_open), None)
    if clock is None or clock.state == State.PAUSED:
        if ticket.status == Status.WAITING:
            badge = Badge(css="tag is-paused", icon="pause", text=_("Waiting for you"))
        else:
            badge = Badge(css="tag is-ok", icon="check", text=_("Answered"))
        since = clock.paused_at if clock else ticket.updated_at
        figure = _("Paused") if clock else _("Your turn") if ticket.status == Status.WAITING else _("Answered")
        below = _("since %(time)s") % {"time": moments.moment(since, now)}
        return Row(ticket=ticket, figure=figure, below=below, badge=badge, note=note)
    is_late = clock.breached_at is not None or clock.due_at < now
    if is_late:
        badge = missed_badge(clock)
    elif clock.is_guaranteed:
        badge = Badge(css="kind", icon="seal", text=metric_name(clock))
    else:
        badge = Badge(css="kind kind-a", icon="aim", text=metric_name(clock))
    return Row(
        ticket=ticket,
        figure=moments.moment(clock.due_at, now),
        at=clock.due_at,
        below=moments.distance(clock.due_at, now),
        counts=True,
        badge=badge,
        note=note,
    )


def missed_badge(clock: Clock) -> Badge:
    """A guarantee is missed; an aim is, too, but isn't called a promise."""
    text = _("Promise missed") if clock.is_guaranteed else _("Aim missed")
    return Badge(css="tag is-breach", icon="late", text=text)


def kept_badge(clock: Clock) -> Badge:
    text = _("Promise kept") if clock.is_guaranteed else _("Aim kept")
    return Badge(css="tag is-ok", icon="check", text=text)


def _closed_row(ticket: Ticket, visitor: Visitor) -> Row:
    first = next((clock for clock in ticket.listed_clocks if clock.metric == Metric.FIRST_RESPONSE), None)
    figure, below, badge = "–", "", None
    if first:
        target = durations.target_words(seconds=first.target_seconds, business_days=first.target_business_days)
        promised = _("promised: %(target)s") if first.is_guaranteed else _("aim: %(target)s")
        below = promised % {"target": target}
        if first.state == State.FULFILLED:
            figure = durations.spoken((first.ended_at - first.started_at).total_seconds())
        if first.breached_at and first.state != State.EXEMPT:
            badge = missed_badge(first)
        elif first.is_met:
            badge = kept_badge(first)
    return Row(ticket=ticket, figure=figure, below=below, badge=badge, note=_note(ticket, visitor))


def _note(ticket: Ticket, visitor: Visitor) -> str:
    """Who asked, who has it, and when it was closed, in one line."""
    parts = []
    if ticket.requester_id != visitor.user.pk:
        parts.append(_("%(name)s.") % {"name": ticket.requester.full_name})
    if ticket.is_active and ticket.owner:
        parts.append(_("With %(name)s.") % {"name": ticket.owner.full_name})
    if ticket.closed_at:
        parts.append(_("Closed on %(day)s.") % {"day": moments.day(ticket.closed_at)})
    return " ".join(parts)


def claim_words(ticket: Ticket) -> str:
    """What stands after *Business critical*."""
    words = {
        Claim.CLAIMED: _("being confirmed"),
        Claim.CONFIRMED: _("confirmed"),
        Claim.DECLINED: _("declined"),
    }
    return words.get(ticket.claim, "")
