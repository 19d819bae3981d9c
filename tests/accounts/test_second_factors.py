"""Second factors: what is offered and to whom, recovery codes, and what a member of staff must keep."""

import json

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.core.cache import cache
from django.test import Client

from helpdesk.notifications.models import OutboxMail
from tests.accounts.passkey import Device
from tests.factories import PASSWORD, DesignatedFactory, StaffFactory

pytestmark = pytest.mark.django_db
SEED = "JBSWY3DPEHPK3PXP"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36"
INDEX, ADD, CODES = "/accounts/2fa/", "/accounts/2fa/webauthn/add/", "/accounts/2fa/recovery-codes/"


@pytest.fixture(autouse=True)
def _many_sign_ins(settings):
    settings.ACCOUNT_RATE_LIMITS = {"login": "600/m/ip", "login_failed": "600/m/key", "reauthenticate": "600/m/user"}
    settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True
    cache.clear()  # codes that were used


@pytest.fixture
def mina():
    return DesignatedFactory().user


@pytest.fixture
def anna(settings):
    """A specialist, who needs a second factor to reach the workspace."""
    settings.STAFF_MFA_REQUIRED = True
    return StaffFactory()


def confirmed(user) -> Client:
    """Signed in, and asked for the password again a moment ago."""
    client = Client(headers={"user-agent": CHROME})
    client.force_login(user)
    client.post(f"/accounts/reauthenticate/?next={INDEX}", {"password": PASSWORD})
    return client


def half_way(user) -> Client:
    """After the password, before the second factor."""
    client = Client()
    answer = client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    assert answer["Location"].startswith("/accounts/2fa/authenticate/")
    return client


def by_code(user, code: str):
    return half_way(user).post("/accounts/2fa/authenticate/", {"code": code}, follow=True)


def news() -> list[str]:
    return [mail.context["news"] for mail in OutboxMail.objects.filter(template="security").order_by("pk")]


def keys(user) -> list[str]:
    return [row.wrap().name for row in Authenticator.objects.filter(user=user, type="webauthn").order_by("pk")]


def remove(client: Client, user):
    row = Authenticator.objects.filter(user=user, type="webauthn").first()
    path = f"/accounts/2fa/webauthn/keys/{row.pk}/remove/"
    return client.get(path).text, client.post(path, follow=True)


def test_a_recovery_code_counts_down_and_is_told(mina):
    TOTP.activate(mina, SEED)
    codes = RecoveryCodes.activate(mina).get_unused_codes()
    assert "You used a recovery code; 9 are left." in by_code(mina, codes[0]).text
    assert "code_used" in news()
    again = by_code(mina, codes[0])
    assert "This recovery code was used already." in again.text
    assert "_auth_user_id" not in again.client.session
    assert "Your app shows a new one" in by_code(mina, "00000000").text
    for code in codes[1:6]:
        assert "Make new ones" not in by_code(mina, code).text
    few = by_code(mina, codes[6])
    assert "3 are left. Make new ones" in few.text
    assert "3 left" in few.client.get(INDEX).text
    for code in codes[7:]:
        last = by_code(mina, code)
    assert "That was your last recovery code. Make new ones" in last.text
    last.client.post(f"/accounts/reauthenticate/?next={CODES}", {"password": PASSWORD})
    assert "Every code is used." in last.client.get(f"{CODES}download/", follow=True).text


@pytest.mark.parametrize("page", ["", "generate/", "download/"])
def test_recovery_codes_without_a_second_factor_lead_to_where_one_is_added(mina, page):
    client = Client()
    assert client.get(CODES + page)["Location"].startswith("/accounts/login/")
    answer = confirmed(mina).get(CODES + page, follow=True)
    assert answer.redirect_chain[-1][0] == INDEX
    assert "Recovery codes come with a second factor." in answer.text


def test_codes_are_made_shown_fetched_and_renewed(mina, django_capture_on_commit_callbacks):
    TOTP.activate(mina, SEED)
    client = confirmed(mina)
    assert client.get(CODES)["Location"] == f"{CODES}generate/"
    page = client.post(f"{CODES}generate/", follow=True)
    first = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
    assert [code for code in first if code not in page.text] == []
    file = client.get(f"{CODES}download/")
    assert "recovery-codes.txt" in file["Content-Disposition"]
    assert [code for code in first if code not in file.content.decode()] == []
    assert "The 10 codes that you have not used yet count no more" in client.get(f"{CODES}generate/").text
    with django_capture_on_commit_callbacks(execute=True):
        client.post(f"{CODES}generate/")
    assert news() == ["codes_made"]
    assert "Your app shows a new one" in by_code(mina, first[0]).text


def test_the_code_page_offers_what_the_person_has(mina):
    TOTP.activate(mina, SEED)
    page = half_way(mina).get("/accounts/2fa/authenticate/").text
    assert 'id="mfa_webauthn_authenticate"' not in page
    assert "recovery codes" not in page
    RecoveryCodes.activate(mina)
    assert "or one of your recovery codes" in half_way(mina).get("/accounts/2fa/authenticate/").text
    Device().make(confirmed(mina))
    both = half_way(mina).get("/accounts/2fa/authenticate/").text
    assert 'id="mfa_webauthn_authenticate"' in both
    assert "your authenticator app" in both
    Authenticator.objects.filter(type="totp").delete()
    without = half_way(mina).get("/accounts/2fa/authenticate/").text
    assert "authenticator app" not in without
    assert "Recovery code</label>" in without
    Authenticator.objects.filter(type="recovery_codes").delete()
    assert 'name="code"' not in half_way(mina).get("/accounts/2fa/authenticate/").text


def test_a_passkey_is_named_after_its_device_renamed_signs_in_and_is_removed(mina):
    client, device = confirmed(mina), Device()
    made = device.make(client)
    assert made["Location"] == CODES  # which were made with it
    Device().make(client, name="")
    Device().make(client, name="x" * 200)
    assert keys(mina) == ["Chrome, Linux", "Chrome, Linux 2", "x" * 60]
    first = Authenticator.objects.filter(type="webauthn").order_by("pk").first()
    client.post(f"/accounts/2fa/webauthn/keys/{first.pk}/edit/", {"name": "My phone"})
    assert "My phone" in client.get(INDEX).text
    assert device.sign_in(Client())["Location"] == "/welcome/"
    page, removed = remove(client, mina)
    assert "last second factor" not in page
    assert removed.redirect_chain[-1][0] == "/accounts/2fa/webauthn/"
    assert news().count("key_removed") == 1
    refused = Client()
    assert "known here any more. Sign in with your password" in refused.get(device.sign_in(refused)["Location"]).text
    assert "_auth_user_id" not in refused.session


def test_a_customer_is_told_what_removing_the_last_factor_means(mina):
    client = confirmed(mina)
    Device().make(client)
    page, removed = remove(client, mina)
    assert "from then on your password alone signs you in" in page
    assert removed.redirect_chain[-1][0] == INDEX
    assert not Authenticator.objects.exists()


def test_a_member_of_staff_keeps_one_second_factor(anna, settings):
    client = confirmed(anna)
    assert "need a second factor to open the workspace" in client.get(INDEX).text
    Device().make(client)
    page, refused = remove(client, anna)
    assert "this is your last. Add another one first." in page
    assert refused.status_code == 409
    TOTP.activate(anna, SEED)
    assert remove(client, anna)[1].status_code == 200
    assert keys(anna) == []
    off = "/accounts/2fa/totp/deactivate/"
    assert "this is your last. Add another one first." in client.get(off).text
    client.post(off)
    assert Authenticator.objects.filter(type="totp").exists()
    settings.STAFF_MFA_REQUIRED = False
    client.post(off)
    assert not Authenticator.objects.exists()
    assert client.get(off)["Location"] == INDEX
    assert "need a second factor" not in client.get(INDEX).text


def test_one_is_asked_again_by_what_one_has(mina):
    def ways(client) -> str:
        return client.get(f"/accounts/reauthenticate/?next={INDEX}").text

    assert 'class="ways"' not in ways(confirmed(mina))
    device = Device()
    device.make(confirmed(mina))
    page = ways(confirmed(mina))
    assert "Use a recovery code" in page
    assert "Use a passkey or security key" in page
    mina.set_unusable_password()
    mina.save()
    client = Client()
    client.force_login(mina)
    asked = client.get(ADD)["Location"]
    assert asked.startswith("/accounts/2fa/webauthn/reauthenticate/")
    client.get(asked)
    again = client.post(asked, {"credential": Device().sign(client), "next": ADD}, follow=True)
    assert again.redirect_chain[-1][0] == asked
    assert "known here any more" in again.text
    assert client.post(asked, {"credential": device.sign(client), "next": ADD})["Location"] == ADD


@pytest.mark.parametrize("sent", ["", "[]", "1", '"x"', "{}", "null", '{"id": "x", "rawId": "x", "response": {}}'])
def test_what_is_no_key_at_all_is_refused_without_an_incident(mina, sent):
    client = confirmed(mina)
    client.get(ADD)
    assert client.post(ADD, {"credential": sent}).status_code == 200
    assert not Authenticator.objects.exists()
    stranger = Client()
    stranger.get("/accounts/2fa/webauthn/login/", headers={"accept": "application/json"})
    assert stranger.post("/accounts/2fa/webauthn/login/", {"credential": sent})["Location"] == "/accounts/login/"
    handle = {"id": "eA", "rawId": "eA", "type": "public-key", "response": json.loads(sent or "null")}
    stranger.post("/accounts/2fa/webauthn/login/", {"credential": json.dumps(handle)})
    assert "_auth_user_id" not in stranger.session


def test_a_key_without_a_lock_signs_nobody_in_by_itself(mina):
    answer = Device().make(confirmed(mina), flags=1)
    assert "protected by a finger, face or number" in answer.text
    assert not Authenticator.objects.exists()
