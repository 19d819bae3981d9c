"""A company with its provider."""

import pytest

from helpdesk.accounts.providers import IdentityProvider
from tests.accounts.company.scene import ANN, made
from tests.accounts.oidc_server import Provider


@pytest.fixture(autouse=True)
def _many_sign_ins(settings):
    settings.ACCOUNT_RATE_LIMITS = {"login": "600/m/ip", "login_failed": "600/m/ip"}


@pytest.fixture
def server():
    server = Provider()
    server.claims = dict(ANN)
    yield server
    server.close()


@pytest.fixture
def company(server, now) -> IdentityProvider:
    return made(server, now)
