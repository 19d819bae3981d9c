"""The preview of a policy shows old and new deadlines and saves nothing."""

import pytest

from tests.factories import AccountFactory, make_ticket
from tests.workspace.policies.pages import ADD, LIST, MINUTE, opened, send, text, url

pytestmark = pytest.mark.django_db


def test_the_preview_shows_old_and_new_deadlines_and_saves_nothing(manager, standard, now):
    make_ticket(now=now - 50 * MINUTE)
    typed = opened(manager, url(standard)) | {"first_response-amount": "30", "first_response-unit": "minutes"}
    part = send(manager, url(standard, "look"), typed, "_any")
    look = part.context["look"]
    first = look.targets[0].due
    assert (first.at, first.was) == (now.replace(second=0) + 30 * MINUTE, now.replace(second=0) + 60 * MINUTE)
    assert look.changes == ["First response: 1 hour → 30 minutes"]
    assert (look.moved.open, look.moved.sooner, look.moved.late) == (1, 1, 1)
    assert "was 13:05" in text(part)
    assert f'href="/admin/helpdesk/ticket/{look.moved.late_tickets[0].pk}/change/"' in text(part)
    page = send(manager, url(standard), typed, "_preview")
    assert page.context["look"].targets == look.targets
    assert standard.versions.count() == 1


def test_the_preview_is_of_the_ticket_that_was_chosen(manager, standard):
    AccountFactory(name="Kestrel Freight")
    typed = opened(manager, url(standard)) | {
        "look-severities": "critical",
        "look-hub": "sales",
        "look-account": "Kestrel Freight",
    }
    look = send(manager, url(standard, "look"), typed, "_any").context["look"]
    assert look.about == "Designated super admin, Business critical, E-mail, Sales Hub, Enterprise"
    assert look.warnings == [
        "For this ticket “Business critical, designated super admins”, at place 1, comes first: its targets count."
    ]
    wrong_look = send(manager, url(standard, "look"), typed | {"look-account": "Nobody"}, "_any")
    assert "There is no account “Nobody”." in text(wrong_look)


def test_a_policy_that_would_never_apply_is_warned_of(manager):
    typed = opened(manager, ADD) | {"place": "5", "channels": ["chat"], "chat_pickup-amount": "1"}
    look = send(manager, f"{LIST}0/look/", typed, "_any").context["look"]
    assert look.warnings == [
        "It would never apply: “Chat”, at place 3, comes first and fits every ticket that it fits."
    ]
    assert look.moved is None


def test_many_open_tickets_are_counted_only_when_asked_for(manager, standard, now, monkeypatch):
    monkeypatch.setattr("helpdesk.workspace.policy_page.COUNTED_AT_ONCE", 1)
    for _number in range(2):
        make_ticket(now=now)
    typed = opened(manager, url(standard))
    assert "press Preview" in text(manager.get(url(standard)))
    assert send(manager, url(standard, "look"), typed, "_any").context["look"].moved is None
    assert send(manager, url(standard, "look"), typed, "_preview").context["look"].moved.open == 2
    assert send(manager, url(standard), typed, "_preview").context["look"].moved.open == 2
