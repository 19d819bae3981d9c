"""A provider that encrypts what it says: read with our key, and checked no less than what is sent in the open."""

import copy

import pytest
from django.test import Client
from lxml import etree

from helpdesk.accounts.models import User
from tests.accounts.saml.scene import ANN, ASSERTION, FAILED, answer, ask, come, is_in, refused
from tests.accounts.saml_server import OTHER_KEY, SAML, encoded, key_pair

pytestmark = pytest.mark.django_db
OWN_KEY, OWN_CERTIFICATE = key_pair()
FOREIGN_CERTIFICATE = key_pair()[1]
ENCRYPTED = f"{{{SAML}}}EncryptedAssertion"


@pytest.fixture(autouse=True)
def _encrypted(server, settings):
    settings.SAML_KEY, settings.SAML_CERTIFICATE = OWN_KEY, OWN_CERTIFICATE
    server.encrypts_for = OWN_CERTIFICATE


def nobody_came() -> bool:
    return not User.objects.filter(email__endswith="@kestrel.example").exists()


def test_what_was_encrypted_for_us_opens_and_says_nothing_on_its_way(server, company):
    client = Client()
    root = server.response(ask(server, company, client))
    assert root.find(ASSERTION) is None
    assert ANN not in etree.tostring(root).decode()
    sent = encoded(root)
    found = answer(company, client, sent)
    assert is_in(found)
    assert User.objects.get(email=ANN).full_name == "Ann Berg"
    assert refused(answer(company, Client(), sent), FAILED)  # spent


def test_our_metadata_say_what_to_encrypt_with(company):
    page = Client().get(f"/accounts/oidc/{company.key}/saml/metadata/").content.decode()
    assert 'use="encryption"' in page
    assert "".join(page.split()).count("".join(OWN_CERTIFICATE.split("-----")[2].split())) == 2  # for signing, too


def test_a_signature_around_the_encrypted_assertion_does_no_harm(server, company):
    server.signs = "both"
    assert is_in(come(server, company))


@pytest.mark.parametrize(
    "change",
    [
        {"audience": "https://another.example/metadata"},
        {"audience": None},
        {"recipient": "https://another.example/acs"},
        {"destination": "https://another.example/acs"},
        {"issuer": "https://evil.example"},
        {"confirmed_until": None},
        {"request": "_another"},
        {"request": None},
    ],
)
def test_every_check_counts_inside_as_well(server, company, change):
    server.values = change
    assert refused(come(server, company), FAILED)
    assert nobody_came()


@pytest.mark.parametrize("signs", ["", "response"])
def test_encrypting_is_not_signing(server, company, signs):
    """Everybody can encrypt for us: our certificate is public."""
    server.signs = signs
    assert refused(come(server, company), FAILED)
    server.signs, server.key = "assertion", OTHER_KEY
    assert refused(come(server, company), FAILED)
    assert nobody_came()


def test_what_is_encrypted_for_another_or_cannot_be_opened_is_refused(server, company, settings, caplog):
    server.encrypts_for = FOREIGN_CERTIFICATE
    assert refused(come(server, company), FAILED)
    server.encrypts_for = OWN_CERTIFICATE
    client = Client()
    root = server.response(ask(server, company, client))
    *_others, cipher = root.iter("{http://www.w3.org/2001/04/xmlenc#}CipherValue")
    cipher.text = "AAAA" + cipher.text.strip()[4:]
    assert refused(answer(company, client, encoded(root)), FAILED)
    settings.SAML_KEY = settings.SAML_CERTIFICATE = ""
    caplog.clear()
    assert refused(come(server, company), FAILED)
    assert "private key" in caplog.text
    assert nobody_came()


def beside(server, root):
    """A second assertion in the open, for somebody else."""
    root.append(server.forged)


def before(server, root):
    root.insert(2, server.forged)


def instead(server, root):
    """Two that are encrypted: the real one, and one that anybody can make."""
    server.encrypt(root, server.forged)


def within(server, root):
    """The real one hidden in another, which is encrypted anew."""
    real = root.find(ENCRYPTED)
    root.remove(real)
    server.forged.append(real)
    server.encrypt(root, server.forged)


@pytest.mark.parametrize("wrap", [beside, before, instead, within])
def test_an_assertion_that_is_slipped_in_opens_nothing(server, company, wrap):
    client = Client()
    asked = ask(server, company, client)
    server.encrypts_for, server.signs = "", ""
    forged = copy.deepcopy(server.response(asked).find(ASSERTION))
    for value in forged.iter(f"{{{SAML}}}AttributeValue"):
        value.text = value.text.replace("ann@", "boss@")
    server.encrypts_for, server.signs, server.forged = OWN_CERTIFICATE, "assertion", forged
    root = server.response(asked)
    wrap(server, root)
    assert refused(answer(company, client, encoded(root)), FAILED)
    assert nobody_came()
