"""What a person sees when something goes wrong: an explanation, and a number that the log knows (SPEC 2.9)."""

import logging

import pytest
from django.db import OperationalError
from django.test import Client

from helpdesk.accounts.models import StaffRole
from helpdesk.portal import errors, views
from tests.factories import StaffFactory

pytestmark = pytest.mark.django_db


def test_an_unknown_address(sign_in, kestrel):
    page = sign_in(kestrel.mina).get("/no/such/page/")
    assert page.status_code == 404
    assert "There's no page here" in page.text


PAGE = {"accept": "text/html,*/*;q=0.8"}
OPEN = 'aria-label="Main"'


@pytest.mark.parametrize("path", ["/no/such/page/", "/tickets/999999/", "/admin/", "/accounts/2fa/nothing/"])
def test_who_goes_astray_keeps_the_menu(sign_in, kestrel, path):
    page = sign_in(kestrel.mina).get(path, headers=PAGE)
    assert page.status_code == 404
    assert "There's no page here" in page.text
    assert [name for name in ("Tickets</a>", "Articles</a>", "Sign out", "Mina Okafor") if name not in page.text] == []
    assert "private" in page["Cache-Control"]


def test_so_does_a_member_of_staff_and_a_stranger_sees_none(sign_in, settings):
    lead = StaffFactory(staff_role=StaffRole.SPECIALIST)
    for path, status in (("/admin/nothing/", 404), ("/no/such/page/", 404), ("/admin/helpdesk/alarm/", 403)):
        page = sign_in(lead).get(path, headers=PAGE)
        assert page.status_code == status
        assert 'class="ws-nav"' in page.text
    settings.STAFF_MFA_REQUIRED = True
    page = sign_in(lead).get("/no/such/page/", headers=PAGE)
    assert "Workspace</a>" in page.text
    assert 'class="ws-nav"' not in page.text
    assert OPEN not in Client().get("/no/such/page/", headers=PAGE).text


def test_a_picture_that_is_missing_takes_no_message_away(sign_in, kestrel):
    client = sign_in(kestrel.mina)
    client.post("/me/", {"full_name": "Mina O.", "language": "en", "time_zone": "Europe/Berlin", "mail_copies": "on"})
    assert OPEN not in client.get("/no/such.png", headers={"accept": "image/*"}).text
    assert "Your profile is saved." in client.get("/me/").text


def test_without_the_menu_s_tables_the_page_is_there_nevertheless(sign_in, kestrel, monkeypatch):
    def broken(_request: object) -> None:
        raise OperationalError

    monkeypatch.setattr(errors, "visitor_of", broken)
    page = sign_in(kestrel.mina).get("/no/such/page/", headers=PAGE)
    assert page.status_code == 404
    assert "There's no page here" in page.text
    assert OPEN not in page.text


def test_an_act_that_is_opened_as_a_page(sign_in, kestrel):
    page = sign_in(kestrel.mina).get("/account/leave/")
    assert (page.status_code, page["Allow"]) == (405, "POST")
    assert "Nothing was done" in page.text


def test_a_form_that_was_open_too_long(kestrel):
    client = Client(enforce_csrf_checks=True)
    client.force_login(kestrel.mina.user)
    page = client.post("/tickets/new/", {"subject": "x"})
    assert page.status_code == 403
    assert "Your session had run out" in page.text
    assert "your text is kept" in page.text


def test_a_request_that_is_too_large(sign_in, kestrel, filled):
    page = sign_in(kestrel.mina).post("/tickets/new/", filled(**{f"x{n}": "" for n in range(8000)}))
    assert page.status_code == 400
    assert "couldn't be understood" in page.text


def test_a_fault_of_ours_carries_its_number(sign_in, kestrel, monkeypatch, caplog):
    def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("nobody expects this")

    monkeypatch.setattr(views.board, "tickets_of", broken)
    client = sign_in(kestrel.mina, raise_request_exception=False)
    with caplog.at_level(logging.ERROR):
        page = client.get("/tickets/")
    assert page.status_code == 500
    number = page["X-Incident"]
    assert f'<span class="code">{number}</span>' in page.text


def test_nobody_signs_up_and_nobody_changes_their_address_by_themselves(sign_in, kestrel):
    assert "By invitation only" in Client().get("/accounts/signup/").text
    assert sign_in(kestrel.mina).get("/accounts/email/").status_code == 404


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/password/reset/", "/accounts/signup/"])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_pages_before_signing_in_wear_the_portals_dress(path, language):
    page = Client(headers={"accept-language": language}).get(path)
    assert page.status_code == 200
    assert f'<html lang="{language}">' in page.text
    assert 'class="card gate"' in page.text
    assert " style=" not in page.text


@pytest.mark.parametrize("path", ["/accounts/password/change/", "/accounts/2fa/", "/accounts/logout/"])
def test_pages_of_ones_own_sign_in_wear_it_too(path, sign_in, kestrel):
    page = sign_in(kestrel.mina).get(path)
    assert page.status_code == 200
    assert 'class="card' in page.text
    assert " style=" not in page.text


def test_a_wrong_password_is_explained_beside_the_form(kestrel):
    page = Client().post("/accounts/login/", {"login": kestrel.mina.user.email, "password": "wrong"})
    assert "<title>Error: Sign in" in page.text
    assert 'role="alert"' in page.text


def test_signing_in_leads_home(kestrel):
    page = Client().post(
        "/accounts/login/", {"login": kestrel.mina.user.email.upper(), "password": "correct horse battery"}, follow=True
    )
    assert page.redirect_chain[-1][0] == "/"
    assert "Mina Okafor" in page.text
