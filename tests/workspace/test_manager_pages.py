"""Staff's side of what customers do: a manager is asked for and answers; how customers found the help."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from helpdesk.accounts.models import StaffRole
from helpdesk.escalation.manager_requests import ask_manager
from helpdesk.escalation.models import ManagerRequest
from helpdesk.notifications.models import Notice, OutboxMail
from helpdesk.tickets.models import Rating, Ticket
from helpdesk.tickets.services import Refused, mark_spam, merge, not_spam
from helpdesk.workspace.wording import notice_words
from tests.factories import DesignatedFactory, StaffFactory, TeamFactory, make_ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def enter():
    def client_of(role=StaffRole.SPECIALIST):
        person, client = StaffFactory(staff_role=role), Client()
        client.force_login(person)
        return client, person

    return client_of


@pytest.fixture
def ticket(now):
    return make_ticket(now=now)


def page_of(ticket) -> str:
    return f"/admin/helpdesk/ticket/{ticket.pk}/"


def test_a_specialist_escalates_with_a_reason_and_the_lead_answers(ticket, enter):
    anna, person = enter()
    olu, lead = enter(StaffRole.TEAM_LEAD)
    _client, manager = enter(StaffRole.MANAGER)
    assert anna.post(page_of(ticket) + "escalate/", {"reason": " "}).status_code == 422
    assert anna.post(page_of(ticket) + "escalate/", {"reason": "Platform team, please."}).status_code == 302
    asked = ManagerRequest.objects.get()
    assert (asked.by_customer, asked.told) == (False, [manager.pk])
    again = anna.post(page_of(ticket) + "escalate/", {"reason": "Typed with care."})
    assert again.status_code == 422
    assert "Typed with care." in again.text
    shown = anna.get(page_of(ticket) + "change/").text
    assert "Platform team, please." in shown
    assert 'name="answer"' not in shown
    sent = {"request": asked.pk, "answer": "They look at it at noon."}
    assert anna.post(page_of(ticket) + "escalate/answer/", sent).status_code == 403
    assert olu.post(page_of(ticket) + "escalate/answer/", sent).status_code == 302
    asked.refresh_from_db()
    assert (asked.answered_by, asked.answer) == (lead, "They look at it at noon.")
    notice = Notice.objects.get(recipient=person, kind="manager_answered")
    assert "answered your escalation" in notice_words(notice)


def test_an_answer_that_is_refused_keeps_what_was_typed(ticket, enter, now):
    asked = ask_manager(ticket=ticket, actor=ticket.requester, reason="Why?", now=now)
    olu, _lead = enter(StaffRole.TEAM_LEAD)
    url = page_of(ticket) + "escalate/answer/"
    assert olu.post(url, {"request": asked.pk, "answer": ""}).status_code == 422
    assert olu.post(url, {"request": asked.pk, "answer": "First."}).status_code == 302
    late = olu.post(url, {"request": asked.pk, "answer": "Second, with care."})
    assert late.status_code == 422
    assert "Second, with care." in late.text
    other = make_ticket(now=now)
    assert olu.post(page_of(other) + "escalate/answer/", {"request": asked.pk, "answer": "x"}).status_code == 404
    assert olu.post(url, {"request": "x", "answer": "x"}).status_code == 302


def test_the_board_shows_who_waits_for_a_manager(ticket, enter, now):
    ask_manager(ticket=ticket, actor=ticket.requester, reason="Why?", now=now)
    olu, _lead = enter(StaffRole.TEAM_LEAD)
    board = olu.get("/admin/board/?team=").text
    assert "the customer asks for a manager" in board
    assert "1 waits for a manager" in board
    assert "Why?" in olu.get("/admin/helpdesk/managerrequest/").text
    assert "Why?" not in olu.get("/admin/helpdesk/managerrequest/?who=staff").text


def test_after_merges_a_request_waits_and_is_answered_on_the_ticket_that_stays(enter, now):
    first, then, last = (make_ticket(membership, now=now) for membership in [DesignatedFactory()] * 3)
    team = TeamFactory(name="Content team")
    Ticket.objects.filter(pk=last.pk).update(team=team)
    asked = ask_manager(ticket=first, actor=first.requester, reason="Why?", now=now)
    olu, lead = enter(StaffRole.TEAM_LEAD)
    for gone, stays in ((first, then), (then, last)):
        merge(ticket=gone, into=stays, actor=lead, reason="the same", now=now)
        assert "Why?" in olu.get(page_of(stays) + "change/").text
    for board in (olu.get("/admin/board/?team=").text, olu.get(f"/admin/board/?team={team.pk}").text):
        assert "1 waits for a manager" in board
        assert page_of(last) + "change/#manager" in board
    assert page_of(last) + "change/#manager" in olu.get("/admin/helpdesk/managerrequest/").text
    with pytest.raises(Refused, match="already"):
        ask_manager(ticket=last, actor=last.requester, reason="Still?", now=now)
    sent = {"request": asked.pk, "answer": "I call you at ten."}
    assert olu.post(page_of(last) + "escalate/answer/", sent).status_code == 302
    assert last.events.filter(kind="escalation_answered", actor=lead).count() == 1
    mail = OutboxMail.objects.get(template="manager_answered")
    assert mail.context["reference"] == last.reference
    assert "waits for a manager" not in olu.get("/admin/board/?team=").text


def test_what_is_asked_on_spam_waits_no_more_until_it_is_none(ticket, enter, now):
    ask_manager(ticket=ticket, actor=ticket.requester, reason="Why?", now=now)
    olu, lead = enter(StaffRole.TEAM_LEAD)
    mark_spam(ticket=ticket, actor=lead, reason="a joke", now=now)
    assert "waits for a manager" not in olu.get("/admin/board/?team=").text
    assert "Why?" not in olu.get("/admin/helpdesk/managerrequest/").text
    assert 'name="answer"' not in olu.get(page_of(ticket) + "change/").text
    not_spam(ticket=ticket, actor=lead, now=now)
    assert "1 waits for a manager" in olu.get("/admin/board/?team=").text


def rated(specialist, team, score, comment=""):
    now = timezone.now() - timedelta(hours=1)
    ticket = make_ticket(now=now)
    return Rating.objects.create(
        ticket=ticket,
        by=ticket.requester,
        specialist=specialist,
        team=team,
        score=score,
        comment=comment,
        rated_at=now,
        changed_at=now,
    )


def test_ratings_by_team_and_a_specialists_own_only(enter):
    anna, person = enter()
    helen, _manager = enter(StaffRole.MANAGER)
    team = TeamFactory(name="Content team")
    rated(person, team, 5, "Quick and right.")
    rated(person, team, 2, "Took three days.")
    rated(StaffFactory(), TeamFactory(name="Sales team"), 4, "A colleague's.")
    page = helen.get("/admin/helpdesk/rating/")
    assert [(row.team, row.content, row.ratings) for row in page.context["content"]] == [
        ("", 2, 3),
        ("Content team", 1, 2),
        ("Sales team", 1, 1),
    ]
    assert "66.6" in page.text
    assert "few" in page.text
    assert "Took three days." not in helen.get("/admin/helpdesk/rating/?score=content").text
    own = anna.get("/admin/helpdesk/rating/").text
    assert "Quick and right." in own
    assert "A colleague" not in own


@pytest.mark.parametrize("path", ["/admin/helpdesk/rating/", "/admin/helpdesk/managerrequest/"])
def test_queries_do_not_grow_with_the_rows(enter, path, django_assert_num_queries, now):
    helen, _manager = enter(StaffRole.MANAGER)
    membership = DesignatedFactory()

    def fill(count):
        for _n in range(count):
            rated(StaffFactory(), TeamFactory(), 4)
            ticket = make_ticket(membership, now=now)
            ask_manager(ticket=ticket, actor=membership.user, reason="Why?", now=now)

    fill(2)
    helen.get(path)
    with django_assert_num_queries(25, exact=False) as few:
        helen.get(path)
    fill(28)
    with django_assert_num_queries(len(few), exact=True):
        helen.get(path)
