"""What a provider's answer must prove before it opens anything."""

import time

import pytest
import requests
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from helpdesk.accounts.models import Membership, User
from tests.accounts.company.scene import ANN, come, is_in, kinds, made, refused
from tests.accounts.oidc_server import CLIENT_ID, OTHER_KEY, SECRET
from tests.factories import DesignatedFactory

pytestmark = pytest.mark.django_db


def test_a_new_person_comes_in_as_a_user_of_the_account_and_again_as_themselves(company):
    answer = come(company)
    assert is_in(answer)
    assert answer["Location"] == "/welcome/"
    person = User.objects.get(email="ann@kestrel.example")
    assert (person.full_name, person.has_usable_password(), person.staff_role) == ("Ann Berg", False, "")
    member = Membership.objects.get(user=person)
    assert (member.account, member.role, member.is_designated) == (company.account, "user", False)
    assert kinds(company.account) == ["sso_on", "came_in"]
    assert is_in(come(company))
    assert User.objects.filter(staff_role="").count() == 1
    assert kinds(company.account) == ["sso_on", "came_in"]
    assert SocialAccount.objects.get().extra_data == {}


def test_it_leads_back_to_the_page_that_was_asked_for_and_to_no_other_site(company):
    assert come(company, following="/tickets/")["Location"] == "/tickets/"
    assert come(company, following="https://evil.example/")["Location"] == "/welcome/"


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://evil.example"},
        {"aud": "another-client"},
        {"aud": [CLIENT_ID, "x"], "azp": "x"},
        {"nonce": "of-another-sign-in"},
        {"nonce": None},
        {"exp": int(time.time()) - 3600},
        {"sub": ""},
    ],
)
def test_a_token_that_is_not_for_this_sign_in_opens_nothing(server, company, change):
    server.change = change
    assert refused(come(company), "The sign-in didn't work")
    assert not User.objects.filter(email=ANN["email"]).exists()


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [
        (OTHER_KEY, "RS256", "one"),
        (OTHER_KEY, "RS256", "two"),
        (SECRET * 3, "HS256", "one"),
        (None, "none", "one"),
        (None, "none", None),
    ],
)
def test_a_forged_signature_opens_nothing(server, company, key, algorithm, kid):
    server.key, server.algorithm, server.kid = key, algorithm, kid
    assert refused(come(company), "The sign-in didn't work")


def test_a_provider_that_calls_itself_otherwise_is_another_one(server, company):
    server.called = "https://evil.example"
    assert Client().get(f"/accounts/oidc/{company.key}/login/").status_code == 403


def test_an_answer_counts_in_the_browser_that_asked_and_once(company):
    client = Client()
    there = client.get(f"/accounts/oidc/{company.key}/login/")
    back = requests.get(there["Location"], allow_redirects=False, timeout=5).headers["Location"]
    back = back.removeprefix("http://testserver")
    assert refused(Client().get(back), "The sign-in didn't work")
    assert is_in(client.get(back))
    assert client.get(back).status_code == 403


@pytest.mark.parametrize("verified", [False, None, "false", "no", 1])
def test_an_unverified_address_brings_nobody_in(server, company, verified):
    server.claims["email_verified"] = verified
    assert refused(come(company), "isn't verified")
    DesignatedFactory(account=company.account, user__email=ANN["email"])
    assert refused(come(company), "isn't verified")
    assert not SocialAccount.objects.exists()


def test_a_provider_whose_addresses_are_proven_need_not_say_so(server, now):
    del server.claims["email_verified"]
    assert is_in(come(made(server, now, trusts_addresses=True)))


@pytest.mark.parametrize("email", ["ann@other.example", "ann@sub.kestrel.example", "ann@kestrel.example.evil.example"])
def test_an_address_of_another_domain_brings_nobody_in(server, company, email):
    server.claims["email"] = email
    assert refused(come(company), "belongs elsewhere")
    assert not User.objects.filter(email=email).exists()


@pytest.mark.parametrize("email", ["", None, "no-address", "a@b@kestrel.example", ["ann@kestrel.example"]])
def test_an_answer_without_an_address_brings_nobody_in(server, company, email):
    server.claims["email"] = email
    assert come(company).status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        {"sub": "x" * 192},
        {"sub": "a\x00b"},
        {"sub": 7},
        {"email": "a" * 300 + "@kestrel.example"},
        {"email": "a\x00@kestrel.example"},
        {"email": "<script>@kestrel.example"},
    ],
)
def test_a_hostile_answer_is_refused_as_any_other(server, company, change):
    server.change = change
    assert come(company).status_code == 403
    assert not User.objects.filter(staff_role="").exists()
