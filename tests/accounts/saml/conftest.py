"""A company with its provider."""

import copy

import pytest

from helpdesk.accounts.providers import IdentityProvider
from tests.accounts.saml.scene import made
from tests.accounts.saml_server import Provider


@pytest.fixture(scope="module")
def _running():
    server = Provider()
    yield server
    server.close()


@pytest.fixture
def server(_running):
    fresh = {name: copy.copy(value) for name, value in vars(_running).items() if name not in ("server",)}
    yield _running
    vars(_running).update(fresh)


@pytest.fixture
def company(server, now) -> IdentityProvider:
    return made(server, now)
