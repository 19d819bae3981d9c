"""Drafts of a policy: kept, published, thrown away."""

import pytest

from helpdesk.sla.models import Policy
from tests.workspace.policies.pages import LIST, opened, send, signed_in, text, url, wrong

pytestmark = pytest.mark.django_db


def test_a_draft_keeps_what_is_typed_fit_or_not_and_puts_nothing_in_force(manager, standard, now):
    typed = opened(manager, url(standard)) | {"first_response-amount": "soon", "name": "Standard 2027"}
    assert send(manager, url(standard), typed, "_draft").status_code == 302
    standard.refresh_from_db()
    assert (standard.name, standard.versions.count()) == ("Standard, designated super admins", 1)
    assert (standard.draft_by.full_name, standard.draft_at) == ("Helen Marsh", now)
    page = signed_in("Tom Haas").get(url(standard))
    assert page.context["editor"].typed["first_response-amount"] == ["soon"]
    assert wrong(page) == {"first_response-amount": "A whole number from 1. Leave it empty for no target."}
    assert "draft, Helen Marsh" in text(manager.get(LIST))


def test_a_draft_becomes_the_version_and_is_gone(manager, standard):
    typed = opened(manager, url(standard)) | {"first_response-amount": "2"}
    send(manager, url(standard), typed, "_draft")
    send(manager, url(standard), opened(manager, url(standard)), "_publish")
    standard.refresh_from_db()
    assert (standard.draft, standard.versions.get(is_current=True).number) == (None, 2)


def test_a_draft_is_thrown_away(manager, standard):
    send(manager, url(standard), opened(manager, url(standard)) | {"name": "X"}, "_draft")
    typed = opened(manager, url(standard))
    assert manager.get(url(standard, "discard")).status_code == 405
    manager.post(url(standard, "discard"), typed)
    standard.refresh_from_db()
    assert standard.draft is None
    assert opened(manager, url(standard))["name"] == [standard.name]


def test_a_draft_follows_the_place_that_nobody_chose(manager, standard):
    send(manager, url(standard), opened(manager, url(standard)) | {"name": "X"}, "_draft")
    manager.post(url(standard, "move"), {"to": "up"})
    typed = opened(manager, url(standard))
    assert (typed["place"], typed["place_was"]) == (["0"], ["0"])


@pytest.mark.parametrize("draft", [[], {}, {"typed": 1}, {"typed": {"name": 7, "step": ["x", None]}}, "x"])
def test_a_draft_in_no_shape_breaks_no_page(manager, standard, draft, now):
    Policy.objects.filter(pk=standard.pk).update(draft=draft, draft_at=now)
    assert manager.get(url(standard)).status_code == 200
    assert manager.get(LIST).status_code == 200
