"""Signing in by SAML: who comes in, and what an answer is worth that isn't whole, for us, for now and asked for."""

import base64
import copy
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.utils import timezone
from lxml import etree

from helpdesk.accounts.company_sign_in import keep_provider
from helpdesk.accounts.invitations import AccountEvent
from helpdesk.accounts.models import Membership, StaffRole, User
from helpdesk.accounts.providers import IdentityProvider, SpentAssertion
from helpdesk.notifications.models import OutboxMail
from tests.accounts.saml_server import (
    CERTIFICATE,
    EMAIL,
    OTHER_CERTIFICATE,
    OTHER_KEY,
    PROTOCOL,
    SAML,
    SHA1,
    SHA256,
    Provider,
    at,
    bare,
    encoded,
)
from tests.factories import AccountFactory, DesignatedFactory, MembershipFactory, StaffFactory

pytestmark = pytest.mark.django_db
ANN = "ann@kestrel.example"
ASSERTION = f"{{{SAML}}}Assertion"


@pytest.fixture(scope="module")
def _running():
    server = Provider()
    yield server
    server.close()


@pytest.fixture
def server(_running):
    fresh = {name: copy.copy(value) for name, value in vars(_running).items() if name not in ("server",)}
    yield _running
    vars(_running).update(fresh)


@pytest.fixture
def company(server, now) -> IdentityProvider:
    return made(server, now)


def made(server, now, *, domains=("kestrel.example",), **values) -> IdentityProvider:
    values = {"is_on": True, "name": "Kestrel", "trusts_addresses": True, **values}
    provider = IdentityProvider(
        account=AccountFactory(),
        protocol="saml",
        issuer=server.entity_id,
        sso_url=f"{server.url}/sso",
        certificates=[bare(CERTIFICATE)],
        **values,
    )
    keep_provider(provider=provider, domains=domains, actor=StaffFactory(), now=now)
    return provider


def ask(server, company, client, **query) -> dict[str, str]:
    """From our link to the provider: what it is asked."""
    there = client.get(f"/accounts/oidc/{company.key}/login/", query)
    assert there.status_code == 302, there.content
    assert there["Location"].startswith(company.sso_url)
    return server.read(there["Location"])


def unasked(company) -> dict[str, str]:
    return {"acs": company.callback_url, "audience": company.metadata_page}


def answer(company, client, sent: str, **more):
    """The provider's page posts from another site, which brings no cookies; the redirect does."""
    back = Client().post(f"/accounts/oidc/{company.key}/saml/acs/", {"SAMLResponse": sent, **more})
    assert back.status_code == 302
    assert back["Location"] == f"/accounts/oidc/{company.key}/saml/finish/"
    client.cookies["company-answer"] = back.cookies["company-answer"].value
    return client.get(back["Location"])


def come(server, company, client=None, **query):
    client = client or Client()
    return answer(company, client, encoded(server.response(ask(server, company, client, **query))))


def is_in(found) -> bool:
    return found.status_code == 302 and "_auth_user_id" in found.client.session


def refused(found, words: str) -> bool:
    text = found.content.decode()
    return found.status_code == 403 and words in text and "_auth_user_id" not in found.client.session


def kinds(account) -> list[str]:
    return list(AccountEvent.objects.filter(account=account).order_by("id").values_list("kind", flat=True))


FAILED = "The sign-in didn't work"


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


PAST, LONG = at(-60), at(60 * 24 * 9)


@pytest.mark.parametrize(
    "change",
    [
        {"audience": "https://another.example/metadata"},
        {"audience": None},
        {"recipient": "https://another.example/acs"},
        {"recipient": None},
        {"destination": "https://another.example/acs"},
        {"destination": "http://127.0.0.1:8000.evil.example/"},
        {"issuer": "https://evil.example"},
        {"until": PAST},
        {"confirmed_until": PAST},
        {"confirmed_until": None},
        {"confirmed_until": LONG},
        {"from": at(60)},
        {"request": "_another", "response_request": "_another"},
        {"request": "_another"},
        {"response_request": "_another"},
        {"request": None},
        {"request": None, "response_request": None},
    ],
)
def test_an_answer_that_is_not_for_us_now_and_this_request_opens_nothing(server, company, change):
    server.values = change
    words = "Begin here" if change == {"request": None, "response_request": None} else FAILED
    assert refused(come(server, company), words)
    assert not User.objects.filter(email=ANN).exists()


@pytest.mark.parametrize("prefix", ["more", "?x=1"])
def test_an_address_that_only_begins_like_ours_is_another_one(server, company, prefix):
    server.values = {"recipient": company.callback_url + prefix}
    assert refused(come(server, company), FAILED)
    server.values = {"destination": company.callback_url + prefix}
    assert refused(come(server, company), FAILED)


@pytest.mark.parametrize("signs", ["", "response"])
def test_an_assertion_must_be_signed_itself(server, company, signs):
    server.signs = signs
    assert refused(come(server, company), FAILED)


def test_a_signed_response_around_it_does_no_harm(server, company):
    server.signs = "both"
    assert is_in(come(server, company))


def test_another_key_or_a_weak_signature_opens_nothing(server, company):
    server.methods = SHA1
    assert refused(come(server, company), FAILED)
    server.methods, server.key = SHA256, OTHER_KEY
    assert refused(come(server, company), FAILED)
    company.certificates = [bare(CERTIFICATE), bare(OTHER_CERTIFICATE)]  # while the provider renews its own
    company.save()
    assert is_in(come(server, company))


def test_what_was_changed_after_it_was_signed_opens_nothing(server, company):
    client = Client()
    root = server.response(ask(server, company, client))
    for value in root.iter(f"{{{SAML}}}AttributeValue"):
        value.text = value.text.replace("ann@", "boss@")
    assert refused(answer(company, client, encoded(root)), FAILED)


def test_a_comment_cuts_no_name_short(server, company):
    server.attributes = {EMAIL: "ann@kestrel.example.evil.example"}
    client = Client()
    text = etree.tostring(server.response(ask(server, company, client))).decode()
    text = text.replace("kestrel.example.evil", "kestrel.example<!-- -->.evil")
    assert refused(answer(company, client, base64.b64encode(text.encode()).decode()), "belongs elsewhere")


def forged(root):
    """An unsigned copy of the assertion, for somebody else."""
    copied = copy.deepcopy(root.find(ASSERTION))
    copied.remove(copied.find("{http://www.w3.org/2000/09/xmldsig#}Signature"))
    copied.set("ID", "_forged")
    for value in copied.iter(f"{{{SAML}}}AttributeValue"):
        value.text = value.text.replace("ann@", "boss@")
    return copied


def beside(root):
    root.insert(2, forged(root))


def behind(root):
    root.append(forged(root))


def around(root):
    real, fake = root.find(ASSERTION), forged(root)
    root.replace(real, fake)
    fake.append(real)


def in_an_extension(root):
    real, fake = root.find(ASSERTION), forged(root)
    root.replace(real, fake)
    extensions = etree.Element(f"{{{PROTOCOL}}}Extensions")
    extensions.append(real)
    root.insert(1, extensions)


def in_the_signature(root):
    real, fake = root.find(ASSERTION), forged(root)
    signature = copy.deepcopy(real.find("{http://www.w3.org/2000/09/xmldsig#}Signature"))
    root.replace(real, fake)
    fake.insert(1, signature)
    held = etree.SubElement(signature, "{http://www.w3.org/2000/09/xmldsig#}Object")
    held.append(real)


def under_one_name(root):
    real, fake = root.find(ASSERTION), forged(root)
    fake.set("ID", real.get("ID"))
    root.insert(1, fake)


@pytest.mark.parametrize("wrap", [beside, behind, around, in_an_extension, in_the_signature, under_one_name])
def test_a_signature_that_is_wrapped_opens_nothing(server, company, wrap):
    client = Client()
    root = server.response(ask(server, company, client))
    wrap(root)
    assert refused(answer(company, client, encoded(root)), FAILED)
    assert not User.objects.filter(email__endswith="@kestrel.example").exists()


BOMB = "".join(
    f'<!ENTITY {"abcdefgh"[i]} "{("&" + "abcdefgh"[i - 1] + ";") * 20 if i else "x" * 20}">' for i in range(8)
)


@pytest.mark.parametrize(
    "text",
    [
        f"<!DOCTYPE r [{BOMB}]><r>&h;</r>",
        '<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]><r>&f;</r>',
        '<!DOCTYPE r SYSTEM "http://127.0.0.1:1/x.dtd"><r/>',
        "<r>",
        "<r/>",
        "",
        "\x00",
        "<" * 1000,
    ],
)
def test_hostile_xml_is_refused_as_any_other(company, text):
    found = answer(company, Client(), base64.b64encode(text.encode()).decode())
    assert refused(found, FAILED)


@pytest.mark.parametrize("sent", ["", "%%%", "=", "é", "A" * 400_000, "AAAA"])
def test_what_is_no_answer_at_all_is_refused_too(company, sent):
    assert refused(answer(company, Client(), sent), FAILED)


def test_an_answer_counts_in_the_browser_that_asked_and_once(server, company):
    client = Client()
    sent = encoded(server.response(ask(server, company, client)))
    assert refused(answer(company, Client(), sent), FAILED)
    assert refused(answer(company, client, sent), FAILED)  # spent by now, in whatever browser
    sent = encoded(server.response(ask(server, company, client)))
    assert is_in(answer(company, client, sent))
    assert client.get(f"/accounts/oidc/{company.key}/saml/finish/").status_code == 403
    assert refused(answer(company, Client(), sent), FAILED)


def test_spent_answers_are_forgotten_when_they_have_expired(server, company):
    come(server, company)
    assert SpentAssertion.objects.count() == 1
    SpentAssertion.objects.update(until=timezone.now() - timedelta(seconds=1))
    come(server, company)
    assert SpentAssertion.objects.count() == 1


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
