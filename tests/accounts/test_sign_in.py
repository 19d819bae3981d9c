"""Signing in: who is told of what, which devices stay signed in, and what a stranger can't find out."""

import re
from pathlib import Path

import allauth
import pytest
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from allauth.usersessions.models import UserSession
from django.core import mail as sent_mail
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from helpdesk.accounts.adapter import NEWS
from helpdesk.accounts.security import device_name
from helpdesk.core.sealing import unseal
from helpdesk.notifications.models import OutboxMail
from helpdesk.notifications.rendering import render
from helpdesk.notifications.services import deliver
from tests.factories import PASSWORD, DesignatedFactory, StaffFactory, UserFactory

pytestmark = pytest.mark.django_db
SECRET = r"(csrfmiddlewaretoken\" value=|content=)\"[^\"]+\""  # and the page's time stamp
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
)


@pytest.fixture(autouse=True)
def _many_sign_ins(settings):
    settings.ACCOUNT_RATE_LIMITS = {"login": "600/m/ip", "reset_password": "600/m/ip,600/m/key"}


@pytest.fixture
def user():
    return DesignatedFactory(user=UserFactory(language="ja", time_zone="Asia/Tokyo")).user


def signed_in(user, client=None, agent=FIREFOX, password=PASSWORD) -> Client:
    client = client or Client(headers={"user-agent": agent})
    answer = client.post("/accounts/login/", {"login": user.email, "password": password})
    assert answer.status_code == 302
    return client


def news() -> list[str]:
    return [mail.context["news"] for mail in OutboxMail.objects.filter(template="security").order_by("pk")]


def test_the_first_sign_in_is_no_news_a_new_device_is_and_a_known_one_is_not(user):
    first = signed_in(user)
    assert news() == []
    signed_in(user, agent=IPHONE)
    assert news() == ["new_device"]
    first.post("/accounts/logout/")
    signed_in(user, client=first)
    assert news() == ["new_device"]
    mail = OutboxMail.objects.get(template="security")
    assert (mail.language, mail.time_zone, mail.context["device"]) == ("ja", "Asia/Tokyo", "Safari, iPhone")


def test_with_a_second_factor_a_new_device_is_news_too(user):
    secret = generate_totp_secret()
    TOTP.activate(user, secret)

    def signed_in_with_code(agent, code) -> Client:
        cache.clear()
        client = Client(headers={"user-agent": agent})
        assert client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})["Location"].startswith(
            "/accounts/2fa/"
        )
        answer = client.post("/accounts/2fa/authenticate/", {"code": code})
        assert "_auth_user_id" in client.session
        assert answer.status_code == 302
        return client

    code = format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))
    first = signed_in_with_code(FIREFOX, code)
    assert news() == []
    assert "had_signed_in" not in first.session
    signed_in_with_code(IPHONE, code)
    assert news() == ["new_device"]


def test_a_made_up_cookie_makes_no_device_known(user):
    signed_in(user)
    client = Client()
    client.cookies["known_device"] = f"[{user.pk}]"
    signed_in(user, client=client)
    assert news() == ["new_device"]


def test_a_new_password_is_told_and_signs_out_everywhere_else(user):
    here, there = signed_in(user), signed_in(user, agent=IPHONE)
    OutboxMail.objects.all().delete()
    new = "a better sentence of mine"
    answer = here.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert answer.status_code == 302
    assert news() == ["password_changed"]
    assert here.get("/me/").status_code == 200
    assert there.get("/me/").status_code == 302
    assert UserSession.objects.filter(user=user).count() == 1


def test_one_device_or_all_others_are_signed_out(user):
    here, phone, laptop = signed_in(user), signed_in(user, agent=IPHONE), signed_in(user)
    text = here.get("/accounts/sessions/").content.decode()
    assert "Safari, iPhone" in text
    there = UserSession.objects.get(user_agent=IPHONE)
    here.post("/accounts/sessions/end/", {"session": there.pk})
    assert [client.get("/me/").status_code for client in (here, phone, laptop)] == [200, 302, 200]
    here.post("/accounts/sessions/end/")
    assert [client.get("/me/").status_code for client in (here, phone, laptop)] == [200, 302, 302]


@pytest.mark.parametrize("number", ["0", "x", "-1", "٣", "9" * 30])
def test_nobody_ends_anothers_session(user, number):
    victim = signed_in(DesignatedFactory().user)
    theirs = UserSession.objects.get()
    here = signed_in(user)
    for wanted in (number, theirs.pk):
        assert here.post("/accounts/sessions/end/", {"session": wanted}).status_code == 404
    assert victim.get("/me/").status_code == 200


def test_the_list_of_devices_costs_the_same_however_long(user):
    here = signed_in(user)
    with CaptureQueriesContext(connection) as few:
        here.get("/accounts/sessions/")
    for _number in range(12):
        signed_in(user)
    with CaptureQueriesContext(connection) as many:
        here.get("/accounts/sessions/")
    assert len(many) == len(few)


def test_a_stranger_doesnt_find_out_who_exists(user):
    def answers(email):
        client = Client()
        login = client.post("/accounts/login/", {"login": email, "password": "wrong, surely"})
        reset = client.post("/accounts/password/reset/", {"email": email})
        done = client.get(reset["Location"]) if reset.status_code == 302 else reset
        texts = [
            re.sub(r"(csrfmiddlewaretoken\" value=|content=)\"[^\"]+\"", "", one.content.decode())
            for one in (login, done)
        ]
        return login.status_code, reset.status_code, [text.replace(email, "ADDRESS") for text in texts]

    assert answers(user.email) == answers("nobody@nowhere.example")
    assert OutboxMail.objects.count() == 1  # to the person that there is


def test_the_link_to_a_new_password_is_not_kept_and_works_once(user, settings, now):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    Client().post("/accounts/password/reset/", {"email": user.email.upper()})
    row = OutboxMail.objects.get()
    assert (row.template, row.language, row.recipient) == ("password_reset", "ja", user)
    link = "/" + unseal(row.context["secret_url"]).split("/", 3)[3]
    OutboxMail.objects.update(next_attempt_at=now)
    deliver(now=now)
    assert link in sent_mail.outbox[0].body
    assert "1回のみ有効です" in sent_mail.outbox[0].body
    assert "secret_url" not in OutboxMail.objects.get().context
    client, new = Client(), "a better sentence of mine"
    form = client.get(link, follow=True).redirect_chain[-1][0]
    done = client.post(form, {"password1": new, "password2": new}, follow=True)
    assert done.text.count("Your password is changed") == 2  # title and heading, and no message besides
    assert "Your password is changed" not in client.get("/accounts/login/").text
    user.refresh_from_db()
    assert user.check_password(new)
    assert news() == ["password_changed"]
    again = Client().get(link, follow=True)
    assert again.status_code == 200
    assert 'name="password1"' not in again.content.decode()


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("kind", ["password_reset", "security", "invitation", "export", "erasure"])
def test_the_mails_can_be_written_in_both_languages(kind, language, now):
    at = now.isoformat()
    context = {
        "password_reset": {"secret_url": "https://x.example/r"},
        "security": {"news": "key_added", "happened_at": at, "device": "<b>", "ip": "::1", "url": "https://x.example/"},
        "invitation": {
            "account": "A & B <i>",
            "inviter": "<b>Eve</b>\nBcc: x@y",
            "role": "designated",
            "expires_at": at,
            "secret_url": "https://x.example/i",
        },
        "export": {"expires_at": at, "url": "https://x.example/"},
        "erasure": {"news": "asked", "due_at": at, "url": "https://x.example/"},
    }[kind]
    row = OutboxMail(key="k", message_id="<m@x>", to=["a@x.example"], template=kind, context=context, language=language)
    row.time_zone = "Europe/Berlin"
    written = render(row)
    page = written.alternatives[0].content
    assert written.subject.strip() == written.subject != ""
    assert "<b>" not in page
    assert "&amp;lt;" not in page
    assert "&amp;amp;" not in page
    assert "&lt;" not in written.body
    assert "None" not in written.body


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_change_of_a_way_in_is_named_in_a_mail_like_all_others(language, now):
    folder = Path(allauth.__file__).parent / "templates"
    known = {
        str(path.relative_to(folder)).removesuffix("_subject.txt") for path in folder.glob("mfa/email/*_subject.txt")
    }
    assert [name for name in known if name not in NEWS] == []  # what allauth would tell by itself
    context = {"happened_at": now.isoformat(), "device": "Firefox", "ip": "::1", "url": "https://x.example/"}
    subjects = set()
    for name in {*NEWS.values(), "new_device", "code_used", "company_linked", "anything else"}:
        row = OutboxMail(key="k", message_id="<m@x>", to=["a@x.example"], template="security", language=language)
        row.context, row.time_zone = context | {"news": name}, "Europe/Berlin"
        written = render(row)
        assert written.subject.startswith("[Premium Support] ")
        assert f'<html lang="{language}">' in written.alternatives[0].content
        subjects.add(written.subject)
    assert len(subjects) == len(set(NEWS.values())) + 4


def test_no_page_sends_a_mail_that_is_not_ours(user):
    """Addresses are confirmed by nobody here: allauth's pages for that, and their mails, don't exist."""
    client = signed_in(user)
    for path in ("/accounts/confirm-email/", "/accounts/confirm-email/abc/", "/accounts/email/"):
        assert client.get(path).status_code == 404
        assert client.post(path, {"email": user.email, "action_send": "1"}).status_code == 404
    Client().post("/accounts/password/reset/", {"email": "nobody@nowhere.example"})
    Client().post("/accounts/signup/", {"email": user.email, "password1": PASSWORD, "password2": PASSWORD})
    assert not OutboxMail.objects.exists()


LABEL = re.compile(r"<label[^>]*>([^<]*)|<button[^>]*>(?:<svg.*?</svg>)? ?([^<]*)")


@pytest.mark.parametrize(
    "path", ["login/", "password/reset/", "password/change/", "password/set/", "2fa/totp/activate/"]
)
def test_fields_and_buttons_speak_in_one_tone(user, path):
    """Sentence case, and e-mail as everywhere: not *Remember Me*, *New Password (again)* or *Email*."""
    client = Client()
    if not path.startswith(("login", "password/reset")):
        if path == "password/set/":
            user.set_unusable_password()
            user.save()
        client.force_login(user)
        client.post("/accounts/reauthenticate/?next=/", {"password": PASSWORD})
    client.cookies["django_language"] = "en"
    page = client.get(f"/accounts/{path}")
    assert page.status_code == 200
    said = [" ".join((label or button).split()) for label, button in LABEL.findall(page.text)]
    assert len(said) > 2
    assert [words for words in said if re.search(r"\b[a-z]+ [A-Z]| [A-Z][a-z]|\bEmail|\(", words)] == []
    assert "specified" not in page.text


@pytest.mark.parametrize("factory", [UserFactory, StaffFactory])
def test_ones_data_takes_a_password_again(factory):
    person = factory()
    client = signed_in(person)
    answer = client.post("/me/data/export/")
    assert answer["Location"].startswith("/accounts/reauthenticate/?next=")
    assert client.get("/me/data/my-data.zip")["Location"].startswith("/accounts/reauthenticate/")
    client.post("/me/data/export/")
    answer = client.post("/accounts/reauthenticate/?next=/me/data/export/", {"password": PASSWORD}, follow=True)
    assert "is being made" in answer.content.decode()
    assert person.exports.count() == 1
    assert client.get("/me/data/my-data.zip").status_code == 404


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (FIREFOX, "Firefox, Linux"),
        (IPHONE, "Safari, iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0", "Edge, Windows"),
        ("Mozilla/5.0 (X11; Linux) AppleWebKit/537.36 HeadlessChrome/130.0 Safari/537.36", "Chrome, Linux"),
        ("curl/8", ""),
        ("", ""),
    ],
)
def test_a_device_has_a_name_that_people_know(agent, name):
    assert device_name(agent) == name


def test_asking_for_a_new_password_never_stands_in_the_way_of_a_second_factor(client, user):
    """Whoever types one's address there, and may be a stranger."""
    Client().post("/accounts/password/reset/", {"email": user.email})
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    path = "/accounts/2fa/totp/activate/"
    client.post(f"/accounts/reauthenticate/?next={path}", {"password": PASSWORD})
    page = client.get(path)
    assert page.status_code == 200, page.url
