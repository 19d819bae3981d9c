"""Two managers at once on one policy: the second is told and loses nothing."""

import pytest

from helpdesk.sla.models import Policy
from helpdesk.sla.versions import publish_policy, save_policy_draft
from tests.at_once import at_once
from tests.factories import StaffFactory
from tests.workspace.policies.pages import ADD, opened, send, signed_in, text, url, wrong

pytestmark = pytest.mark.django_db


def test_the_second_of_two_who_publish_is_told_and_loses_nothing(manager, standard):
    first, second = opened(manager, url(standard)), opened(signed_in("Tom Haas"), url(standard))
    other = signed_in("Tom Haas")
    send(manager, url(standard), first, "_publish", **{"first_response-amount": "2"})
    page = send(other, url(standard), second, "_publish", **{"first_response-amount": "3"})
    assert "Version 2 was published meanwhile, by Helen Marsh" in page.context["conflict"].text
    assert page.context["conflict"].changes == ["First response: 1 hour → 2 hours"]
    assert page.context["editor"].typed["first_response-amount"] == ["3"]
    assert standard.versions.count() == 2
    again = {**page.context["editor"].typed, "basis_version": page.context["basis"].version, "basis_draft": ""}
    assert send(other, url(standard), again, "_publish").status_code == 302
    assert standard.versions.get(is_current=True).terms.targets[0].target.seconds == 3 * 3600


@pytest.mark.parametrize("button", ["_publish", "_draft"])
def test_anothers_draft_is_not_overwritten_unseen(manager, standard, button):
    mine = opened(manager, url(standard)) | {"first_response-amount": "2"}
    other = signed_in("Tom Haas")
    send(other, url(standard), opened(other, url(standard)) | {"first_response-amount": "3"}, "_draft")
    page = send(manager, url(standard), mine, button)
    assert "Tom Haas saved a draft" in page.context["conflict"].text
    assert page.context["conflict"].changes == ["First response: 1 hour → 3 hours"]
    standard.refresh_from_db()
    assert standard.draft["typed"]["first_response-amount"] == ["3"]
    again = mine | {"basis_draft": page.context["basis"].draft}
    assert send(manager, url(standard), again, button).status_code == 302


def test_a_draft_that_another_saved_is_not_thrown_away_unseen(manager, standard, now):
    mine = opened(manager, url(standard))
    save_policy_draft(policy=standard, draft={"typed": {}, "based_on": 1}, actor=StaffFactory(), now=now)
    manager.post(url(standard, "discard"), mine)
    standard.refresh_from_db()
    assert standard.draft is not None


def test_a_draft_of_an_older_version_says_so(manager, standard, now):
    mine = opened(manager, url(standard)) | {"next_response-amount": "7"}
    send(manager, url(standard), mine, "_draft")
    draft = Policy.objects.get(pk=standard.pk).draft
    publish_policy(policy=standard, terms=standard.versions.get().terms, actor=StaffFactory(), now=now)
    save_policy_draft(policy=standard, draft=draft, actor=StaffFactory(), now=now)
    assert "Version 2 was published meanwhile" in text(manager.get(url(standard)))


def test_a_preview_keeps_what_the_person_began_with(manager, standard):
    mine = opened(manager, url(standard)) | {"first_response-amount": "3"}
    send(signed_in(), url(standard), opened(signed_in(), url(standard)) | {"first_response-amount": "2"}, "_publish")
    page = send(manager, url(standard), mine, "_preview")
    assert (page.context["basis"].version, page.context["conflict"]) == ("1", None)


@pytest.mark.django_db(transaction=True)
def test_of_two_at_the_very_same_moment_one_is_told(standard):
    clients = [signed_in("Helen Marsh"), signed_in("Tom Haas")]
    typed = [opened(client, url(standard)) | {"first_response-amount": str(n)} for n, client in enumerate(clients, 2)]
    answers = []

    def act(index: int):
        return lambda: answers.append(send(clients[index], url(standard), typed[index], "_publish").status_code)

    assert at_once(act(0), act(1)) == []
    assert sorted(answers) == [200, 302]
    assert list(standard.versions.order_by("number").values_list("number", "is_current")) == [(1, False), (2, True)]


@pytest.mark.django_db(transaction=True)
def test_of_two_new_policies_of_one_name_the_second_is_refused_beside_the_field():
    clients = [signed_in(), signed_in()]
    typed = opened(clients[0], ADD) | {"name": "Twins", "first_response-amount": "5"}
    answers = []
    acts = [lambda client=client: answers.append(send(client, ADD, typed, "_publish")) for client in clients]
    assert at_once(*acts) == []
    assert sorted(answer.status_code for answer in answers) == [200, 302]
    assert Policy.objects.filter(name="Twins").count() == 1
    assert "called that already" in wrong(next(answer for answer in answers if answer.status_code == 200))["name"]


@pytest.mark.django_db(transaction=True)
def test_two_who_save_and_move_at_once_do_not_lock_each_other_out():
    policies = list(Policy.objects.order_by("position"))[:4]
    clients = [signed_in() for _policy in policies]
    typed = [
        opened(client, url(policy)) | {"place": str(4 - index), "callback-amount": "9"}
        for index, (client, policy) in enumerate(zip(clients, policies, strict=True))
    ]
    answers = []

    def act(index: int):
        return lambda: answers.append(send(clients[index], url(policies[index]), typed[index], "_publish").status_code)

    assert at_once(*(act(index) for index in range(4))) == []
    assert answers == [302] * 4
    assert sorted(Policy.objects.values_list("position", flat=True)) == [0, 1, 2, 3, 4]
