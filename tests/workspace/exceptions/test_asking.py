"""Asking for an exception on its page: what is offered, previewed and refused (SPEC 2.4)."""

import html
import re

import pytest
import time_machine
from django.test import Client

from helpdesk.accounts.models import Membership, StaffRole
from helpdesk.sla.clock import Effect
from helpdesk.sla.models import ClockException, ExceptionCode
from helpdesk.tickets import services
from tests.factories import (
    MembershipFactory,
    StaffFactory,
    make_ticket,
)
from tests.workspace.exceptions.pages import LIST, MINUTE, NOW, PAUSE, ask, enter, form_of, page_of, text_of

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script> </textarea> {{ user.password }}"


def test_the_ticket_leads_to_the_form_for_each_clock_that_counts(clock):
    client, _person = enter()
    page = client.get(page_of(clock)).content.decode()
    assert f'href="{form_of(clock)}"' in page
    form = text_of(client.get(form_of(clock)))
    for words in ("Third party", "A supplier outside the service held it up.", "Berlin time", "1 hour, from"):
        assert words in form


def test_asked_in_the_persons_own_time(clock):
    client, person = enter()
    answer = client.post(form_of(clock), PAUSE)
    assert (answer.status_code, answer.url) == (302, page_of(clock))
    asked = ClockException.objects.get()
    assert (asked.state, asked.requested_by, asked.evidence) == ("asked", person, "Their case 88-2041.")
    assert (asked.out_from, asked.out_until) == (NOW + 5 * MINUTE, NOW + 15 * MINUTE)
    page = text_of(client.get(page_of(clock)))
    assert "Exception requested" in page
    assert "Pause: 13:10:00 to 13:20:00 does not count" in page


@pytest.mark.parametrize(
    ("values", "stored"),
    [
        ({"effect": "void"}, {}),
        ({"effect": "restart", "since": "2026-11-24T13:15:30"}, {"since": NOW + 10.5 * MINUTE}),
        ({"effect": "retarget", "amount": "90", "unit": "minutes"}, {"target_seconds": 5400}),
        ({"effect": "retarget", "amount": "2", "unit": "hours"}, {"target_seconds": 7200}),
    ],
)
def test_each_effect_takes_its_own_values_and_no_others(clock, values, stored):
    ExceptionCode.objects.update(effects=list(Effect))
    client, _person = enter()
    assert client.post(form_of(clock), {**PAUSE, **values}).status_code == 302
    asked = ClockException.objects.get()
    empty = dict.fromkeys(("out_from", "out_until", "since", "target_seconds", "target_business_days"))
    assert {name: getattr(asked, name) for name in empty} == empty | stored


def test_business_days_are_offered_where_there_are_any(clock):
    client, _person = enter()
    ExceptionCode.objects.update(effects=list(Effect))
    assert 'value="days"' not in client.get(form_of(clock)).content.decode()
    data = {**PAUSE, "effect": "retarget", "amount": "1", "unit": "days"}
    assert client.post(form_of(clock), data).status_code == 422
    aim = make_ticket(MembershipFactory(role=Membership.Role.USER), now=NOW).clocks.get()
    assert client.post(form_of(aim), {**data, "amount": "2"}).status_code == 302
    assert ClockException.objects.get().target_business_days == 2


def test_the_preview_shows_net_and_gross_before_anything_is_sent(clock):
    client, _person = enter()
    page = text_of(client.post(form_of(clock), {**PAUSE, "evidence": "", "act": "preview"}))
    assert "Net 30m 00s left due 14:05:00 40m 00s left due 14:15:00" in page
    assert "Gross 30m 00s left due 14:05:00 no change" in page
    assert "Give the evidence" not in page
    assert not ClockException.objects.exists()


def test_the_preview_of_a_missed_target_says_that_it_is_lifted(clock):
    client, _person = enter()
    with time_machine.travel(NOW + 65 * MINUTE, tick=False):
        page = text_of(client.post(form_of(clock), {**PAUSE, "act": "preview"}))
    assert "Net unanswered, 5m 00s late due 14:05:00 5m 00s left due 14:15:00" in page
    assert "Gross unanswered, 5m 00s late due 14:05:00 no change" in page


@pytest.mark.parametrize("part", ["effects", "preview"])
def test_while_it_is_filled_in_parts_of_the_page_are_sent(clock, part):
    client, _person = enter()
    answer = client.post(form_of(clock), {"code": "third-party", "part": part}, headers={"HX-Request": "true"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "<html" not in page
    assert 'id="exception-preview"' in page
    assert "Choose what it does" not in page  # nobody has sent it yet
    if part == "effects":
        assert re.findall(r'name="effect" value="(\w+)"', page) == ["void", "pause"]


def test_a_code_with_one_effect_ticks_it(clock):
    client, _person = enter()
    page = client.post(form_of(clock), {"code": "scheduled-maintenance", "part": "effects"}).content.decode()
    assert re.findall(r'name="effect" value="(\w+)"( checked)?', page) == [("pause", " checked")]


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"code": ""}, "code", "Choose a code."),
        ({"code": "x" * 500}, "code", "no longer used"),
        ({"effect": ""}, "effect", "Choose what it does."),
        ({"effect": "restart", "since": "2026-11-24T13:15"}, "effect", "does not allow this effect"),
        ({"out_from": ""}, "out_from", "Give the day and the time."),
        ({"out_until": "soon"}, "out_until", "Write day and time as 2026-11-23T14:05."),
        ({"out_until": "2026-11-24T13:09:00"}, "out_until", "before the beginning"),
        ({"out_until": "20266-11-24T13:09"}, "out_until", "Write day and time"),
        ({"out_from": "2026-11-23T13:00", "out_until": "2026-11-23T14:00"}, "out_from", "would not come later"),
        ({"code": "not-confirmed-critical", "effect": "retarget", "amount": "x"}, "amount", "whole number"),
        ({"code": "not-confirmed-critical", "effect": "retarget", "amount": "0"}, "amount", "greater than or equal"),
        ({"code": "not-confirmed-critical", "effect": "retarget", "amount": ""}, "amount", "Give the new target."),
        ({"code": "not-confirmed-critical", "effect": "retarget", "amount": "30"}, "amount", "would not come later"),
        ({"code": "not-confirmed-critical", "effect": "retarget", "amount": "99999", "unit": "hours"}, "amount", "90"),
        ({"evidence": " \r\n"}, "evidence", "Give the evidence"),
        ({"evidence": "x" * 5001}, "evidence", "longer than 5000"),
        ({"evidence": "a\x00b"}, "evidence", "Null characters"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_all_is_kept(clock, values, field, words):
    client, _person = enter()
    answer = client.post(form_of(clock), {"unit": "minutes", **PAUSE, **values})
    assert answer.status_code == 422
    form = answer.context["form"]
    assert list(form.errors) == [field]
    page = html.unescape(answer.content.decode())
    place = page.index(f'id="id_{field}_error"')
    assert words in page[place : place + 400]
    if "evidence" not in values:
        assert "Their case 88-2041." in page
    if values.get("out_until") != "soon" and form.chosen and "pause" in form.chosen.effects:
        assert f'value="{form["out_from"].value()}"' in page or not form["out_from"].value()
    assert not ClockException.objects.exists()


def test_a_missing_value_and_missing_evidence_are_said_at_once(clock):
    client, _person = enter()
    answer = client.post(form_of(clock), {**PAUSE, "out_until": "", "evidence": ""})
    assert set(answer.context["form"].errors) == {"out_until", "evidence"}


def test_an_hour_that_does_not_exist_is_refused(clock):
    """On 29 March 2026 clocks in Berlin went from 02:00 to 03:00; on 25 October 02:30 came twice."""
    client, _person = enter()
    for instant in ("2026-03-29T02:30:00", "2026-10-25T02:30:00"):
        answer = client.post(form_of(clock), {**PAUSE, "out_from": instant})
        assert "Europe/Berlin" in str(answer.context["form"].errors["out_from"])


def test_hostile_text_is_shown_as_text(clock):
    client, _person = enter(StaffRole.MANAGER)
    client.post(form_of(clock), {**PAUSE, "evidence": HOSTILE})
    asked = ClockException.objects.get()
    for page in (page_of(clock), f"{LIST}{asked.pk}/change/"):
        shown = client.get(page).content.decode()
        assert "<script>alert" not in shown
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
        assert "{{ user.password }}" in shown


def test_a_clock_of_another_ticket_does_not_exist_here(clock):
    client, _person = enter()
    other = make_ticket(now=NOW).clocks.get()
    wrong = f"/admin/helpdesk/ticket/{clock.ticket_id}/exception/"
    for query in ("", "?clock=", "?clock=x", f"?clock={10**30}", f"?clock={other.pk}"):
        assert client.get(wrong + query).status_code == 404
        assert client.post(wrong + query, PAUSE).status_code == 404


def test_where_nothing_can_be_asked_the_ticket_says_why(clock):
    client, _person = enter()
    ask(clock)
    answer = client.post(form_of(clock), PAUSE, follow=True)
    assert "waits for approval already" in text_of(answer)
    assert f'href="{form_of(clock)}"' not in answer.content.decode()
    void = make_ticket(now=NOW)
    services.mark_spam(ticket=void, actor=StaffFactory(), reason="Casino.", now=NOW)
    answer = client.get(form_of(void.clocks.get()), follow=True)
    assert "nothing to except" in text_of(answer)
    assert ClockException.objects.count() == 1


def test_a_code_that_was_put_out_of_use_meanwhile_is_said(clock):
    client, _person = enter()
    ExceptionCode.objects.filter(code="third-party").update(is_active=False)
    assert 'value="third-party"' not in client.get(form_of(clock)).content.decode()
    assert "no longer used" in text_of(client.post(form_of(clock), PAUSE))


def test_customers_ask_for_nothing(clock):
    client = Client()
    client.force_login(clock.ticket.requester)
    assert client.get(form_of(clock)).status_code == 404
    assert client.post(form_of(clock), PAUSE).status_code == 404


def test_the_last_message_of_the_customer_is_offered_as_when_the_information_arrived(clock):
    client, _person = enter()
    services.customer_reply(ticket=clock.ticket, actor=clock.ticket.requester, body="The log.", now=NOW + 12 * MINUTE)
    assert 'value="2026-11-24T13:17:00"' in client.get(form_of(clock)).content.decode()
