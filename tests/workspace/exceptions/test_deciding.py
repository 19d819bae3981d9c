"""Deciding an exception: who may, what is said, who comes second (SPEC 2.4)."""

import pytest
from django.test import Client

from helpdesk.accounts.models import Membership, StaffRole
from helpdesk.notifications.models import Notice
from helpdesk.sla.clock import Effect
from helpdesk.tickets import services
from helpdesk.tickets.services import Wish
from tests.factories import (
    MembershipFactory,
    StaffFactory,
    make_ticket,
)
from tests.workspace.exceptions.pages import LIST, MINUTE, NOW, ask, decide, enter, lead_of, page_of, text_of

pytestmark = pytest.mark.django_db


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
