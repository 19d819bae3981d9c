"""The list of policies: what is promised to whom, in order, at a fixed cost (SPEC 2.2, 2.8)."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from helpdesk.sla.models import Policy, PolicyVersion
from helpdesk.sla.versions import publish_policy
from tests.factories import AccountFactory, StaffFactory
from tests.workspace.policies.pages import ADD, LIST, opened, send, text, url

pytestmark = pytest.mark.django_db


def test_the_list_says_in_order_what_is_promised_to_whom(manager):
    page = manager.get(LIST)
    assert [row["policy"].name for row in page.context["rows"]] == [
        "Business critical, designated super admins",
        "Standard, designated super admins",
        "Chat",
        "Callback",
        "All other users",
    ]
    assert page.context["rows"][0]["applies"] == [
        ("Channels", "E-mail"),
        ("Who asks", "Designated super admin"),
        ("Severity", "Business critical"),
    ]
    assert page.context["rows"][0]["targets"][0] == ("First response", "30 minutes", True)
    assert "Every ticket that no policy before this one fits" in text(page)


def test_a_policy_moves_up_and_down(manager, standard):
    def order() -> list[str]:
        return list(Policy.objects.order_by("position").values_list("name", flat=True))

    before = order()
    manager.post(url(standard, "move"), {"to": "down"})
    assert order() == [before[0], before[2], before[1], *before[3:]]
    for _time in range(3):
        manager.post(url(standard, "move"), {"to": "up"})
    assert order() == [before[1], before[0], *before[2:]]
    manager.post(url(standard, "move"), {"to": "sideways"})
    assert order()[0] == standard.name


def test_a_version_that_cannot_be_read_breaks_no_page(manager, standard):
    standard.versions.update(is_current=False)
    standard.versions.create(number=2, document={"targets": "none"}, created_at=timezone.now())
    assert "This version cannot be read" in text(manager.get(LIST))
    page = manager.get(url(standard))
    assert "The version in force cannot be read" in text(page)
    typed = opened(manager, url(standard)) | {"first_response-amount": "20"}
    assert send(manager, url(standard), typed, "_publish").status_code == 302
    assert standard.versions.get(is_current=True).terms.targets[0].target.seconds == 1200


def test_thirty_policies_cost_as_many_queries_as_one(manager, standard):
    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as caught:
            assert manager.get(address).status_code == 200
        return len(caught)

    addresses = [LIST, ADD, url(standard), url(standard, "force")]
    before = [queries(address) for address in addresses]
    document = standard.versions.get().document
    for number in range(30):
        policy = Policy.objects.create(name=f"Policy {number}", position=100 + number)
        accounts = [AccountFactory().pk]
        PolicyVersion.objects.create(
            policy=policy,
            number=1,
            document=document | {"conditions": {"accounts": accounts}},
            created_at=timezone.now(),
        )
    assert [queries(address) for address in addresses] == [before[0] + 1, *before[1:]]  # the names of accounts
    assert max(before) <= 30


def test_thirty_versions_cost_as_many_queries_as_two(manager, standard, now):
    terms = standard.versions.get().terms

    def queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert manager.get(f"{url(standard)}?versions=all").status_code == 200
        return len(caught)

    publish_policy(policy=standard, terms=terms, actor=StaffFactory(), now=now)
    before = queries()
    for _number in range(28):
        publish_policy(policy=standard, terms=terms, actor=StaffFactory(), now=now)
    assert queries() == before
    assert len(manager.get(url(standard)).context["versions"]) == 12
