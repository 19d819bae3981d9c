"""Signing in by SAML: who comes in, and what is said to whom who doesn't."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from helpdesk.accounts.models import Membership, StaffRole, User
from helpdesk.accounts.providers import IdentityProvider
from helpdesk.notifications.models import OutboxMail
from tests.accounts.saml.scene import ANN, FAILED, answer, ask, come, is_in, kinds, made, refused, unasked
from tests.accounts.saml_server import EMAIL, encoded
from tests.factories import DesignatedFactory, MembershipFactory, StaffFactory

pytestmark = pytest.mark.django_db


def test_a_new_person_comes_in_as_a_user_of_the_account_and_again_as_themselves(server, company):
    assert is_in(found := come(server, company, next="/tickets/"))
    assert found["Location"] == "/tickets/"
    person = User.objects.get(email=ANN)
    assert (person.full_name, person.has_usable_password(), person.staff_role) == ("Ann Berg", False, "")
    member = Membership.objects.get(user=person)
    assert (member.account, member.role, member.is_designated) == (company.account, "user", False)
    assert is_in(come(server, company, next="https://evil.example/"))
    assert kinds(company.account) == ["sso_on", "came_in"]
    assert SocialAccount.objects.get().extra_data == {}


def test_a_member_is_linked_keeps_the_role_and_hears_of_it(server, company):
    member = DesignatedFactory(account=company.account, user__email=ANN)
    assert is_in(come(server, company))
    member.refresh_from_db()
    assert member.is_designated
    assert kinds(company.account) == ["sso_on", "linked"]
    assert [mail.context["news"] for mail in OutboxMail.objects.filter(template="security")] == ["company_linked"]


def test_who_may_come_in_is_the_same_as_with_openid(server, company):
    other = MembershipFactory(user__email="b@kestrel.example")
    server.attributes = {EMAIL: other.user.email}
    assert refused(come(server, company), "You don't belong to this account")
    server.attributes = {EMAIL: "ann@other.example"}
    assert refused(come(server, company), "belongs elsewhere")
    server.attributes = {EMAIL: StaffFactory(email="s@kestrel.example").email}
    assert refused(come(server, company), "Staff sign in here themselves")
    server.attributes = {}
    assert refused(come(server, company), "isn't verified")
    IdentityProvider.objects.update(trusts_addresses=False)
    server.attributes = {EMAIL: ANN}
    assert refused(come(server, company), "isn't verified")
    assert not SocialAccount.objects.exists()


def test_the_person_s_own_second_factor_is_asked_for_besides(server, company):
    come(server, company)
    Authenticator.objects.create(user=User.objects.get(email=ANN), type=Authenticator.Type.TOTP, data={"secret": "x"})
    found = come(server, company)
    assert found["Location"].startswith("/accounts/2fa/authenticate/")
    assert "_auth_user_id" not in found.client.session


def test_the_address_may_be_the_name_and_a_passing_name_names_nobody(server, company):
    server.attributes, server.name_id = {}, ANN
    server.name_format = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
    assert is_in(come(server, company))
    server.name_format = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
    assert refused(come(server, company), FAILED)


def test_nobody_starts_there_unless_it_is_switched_on_and_then_once(server, company):
    refusal = answer(company, Client(), encoded(server.response(unasked(company))))
    assert refused(refusal, "Begin here")
    IdentityProvider.objects.update(allows_unasked=True)
    sent = encoded(server.response(unasked(company)))
    found = answer(company, Client(), sent, RelayState="/tickets/")
    assert is_in(found)
    assert found["Location"] == "/tickets/"
    assert refused(answer(company, Client(), sent), FAILED)
    sent = encoded(server.response(unasked(company)))
    assert answer(company, Client(), sent, RelayState="https://evil.example/")["Location"] == "/welcome/"


def test_a_provider_that_says_no_says_so_kindly(server, company):
    server.values = {"status": "Responder"}
    assert refused(come(server, company), "You stopped on the way")


def test_a_failure_has_a_number_that_is_in_the_log(server, company, caplog):
    server.values = {"audience": None}
    found = come(server, company)
    assert found["X-Incident"] in found.content.decode()
    assert "another audience" in caplog.text


def test_one_that_is_switched_off_half_way_says_so_and_lets_nobody_in(server, company):
    client = Client()
    asked = ask(server, company, client)
    IdentityProvider.objects.update(is_on=False)
    assert refused(answer(company, client, encoded(server.response(asked))), "This sign-in is switched off")
    assert client.get(f"/accounts/oidc/{company.key}/login/").status_code == 404


def test_trying_it_signs_nobody_in_and_is_for_administrators(server, now):
    company = made(server, now, is_on=False)
    client = Client()
    client.force_login(StaffFactory(staff_role=StaffRole.ADMINISTRATOR))
    page = come(server, company, client, process="try").content.decode()
    assert "A person like this can come in." in page
    assert not User.objects.filter(email=ANN).exists()
    server.values = {"audience": None}
    assert "another audience" in come(server, company, client, process="try").content.decode()


def test_an_answer_of_one_provider_opens_nothing_at_another(server, company, now):
    other = made(server, now, domains=["other.example"])
    client = Client()
    sent = encoded(server.response(ask(server, company, client)))
    assert refused(answer(other, client, sent), FAILED)
    oidc = IdentityProvider.objects.create(account=company.account, name="O", issuer=server.url, client_id="c")
    for page in ("acs/", "finish/", "metadata/"):
        assert client.get(f"/accounts/oidc/{oidc.key}/saml/{page}").status_code in (404, 405)
    assert client.post(f"/accounts/oidc/{oidc.key}/saml/acs/", {"SAMLResponse": sent}).status_code == 404
    assert client.get(f"/accounts/oidc/{company.key}/login/callback/", {"code": "x"}).status_code == 404
