"""Who may listen to what concerns the staff, and for how long (SPEC 2.8)."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from asgiref.sync import sync_to_async

from helpdesk.accounts.models import User
from helpdesk.workspace import live
from tests.factories import StaffFactory, UserFactory
from tests.sockets import NOTHING, Browser, in_loop, opened, screen

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def anna() -> User:
    return StaffFactory(full_name="Anna Meier")


async def connects(browser: Browser) -> bool:
    accepted = await browser.connect()
    await browser.leave()
    return accepted


@in_loop
async def test_staff_may_listen_and_nobody_else(anna):
    people = {
        "nobody": None,
        "customer": await sync_to_async(UserFactory)(),
        "specialist": anna,
        "left": await sync_to_async(StaffFactory)(is_active=False),
    }
    screens = {name: await sync_to_async(screen)(person) for name, person in people.items()}
    answers = {name: await connects(browser) for name, browser in screens.items()}
    assert answers == {"nobody": False, "customer": False, "specialist": True, "left": False}


@in_loop
async def test_where_a_second_factor_is_required_it_is_required_here(anna, settings):
    settings.STAFF_MFA_REQUIRED = True
    assert not await connects(await sync_to_async(screen)(anna))
    await sync_to_async(TOTP.activate)(anna, generate_totp_secret())
    assert await connects(await sync_to_async(screen)(anna))


@in_loop
async def test_a_session_that_does_not_exist_opens_nothing():
    assert not await connects(screen(None, cookies="sessionid=made-up"))


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
@in_loop
async def test_another_sites_page_opens_nothing(anna, origin):
    assert not await connects(await sync_to_async(screen)(anna, origin=origin))


@in_loop
async def test_an_unknown_address_is_refused(anna):
    assert not await connects(await sync_to_async(screen)(anna, path="/admin/nothing/"))


@pytest.mark.parametrize(
    "end", ["signs out", "is deactivated", "loses the role", "changes the password", "has no factor"]
)
@in_loop
async def test_a_session_that_ends_ends_its_screens(anna, settings, monkeypatch, end):
    monkeypatch.setattr(live, "CHECK_EVERY", 0.3)
    settings.STAFF_MFA_REQUIRED = True
    await sync_to_async(TOTP.activate)(anna, generate_totp_secret())
    browser = await opened(anna)
    assert await browser.hear() == NOTHING  # a check that goes well

    @sync_to_async
    def happens() -> None:
        people = User.objects.filter(pk=anna.pk)
        if end == "signs out":
            browser.client.post("/accounts/logout/")
        elif end == "is deactivated":
            people.update(is_active=False)
        elif end == "loses the role":
            people.update(staff_role="")
        elif end == "changes the password":
            anna.set_password("something else entirely")
            anna.save()
        else:
            Authenticator.objects.all().delete()

    await happens()
    while (message := await browser.receive_output(timeout=2))["type"] == "websocket.send":
        pass
    assert message == {"type": "websocket.close", "code": live.NOT_YOURS}
    await browser.wait()
