"""Asking for an exception and deciding one, on the pages: who may, what is said, what is kept (SPEC 2.4)."""

import html
import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from helpdesk.accounts.models import Membership, StaffRole
from helpdesk.notifications.models import Notice
from helpdesk.sla.clock import Effect
from helpdesk.sla.models import Clock, ClockException, ExceptionCode
from helpdesk.tickets import services
from helpdesk.tickets.models import Status
from helpdesk.tickets.services import Wish
from tests.factories import (
    DesignatedFactory,
    MembershipFactory,
    StaffFactory,
    TeamFactory,
    add_to_team,
    make_ticket,
)

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)  # 13:05 in Berlin
MINUTE = timedelta(minutes=1)
HOSTILE = "<script>alert(1)</script> </textarea> {{ user.password }}"
LIST = "/admin/helpdesk/clockexception/"
CODES = "/admin/helpdesk/exceptioncode/"


@pytest.fixture(autouse=True)
def _half_past():
    """Half an hour after the tickets were opened."""
    with time_machine.travel(NOW + 30 * MINUTE, tick=False):
        yield


@pytest.fixture
def ticket():
    made = make_ticket(now=NOW)
    made.team = TeamFactory(name="Content team")
    made.save()
    return made


@pytest.fixture
def clock(ticket) -> Clock:
    return ticket.clocks.get()


def enter(role: str = StaffRole.SPECIALIST, **values) -> tuple[Client, object]:
    person, client = StaffFactory(staff_role=role, time_zone="Europe/Berlin", **values), Client()
    client.force_login(person)
    return client, person


def lead_of(ticket) -> tuple[Client, object]:
    client, person = enter(StaffRole.TEAM_LEAD)
    add_to_team(ticket.team, person, lead=True)
    return client, person


def form_of(clock: Clock) -> str:
    return f"/admin/helpdesk/ticket/{clock.ticket_id}/exception/?clock={clock.pk}"


def page_of(clock: Clock) -> str:
    return f"/admin/helpdesk/ticket/{clock.ticket_id}/change/"


PAUSE = {
    "code": "third-party",
    "effect": "pause",
    "out_from": "2026-11-24T13:10:00",
    "out_until": "2026-11-24T13:20:00",
    "evidence": "Their case 88-2041.",
    "act": "send",
}


def ask(clock: Clock, *, actor=None, wish: Wish | None = None, minutes: int = 0) -> ClockException:
    return services.request_exception(
        clock=clock,
        code=ExceptionCode.objects.get(code="third-party"),
        wish=wish or Wish(effect=Effect.VOID),
        evidence="Their case 88-2041.",
        actor=actor or StaffFactory(full_name="Karl Tanner"),
        now=NOW + minutes * MINUTE,
    )


def text_of(response) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())))


def decide(client: Client, exception: ClockException, verdict: str, *, note: str = "", **values):
    return client.post(f"{LIST}{exception.pk}/decide/", {"verdict": verdict, "note": note, **values})


# --- Asking ------------------------------------------------------------------------------------


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


# --- Deciding ----------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [StaffRole.MANAGER, StaffRole.ADMINISTRATOR])
def test_managers_approve(clock, role):
    client, person = enter(role)
    asked = ask(clock, wish=Wish(effect=Effect.PAUSE, out_from=NOW + 5 * MINUTE, out_until=NOW + 15 * MINUTE))
    page = text_of(client.get(f"{LIST}{asked.pk}/change/"))
    assert "Their case 88-2041." in page
    assert "Net 30m 00s left due 14:05:00 40m 00s left due 14:15:00" in page
    answer = decide(client, asked, "approve")
    assert (answer.status_code, answer.url) == (302, LIST)
    asked.refresh_from_db()
    clock.refresh_from_db()
    assert (asked.state, asked.decided_by, clock.due_at) == ("approved", person, NOW + 70 * MINUTE)
    page = text_of(client.get(f"{LIST}{asked.pk}/change/"))
    assert "What it changed" in page
    assert "Before After Net 30m 00s left due 14:05:00 40m 00s left due 14:15:00" in page
    assert "Approve" not in page.replace("Approved", "")
    assert Notice.objects.filter(kind="exception_decided", recipient=asked.requested_by).count() == 1


def test_on_the_ticket_it_is_decided_too_and_leads_back_there(clock):
    client, _person = lead_of(clock.ticket)
    asked = ask(clock)
    page = client.get(page_of(clock)).content.decode()
    assert f'action="{LIST}{asked.pk}/decide/"' in page
    assert "Karl Tanner" in page
    answer = decide(client, asked, "approve", back="ticket")
    assert answer.url == page_of(clock)
    page = text_of(client.get(page_of(clock)))
    assert "Third party Approved" in page
    assert "Without exceptions 30m 00s left, due 14:05:00" in page


def test_to_refuse_takes_a_note_and_what_was_typed_is_kept(clock):
    client, _person = enter(StaffRole.MANAGER)
    asked = ask(clock)
    answer = decide(client, asked, "refuse", note="  ")
    assert answer.status_code == 422
    assert "Say why it is refused." in text_of(answer)
    answer = decide(client, asked, "refuse", note="x" * 2001)
    assert answer.status_code == 422
    assert "x" * 2001 in answer.content.decode()
    answer = decide(client, asked, "perhaps", note="Half of it.")
    assert answer.status_code == 422
    assert "Half of it." in answer.content.decode()
    asked.refresh_from_db()
    assert asked.state == "asked"
    decide(client, asked, "refuse", note="Announced too late.")
    asked.refresh_from_db()
    assert (asked.state, asked.decision_note) == ("refused", "Announced too late.")
    assert "Announced too late." in text_of(client.get(page_of(clock)))
    assert "Nothing: it was not approved." in text_of(client.get(f"{LIST}{asked.pk}/change/"))


def test_nobody_approves_their_own_of_a_guarantee_and_the_page_says_why(clock):
    client, person = enter(StaffRole.MANAGER)
    asked = ask(clock, actor=person)
    for page in (f"{LIST}{asked.pk}/change/", page_of(clock)):
        shown = client.get(page)
        assert "You asked for it yourself, and the clock is guaranteed" in text_of(shown)
        assert 'value="approve"' not in shown.content.decode()
        assert f'action="{LIST}{asked.pk}/withdraw/"' in shown.content.decode()
    answer = decide(client, asked, "approve")
    assert answer.status_code == 422
    assert "Another person must approve" in text_of(answer) or "You asked for it yourself" in text_of(answer)
    asked.refresh_from_db()
    assert asked.state == "asked"


def test_of_an_aim_one_person_may_do_both():
    clock = make_ticket(MembershipFactory(role=Membership.Role.USER), now=NOW).clocks.get()
    client, person = enter(StaffRole.MANAGER)
    asked = ask(clock, actor=person)
    shown = client.get(f"{LIST}{asked.pk}/change/").content.decode()
    assert 'value="approve"' in shown
    assert 'value="refuse"' not in shown  # one's own is withdrawn
    assert decide(client, asked, "approve").status_code == 302
    clock.refresh_from_db()
    assert clock.state == "exempt"


def test_a_lead_sees_all_and_decides_for_the_own_team_only(clock):
    client, _person = enter(StaffRole.TEAM_LEAD)
    asked = ask(clock)
    assert client.get(LIST).context["cl"].result_list == [asked]
    shown = client.get(f"{LIST}{asked.pk}/change/")
    assert "A lead of the ticket’s team or a manager decides this." in text_of(shown)
    assert 'value="approve"' not in shown.content.decode()
    answer = decide(client, asked, "approve")
    assert answer.status_code == 422
    asked.refresh_from_db()
    assert asked.state == "asked"
    ours, _lead = lead_of(clock.ticket)
    assert decide(ours, asked, "approve").status_code == 302


def test_a_specialist_decides_nothing_and_sees_no_list(clock):
    client, _person = enter()
    asked = ask(clock)
    assert client.get(LIST).status_code == 403
    assert client.get(f"{LIST}{asked.pk}/change/").status_code == 403
    assert 'value="approve"' not in client.get(page_of(clock)).content.decode()
    answer = decide(client, asked, "approve")
    assert answer.url == page_of(clock)
    assert "A lead of the ticket's team" in text_of(client.get(page_of(clock)))
    asked.refresh_from_db()
    assert asked.state == "asked"


def test_one_takes_back_ones_own(clock):
    client, person = enter()
    asked = ask(clock, actor=person)
    assert "Withdraw" in text_of(client.get(page_of(clock)))
    other, _person = enter()
    assert "Withdraw" not in text_of(other.get(page_of(clock)))
    assert "Only the person who asked" in text_of(other.post(f"{LIST}{asked.pk}/withdraw/", follow=True))
    assert client.post(f"{LIST}{asked.pk}/withdraw/").url == page_of(clock)
    asked.refresh_from_db()
    assert asked.state == "withdrawn"
    assert "asked and taken back by" in text_of(client.get(page_of(clock)))


def test_who_comes_second_is_told(clock):
    first, _person = enter(StaffRole.MANAGER)
    second, _person = enter(StaffRole.MANAGER)
    asked = ask(clock)
    decide(first, asked, "approve")
    answer = second.post(f"{LIST}{asked.pk}/decide/", {"verdict": "refuse", "note": "No."}, follow=True)
    assert "decided this already" in text_of(answer)
    asked.refresh_from_db()
    assert asked.state == "approved"


def test_one_that_has_lost_its_object_says_so(clock):
    client, _person = enter(StaffRole.MANAGER)
    asked = ask(clock)
    services.mark_spam(ticket=clock.ticket, actor=StaffFactory(), reason="Casino.", now=NOW + 10 * MINUTE)
    assert "would change nothing any more" in text_of(client.get(f"{LIST}{asked.pk}/change/"))
    answer = decide(client, asked, "approve")
    assert answer.status_code == 422
    assert "does not count any more" in text_of(answer)


@pytest.mark.parametrize("act", ["decide", "withdraw"])
def test_acts_are_posts_with_a_token_on_what_exists(clock, act):
    manager = StaffFactory(staff_role=StaffRole.MANAGER)
    asked = ask(clock, actor=manager)
    strict, client = Client(enforce_csrf_checks=True), Client()
    strict.force_login(manager)
    client.force_login(manager)
    assert client.get(f"{LIST}{asked.pk}/{act}/").status_code == 405
    assert strict.post(f"{LIST}{asked.pk}/{act}/", {"verdict": "refuse", "note": "x"}).status_code == 403
    for pk in (0, 2**31, 10**30):
        assert client.post(f"{LIST}{pk}/{act}/", {"verdict": "refuse", "note": "x"}).status_code == 404
    asked.refresh_from_db()
    assert asked.state == "asked"


def test_nobody_edits_or_deletes_one(clock):
    client, _person = enter(StaffRole.ADMINISTRATOR)
    asked = ask(clock)
    assert client.post(f"{LIST}{asked.pk}/change/", {"evidence": "Better."}).status_code == 405
    assert client.post(f"{LIST}{asked.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.get(f"{LIST}add/").status_code == 403


# --- The list ----------------------------------------------------------------------------------


def test_what_waits_longest_comes_first_with_its_age():
    client, person = enter(StaffRole.MANAGER)
    clocks = [make_ticket(now=NOW).clocks.get() for _ in range(3)]
    asked = [ask(clock, minutes=minutes) for clock, minutes in zip(clocks, (20, 5, 10), strict=True)]
    services.decide_exception(exception=asked[2], approve=False, note="No.", actor=person, now=NOW + 12 * MINUTE)
    response = client.get(LIST)
    assert response.context["cl"].result_list == [asked[1], asked[0]]
    assert "25m 00s" in text_of(response)


def test_filters_by_state_code_and_effect():
    client, person = enter(StaffRole.MANAGER)
    rows = {}
    for state in ("asked", "approved", "refused", "withdrawn"):
        row = rows[state] = ask(make_ticket(now=NOW).clocks.get())
        if state == "withdrawn":
            services.withdraw_exception(exception=row, actor=row.requested_by, now=NOW)
        elif state != "asked":
            services.decide_exception(exception=row, approve=state == "approved", note="Seen.", actor=person, now=NOW)

    def shown(**query) -> list:
        return client.get(LIST, query).context["cl"].result_list

    assert shown() == [rows["asked"]]
    for state in ("approved", "refused", "withdrawn"):
        assert shown(state=state) == [rows[state]]
    assert len(shown(state="all")) == 4
    assert len(shown(state="all", code="third-party")) == 4
    assert shown(state="all", code="force-majeure") == []
    assert shown(state="all", effect="pause") == []
    assert len(shown(state="all", effect="void")) == 4


def test_the_list_takes_as_many_queries_for_thirty_as_for_one():
    client, _person = enter(StaffRole.TEAM_LEAD)

    def queries() -> int:
        with CaptureQueriesContext(connection) as context:
            assert client.get(LIST).status_code == 200
        return len(context)

    ask(make_ticket(now=NOW).clocks.get())
    queries()
    one = queries()
    member = DesignatedFactory()
    for _index in range(29):
        ask(make_ticket(member, now=NOW).clocks.get())
    assert len(client.get(LIST).context["cl"].result_list) == 30
    assert queries() == one <= 10


def test_the_ticket_takes_as_many_queries_for_many_exceptions_as_for_one(clock):
    client, manager = lead_of(clock.ticket)

    def queries() -> int:
        with CaptureQueriesContext(connection) as context:
            assert client.get(page_of(clock)).status_code == 200
        return len(context)

    ask(clock)
    queries()
    one = queries()
    for _index in range(10):
        waiting = ClockException.objects.get(state="asked")
        services.decide_exception(exception=waiting, approve=False, note="No.", actor=manager, now=NOW + MINUTE)
        ask(clock)
    assert queries() == one


def test_the_form_takes_a_few_queries(clock):
    client, _person = enter()
    client.get(form_of(clock))
    with CaptureQueriesContext(connection) as context:
        client.get(form_of(clock))
    assert len(context) <= 12


def test_the_navigation_has_it_for_those_who_decide():
    for role in StaffRole:
        client, _person = enter(role)
        entries = [entry["url"] for entry in client.get("/admin/helpdesk/ticket/").context["nav"]]
        assert (LIST in entries) == (role != StaffRole.SPECIALIST)


# --- Codes -------------------------------------------------------------------------------------

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


# --- What the ticket says afterwards -----------------------------------------------------------


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
