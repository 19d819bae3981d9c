"""What happens when somebody signs in through their company by SAML."""

from django.test import Client

from helpdesk.accounts.company_sign_in import keep_provider
from helpdesk.accounts.invitations import AccountEvent
from helpdesk.accounts.providers import IdentityProvider
from tests.accounts.saml_server import CERTIFICATE, SAML, bare, encoded
from tests.factories import AccountFactory, StaffFactory

ANN = "ann@kestrel.example"
ASSERTION = f"{{{SAML}}}Assertion"
FAILED = "The sign-in didn't work"


def made(server, now, *, domains=("kestrel.example",), **values) -> IdentityProvider:
    values = {"is_on": True, "name": "Kestrel", "trusts_addresses": True, **values}
    provider = IdentityProvider(
        account=AccountFactory(),
        protocol="saml",
        issuer=server.entity_id,
        sso_url=f"{server.url}/sso",
        certificates=[bare(CERTIFICATE)],
        **values,
    )
    keep_provider(provider=provider, domains=domains, actor=StaffFactory(), now=now)
    return provider


def ask(server, company, client, **query) -> dict[str, str]:
    """From our link to the provider: what it is asked."""
    there = client.get(f"/accounts/oidc/{company.key}/login/", query)
    assert there.status_code == 302, there.content
    assert there["Location"].startswith(company.sso_url)
    return server.read(there["Location"])


def unasked(company) -> dict[str, str]:
    return {"acs": company.callback_url, "audience": company.metadata_page}


def answer(company, client, sent: str, **more):
    """The provider's page posts from another site, which brings no cookies; the redirect does."""
    back = Client().post(f"/accounts/oidc/{company.key}/saml/acs/", {"SAMLResponse": sent, **more})
    assert back.status_code == 302
    assert back["Location"] == f"/accounts/oidc/{company.key}/saml/finish/"
    client.cookies["company-answer"] = back.cookies["company-answer"].value
    return client.get(back["Location"])


def come(server, company, client=None, **query):
    client = client or Client()
    return answer(company, client, encoded(server.response(ask(server, company, client, **query))))


def is_in(found) -> bool:
    return found.status_code == 302 and "_auth_user_id" in found.client.session


def refused(found, words: str) -> bool:
    text = found.content.decode()
    return found.status_code == 403 and words in text and "_auth_user_id" not in found.client.session


def kinds(account) -> list[str]:
    return list(AccountEvent.objects.filter(account=account).order_by("id").values_list("kind", flat=True))
