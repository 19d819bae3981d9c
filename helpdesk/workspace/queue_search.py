"""What was typed into the queue's search box. Every way of finding has an index behind it."""

from collections.abc import Sequence
from typing import NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import BooleanField, Expression, F, Func, QuerySet, Value
from django.http import HttpRequest
from django.utils.functional import cached_property

from helpdesk.accounts.models import User
from helpdesk.tickets.models import SearchText, Ticket, WordQuery
from helpdesk.workspace.lists import PER_PAGE

LONGEST = 200
# Tickets that are named to the database one by one; what more have is dense enough to walk along a list for it.
MOST_OPEN, MOST_OF_ALL = 20_000, 10_000
LATEST = 1000
IN_OPEN = """
    SELECT ARRAY(SELECT ticket_id FROM helpdesk_searchtext
                  WHERE words @@ helpdesk_query(%s) AND is_open LIMIT %s) AS ids, true AS is_all
"""
# Looked for where it is cheap first: among the latest tickets, read one by one, for words that many have; then by the
# index, in the two newest blocks of tickets (migration 0030); then everywhere. Nothing depends on how many the
# database expects: it takes words to be independent of each other, which the words of one matter are not.
IN_ALL = """
    WITH asked AS MATERIALIZED (
        SELECT helpdesk_query(%s) AS words, %s AS most, %s AS enough, min(ticket_id) AS first, max(ticket_id) AS last
          FROM helpdesk_searchtext
    ), latest AS MATERIALIZED (
        SELECT ARRAY(
                   SELECT ticket_id
                     FROM (SELECT * FROM helpdesk_searchtext ORDER BY ticket_id DESC LIMIT {latest}) AS late
                    WHERE words @@ (SELECT words FROM asked) {among}
               ) AS ids,
               NOT EXISTS (SELECT FROM helpdesk_searchtext ORDER BY ticket_id DESC OFFSET {latest}) AS is_all
    ), block AS MATERIALIZED (
        SELECT CASE WHEN is_all OR cardinality(ids) >= enough THEN ids ELSE ARRAY(
                   SELECT ticket_id FROM helpdesk_searchtext
                    WHERE (words || helpdesk_age(ticket_id)) @@ (SELECT words && helpdesk_newest(last) FROM asked)
                      {among}
               ) END AS ids,
               is_all OR cardinality(ids) < enough AND helpdesk_age(first) @@ helpdesk_newest(last) AS is_all
          FROM latest, asked
    )
    SELECT CASE WHEN is_all OR cardinality(ids) >= enough THEN ids ELSE ARRAY(
               SELECT ticket_id FROM helpdesk_searchtext
                WHERE (words || helpdesk_age(ticket_id)) @@ (SELECT words FROM asked) {among}
                LIMIT (SELECT most FROM asked)
           ) END AS ids,
           is_all OR cardinality(ids) < enough AS is_all
      FROM block, asked
"""
AMONG = "AND ticket_id IN (SELECT pk FROM narrowed)"
# Materialized: else the database puts the looking in both places that name `ids`, and looks twice.
FOUND = """
    WITH {narrowed} looked AS MATERIALIZED ({sql})
    SELECT CASE WHEN cardinality(ids) < %s THEN ids::text END, cardinality(ids), is_all FROM looked
"""


class Found(NamedTuple):
    """The tickets that have the words that were looked for."""

    ids: str | None  # as the database writes them, `{1,2,3}`; None: so many that nobody names them
    number: int
    is_all: bool  # else the newest of them alone, as many as were asked for or more


class Search:
    """A reference, a person's address, or words: all of them must be somewhere in what belongs to the ticket.

    Without `asks` no query is made to tell them apart: what isn't written as a reference is words. `enough`: of all
    tickets so many of the newest will do.
    """

    found: Found | None = None  # what looking for words has found, once `narrow` has looked

    def __init__(self, text: str, *, asks: bool = True, enough: int | None = None) -> None:
        self.text = text.replace("\x00", " ").strip()[:LONGEST]
        self.asks = asks
        self.enough = enough

    @cached_property
    def number(self) -> int | None:
        """The ticket that is named. A bare number that is no ticket's may be a code in its text."""
        named = self.text.upper().removeprefix("#").removeprefix("PS-")
        number = int(named) if named.isdecimal() and len(named) < 19 else None
        if number is None or self.text.upper().startswith(("#", "PS-")):
            return number
        return number if self.asks and Ticket.objects.filter(pk=number).exists() else None

    @cached_property
    def people(self) -> list[int]:
        """Who has the address that was typed; asked only where there is one."""
        if not self.asks or "@" not in self.text:
            return []
        return list(User.objects.filter(email=self.text.lower()).values_list("pk", flat=True))

    @property
    def names_tickets(self) -> bool:
        """A reference or a person: found wherever the ticket stands, closed tickets too."""
        return bool(self.text) and (self.number is not None or bool(self.people))

    @property
    def texts_of_open(self) -> QuerySet[SearchText]:
        """The rows of the open tickets' words that have these."""
        return SearchText.objects.filter(words=WordQuery(self.text), is_open=True)

    def narrow(self, queryset: QuerySet[Ticket], *, among_open: bool = False) -> QuerySet[Ticket]:
        """`among_open`: the list holds open tickets only."""
        if not self.text:
            return queryset
        if self.number is not None:
            return queryset.filter(pk=self.number)
        if self.people:
            return queryset.filter(requester__in=self.people)
        if self.asks:
            self.found = self._in_open() if among_open else self._in_all(queryset)
            if self.found.ids is not None:
                return queryset.filter(_among(self.found.ids)) if self.found.number else queryset.none()
        elif not among_open:
            return queryset.filter(pk__in=SearchText.objects.having(WordQuery(self.text)).values("ticket"))
        words = queryset.filter(search_text__words=WordQuery(self.text))
        return words.filter(search_text__is_open=True) if among_open else words

    def _in_open(self) -> Found:
        """Read once for the list and all its sums: among a million tickets it is looking for words that takes time."""
        return _found(FOUND.format(narrowed="", sql=IN_OPEN), [self.text, MOST_OPEN + 1, MOST_OPEN + 1])

    def _in_all(self, queryset: QuerySet[Ticket]) -> Found:
        """As `_in_open`; what else narrows the list goes along, so that the newest are those of the list."""
        narrowed, among, values = "", "", ()
        if queryset.query.where:
            try:
                sql, values = queryset.order_by().values("pk").query.sql_with_params()
            except EmptyResultSet:
                return Found("{}", 0, is_all=True)
            narrowed, among = f"narrowed AS NOT MATERIALIZED ({sql}), ", AMONG
        most = MOST_OF_ALL + 1
        asked = [*values, self.text, most, min(self.enough or most, most), most]
        return _found(FOUND.format(narrowed=narrowed, sql=IN_ALL.format(among=among, latest=LATEST)), asked)


def _found(sql: str, values: Sequence[object]) -> Found:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return Found(*cursor.fetchone())


def _among(ids: str) -> Expression:
    return Func(
        F("pk"),
        Value(ids),
        template="%(expressions)s::bigint[])",
        arg_joiner=" = ANY(",
        output_field=BooleanField(),
    )


def searched(request: HttpRequest) -> Search:
    """What this request looks for; read once."""
    text = request.GET.get("q", "")
    if getattr(request, "searched", None) is None or request.searched_text != text:
        request.searched, request.searched_text = Search(text, enough=_enough(request)), text
    return request.searched


def _enough(request: HttpRequest) -> int | None:
    """What the page shows, and one; a file, and a page far down, take all there are: None."""
    page = request.GET.get("p", "1")
    far = getattr(request, "exports", False) or not page.isdecimal() or len(page) > len(str(MOST_OF_ALL))
    return None if far else int(page) * PER_PAGE + 1
