"""Secrets lie sealed in the database; keys change without anybody noticing; a lost one is said, and lets nobody in."""

from importlib import import_module
from io import StringIO
from types import SimpleNamespace

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.apps import apps
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client

from helpdesk.accounts.company_sign_in import keep_provider
from helpdesk.accounts.providers import IdentityProvider
from helpdesk.accounts.sealed import look, reseal_all
from helpdesk.core.sealing import LostKey, key_names, reseal, seal, unseal
from helpdesk.escalation.watchdog import watch
from helpdesk.notifications.models import Alarm, OutboxMail
from helpdesk.notifications.services import deliver
from tests.factories import PASSWORD, AccountFactory, MembershipFactory, StaffFactory

pytestmark = pytest.mark.django_db
SEED, CLIENT_SECRET = "JBSWY3DPEHPK3PXP", "s3cr3t-of-kestrel"
OLD, NEW = "an old key of thirty-two letters or more", "a new key of thirty-two letters or more"
MIGRATION = import_module("helpdesk.migrations.0029_secrets_at_rest")


def everything() -> str:
    out = StringIO()
    call_command("dumpdata", stdout=out)
    return out.getvalue()


def code() -> str:
    return format_hotp_value(hotp_value(SEED, list(yield_hotp_counters_from_time())[0]))


def provider(now, **changes) -> IdentityProvider:
    row = IdentityProvider(account=AccountFactory(), name="Kestrel", issuer="https://login.kestrel.example", **changes)
    row.client_id, row.secret, row.is_on = "helpdesk", CLIENT_SECRET, True
    keep_provider(provider=row, domains=["kestrel.example"], actor=StaffFactory(), now=now)
    return row


@pytest.fixture
def anna():
    """A specialist with an app and recovery codes."""
    cache.clear()  # codes that were used
    user = StaffFactory()
    TOTP.activate(user, SEED)
    RecoveryCodes.activate(user)
    return user


def sign_in(user, answer: str):
    client = Client()
    page = client.post("/accounts/login/", {"login": user.email, "password": PASSWORD}, follow=True)
    assert page.redirect_chain[-1][0].startswith("/accounts/2fa/authenticate/")
    return client.post("/accounts/2fa/authenticate/", {"code": answer})


def test_a_dump_of_the_database_shows_no_secret(anna, now):
    provider(now)
    seed = unseal(Authenticator.objects.get(type="recovery_codes").data["seed"])
    Client().post("/accounts/password/reset/", {"email": anna.email})
    link = unseal(OutboxMail.objects.get(template="password_reset").context["secret_url"])
    dump = everything()
    assert [text for text in (SEED, CLIENT_SECRET, seed, link) if text in dump] == []
    assert link.startswith("http")


def test_the_mail_says_the_link(anna, mailoutbox):
    Client().post("/accounts/password/reset/", {"email": anna.email})
    mail = OutboxMail.objects.get(template="password_reset")
    deliver(now=mail.created_at)
    assert unseal(mail.context["secret_url"]) in mailoutbox[0].body


def test_codes_of_the_app_and_recovery_codes_work_under_the_seal_and_each_once(anna):
    assert sign_in(anna, code()).status_code == 302
    (first, *_others) = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
    assert sign_in(anna, first).status_code == 302
    assert "was used already" in sign_in(anna, first).text


def test_a_key_changes_and_nobody_notices(anna, now, settings):
    row = provider(now)
    settings.FIELD_KEYS = [OLD]
    reseal_all(now=now)
    settings.FIELD_KEYS = [NEW, OLD]
    assert look(now=now).as_json() == {"current": 0, "old": 3, "plain": 0, "lost": 0}
    assert sign_in(anna, code()).status_code == 302
    call_command("reseal_secrets", stdout=StringIO())
    settings.FIELD_KEYS = [NEW]
    assert look(now=now).as_json() == {"current": 3, "old": 0, "plain": 0, "lost": 0}
    row.refresh_from_db()
    assert unseal(row.secret) == CLIENT_SECRET


def test_without_keys_of_its_own_the_key_of_the_service_seals_and_its_fallbacks_open(settings):
    settings.FIELD_KEYS, settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = [], OLD, []
    sealed = seal("x")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    assert unseal(sealed) == unseal(reseal(sealed)) == "x"
    settings.SECRET_KEY_FALLBACKS = []
    assert unseal(seal("y")) == "y"
    with pytest.raises(LostKey, match="which is not set"):
        unseal(sealed)


@pytest.mark.parametrize("damaged", ["{}x", "sealed:{name}:", "sealed:{name}:gAAAAA", "sealed::", "sealed:nobody:x"])
def test_a_damaged_secret_is_told_from_none(damaged):
    with pytest.raises(LostKey):
        unseal(damaged.format(seal("x")[:-4], name=key_names()[0]))


@pytest.mark.parametrize("text", ["", "plain", "sealed:", "sealed", "日本語", "a:b:c"])
def test_a_text_that_is_not_sealed_is_read_as_it_is(text):
    assert unseal(text) == text
    assert unseal(seal(text)) == text
    once = seal(text)
    assert seal(once) == once


def lose(settings) -> None:
    settings.FIELD_KEYS, settings.SECRET_KEY = [], "another key that nobody has sealed anything with"


def test_with_a_lost_key_nobody_comes_in_and_the_form_says_why(anna, settings, caplog):
    lose(settings)
    for answer in (code(), "000000", format_hotp_value(hotp_value("", 0))):
        page = sign_in(anna, answer)
        assert page.status_code == 200
        assert "Codes can&#x27;t be checked at present; it isn&#x27;t your mistake" in page.text
        assert page["X-Incident"] in page.text
    assert "which is not set: put it back into FIELD_KEYS" in caplog.text


def test_a_page_that_needs_a_lost_secret_says_so_with_a_number(anna, settings):
    client = Client()
    client.post("/accounts/login/", {"login": anna.email, "password": PASSWORD})
    client.post("/accounts/2fa/authenticate/", {"code": code()})
    row = Authenticator.objects.get(type="recovery_codes")
    row.data = row.data | {"seed": "sealed:000000000000:gAAAA"}
    row.save()
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get("/accounts/2fa/recovery-codes/")
    assert page.status_code == 503
    assert page["X-Incident"] in page.text


def test_the_company_sign_in_says_that_it_does_not_work_and_the_administrator_reads_why(now, settings):
    row = provider(now)
    lose(settings)
    page = Client().get(f"/accounts/oidc/{row.key}/login/")
    assert page.status_code == 403
    assert "The sign-in through Kestrel doesn't work at present." in page.text
    admin = Client()
    admin.force_login(StaffFactory(staff_role="administrator"))
    tried = admin.get(f"/accounts/oidc/{row.key}/login/", {"process": "try"})
    assert "which is not set: put it back into FIELD_KEYS" in tried.text
    page = admin.get(f"/admin/helpdesk/identityprovider/{row.pk}/change/")
    assert "The saved secret can't be read" in page.text


def test_operators_read_how_many_are_lost_and_that_it_is_over(anna, now, settings):
    before = settings.SECRET_KEY
    lose(settings)
    assert look(now=now).lost == 2
    watch(now=now)
    alarm = Alarm.objects.get(name="secrets_lost")
    assert alarm.detail == {"count": 2}
    client = Client()
    client.force_login(StaffFactory(staff_role="administrator"))
    page = client.get("/admin/helpdesk/alarm/")
    assert "2 secrets (second factors, client secrets) were sealed with a key that is not set." in page.text
    assert "Put the key back into FIELD_KEYS" in page.text
    settings.SECRET_KEY = before
    look(now=now)
    watch(now=now)
    alarm.refresh_from_db()
    assert alarm.until == now


def test_where_the_key_is_gone_for_good_the_factors_can_be_forgotten(anna, settings):
    lose(settings)
    with pytest.raises(CommandError, match="2 were sealed with a key that is not set"):
        call_command("reseal_secrets", stdout=StringIO())
    fresh = StaffFactory()
    TOTP.activate(fresh, SEED)
    call_command("reseal_secrets", "--forget-lost", stdout=StringIO())
    assert list(Authenticator.objects.values_list("user_id", "type")) == [(fresh.pk, "totp")]


def test_rows_of_before_are_sealed_and_opened_again_by_the_migration(now):
    row = provider(now)
    IdentityProvider.objects.filter(pk=row.pk).update(secret=CLIENT_SECRET)
    person = MembershipFactory().user
    Authenticator.objects.create(user=person, type="totp", data={"secret": SEED})
    Authenticator.objects.create(user=person, type="recovery_codes", data={"seed": "5eed", "used_mask": 5})
    Authenticator.objects.create(user=person, type="webauthn", data={"credential": {}, "name": "key"})
    assert SEED in everything()
    for _twice in range(2):
        MIGRATION.seal_all(apps, SimpleNamespace())
    dump = everything()
    assert [text for text in (SEED, CLIENT_SECRET, "5eed") if text in dump] == []
    assert look(now=now).as_json() == {"current": 3, "old": 0, "plain": 0, "lost": 0}
    MIGRATION.unseal_all(apps, SimpleNamespace())
    assert Authenticator.objects.get(type="totp").data == {"secret": SEED}
    assert Authenticator.objects.get(type="recovery_codes").data == {"seed": "5eed", "used_mask": 5}
    assert Authenticator.objects.get(type="webauthn").data == {"credential": {}, "name": "key"}
    assert IdentityProvider.objects.get().secret == CLIENT_SECRET
    assert look(now=now).plain == 3
    assert reseal_all(now=now).current == 3
