"""Setting up a sign-in by SAML: metadata that is fetched or pasted, and what is refused of it."""

import base64

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from lxml import etree

from helpdesk.accounts.models import StaffRole
from helpdesk.accounts.providers import IdentityProvider
from helpdesk.accounts.saml import settings_of
from helpdesk.accounts.saml_metadata import LARGEST, Unusable, fetch, parse
from tests.accounts.saml_server import CERTIFICATE, OTHER_CERTIFICATE, Provider, bare, key_pair
from tests.factories import AccountFactory, StaffFactory, UserFactory

pytestmark = pytest.mark.django_db
ADD = "/admin/helpdesk/identityprovider/add/"
MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"


@pytest.fixture
def server():
    server = Provider()
    yield server
    server.close()


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(StaffFactory(staff_role=StaffRole.ADMINISTRATOR))
    return client


def added(admin, account, **values):
    data = {"account": account.pk, "name": "Kestrel", "domain_list": "kestrel.example", "protocol": "saml", **values}
    return admin.post(ADD, data)


def test_an_administrator_sets_it_up_by_an_address_and_reads_it_again(server, admin):
    assert added(admin, AccountFactory(), metadata_url=f"{server.url}/metadata").status_code == 302
    row = IdentityProvider.objects.get()
    assert (row.issuer, row.sso_url) == (server.entity_id, f"{server.url}/sso")
    assert (row.certificates, row.is_on) == ([bare(CERTIFICATE)], False)
    SocialAccount.objects.create(user=UserFactory(), provider=row.key, uid="u-1")
    url = f"/admin/helpdesk/identityprovider/{row.pk}/change/"
    page = admin.get(url).content.decode()
    for shown in (row.callback_url, row.metadata_page, row.issuer, row.sso_url, "until"):
        assert shown in page
    server.certificate = OTHER_CERTIFICATE
    data = {"name": "Kestrel", "domain_list": "kestrel.example", "metadata_url": row.metadata_url, "is_on": "on"}
    assert admin.post(url, data).status_code == 302  # nothing is read anew: the provider may be down
    row.refresh_from_db()
    assert (row.is_on, row.certificates) == (True, [bare(CERTIFICATE)])
    assert admin.post(url, {**data, "reads_again": "on"}).status_code == 302
    row.refresh_from_db()
    assert (row.is_on, row.certificates) == (True, [bare(OTHER_CERTIFICATE)])
    assert SocialAccount.objects.count() == 1  # the same provider with another certificate
    other = server.metadata.replace(server.entity_id, "https://other.example/idp")
    assert admin.post(url, {**data, "metadata_xml": other}).status_code == 302
    assert not SocialAccount.objects.exists()


def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_kept(server, admin):
    account = AccountFactory()
    for field, values in (
        ("metadata_url", {}),
        ("metadata_url", {"metadata_url": f"{server.url}/elsewhere"}),
        ("metadata_url", {"metadata_url": "http://127.0.0.1:1/metadata"}),
        ("metadata_url", {"metadata_url": "file:///etc/passwd"}),
        ("metadata_xml", {"metadata_xml": "<r/>"}),
        ("metadata_xml", {"metadata_xml": "no xml"}),
    ):
        found = added(admin, account, **values)
        assert found.status_code == 200
        assert list(found.context["adminform"].errors) == [field]
        for name, typed in values.items():
            assert found.context["adminform"].form[name].value() == typed
    found = admin.post(ADD, {"account": account.pk, "name": "K", "domain_list": "k.example", "protocol": "oidc"})
    assert sorted(found.context["adminform"].errors) == ["client_id", "issuer"]
    assert not IdentityProvider.objects.exists()


def test_only_secure_addresses_where_the_service_is_secure(server, settings):
    settings.SECURE = True
    with pytest.raises(Unusable, match="https"):
        fetch(f"{server.url}/metadata")
    with pytest.raises(Unusable, match="no secure sign-in address"):
        parse(server.metadata.encode())


def test_metadata_that_is_too_large_is_not_read_to_its_end(server, monkeypatch):
    monkeypatch.setattr(Provider, "metadata", " " * (LARGEST + 1))
    with pytest.raises(Unusable, match="too large"):
        fetch(f"{server.url}/metadata")
    with pytest.raises(Unusable, match="too large"):
        parse(b" " * (LARGEST + 1))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: '<!DOCTYPE a [<!ENTITY e "x">]>' + text,
        lambda text: '<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x">' + text,
        lambda text: text.replace("IDPSSODescriptor", "SPSSODescriptor"),
        lambda text: text.replace("HTTP-Redirect", "HTTP-POST"),
        lambda text: text.replace('Location="http', 'Location="javascript'),
        lambda text: text.replace('use="signing"', 'use="encryption"'),
        lambda text: text.replace(bare(CERTIFICATE), "AAAA"),
        lambda text: text.replace(bare(CERTIFICATE), "%%%"),
        lambda text: text.replace("entityID=", "other="),
        lambda text: text.replace('entityID="', 'entityID="' + "x" * 400),
    ],
)
def test_metadata_that_names_no_usable_provider_is_refused(server, change):
    with pytest.raises(Unusable):
        parse(change(server.metadata).encode())
    assert parse(server.metadata.encode()).certificates == [bare(CERTIFICATE)]


def test_our_own_metadata_says_what_the_customers_it_needs(server, settings):
    row = IdentityProvider.objects.create(
        account=AccountFactory(),
        name="K",
        protocol="saml",
        issuer="urn:kestrel:idp",
        sso_url=server.url,
        certificates=[],
    )
    row.certificates = [bare(CERTIFICATE)]
    row.save()
    found = Client().get(f"/accounts/oidc/{row.key}/saml/metadata/")
    root = etree.fromstring(found.content)
    service = root.find(f".//{MD}AssertionConsumerService")
    role = root.find(f"{MD}SPSSODescriptor")
    assert (root.get("entityID"), service.get("Location")) == (row.metadata_page, row.callback_url)
    assert (role.get("WantAssertionsSigned"), role.get("AuthnRequestsSigned")) == ("true", "false")
    settings.SAML_KEY, settings.SAML_CERTIFICATE = key_pair()
    role = etree.fromstring(Client().get(f"/accounts/oidc/{row.key}/saml/metadata/").content).find(
        f"{MD}SPSSODescriptor"
    )
    assert role.get("AuthnRequestsSigned") == "true"
    assert settings_of(row).get_sp_key()


def test_requests_are_signed_where_the_service_has_a_key(server, admin, settings):
    settings.SAML_KEY, settings.SAML_CERTIFICATE = key_pair()
    added(admin, AccountFactory(), metadata_xml=server.metadata)
    IdentityProvider.objects.update(is_on=True)
    there = Client().get(f"/accounts/oidc/{IdentityProvider.objects.get().key}/login/")["Location"]
    assert "&SigAlg=http%3A%2F%2Fwww.w3.org%2F2001%2F04%2Fxmldsig-more%23rsa-sha256" in there
    signature = there.split("Signature=")[1]
    assert len(base64.b64decode(signature.replace("%2B", "+").replace("%2F", "/").replace("%3D", "="))) == 256
