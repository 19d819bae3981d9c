"""Saving a policy makes a version; open tickets move only when asked for (SPEC 2.2)."""

import pytest

from helpdesk.sla.models import Policy, Rollout
from helpdesk.tickets.services import rollouts
from tests.factories import AccountFactory, TeamFactory, make_ticket
from tests.workspace.policies.pages import ADD, MINUTE, opened, rows, send, signed_in, text, url

pytestmark = pytest.mark.django_db


def test_saving_makes_a_version_for_new_tickets_and_leaves_the_old_one_untouched(manager, standard, now):
    before, ticket = rows(standard), make_ticket(now=now)
    typed = opened(manager, url(standard)) | {
        "first_response-amount": "45",
        "first_response-unit": "minutes",
        "note": "As agreed in November",
    }
    answer = send(manager, url(standard), typed, "_publish")
    assert answer.headers["Location"] == url(standard)
    assert rows(standard)[0] == before[0] | {"is_current": False}
    version = standard.versions.get(is_current=True)
    assert (version.number, version.note, version.created_by.full_name) == (2, "As agreed in November", "Helen Marsh")
    assert version.terms.targets[0].target.seconds == 45 * 60
    assert ticket.clocks.get().due_at == now + 60 * MINUTE
    assert make_ticket(now=now).clocks.get().due_at == now + 45 * MINUTE
    assert not Rollout.objects.exists()
    page = manager.get(url(standard))
    assert [row.changes for row in page.context["versions"]] == [["First response: 1 hour → 45 minutes"], []]
    assert [row.tickets for row in page.context["versions"]] == [1, 1]


def test_what_is_in_force_is_what_the_page_sends_back(manager):
    """Opening a policy and saving it changes nothing, whatever it says."""
    for policy in Policy.objects.all():
        answer = send(manager, url(policy), opened(manager, url(policy)), "_publish")
        assert "Nothing was changed" in text(manager.get(answer.headers["Location"]))
        assert policy.versions.count() == 1


def test_everything_that_a_policy_can_say_is_said(manager, standard):
    account, team = AccountFactory(name="Kestrel Freight"), TeamFactory()
    typed = {
        "name": "Everything",
        "place": "2",
        "place_was": "0",
        "hubs": ["content", "sales"],
        "channels": ["email"],
        "roles": ["user"],
        "severities": ["standard"],
        "plans": ["enterprise"],
        "add_account": "kestrel freight",
        "resolution-amount": "3",
        "resolution-unit": "days",
        "step": ["0", "7"],
        "step0-percent": "60",
        "step0-recipients": ["on_call", "team"],
        "step0-ways": ["email"],
        "step0-raise_priority": "on",
        "step0-team": str(team.pk),
        "step7-percent": "150",
        "step7-recipients": ["manager"],
        "step7-ways": ["in_app", "email"],
        "repeat_minutes": "15",
        "repeat_recipients": ["on_call", "manager"],
        "active": "1",
    }
    for metric in ("first_response", "next_response", "resolution", "callback", "chat_pickup"):
        typed = {f"{metric}-unit": "minutes", f"{metric}-promise": "objective", f"{metric}-hours": "business"} | typed
    answer = send(manager, ADD, typed, "_publish")
    made = Policy.objects.get(name="Everything")
    assert answer.headers["Location"] == url(made)
    assert made.versions.get().document == {
        "conditions": {
            "hubs": ["content", "sales"],
            "channels": ["email"],
            "roles": ["user"],
            "severities": ["standard"],
            "accounts": [account.pk],
            "plans": ["enterprise"],
        },
        "targets": [{"metric": "resolution", "promise": "objective", "hours": "business", "business_days": 3}],
        "steps": [
            {
                "percent": 60,
                "recipients": ["team", "on_call"],
                "ways": ["email"],
                "raise_priority": True,
                "assign_team": team.pk,
            },
            {"percent": 150, "recipients": ["manager"]},
        ],
        "repeat_minutes": 15,
        "repeat_recipients": ["manager", "on_call"],
    }
    assert (made.position, made.is_active) == (2, True)
    assert send(manager, url(made), opened(manager, url(made)), "_publish").status_code == 302
    assert made.versions.count() == 1


def test_a_new_policy_can_wait_out_of_force(manager):
    typed = opened(manager, ADD) | {"name": "Later", "first_response-amount": "5"}
    send(manager, ADD, typed, "_publish")
    assert Policy.objects.get(name="Later").is_active is False


def test_there_is_no_draft_of_what_is_not_there_yet(manager):
    page = send(manager, ADD, opened(manager, ADD) | {"name": "Later"}, "_draft")
    assert (page.status_code, Policy.objects.filter(name="Later").exists()) == (200, False)


def test_a_name_and_a_place_need_no_version(manager, standard):
    typed = opened(manager, url(standard)) | {"name": "  Standard   2026 ", "place": "0"}
    send(manager, url(standard), typed, "_publish")
    standard.refresh_from_db()
    assert (standard.name, standard.position, standard.versions.count()) == ("Standard 2026", 0, 1)


def test_a_place_that_nobody_chose_is_not_fought_over(manager, standard):
    typed = opened(manager, url(standard))
    signed_in("Tom Haas").post(url(standard, "move"), {"to": "up"})
    send(manager, url(standard), typed, "_publish", name="Standard 2026")
    standard.refresh_from_db()
    assert (standard.name, standard.position) == ("Standard 2026", 0)


def test_open_tickets_move_only_when_asked_for(manager, standard, now):
    ticket = make_ticket(now=now)
    typed = opened(manager, url(standard)) | {"first_response-amount": "2", "note": "Longer"}
    answer = send(manager, url(standard), typed, "_publish", move_open="1")
    rollout = Rollout.objects.get()
    assert (rollout.policy, rollout.reason, rollout.total) == (standard, "Longer", 1)
    assert answer.headers["Location"] == f"/admin/helpdesk/rollout/{rollout.pk}/change/"
    assert "moved just now" in text(manager.get(url(standard)))
    rollouts.advance_rollouts(now=now)
    assert ticket.clocks.get().due_at == now + 120 * MINUTE
