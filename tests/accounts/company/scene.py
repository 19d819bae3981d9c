"""The way through the company's provider, and what came of it."""

import requests
from django.test import Client

from helpdesk.accounts.company_sign_in import keep_provider
from helpdesk.accounts.invitations import AccountEvent
from helpdesk.accounts.providers import IdentityProvider
from tests.accounts.oidc_server import CLIENT_ID, SECRET
from tests.factories import AccountFactory, StaffFactory

ANN = {"sub": "u-1", "email": "ann@kestrel.example", "email_verified": True, "name": "Ann Berg"}


def made(server, now, *, account=None, domains=("kestrel.example",), **values) -> IdentityProvider:
    account = account or AccountFactory(name="Kestrel")
    values = {"is_on": True, "name": "Kestrel", "issuer": server.issuer, **values}
    provider = IdentityProvider(account=account, client_id=CLIENT_ID, secret=SECRET, **values)
    keep_provider(provider=provider, domains=domains, actor=StaffFactory(), now=now)
    return provider


def come(company, client=None, *, following="", process=""):
    """From our link to the provider, and back with what it sends."""
    client = client or Client()
    query = {name: value for name, value in (("next", following), ("process", process)) if value}
    there = client.get(f"/accounts/oidc/{company.key}/login/", query)
    assert there.status_code == 302, there.content
    back = requests.get(there["Location"], allow_redirects=False, timeout=5)
    return client.get(back.headers["Location"].removeprefix("http://testserver"))


def is_in(answer) -> bool:
    return answer.status_code == 302 and "_auth_user_id" in answer.client.session


def refused(answer, words: str) -> bool:
    return (
        answer.status_code == 403 and words in answer.content.decode() and "_auth_user_id" not in answer.client.session
    )


def kinds(account) -> list[str]:
    return list(AccountEvent.objects.filter(account=account).order_by("id").values_list("kind", flat=True))
