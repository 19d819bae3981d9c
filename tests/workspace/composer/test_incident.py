"""One reply to all tickets of an incident."""

import pytest
from django.utils import timezone

from helpdesk.tickets import services
from helpdesk.tickets.models import Draft, Message
from tests.factories import make_ticket
from tests.workspace.composer.box import page, send

pytestmark = pytest.mark.django_db


class TestAlsoToTheIncident:
    @pytest.fixture
    def parts(self, ticket, specialist):
        parts = [make_ticket(now=timezone.now()) for _ in range(2)]
        for part in parts:
            services.join_incident(ticket=part, incident=ticket, actor=specialist, now=timezone.now())
        return parts

    def test_offered_on_an_incident_alone(self, client, specialist, ticket):
        assert 'name="also"' not in page(client, ticket)

    def test_each_ticket_gets_it_and_each_clock_is_answered(self, client, specialist, ticket, parts):
        assert "Also to the 2 tickets of this incident" in page(client, ticket)
        also = ",".join(str(part.pk) for part in parts)
        answer = send(client, ticket, also=also, status="waiting")
        assert "Sent on 3 tickets" in answer.content.decode()
        for one in (ticket, *parts):
            assert [message.body for message in one.messages.filter(kind="reply")] == ["We are on it."]
            assert one.clocks.get().is_met
        assert not Draft.objects.exists()  # it left at once: nothing waits to be taken back

    def test_pressed_twice_nobody_hears_it_twice(self, client, specialist, ticket, parts):
        also = ",".join(str(part.pk) for part in parts)
        for _ in range(2):
            send(client, ticket, also=also, status="open")
        assert Message.objects.filter(kind="reply").count() == 3

    def test_only_to_those_that_were_offered_and_are_still_part_of_it(self, client, specialist, ticket, parts):
        later, stranger = make_ticket(now=timezone.now()), make_ticket(now=timezone.now())
        services.join_incident(ticket=later, incident=ticket, actor=specialist, now=timezone.now())
        services.leave_incident(ticket=parts[0], actor=specialist, now=timezone.now())
        send(client, ticket, also=f"{parts[0].pk},{parts[1].pk},{stranger.pk},x,{10**30}", status="open")
        heard = Message.objects.filter(kind="reply").values_list("ticket", flat=True)
        assert set(heard) == {ticket.pk, parts[1].pk}

    def test_nothing_goes_anywhere_when_it_crossed_another(self, client, specialist, ticket, parts):
        seen = ticket.messages.latest("pk").pk
        services.customer_reply(ticket=ticket, actor=ticket.requester, body="More.", now=timezone.now())
        answer = send(client, ticket, also=str(parts[0].pk), status="open", seen_message=seen)
        assert answer.status_code == 409
        assert "checked" in answer.content.decode().split('name="also"')[1].split(">")[0]
        assert not Message.objects.filter(kind="reply").exists()

    def test_a_note_stays_on_the_incident(self, client, specialist, ticket, parts):
        send(client, ticket, act="note", also=str(parts[0].pk))
        assert Message.objects.filter(kind="note").count() == 1
