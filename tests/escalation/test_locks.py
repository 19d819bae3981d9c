"""What the sweep, acts and acknowledging lock, and what they leave to others (SPEC 2.5). All really committed.

A deadline is never passed over because somebody renames an account, nor does anybody wait for a sweep who does so, or
who files something about a clock. (The database looks for the row that a new one refers to when that is committed.)
"""

from datetime import UTC, datetime, timedelta

import pytest

from helpdesk.accounts.models import Account, User
from helpdesk.escalation import acts, services
from helpdesk.escalation import sweep as module
from helpdesk.escalation.manager_requests import answer_request, ask_manager
from helpdesk.escalation.models import Escalation, ManagerRequest
from helpdesk.escalation.services import acknowledge
from helpdesk.escalation.sweep import sweep
from helpdesk.notifications.models import OutboxMail
from helpdesk.sla.models import Clock, ClockException, ExceptionCode, PolicyVersion
from helpdesk.sla.versions import publish_policy
from helpdesk.subscriptions.models import Hub
from helpdesk.tickets.models import Draft, Ticket
from helpdesk.tickets.services import Refused, Typed, save_draft
from tests.at_once import at_once, held, without_waiting
from tests.factories import make_ticket

MINUTE = timedelta(minutes=1)
NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
HALF, DUE = NOW + 31 * MINUTE, NOW + 61 * MINUTE
RAISE_50 = {"percent": 50, "recipients": ["owner"], "raise_priority": True}
# What the sweep reads with a clock, and somebody may be changing meanwhile.
JOINED = {
    "ticket": lambda ticket: Ticket.objects.filter(pk=ticket.pk).update(subject="Forms are blank"),
    "account": lambda ticket: Account.objects.filter(pk=ticket.account_id).update(name="Kestrel Group"),
    "hub": lambda ticket: Hub.objects.filter(pk=ticket.hub_id).update(name="Content"),
    "requester": lambda ticket: User.objects.filter(pk=ticket.requester_id).update(full_name="Mina Okafor"),
}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ticket(crew) -> Ticket:
    return make_ticket(now=NOW)


def ask(ticket: Ticket, actor: User) -> ClockException:
    """A row that refers to the ticket's clock."""
    return ClockException.objects.create(
        clock=ticket.clocks.get(),
        code=ExceptionCode.objects.earliest("position"),
        effect="void",
        evidence="The customer says so.",
        is_guaranteed=True,
        requested_by=actor,
        requested_at=NOW,
    )


def draft(ticket: Ticket, actor: User) -> Draft:
    """A row that refers to the ticket."""
    typed = Typed(body="We are on", status="open", submission="a" * 32, seen=None)
    return save_draft(ticket=ticket, actor=actor, typed=typed, known=None, now=HALF)


def fired() -> list[tuple[int, int]]:
    return list(Escalation.objects.values_list("ticket", "percent"))


@pytest.mark.parametrize("row", JOINED)
def test_a_clock_is_swept_while_somebody_changes_what_its_mail_names(ticket, row):
    """A hub that is being edited would take its every deadline out of the sweep."""
    with held(lambda: JOINED[row](ticket)):
        sweep(now=HALF)
        assert fired() == [(ticket.pk, 50)]


def in_mid_batch(monkeypatch, act) -> None:
    """Let somebody do `act` while a sweep holds its batch, all of it written and nothing committed."""
    save, did = module._save, []

    def save_then(clocks):
        save(clocks)
        without_waiting(act)
        did.append(len(clocks))

    monkeypatch.setattr(module, "_save", save_then)
    sweep(now=HALF)
    assert did == [1]


@pytest.mark.parametrize("row", JOINED)
def test_nobody_waits_for_a_sweep_to_change_what_its_mails_name(ticket, row, monkeypatch):
    in_mid_batch(monkeypatch, lambda: JOINED[row](ticket))
    assert fired() == [(ticket.pk, 50)]


def test_nobody_waits_for_a_sweep_to_file_something_about_a_clock(ticket, crew, monkeypatch):
    in_mid_batch(monkeypatch, lambda: ask(ticket, crew.anna))
    assert (fired(), ClockException.objects.count()) == ([(ticket.pk, 50)], 1)


def test_nobody_waits_for_an_act_to_save_what_they_type(crew, climb, monkeypatch):
    climb(RAISE_50)
    ticket, perform = make_ticket(now=NOW), acts.perform_acts

    def perform_then(**options):
        perform(**options)
        without_waiting(lambda: draft(ticket, crew.anna))

    monkeypatch.setattr(acts, "perform_acts", perform_then)
    assert sweep(now=HALF).acts == 1
    assert (Draft.objects.count(), Ticket.objects.get().priority) == (1, 1)


def new_policy() -> None:
    old = Clock.objects.get().policy_version
    publish_policy(policy=old.policy, terms=old.terms, actor=None, now=HALF)


def test_nobody_waits_for_whoever_publishes_rules_to_say_i_have_it(ticket, crew):
    sweep(now=DUE)
    step = Escalation.objects.get(percent=100)
    with held(new_policy):
        without_waiting(lambda: acknowledge(escalation=step, actor=crew.helen, now=DUE))
    step.refresh_from_db()
    assert step.acknowledged_by == crew.helen
    assert PolicyVersion.objects.filter(created_at=HALF).exists()


def test_nobody_waits_for_whoever_says_i_have_it_to_file_something_about_the_clock(ticket, crew, monkeypatch):
    sweep(now=DUE)
    step, reckon = Escalation.objects.get(percent=100), services.check_after

    def reckon_then(clock, *, since):
        without_waiting(lambda: ask(ticket, crew.anna))
        return reckon(clock, since=since)

    monkeypatch.setattr(services, "check_after", reckon_then)
    assert acknowledge(escalation=step, actor=crew.helen, now=DUE) is True
    assert ClockException.objects.count() == 1


def test_a_request_for_a_manager_that_is_pressed_twice_is_one_and_two_answers_are_one(ticket, crew):
    asking = [lambda: ask_manager(ticket=ticket, actor=ticket.requester, reason="Third time.", now=HALF)] * 2
    assert [type(error) for error in at_once(*asking)] == [Refused]
    asked = ManagerRequest.objects.get()

    def answering(actor: User):
        return lambda: answer_request(request=asked, actor=actor, answer=f"From {actor.full_name}", now=DUE)

    assert [type(error) for error in at_once(answering(crew.helen), answering(crew.olu))] == [Refused]
    asked.refresh_from_db()
    assert asked.answer == f"From {asked.answered_by.full_name}"
    assert OutboxMail.objects.filter(template="manager_answered").count() == 1
