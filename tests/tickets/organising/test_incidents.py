"""Links, and one incident of many tickets."""

import pytest

from helpdesk.notifications.models import OutboxMail
from helpdesk.tickets import services
from helpdesk.tickets.incidents import reply_to_all
from helpdesk.tickets.models import (
    Status,
    TicketLink,
)
from helpdesk.tickets.services import Refused
from tests.at_once import at_once
from tests.factories import make_ticket
from tests.tickets.organising.scene import kinds
from tests.tickets.scenes import at, first_response

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven")]

RELATED, DUPLICATE = TicketLink.Kind.RELATED, TicketLink.Kind.DUPLICATE


def test_a_link_is_said_once_for_both_and_taken_away_again(ticket, specialist):
    other = make_ticket(now=at(0))
    services.link(ticket=other, other=ticket, kind=RELATED, actor=specialist, now=at(1))
    with pytest.raises(Refused, match="linked like that already"):
        services.link(ticket=ticket, other=other, kind=RELATED, actor=specialist, now=at(2))
    services.link(ticket=ticket, other=other, kind=DUPLICATE, actor=specialist, now=at(3))
    assert TicketLink.objects.get().kind == DUPLICATE
    services.unlink(ticket=ticket, other=other, actor=specialist, now=at(4))
    with pytest.raises(Refused, match="not linked any more"):
        services.unlink(ticket=other, other=ticket, actor=specialist, now=at(5))
    for row in (ticket, other):
        assert kinds(row)[-3:] == ["linked", "linked", "unlinked"]
    with pytest.raises(Refused, match="to itself"):
        services.link(ticket=ticket, other=ticket, kind=RELATED, actor=specialist, now=at(6))


@pytest.mark.django_db(transaction=True)
def test_two_link_the_same_pair_at_once(ticket, specialist, colleague):
    other = make_ticket(now=at(0))
    raised = at_once(
        lambda: services.link(ticket=ticket, other=other, kind=RELATED, actor=specialist, now=at(1)),
        lambda: services.link(ticket=other, other=ticket, kind=RELATED, actor=colleague, now=at(1)),
    )
    assert [type(error) for error in raised] == [Refused]
    assert TicketLink.objects.count() == 1


def test_an_incident_has_one_level(ticket, customer, specialist):
    part, third = make_ticket(now=at(0)), make_ticket(customer, now=at(0))
    services.join_incident(ticket=part, incident=ticket, actor=specialist, now=at(1))
    part.refresh_from_db()
    assert (part.parent, kinds(part)[-1], kinds(ticket)[-1]) == (ticket, "parent", "parent")
    for child, incident, words in (
        (part, part, "part of itself"),
        (part, ticket, "of this incident already"),
        (ticket, third, "hang on"),
        (third, part, "itself a part of"),
    ):
        with pytest.raises(Refused, match=words):
            services.join_incident(ticket=child, incident=incident, actor=specialist, now=at(2))
    services.leave_incident(ticket=part, actor=specialist, now=at(3))
    part.refresh_from_db()
    assert part.parent is None
    with pytest.raises(Refused, match="any more"):
        services.leave_incident(ticket=part, actor=specialist, now=at(4))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_again", range(3))
def test_each_made_part_of_the_other_at_once(ticket, customer, specialist, colleague, _again):
    other = make_ticket(customer, now=at(0))
    raised = at_once(
        lambda: services.join_incident(ticket=ticket, incident=other, actor=specialist, now=at(1)),
        lambda: services.join_incident(ticket=other, incident=ticket, actor=colleague, now=at(1)),
    )
    assert [type(error) for error in raised] == [Refused]
    ticket.refresh_from_db()
    other.refresh_from_db()
    assert (ticket.parent is None) != (other.parent is None)


def test_one_reply_to_all_answers_each_clock_by_itself(ticket, specialist):
    parts = [make_ticket(now=at(minutes)) for minutes in (0, 5, 10)]
    for part in parts:
        services.join_incident(ticket=part, incident=ticket, actor=specialist, now=at(11))
    services.mark_spam(ticket=parts[1], actor=specialist, reason="", now=at(12))

    def send(minutes):
        return reply_to_all(
            tickets=[ticket, *parts],
            body="It is mended.",
            status=Status.WAITING,
            actor=specialist,
            submission="f" * 32,
            now=at(minutes),
        )

    assert [row.is_sent for row in send(62)] == [True, True, False, True]
    assert [first_response(row).breached_at for row in (ticket, parts[0], parts[2])] == [at(60), at(60), None]
    assert first_response(parts[2]).is_met
    again = send(63)
    assert [row.is_sent for row in again] == [False] * 4
    assert again[0].why == "It was sent with this form before."
    assert OutboxMail.objects.filter(template="reply").count() == 3
