"""Signing in through a company in a real browser: the content security policy lets the way there, and it reads well."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone

from helpdesk.accounts.company_sign_in import keep_provider
from helpdesk.accounts.providers import IdentityProvider
from tests.accounts.oidc_server import CLIENT_ID, SECRET, Provider
from tests.factories import StaffFactory


@pytest.fixture
def provider():
    server = Provider()
    server.claims = {"sub": "u", "email": "ann@kestrel.example", "email_verified": True, "name": "Ann Berg"}
    yield server
    server.close()


def fine(page) -> None:
    assert Axe().run(page).violations_count == 0, page.url


def test_from_the_login_page_to_the_company_and_into_the_portal(world, provider, live_server, browser):
    row = IdentityProvider(account=world.account, name="Kestrel Freight", issuer=provider.issuer, is_on=True)
    row.client_id, row.secret, row.is_required = CLIENT_ID, SECRET, True
    keep_provider(provider=row, domains=["kestrel.example"], actor=StaffFactory(), now=timezone.now())
    context = browser.new_context(base_url=live_server.url)
    page, errors = context.new_page(), []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto("/accounts/login/?next=/tickets/")
    fine(page)
    page.fill("[name=login]", "ann@kestrel.example")
    page.get_by_role("button", name="Sign in through your company").click()
    fine(page)
    page.get_by_role("link", name="Continue with Kestrel Freight").click()
    page.wait_for_url("**/tickets/")
    for path in ("/accounts/2fa/", "/accounts/2fa/totp/activate/", "/accounts/password/set/"):
        page.goto(path)
        assert page.get_by_role("navigation", name="Main").get_by_role("link", name="Tickets").is_visible()
        fine(page)
    assert errors == []
    context.close()
