"""Who puts a policy in and out of force, and who may not."""

import pytest
from django.test import Client

from helpdesk.accounts.models import StaffRole
from helpdesk.sla.models import Policy, Rollout
from helpdesk.sla.versions import set_policy_active
from helpdesk.tickets.services import rollouts
from tests.factories import StaffFactory, make_ticket
from tests.workspace.policies.pages import ADD, LIST, MINUTE, opened, rows, send, signed_in, text, url

pytestmark = pytest.mark.django_db


def test_out_of_force_says_before_what_becomes_of_open_tickets(manager, now):
    critical = Policy.objects.get(name="Business critical, designated super admins")
    ticket = make_ticket(critical=True, now=now)
    page = manager.get(url(critical, "force"))
    assert (page.context["serves"], page.context["moved"].open, page.context["moved"].later) == (1, 1, 1)
    answer = manager.post(url(critical, "force"), {"to": "inactive", "reason": "Not sold any\x00 more"})
    rollout = Rollout.objects.get()
    assert answer.headers["Location"] == f"/admin/helpdesk/rollout/{rollout.pk}/change/"
    assert (rollout.policy, rollout.reason) == (critical, "Not sold any more")
    rollouts.advance_rollouts(now=now)
    assert ticket.clocks.get().due_at == now + 60 * MINUTE
    assert "out of force" in text(manager.get(LIST))


def test_back_in_force_moves_no_deadline(manager, standard, now):
    set_policy_active(policy=standard, active=False)
    assert "no deadline is recomputed" in text(manager.get(url(standard, "force")))
    manager.post(url(standard, "force"), {"to": "active"})
    standard.refresh_from_db()
    assert (standard.is_active, Rollout.objects.count()) == (True, 0)
    page = manager.post(url(standard, "force"), {"to": "active"}, follow=True)
    assert "Somebody did that already." in text(page)


def test_open_tickets_of_a_policy_out_of_force_are_not_moved_by_saving_it(manager, standard, now):
    make_ticket(now=now)
    set_policy_active(policy=standard, active=False)
    typed = opened(manager, url(standard)) | {"first_response-amount": "2"}
    send(manager, url(standard), typed, "_publish", move_open="1")
    assert not Rollout.objects.exists()


@pytest.mark.parametrize("role", [StaffRole.SPECIALIST, StaffRole.TEAM_LEAD])
@pytest.mark.parametrize("act", ["change", "look", "move", "discard", "force"])
def test_only_managers_and_administrators_change_policies(standard, role, act):
    before = list(Policy.objects.values()), rows(standard)
    client = signed_in(role=role)
    data = {"_publish": "1", "to": "inactive", "name": "Taken over"}
    assert client.post(url(standard, act), data).status_code == 403
    assert client.post(ADD, data).status_code == 403
    assert (list(Policy.objects.values()), rows(standard)) == before


def test_an_administrator_may_too_and_what_is_unknown_is_not_there(standard):
    client = signed_in(role=StaffRole.ADMINISTRATOR)
    assert send(client, url(standard), opened(client, url(standard)), "_draft").status_code == 302
    for act in ("change", "look", "move", "discard", "force"):
        assert client.post(f"{LIST}99999/{act}/").status_code == 404
    assert client.get(f"{LIST}{'9' * 30}/change/").status_code == 404
    assert client.get(f"{LIST}one/change/").status_code == 404


def test_every_act_carries_the_token(standard):
    client = Client(enforce_csrf_checks=True)
    client.force_login(StaffFactory(staff_role=StaffRole.MANAGER))
    for act in ("change", "look", "move", "discard", "force"):
        assert client.post(url(standard, act)).status_code == 403


def test_the_history_tells_who_did_what(manager, standard):
    manager.post(url(standard, "move"), {"to": "up"})
    manager.post(url(standard, "force"), {"to": "inactive"})
    page = text(manager.get(url(standard, "history")))
    assert "Place: 1" in page
    assert "Taken out of force" in page


def test_no_page_needs_a_style_or_a_script_of_its_own(manager, standard):
    for address in (LIST, ADD, url(standard), url(standard, "force")):
        body = text(manager.get(address)).split('id="content-main"')[1]
        assert "style=" not in body
        assert "<script" not in body


def test_the_tabs_lead_to_what_belongs_together(manager):
    tabs = manager.get(LIST).context["tabs"]
    assert [(tab["url"], tab["current"]) for tab in tabs][:3] == [
        (LIST, True),
        ("/admin/helpdesk/calendar/", False),
        ("/admin/helpdesk/rollout/", False),
    ]
    assert manager.get("/admin/helpdesk/escalation/").context["tabs"] == []
