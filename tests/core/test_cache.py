"""Redis is away: people still sign in, and whoever tries passwords is still stopped (SPEC 2.9)."""

import socket
import threading

import pytest
from django.core.cache import caches
from django.urls import reverse

from tests.factories import PASSWORD, MembershipFactory

NOWHERE = "unix:///nonexistent/redis.sock"


@pytest.fixture
def without_redis(settings):
    """The product's own cache, pointed at a Redis that is not there."""
    product = settings.CACHES["default"]
    settings.CACHES = {"default": product | {"LOCATION": NOWHERE}}
    yield caches["default"]
    caches["default"].own_memory.clear()


@pytest.fixture
def hung_redis(settings):
    """A Redis that accepts, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def accept() -> None:
            try:
                while True:
                    kept.append(server.accept()[0])
            except OSError:
                return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"redis://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=5)
        for connection in kept:
            connection.close()


def test_what_is_put_in_while_redis_is_away_is_there(without_redis):
    assert without_redis.get("a", "nothing") == "nothing"
    assert without_redis.add("a", 1) is True
    assert without_redis.add("a", 2) is False
    without_redis.set_many({"b": 2})
    assert without_redis.get_many(["a", "b"]) == {"a": 1, "b": 2}
    assert without_redis.incr("b") == 3
    assert without_redis.has_key("b") is True
    without_redis.delete("a")
    assert without_redis.get("a") is None


def sign_in(client, email: str, password: str):
    return client.post(reverse("account_login"), {"login": email, "password": password})


@pytest.mark.django_db
def test_a_person_signs_in_while_redis_is_away(client, without_redis):
    person = MembershipFactory().user
    assert sign_in(client, person.email, PASSWORD).status_code == 302


@pytest.mark.django_db
def test_who_tries_passwords_while_redis_is_away_is_stopped(client, settings, without_redis):
    """After five wrong ones the right one doesn't help either, for a while."""
    settings.ACCOUNT_RATE_LIMITS = {}  # allauth's own
    person = MembershipFactory().user
    for number in range(5):
        assert sign_in(client, person.email, f"guess {number}").status_code == 200
    assert sign_in(client, person.email, PASSWORD).status_code != 302


@pytest.mark.django_db
def test_a_redis_that_hangs_costs_seconds_not_the_sign_in(client, settings, hung_redis):
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": hung_redis}}
    settings.CACHES["default"]["OPTIONS"] = settings.CACHES["default"]["OPTIONS"] | {"socket_timeout": 0.05}
    person = MembershipFactory().user
    assert sign_in(client, person.email, PASSWORD).status_code == 302
