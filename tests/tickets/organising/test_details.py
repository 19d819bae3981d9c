"""Subject, tags, fields and time of a ticket."""

import pytest

from helpdesk.tickets import services
from helpdesk.tickets.models import (
    CustomField,
)
from helpdesk.tickets.services import Refused, WrongValue
from tests.at_once import at_once
from tests.factories import make_ticket
from tests.tickets.organising.scene import kinds
from tests.tickets.scenes import at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven")]


def test_a_subject_is_said_better(ticket, specialist):
    services.change_subject(ticket=ticket, subject="  Forms are\nblank ", actor=specialist, now=at(1))
    ticket.refresh_from_db()
    event = ticket.events.get(kind="subject")
    assert (ticket.subject, event.data) == (
        "Forms are blank",
        {"before": "Forms show a blank page", "after": "Forms are blank"},
    )
    for text, words in (("  ", "needs a subject"), ("x" * 161, "longer than 160")):
        with pytest.raises(Refused, match=words):
            services.change_subject(ticket=ticket, subject=text, actor=specialist, now=at(2))


def change_tags(ticket, actor, add=(), remove=()):
    services.change_tags(ticket=ticket, add=add, remove=remove, actor=actor, now=at(1))
    return sorted(ticket.tags.values_list("name", flat=True))


def test_tags_are_one_in_any_case(ticket, specialist):
    assert change_tags(ticket, specialist, ["Outage", "outage", " two  words "]) == ["Outage", "two words"]
    assert change_tags(ticket, specialist, ["OUTAGE"], ["Two Words", "unknown"]) == ["Outage"]
    assert [event.data for event in ticket.events.filter(kind="tags")] == [
        {"added": ["Outage", "two words"], "removed": []},
        {"added": [], "removed": ["two words"]},
    ]
    assert change_tags(ticket, specialist, ["outage"]) == ["Outage"]
    assert ticket.events.filter(kind="tags").count() == 2
    with pytest.raises(Refused, match="40 letters at most"):
        change_tags(ticket, specialist, ["x" * 41])
    with pytest.raises(Refused, match="20 tags at most"):
        change_tags(ticket, specialist, [f"tag {number}" for number in range(20)])


@pytest.mark.django_db(transaction=True)
def test_one_new_tag_put_on_two_tickets_at_once(customer, specialist):
    tickets = [make_ticket(customer, now=at(0)) for _ in range(4)]
    assert at_once(*[lambda row=row: change_tags(row, specialist, ["brand new"]) for row in tickets]) == []
    assert {tuple(row.tags.values_list("name", flat=True)) for row in tickets} == {("brand new",)}


@pytest.fixture
def fields(ticket):
    rows = {
        "seats": CustomField(kind="number", label="Seats"),
        "since": CustomField(kind="date", label="Since"),
        "browser": CustomField(kind="choice", label="Browser", choices=["Firefox", "Chrome"]),
        "sandbox": CustomField(kind="check", label="Sandbox"),
        "case": CustomField(kind="text", label="Their case", hub=ticket.hub),
    }
    for code, row in rows.items():
        row.code = code
        row.save()
    return rows


def set_fields(ticket, actor, **values):
    services.set_fields(ticket=ticket, values=values, actor=actor, now=at(1))
    ticket.refresh_from_db()
    return ticket.custom_values


def test_fields_are_kept_by_their_kind_and_only_those_that_are_named(ticket, specialist, fields):
    kept = set_fields(
        ticket, specialist, seats="12,50", since="2026-11-23", browser="Chrome", sandbox="on", case=" 4-1 "
    )
    assert kept == {"seats": 12.5, "since": "2026-11-23", "browser": "Chrome", "sandbox": True, "case": "4-1"}
    assert set_fields(ticket, specialist, seats="12", browser="") == {
        "seats": 12,
        "since": "2026-11-23",
        "sandbox": True,
        "case": "4-1",
    }
    assert ticket.events.filter(kind="fields").last().data == {
        "before": {"seats": 12.5, "browser": "Chrome"},
        "after": {"seats": 12, "browser": None},
    }
    set_fields(ticket, specialist, seats="12")
    assert ticket.events.filter(kind="fields").count() == 2


@pytest.mark.parametrize(
    ("code", "text", "words"),
    [
        ("seats", "many", "Write a number"),
        ("seats", "NaN", "Write a number"),
        ("seats", "1e400", "Write a number"),
        ("since", "23.11.2026", "2026-11-23"),
        ("browser", "Lynx", "one of the list"),
        ("case", "x" * 501, "longer than 500"),
        ("unknown", "x", "no longer in use"),
    ],
)
def test_a_value_that_cannot_be_names_its_field(ticket, specialist, fields, code, text, words):
    with pytest.raises(WrongValue, match=words) as refused:
        set_fields(ticket, specialist, **{code: text})
    assert refused.value.field == code
    ticket.refresh_from_db()
    assert ticket.custom_values == {}


def test_a_field_of_another_hub_or_out_of_use_is_none_of_this_ticket(ticket, specialist, fields):
    CustomField.objects.filter(code="seats").update(is_active=False)
    CustomField.objects.filter(code="case").update(hub="marketing")
    for code in ("seats", "case"):
        with pytest.raises(WrongValue):
            set_fields(ticket, specialist, **{code: "1"})


def test_time_is_added_and_struck_out_by_who_wrote_it(ticket, specialist, colleague):
    entry = services.add_time(ticket=ticket, minutes=25, note="Logs", actor=specialist, now=at(30))
    for minutes in (0, 1441):
        with pytest.raises(Refused, match="one minute and a day"):
            services.add_time(ticket=ticket, minutes=minutes, note="", actor=specialist, now=at(31))
    with pytest.raises(Refused, match="Only who wrote"):
        services.strike_time(entry=entry, actor=colleague, now=at(31))
    services.strike_time(entry=entry, actor=specialist, now=at(32))
    with pytest.raises(Refused, match="already"):
        services.strike_time(entry=entry, actor=specialist, now=at(33))
    entry.refresh_from_db()
    assert (entry.minutes, entry.struck_at) == (25, at(32))
    assert kinds(ticket)[-2:] == ["time", "time_struck"]
