"""What customers change about themselves."""

import pytest

from helpdesk.tickets.models import Ticket
from helpdesk.workspace.queue_search import Search
from tests.factories import make_ticket

pytestmark = pytest.mark.django_db


def test_who_has_another_name_is_found_by_it(sign_in, kestrel):
    ticket = make_ticket(kestrel.mina)
    other = make_ticket(kestrel.aoife)
    sign_in(kestrel.mina).post(
        "/me/", {"full_name": "Mina Abendroth", "language": "en", "time_zone": "Europe/Berlin", "mail_copies": "on"}
    )
    for typed, right in (("abendroth", {ticket.pk}), ("okafor", {ticket.pk}), ("aoife", {other.pk})):
        assert set(Search(typed).narrow(Ticket.objects.all()).values_list("pk", flat=True)) == right
