"""What was typed into the queue's search box. Every way of finding has an index behind it."""

from django.db import connection
from django.db.models import BooleanField, Expression, F, Func, QuerySet, Value
from django.http import HttpRequest
from django.utils.functional import cached_property

from helpdesk.accounts.models import User
from helpdesk.tickets.models import SearchText, Ticket, WordQuery

LONGEST = 200
# Tickets that are named to the database one by one; what more have is dense enough to walk along a list for it.
MOST_OPEN, MOST_OF_ALL = 20_000, 10_000
IN_OPEN = """
    SELECT ARRAY(SELECT ticket_id FROM helpdesk_searchtext
                  WHERE words @@ helpdesk_query(%(typed)s) AND is_open LIMIT %(most)s) AS found
"""
# Null for words that a page of the newest tickets has: to look up all that have them would be for nothing.
IN_ALL = """
    SELECT CASE
        WHEN (SELECT count(*) FROM (
                  SELECT 1 FROM helpdesk_searchtext
                   WHERE words @@ helpdesk_query(%(typed)s)
                     AND ticket_id > (SELECT max(ticket_id) FROM helpdesk_searchtext) - 5000
                   LIMIT 51) AS newest) <= 50
        THEN ARRAY(SELECT ticket_id FROM helpdesk_searchtext
                    WHERE words @@ helpdesk_query(%(typed)s) LIMIT %(most)s)
    END AS found
"""
# Materialized: else the database puts the looking in both places that name `found`, and looks twice.
FOUND = """
    WITH looked AS MATERIALIZED ({sql})
    SELECT CASE WHEN cardinality(found) < %(most)s THEN found::text END, cardinality(found) FROM looked
"""


class Search:
    """A reference, a person's address, or words: all of them must be somewhere in what belongs to the ticket.

    Without `asks` no query is made to tell them apart: what isn't written as a reference is words.
    """

    def __init__(self, text: str, *, asks: bool = True) -> None:
        self.text = text.replace("\x00", " ").strip()[:LONGEST]
        self.asks = asks

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

    @cached_property
    def open_found(self) -> tuple[str | None, int | None]:
        """The open tickets that have all words, read once for the list and all its sums; None where they are many.

        Among a million tickets it is the looking for words that takes its time. What many open tickets have
        is found the quicker by walking along the queue. The ids stay as the database wrote them, `{1,2,3}`:
        thousands of them come and go without being read here. With them, how many there are at least, where
        that is known.
        """
        return self._found(IN_OPEN, MOST_OPEN)

    @cached_property
    def all_found(self) -> tuple[str | None, int | None]:
        """As `open_found`, of all tickets: the database would rather walk through all of them for a word of few."""
        return self._found(IN_ALL, MOST_OF_ALL)

    @property
    def number_of_all(self) -> int | None:
        """How many of all tickets have these words, up to `MOST_OF_ALL`; None where nobody has looked yet."""
        return None if not self.text or self.names_tickets else self.all_found[1]

    def _found(self, sql: str, most: int) -> tuple[str | None, int | None]:
        with connection.cursor() as cursor:
            cursor.execute(FOUND.format(sql=sql), {"typed": self.text, "most": most + 1})
            return cursor.fetchone()

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
        found, _number = (self.open_found if among_open else self.all_found) if self.asks else (None, None)
        if found is not None:
            return queryset.filter(_among(found)) if found != "{}" else queryset.none()
        words = queryset.filter(search_text__words=WordQuery(self.text))
        return words.filter(search_text__is_open=True) if among_open else words


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
        request.searched, request.searched_text = Search(text), text
    return request.searched
