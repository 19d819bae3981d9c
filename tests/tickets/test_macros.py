"""Macros: all of their changes or none; canned texts: only what stands in the table is ever filled in."""

import pytest

from helpdesk.tickets import services
from helpdesk.tickets.models import Macro, Status
from helpdesk.tickets.placeholders import fill, unknown
from helpdesk.tickets.services import Refused, run_macro
from tests.factories import DesignatedFactory, StaffFactory, TeamFactory, UserFactory, make_ticket
from tests.tickets.scenes import OPENED, at, first_response, reply

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven")]


@pytest.fixture
def ticket():
    mina = UserFactory(full_name="Mina Okafor", time_zone="Europe/Berlin")
    return make_ticket(DesignatedFactory(user=mina, account__name="Kestrel"), now=OPENED)


def macro(*acts, **values) -> Macro:
    return Macro.objects.create(**({"name": "Wait for the log", "acts": list(acts)} | values))


def run(ticket, actor, *acts, minutes=5):
    made = macro(*acts)
    run_macro(macro=made, ticket=ticket, actor=actor, now=at(minutes))
    ticket.refresh_from_db()
    made.refresh_from_db()
    return made


def test_all_of_its_changes_are_made_and_carry_its_name(ticket, specialist):
    team = TeamFactory(name="Second line")
    made = run(
        ticket,
        specialist,
        {"do": "status", "status": "waiting"},
        {"do": "tag", "tag": "Sync"},
        {"do": "tag", "tag": "log"},
        {"do": "assign", "owner": "me", "team": team.pk},
        {"do": "priority", "priority": 1},
        {"do": "note", "body": "Asked {{ requester.first_name }} for the log."},
        {"do": "reply", "body": "Hello {{ requester.first_name }}, please send the log.\n{{ agent.name }}"},
    )
    assert (ticket.status, ticket.owner, ticket.team, ticket.priority) == (Status.WAITING, specialist, team, 1)
    assert {tag.name for tag in ticket.tags.all()} == {"Sync", "log"}
    note, sent = ticket.messages.exclude(kind="customer").order_by("pk")
    assert (note.kind, note.body) == ("note", "Asked Mina for the log.")
    assert (sent.kind, sent.body) == ("reply", f"Hello Mina, please send the log.\n{specialist.full_name}")
    assert first_response(ticket).is_met
    events = ticket.events.filter(at=at(5))
    assert {event.kind for event in events} == {"assigned", "priority", "noted", "replied", "status", "tags"}
    assert {event.data["macro"] for event in events} == {"Wait for the log"}
    assert (made.used, made.last_used_at) == (1, at(5))


def test_what_happens_afterwards_carries_no_name(ticket, specialist):
    run(ticket, specialist, {"do": "priority", "priority": 1})
    reply(ticket, specialist, 9)
    assert "macro" not in ticket.events.get(kind="replied").data


def test_none_of_its_changes_is_made_where_one_is_refused(ticket, specialist):
    """Solved without a reply is refused (decision 3): then nothing else was done, and no use is counted."""
    made = macro(
        {"do": "priority", "priority": 2},
        {"do": "tag", "tag": "sync"},
        {"do": "note", "body": "Done"},
        {"do": "status", "status": "solved"},
    )
    with pytest.raises(Refused, match="no reply yet"):
        run_macro(macro=made, ticket=ticket, actor=specialist, now=at(5))
    ticket.refresh_from_db()
    made.refresh_from_db()
    assert (ticket.priority, ticket.tags.count(), ticket.messages.count(), made.used) == (0, 0, 1, 0)


def test_a_reply_leaves_the_status_that_the_macro_says(ticket, specialist):
    run(ticket, specialist, {"do": "reply", "body": "Done."}, {"do": "status", "status": "solved"})
    assert (ticket.status, first_response(ticket).is_met) == (Status.SOLVED, True)


def test_a_team_alone_leaves_the_owner(ticket, specialist):
    services.assign(ticket=ticket, owner=specialist, actor=specialist, now=at(1))
    team = TeamFactory()
    run(ticket, StaffFactory(), {"do": "assign", "team": team.pk})
    assert (ticket.owner, ticket.team) == (specialist, team)


def test_tags_are_put_on_and_taken_off_in_any_case(ticket, specialist):
    services.change_tags(ticket=ticket, add=["Sync", "login"], actor=specialist, now=at(1))
    run(ticket, specialist, {"do": "tag", "tag": "SYNC"}, {"do": "untag", "tag": "LOGIN"})
    assert [tag.name for tag in ticket.tags.all()] == ["Sync"]
    assert ticket.events.get(kind="tags", at=at(5)).data == {
        "added": [],
        "removed": ["login"],
        "macro": "Wait for the log",
    }


# --- Placeholders ---------------------------------------------------------------------------------


def test_placeholders_become_what_they_name(ticket, specialist):
    text = (
        "{{requester.first_name}}|{{ requester.name }}|{{ ticket.reference }}|{{ ticket.subject }}"
        "|{{ account.name }}|{{ agent.name }}|{{ hub.name }}|{{ due }}"
    )
    assert fill(text, ticket=ticket, agent=specialist, language="en").split("|") == [
        "Mina",
        "Mina Okafor",
        ticket.reference,
        "Forms show a blank page",
        "Kestrel",
        specialist.full_name,
        "Content Hub",
        "Tuesday 24 November, 14:05",  # in Berlin, where the requester is
    ]


def test_a_deadline_that_is_not_there_is_a_dash(ticket, specialist):
    reply(ticket, specialist, 5)
    assert fill("by {{ due }}", ticket=ticket, agent=specialist, language="en") == "by –"


def test_what_is_filled_in_is_not_looked_through_again(ticket, specialist):
    ticket.subject = "{{ agent.name }} {% now %}"
    assert fill("{{ ticket.subject }}", ticket=ticket, agent=specialist, language="en") == ticket.subject


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{{ requester.name }} {{due}}", []),
        ("{{ requester.password }}", ["requester.password"]),
        ("{{ requester.name|upper }} {{ x }} {{ x }}", ["requester.name|upper", "x"]),
        ("{{ }}", [""]),
        ("{{\nticket.owner\n}}", ["ticket.owner"]),
        ("{ requester.name } {% now %}", []),
    ],
)
def test_unknown_placeholders_are_found(text, names):
    assert unknown(text) == names
