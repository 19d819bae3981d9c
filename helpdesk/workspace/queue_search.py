"""What was typed into the queue's search box. Every way of finding has an index behind it."""

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from helpdesk.accounts.models import User
from helpdesk.tickets.models import Ticket, WordQuery

LONGEST = 200
MOST_FOUND = 1000  # tickets that are named to the database one by one


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
    def open_found(self) -> list[int] | None:
        """The open tickets that have all words, read once for the list and all its sums; None where they are many.

        Among a million tickets it is the looking for words that takes its time. What many open tickets have
        is found the quicker by walking along the queue.
        """
        rows = Ticket.objects.active().filter(search_text__words=WordQuery(self.text)).values_list("pk", flat=True)
        found = list(rows[: MOST_FOUND + 1])
        return found if len(found) <= MOST_FOUND else None

    def narrow(self, queryset: QuerySet[Ticket], *, among_open: bool = False) -> QuerySet[Ticket]:
        """`among_open`: the list holds open tickets only."""
        if not self.text:
            return queryset
        if self.number is not None:
            return queryset.filter(pk=self.number)
        if self.people:
            return queryset.filter(requester__in=self.people)
        if among_open and self.open_found is not None:
            return queryset.filter(pk__in=self.open_found)
        return queryset.filter(search_text__words=WordQuery(self.text))


def searched(request: HttpRequest) -> Search:
    """What this request looks for; read once."""
    text = request.GET.get("q", "")
    if getattr(request, "searched", None) is None or request.searched_text != text:
        request.searched, request.searched_text = Search(text), text
    return request.searched
