"""A person is invited, joins, signs in with a passkey, looks after their devices and data; every page is accessible."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from helpdesk.accounts.models import User
from helpdesk.core.sealing import unseal
from helpdesk.notifications.models import OutboxMail
from tests.e2e.test_pages import RULES
from tests.factories import PASSWORD, MembershipFactory, UserFactory

NEW = "carla@kestrel.example"
SENTENCE = "a sentence of my own"


@pytest.fixture
def looked_at(request):
    """Axe finds nothing, nothing is wider than the screen; keeps a picture where pictures are wanted."""
    folder = request.config.getoption("--pictures")

    def look(page: Page, name: str) -> None:
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
        found = Axe().run(page, options=RULES)
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0, name

    return look


def with_authenticator(page: Page) -> None:
    """A device whose lock opens by itself, as Chromium pretends it."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def test_from_the_invitation_to_the_passkey(world, new_context, live_server, looked_at, settings):
    settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True
    site = live_server.url.replace("127.0.0.1", "localhost")  # a passkey belongs to a name, not to a number
    mina = new_context(world.mina, viewport={"width": 1280, "height": 900}, color_scheme="light")
    mina.goto("/account/")
    mina.get_by_role("link", name="Invite a person").click()
    mina.get_by_label("E-mail").fill(NEW)
    mina.get_by_label("Super admin: sees all tickets").check()
    looked_at(mina, "invite")
    mina.get_by_role("button", name="Send the invitation").click()
    expect(mina.get_by_text(f"An invitation goes to {NEW}.")).to_be_visible()
    looked_at(mina, "people")
    link = unseal(OutboxMail.objects.get(template="invitation").context["secret_url"])

    carla = new_context(None, viewport={"width": 1280, "height": 900}, color_scheme="dark")
    with_authenticator(carla)
    carla.goto(site + "/" + link.split("/", 3)[3])
    carla.get_by_label("Your name").fill("Carla Neumann")
    carla.get_by_label("Password").fill(SENTENCE)
    looked_at(carla, "join")
    carla.get_by_role("button", name="Join", exact=True).click()
    expect(carla.get_by_text("Welcome to Kestrel Freight Group.")).to_be_visible()

    carla.goto(f"{site}/accounts/2fa/")
    looked_at(carla, "security")
    carla.get_by_role("link", name="Add a passkey").click()
    carla.get_by_label("Password").fill(SENTENCE)  # once more, before something like this
    looked_at(carla, "reauthenticate")
    carla.get_by_role("button", name="Confirm").click()
    expect(carla.get_by_label("Sign in without a password")).to_be_checked()
    looked_at(carla, "add-passkey")
    carla.get_by_role("button", name="Add", exact=True).click()
    carla.wait_for_url(lambda url: "/webauthn/add/" not in url)
    user = User.objects.get(email=NEW)
    assert user.authenticator_set.filter(type="webauthn").count() == 1

    carla.goto(f"{site}/accounts/2fa/webauthn/")
    looked_at(carla, "passkeys")
    carla.goto(f"{site}/accounts/logout/")
    carla.get_by_role("button", name="Sign out").last.click()
    carla.goto(f"{site}/accounts/login/?next=/me/")
    looked_at(carla, "login")
    carla.get_by_role("button", name="Use a passkey").click()
    carla.wait_for_url(lambda url: url.endswith("/me/"))
    expect(carla.get_by_role("heading", name="Profile")).to_be_visible()

    phone = new_context(user, password=SENTENCE, viewport={"width": 390, "height": 844})
    looked_at(phone, "second-factor")
    phone.goto("/accounts/login/")
    carla.goto(f"{site}/accounts/sessions/")
    expect(carla.get_by_text("This device")).to_be_visible()
    looked_at(carla, "sessions")


@pytest.mark.parametrize("who", ["mina", "anna"])
def test_a_passkey_through_its_life_on_a_phone(world, new_context, live_server, looked_at, settings, who):
    """Named, made once only on a device, renamed, asked for after the password, removed; by a customer and by staff."""
    settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = settings.STAFF_MFA_REQUIRED = True
    site = live_server.url.replace("127.0.0.1", "localhost")
    user = getattr(world, who)
    look = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}
    page = new_context(None, **look)
    with_authenticator(page)

    def sign_in() -> None:
        page.goto(f"{site}/accounts/login/")
        page.get_by_label("E-mail address").fill(user.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()

    sign_in()
    page.goto(f"{site}/accounts/2fa/webauthn/add/")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_label("Name of the key")).to_have_value("Chrome, Linux")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    looked_at(page, f"codes-{who}")
    page.goto(f"{site}/accounts/2fa/webauthn/add/")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("This device has a passkey for you here already.")).to_be_visible()

    page.goto(f"{site}/accounts/2fa/webauthn/")
    page.get_by_role("link", name="Rename").click()
    page.get_by_label("Name of the key").fill("W" * 60)
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".devices .strong")).to_contain_text("W" * 60)
    looked_at(page, f"named-{who}")
    page.goto(f"{site}/accounts/2fa/")
    looked_at(page, f"security-{who}")

    page.goto(f"{site}/accounts/logout/")
    page.get_by_role("button", name="Sign out").last.click()
    sign_in()
    expect(page.get_by_text("Use the passkey or security key")).to_be_visible()
    looked_at(page, f"asked-{who}")
    page.get_by_role("button", name="Use a passkey or security key").click()
    page.wait_for_url(lambda url: "authenticate" not in url)

    page.goto(f"{site}/accounts/2fa/webauthn/")
    page.get_by_role("link", name="Remove").click()
    page.get_by_role("link", name="Use a passkey or security key").click()
    page.get_by_role("button", name="Use a passkey or security key").click()
    expect(page.get_by_role("heading", name=f"Remove {'W' * 60}")).to_be_visible()
    looked_at(page, f"remove-{who}")
    if who == "anna":
        expect(page.get_by_text("this is your last. Add another one first.")).to_be_visible()
        return
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("The passkey is removed.")).to_be_visible()
    page.goto(f"{site}/accounts/logout/")
    page.get_by_role("button", name="Sign out").last.click()
    page.goto(f"{site}/accounts/login/")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("This passkey isn't known here any more.")).to_be_visible()
    looked_at(page, "login-forgotten")


@pytest.mark.parametrize("look", ["wide", "phone"])
def test_the_pages_about_people_and_oneself(world, new_context, looked_at, look):
    options = {
        "wide": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
        "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "language": "ja"},
    }[look]
    for number in range(3):
        MembershipFactory(account=world.account, user=UserFactory(full_name=f"Colleague {number}"))
    member = world.account.memberships.get(user=world.aoife)
    mina = new_context(world.mina, **options)
    pages = {
        "people-list": "/account/people/",
        "person": f"/account/people/{member.pk}/",
        "history": "/account/people/history/",
        "profile": "/me/",
        "data": "/me/data/",
        "devices": "/accounts/sessions/",
        "security": "/accounts/2fa/",
        "password": "/accounts/password/change/",
        "account": "/account/",
    }
    for name, page in pages.items():
        mina.goto(page)
        looked_at(mina, f"{name}-{look}")
    stranger = new_context(None, **options)
    for name, page in {
        "login": "/accounts/login/",
        "reset": "/accounts/password/reset/",
        "closed": "/invitations/x/",
    }.items():
        stranger.goto(page)
        looked_at(stranger, f"{name}-{look}")
