"""Two people at the pages of one object in the same instant, really committed."""

import pytest
from django.test import Client

from helpdesk.accounts.models import Account, StaffRole, TeamMembership, User
from helpdesk.tickets.models import CannedReply
from tests.at_once import at_once
from tests.factories import AccountFactory, StaffFactory, TeamFactory
from tests.workspace.test_object_pages import ROOT, opened

pytestmark = pytest.mark.django_db(transaction=True)


def signed_in(**also) -> Client:
    client = Client()
    client.force_login(StaffFactory(staff_role=StaffRole.ADMINISTRATOR, **also))
    return client


def saving(client: Client, path: str, values: dict, answers: list):
    page = opened(client, path) | values
    return lambda: answers.append(client.post(path, page).status_code)


def test_of_two_who_save_at_once_one_is_told():
    account = AccountFactory(name="Kestrel")
    path, answers = f"{ROOT}account/{account.pk}/change/", []
    acts = [saving(signed_in(), path, {"name": [name]}, answers) for name in ("Kestrel One", "Kestrel Two")]
    assert at_once(*acts) == []
    assert sorted(answers) == [200, 302]
    assert Account.objects.get().name in ("Kestrel One", "Kestrel Two")


def test_of_two_administrators_who_dismiss_each_other_at_once_one_stays():
    ada, ben = signed_in(full_name="Ada"), signed_in(full_name="Ben")
    keys, answers = dict(User.objects.values_list("full_name", "pk")), []
    demoted = {"staff_role": ["specialist"]}
    acts = [saving(ada, f"{ROOT}user/{keys['Ben']}/change/", demoted, answers)]
    acts.append(saving(ben, f"{ROOT}user/{keys['Ada']}/change/", demoted, answers))
    assert at_once(*acts) == []
    assert User.objects.filter(staff_role=StaffRole.ADMINISTRATOR).count() == 1


def test_a_double_click_makes_one_canned_reply():
    client, path, answers = signed_in(), f"{ROOT}cannedreply/add/", []
    values = {"name": ["Thanks"], "body": ["Thank you."]}
    assert at_once(*[saving(client, path, values, answers) for _press in range(2)]) == []
    assert sorted(answers) == [200, 302]
    assert CannedReply.objects.count() == 1


def test_two_leads_who_add_the_same_person_at_once_add_them_once():
    team, person, answers = TeamFactory(), StaffFactory(), []
    path = f"{ROOT}team/{team.pk}/change/"
    row = {"memberships-TOTAL_FORMS": ["1"], "memberships-0-user": [person.email]}
    assert at_once(*[saving(signed_in(), path, row, answers) for _lead in range(2)]) == []
    assert sorted(answers) == [200, 302]
    assert TeamMembership.objects.count() == 1
