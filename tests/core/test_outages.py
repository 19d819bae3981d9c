"""What the settings say about servers that go away and come back (SPEC 2.9)."""

from allauth.account.adapter import get_adapter
from django.db import connection


def test_a_database_that_is_back_is_found_within_the_wait_of_one_request():
    """psycopg's pool doubles its pauses for five minutes otherwise: after a minute's outage came another one."""
    pool = connection.settings_dict["OPTIONS"]["pool"]
    assert pool["reconnect_timeout"] <= pool["timeout"] <= 10


def test_behind_a_proxy_the_proxy_says_who_tries_passwords(settings, rf):
    """Else a new X-Forwarded-For for each attempt would get round the limit per address."""
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1  # what BEHIND_PROXY=1 makes of it
    request = rf.get("/", headers={"X-Forwarded-For": "10.0.0.99, 192.0.2.7"})
    assert get_adapter().get_client_ip(request) == "192.0.2.7"
