"""Closed for work on it: a friendly page for people, a 503 for programs, and the database isn't asked (SPEC 2.9)."""

import pytest
from django.test import Client


@pytest.fixture
def closed(settings, tmp_path):
    """Closed by the file, as an operator does it."""
    flag = tmp_path / "maintenance"
    flag.touch()
    settings.MAINTENANCE_FILE = str(flag)
    return flag


@pytest.mark.parametrize("path", ["/", "/tickets/", "/accounts/login/", "/admin/"])
def test_while_closed_every_page_says_so_without_a_query(closed, path, client):
    answer = client.get(path, headers={"Accept-Language": "en"})
    assert (answer.status_code, answer["Retry-After"], answer["Cache-Control"]) == (503, "300", "no-store")
    assert "We are working on the portal" in answer.text
    assert "Content-Security-Policy" in answer
    assert client.post(path).status_code == 503


def test_what_watches_the_service_stays_open(closed, client):
    assert client.get("/healthz").status_code == 200


def test_removing_the_file_opens_it_again(closed, db, client):
    assert client.get("/accounts/login/").status_code == 503
    closed.unlink()
    assert client.get("/accounts/login/").status_code == 200


def test_the_setting_closes_it_too(settings, client):
    settings.MAINTENANCE = True
    assert client.get("/").status_code == 503


def test_too_many_attempts_get_a_page_that_helps(settings, db):
    settings.ACCOUNT_RATE_LIMITS = {"login": "1/m/ip"}
    client = Client(headers={"Accept-Language": "en"}, REMOTE_ADDR="192.0.2.78")
    for _twice in range(2):
        answer = client.post("/accounts/login/", {"login": "a@b.example", "password": "x"})
    assert answer.status_code == 429
    assert "That was a little too often" in answer.text
    assert answer["X-Incident"] in answer.text


@pytest.mark.parametrize(("path", "offered"), [("/accounts/login/", True), ("/accounts/password/reset/", False)])
def test_a_new_password_is_offered_where_one_signs_in_and_not_where_that_is_what_came_too_often(
    settings, db, path, offered
):
    settings.ACCOUNT_RATE_LIMITS = {"login": "1/m/ip", "reset_password": "1/m/ip"}
    client = Client(headers={"Accept-Language": "en"}, REMOTE_ADDR="192.0.2.79" if offered else "192.0.2.80")
    for _twice in range(2):
        answer = client.post(path, {"login": "a@b.example", "password": "x", "email": "a@b.example"})
    assert answer.status_code == 429
    assert ("Set a new password" in answer.text) is offered
