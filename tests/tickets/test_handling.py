"""Who works on a ticket, and how much it presses: never a reset of a clock (SPEC 2.3, 2.5)."""

import pytest

from helpdesk.core.channels import Channel
from helpdesk.sla.clock import State
from helpdesk.sla.models import PolicyVersion
from helpdesk.tickets import services
from helpdesk.tickets.models import InboundMessage, Priority, Source, Status
from tests.factories import TeamFactory, make_ticket
from tests.tickets.scenes import OPENED, at, decline, first_response, raised, reply, write

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven")]


def test_a_priority_is_set_by_somebody_and_once(specialist):
    ticket = make_ticket(now=OPENED)
    for priority in (Priority.HIGH, Priority.HIGH, Priority.NORMAL):
        services.set_priority(ticket=ticket, priority=priority, actor=specialist, now=at(5))
    ticket.refresh_from_db()
    assert (ticket.priority, ticket.updated_at) == (Priority.NORMAL, at(5))
    changes = ticket.events.filter(kind="priority").order_by("id")
    assert [(event.data["before"], event.data["after"], event.actor) for event in changes] == [
        (0, 1, specialist),
        (1, 0, specialist),
    ]
    assert first_response(ticket).event_count == 1


@pytest.mark.parametrize(
    ("role", "guaranteed"),
    [("guaranteed", True), ("objective", False)],
)
def test_a_guarantee_stays_where_the_standard_promises_only_an_aim(role, guaranteed, specialist):
    """Declined, under a policy of the operator's own: the guarantee that was given is not made an aim by it."""
    ticket = make_ticket(critical=True, now=OPENED)
    standard = PolicyVersion.objects.get(policy__name="Standard, designated super admins")
    first, *rest = standard.document["targets"]
    aim = {**first, "promise": role, "hours": "always" if guaranteed else "business"}
    PolicyVersion.objects.filter(pk=standard.pk).update(is_current=False, created_at=at(-20))
    PolicyVersion.objects.create(
        policy=standard.policy, number=2, document={**standard.document, "targets": [aim, *rest]}, created_at=at(-10)
    )
    decline(ticket, specialist, 5)
    clock = first_response(ticket)
    assert (clock.promise, clock.calendar_version) == ("guaranteed", None)
    assert clock.due_at == at(60 if guaranteed else 30)


def test_a_metric_that_the_other_policy_has_no_target_for_keeps_its_own(specialist):
    ticket = make_ticket(now=OPENED)
    reply(ticket, specialist, 5)
    write(ticket, 10)
    critical = PolicyVersion.objects.get(policy__name="Business critical, designated super admins")
    only_first = {**critical.document, "targets": critical.document["targets"][:1]}
    PolicyVersion.objects.filter(pk=critical.pk).update(is_current=False, created_at=at(-20))
    PolicyVersion.objects.create(policy=critical.policy, number=2, document=only_first, created_at=at(-10))
    raised(ticket, specialist, 20)
    clock = ticket.clocks.get(metric="next_response")
    assert (clock.version, clock.due_at) == (1, at(250))


def test_joining_a_chat_answers_its_pickup_and_no_question(specialist):
    ticket = make_ticket(channel=Channel.CHAT, source=Source.CHAT, now=OPENED)
    write(ticket, 1)
    services.join_chat(ticket=ticket, actor=specialist, now=at(1))
    assert dict(ticket.clocks.values_list("metric", "state")) == {
        "chat_pickup": State.FULFILLED,
        "next_response": State.RUNNING,
    }


def test_what_it_is_called(specialist):
    """In lists, in choices, in the log of the administration."""
    ticket = make_ticket(now=OPENED, subject="Blank")
    message, event = ticket.messages.get(), ticket.events.first()
    inbound = InboundMessage(channel=Source.MAIL, external_id="7")
    assert [str(row) for row in (ticket, message, event, inbound)] == [
        f"PS-{ticket.pk} Blank",
        f"From the customer {ticket.pk}",
        "Opened 2026-11-24 12:05:00",
        "mail 7",
    ]
    assert {Status.NEW, Status.OPEN, Status.WAITING}.isdisjoint(Status.done())


def step(ticket, minutes=31, *, raises=False, team_id=None):
    """What an escalation's step does: nobody's act, so its events carry the step."""
    return services.perform_acts(ticket=ticket, raise_priority=raises, team_id=team_id, percent=50, now=at(minutes))


def test_a_step_raises_the_priority_up_to_urgent():
    ticket = make_ticket(now=OPENED)
    for minutes in (31, 46, 61):
        step(ticket, minutes, raises=True)
    ticket.refresh_from_db()
    assert (ticket.priority, ticket.updated_at) == (Priority.URGENT, at(46))
    assert [event.data["percent"] for event in ticket.events.filter(kind="priority")] == [50, 50]


def test_a_step_hands_over_to_a_team_and_the_owner_stays(specialist):
    ticket, others = make_ticket(now=OPENED), TeamFactory()
    services.assign(ticket=ticket, owner=specialist, actor=specialist, now=at(5))
    for team_id in (others.pk, others.pk, others.pk + 1000):  # again, and one that is gone
        step(ticket, team_id=team_id)
    ticket.refresh_from_db()
    assert (ticket.team, ticket.owner) == (others, specialist)
    handed_over = ticket.events.filter(kind="assigned", actor=None)
    assert [(event.data["team"], event.data["percent"]) for event in handed_over] == [(others.name, 50)]


def test_a_step_does_nothing_to_a_ticket_that_is_over(specialist):
    ticket, others = make_ticket(now=OPENED), TeamFactory()
    reply(ticket, specialist, 5, status=Status.SOLVED)
    step(ticket, raises=True, team_id=others.pk)
    ticket.refresh_from_db()
    assert (ticket.priority, ticket.team) == (Priority.NORMAL, specialist.team_memberships.get().team)


def test_a_step_without_acts_changes_nothing():
    ticket = make_ticket(now=OPENED)
    step(ticket)
    assert ticket.events.filter(at=at(31)).count() == 0
