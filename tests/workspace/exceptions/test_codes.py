"""The codes of exceptions are kept by managers, and what one did is said on the ticket."""

import pytest
import time_machine
from django.contrib.admin.models import LogEntry

from helpdesk.accounts.models import StaffRole
from helpdesk.sla.clock import Effect
from helpdesk.sla.models import ExceptionCode
from helpdesk.tickets import services
from helpdesk.tickets.models import Status
from helpdesk.tickets.services import Wish
from tests.factories import (
    StaffFactory,
    make_ticket,
)
from tests.workspace.exceptions.pages import MINUTE, NOW, PAUSE, ask, decide, enter, form_of, page_of, text_of

pytestmark = pytest.mark.django_db

CODES = "/admin/helpdesk/exceptioncode/"
CODE = {
    "code": "network",
    "name": "Network",
    "name_ja": "ネットワーク",
    "explanation": "The line was cut.",
    "explanation_ja": "回線が切れた場合。",
    "effects": ["void", "pause"],
    "position": "9",
    "is_active": "on",
}


def test_a_manager_adds_a_code_and_it_is_on_the_form(clock):
    client, person = enter(StaffRole.MANAGER)
    assert client.post(f"{CODES}add/", CODE).status_code == 302
    code = ExceptionCode.objects.get(code="network")
    assert (code.effects, code.explanation_ja) == (["void", "pause"], "回線が切れた場合。")
    page = text_of(client.get(form_of(clock)))
    assert "Network The line was cut." in page
    entry = LogEntry.objects.get(user=person)
    assert (entry.object_id, entry.is_addition()) == ("network", True)


def test_a_change_is_written_down_and_the_code_itself_stays(clock):
    client, person = enter(StaffRole.MANAGER)
    url = f"{CODES}third-party/change/"
    data = {**CODE, "code": "something-else", "effects": ["void"], "is_active": ""}
    assert client.post(url, data).status_code == 302
    code = ExceptionCode.objects.get(code="third-party")
    assert (code.name, code.effects, code.is_active) == ("Network", ["void"], False)
    assert not ExceptionCode.objects.filter(code="something-else").exists()
    entry = LogEntry.objects.get(user=person)
    assert "Active" in entry.get_change_message()
    history = text_of(client.get(f"{CODES}third-party/history/"))
    assert "Active" in history
    assert "Network" not in text_of(client.get(form_of(clock)))


def test_a_code_without_an_effect_or_twice_is_refused():
    client, _person = enter(StaffRole.MANAGER)
    answer = client.post(f"{CODES}add/", {**CODE, "effects": []})
    assert "Tick at least one" in text_of(answer)
    assert "The line was cut." in answer.content.decode()
    assert "already exists" in text_of(client.post(f"{CODES}add/", {**CODE, "code": "third-party"}))
    assert "already exists" not in text_of(client.post(f"{CODES}add/", CODE))


@pytest.mark.parametrize("role", [StaffRole.SPECIALIST, StaffRole.TEAM_LEAD])
def test_others_change_no_code(role):
    client, _person = enter(role)
    assert client.post(f"{CODES}third-party/change/", CODE).status_code == 403
    assert client.post(f"{CODES}add/", CODE).status_code == 403
    assert ExceptionCode.objects.get(code="third-party").name == "Third party"


def test_a_code_is_never_deleted():
    client, _person = enter(StaffRole.ADMINISTRATOR)
    assert client.post(f"{CODES}third-party/delete/", {"post": "yes"}).status_code == 403


def test_a_lead_reads_the_codes():
    client, _person = enter(StaffRole.TEAM_LEAD)
    page = text_of(client.get(f"{CODES}third-party/change/"))
    assert "A supplier outside the service held it up." in page
    assert "Pause, Void" in page


def test_in_japanese_the_codes_speak_japanese(clock):
    client, _person = enter(language="ja")
    page = text_of(client.get(form_of(clock)))
    assert "第三者 サービス外の事業者が原因で遅れた場合。" in page


def test_what_an_exception_did_is_in_the_tickets_events(clock):
    client, _person = enter(StaffRole.MANAGER)
    asked = ask(clock, wish=Wish(effect=Effect.PAUSE, out_from=NOW + 5 * MINUTE, out_until=NOW + 15 * MINUTE))
    decide(client, asked, "approve")
    page = text_of(client.get(page_of(clock)))
    assert "First response: 13:10:00 to 13:20:00 does not count, due 14:15:00 (Third party)" in page
    assert "Exception requested: Third party, a stretch does not count. Their case 88-2041." in page
    assert "First response: Exception" in page


def test_a_void_clock_shows_what_it_would_have_been(clock):
    client, _person = enter(StaffRole.MANAGER)
    decide(client, ask(clock), "approve")
    with time_machine.travel(NOW + 65 * MINUTE, tick=False):
        page = text_of(client.get(page_of(clock)))
        assert "Without exceptions unanswered, 5m 00s late, was due 14:05:00" in page
        services.reply(ticket=clock.ticket, actor=StaffFactory(), body="Done.", now=NOW + 65 * MINUTE)
        page = text_of(client.get(page_of(clock)))
        assert "Without exceptions answered 5m 00s late, was due 14:05:00" in page


def test_of_a_paused_clock_the_preview_says_how_much_would_be_left():
    ticket, anna = make_ticket(now=NOW), StaffFactory()
    services.reply(ticket=ticket, actor=anna, body="Which one?", now=NOW)
    services.customer_reply(ticket=ticket, actor=ticket.requester, body="This one.", now=NOW + 5 * MINUTE)
    services.set_status(ticket=ticket, status=Status.WAITING, actor=anna, now=NOW + 10 * MINUTE)
    client, _person = enter(StaffRole.MANAGER)
    clock = ticket.clocks.get(metric="next_response")
    data = {**PAUSE, "out_from": "2026-11-24T13:10:00", "out_until": "2026-11-24T13:12:00", "act": "preview"}
    page = text_of(client.post(form_of(clock), data))
    assert "Net paused, 3h 55m left paused, 3h 57m left Gross paused, 3h 55m left no change" in page
