"""SAML in a real browser: the answer comes from another site's form, without cookies; the session is there again."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone

from helpdesk.accounts.company_sign_in import keep_provider
from helpdesk.accounts.providers import IdentityProvider
from tests.accounts.saml_server import CERTIFICATE, Provider, bare
from tests.factories import StaffFactory


@pytest.fixture
def provider():
    server = Provider()
    # Another site than ours: cookies that are Lax don't come along with what its form posts.
    server.url = server.url.replace("127.0.0.1", "localhost")
    yield server
    server.close()


def fine(page) -> None:
    assert Axe().run(page).violations_count == 0, page.url


def test_from_the_login_page_to_the_company_and_into_the_portal(world, provider, live_server, browser, settings):
    settings.SITE_URL = live_server.url
    row = IdentityProvider(account=world.account, name="Kestrel Freight", protocol="saml", issuer=provider.entity_id)
    row.sso_url, row.certificates, row.is_on = f"{provider.url}/sso", [bare(CERTIFICATE)], True
    row.is_required = row.trusts_addresses = True
    keep_provider(provider=row, domains=["kestrel.example"], actor=StaffFactory(), now=timezone.now())
    context = browser.new_context(base_url=live_server.url)
    page, errors, sent = context.new_page(), [], []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: sent.append(request) if "/saml/acs/" in request.url else None)
    page.goto("/accounts/login/?next=/tickets/")
    page.fill("[name=login]", "ann@kestrel.example")
    page.get_by_role("button", name="Sign in through your company").click()
    fine(page)
    page.get_by_role("link", name="Continue with Kestrel Freight").click()
    page.wait_for_url(f"{provider.url}/sso**")
    page.get_by_role("button", name="Log in as Ann").click()
    page.wait_for_url("**/tickets/")
    assert page.get_by_role("navigation", name="Main").get_by_role("link", name="Tickets").is_visible()
    assert [request.method for request in sent] == ["POST"]
    assert "sessionid" not in sent[0].all_headers().get("cookie", "")
    assert errors == []
    # What doesn't hold opens nothing, and the page that says so reads well.
    context.clear_cookies()
    provider.values = {"audience": "https://another.example/"}
    page.goto(f"/accounts/oidc/{row.key}/login/")
    page.get_by_role("button", name="Log in as Ann").click()
    page.get_by_role("heading", name="The sign-in didn't work").wait_for()
    fine(page)
    context.close()
