"""What an answer by SAML is worth that isn't whole, for us, for now and asked for."""

import base64
import copy
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from lxml import etree

from helpdesk.accounts.models import User
from helpdesk.accounts.providers import SpentAssertion
from tests.accounts.saml.scene import ANN, ASSERTION, FAILED, answer, ask, come, is_in, refused
from tests.accounts.saml_server import (
    CERTIFICATE,
    EMAIL,
    OTHER_CERTIFICATE,
    OTHER_KEY,
    PROTOCOL,
    SAML,
    SHA1,
    SHA256,
    at,
    bare,
    encoded,
)

pytestmark = pytest.mark.django_db

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
