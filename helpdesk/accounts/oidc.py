"""OpenID Connect as allauth speaks it, made strict: every ID token's signature, issuer, audience and nonce count."""

import hashlib
import logging
from typing import Any

import jwt
import requests
from allauth.account.internal.emailkit import valid_email_or_none
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, get_adapter
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Client, OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation

from helpdesk.accounts.company_sign_in import Identity, NotAdmitted, admit
from helpdesk.accounts.providers import IdentityProvider, domain_of
from helpdesk.accounts.saml import CompanySaml
from helpdesk.accounts.security import tell_of
from helpdesk.core.sealing import LostKey, unseal

logger = logging.getLogger(__name__)
# Signatures by a key pair only: a secret that both know, or none at all, proves nothing.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
LEEWAY = 60  # seconds by which the clocks of two servers may differ
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
LONGEST_SUBJECT = 191  # characters, as allauth keeps them
TRY = "try"  # an administrator looks what the provider says; nobody is signed in
FAILURES = (OAuth2Error, requests.RequestException, ValueError, KeyError, TypeError, AttributeError)


def nonce_of(verifier: str) -> str:
    """What ties an ID token to the browser that asked for it: made of the PKCE verifier that its session keeps."""
    return hashlib.sha256(f"nonce {verifier}".encode()).hexdigest()


class StrictAdapter(OpenIDConnectOAuth2Adapter):
    """allauth's, with the checks that it leaves to the line to the provider."""

    @property
    def openid_config(self) -> dict[str, Any]:
        """The provider's own description of itself. Raises OAuth2Error where it isn't the one that was set up."""
        found = super().openid_config
        issuer = self.get_provider().row.issuer
        if not isinstance(found, dict) or str(found.get("issuer", "")).rstrip("/") != issuer.rstrip("/"):
            raise OAuth2Error("The provider calls itself by another issuer.")
        for name in ENDPOINTS:
            if not str(found.get(name, "")).startswith("https://" if settings.SECURE else ("https://", "http://")):
                raise OAuth2Error(f"The provider names no secure {name}.")
        return found

    def get_access_token_data(
        self, request: HttpRequest, app: SocialApp, client: OAuth2Client, pkce_code_verifier: str | None = None
    ) -> dict[str, Any]:
        self.nonce = nonce_of(pkce_code_verifier or "")
        return super().get_access_token_data(request, app, client, pkce_code_verifier=pkce_code_verifier)

    def complete_login(self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any) -> SocialLogin:
        claims = self._verified(str(kwargs["response"].get("id_token") or ""))
        if not claims.get("email") and self.openid_config.get("userinfo_endpoint"):
            more = self._fetch_user_info(token.token)
            if more.get("sub") != claims["sub"]:
                raise OAuth2Error("The provider describes somebody else.")
            claims = {**more, **claims}
        return self.get_provider().sociallogin_from_response(request, claims)

    def _verified(self, id_token: str) -> dict[str, Any]:
        """The claims of an ID token. Raises OAuth2Error for one that isn't for this sign-in."""
        with get_adapter().get_requests_session() as session:
            answer = session.get(self.openid_config["jwks_uri"])
        answer.raise_for_status()
        client_id = self.get_provider().app.client_id
        try:
            kid = jwt.get_unverified_header(id_token).get("kid")
            keys = [key for key in jwt.PyJWKSet.from_dict(answer.json()).keys if kid in (None, key.key_id)]
            if not keys or (kid is None and len(keys) > 1):
                raise OAuth2Error("The ID token names no key of the provider.")
            claims = jwt.decode(
                id_token,
                keys[0],
                algorithms=ALGORITHMS,
                audience=client_id,
                issuer=self.openid_config["issuer"],
                leeway=LEEWAY,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise OAuth2Error(f"The ID token doesn't hold: {error}") from error
        if claims.get("nonce") != self.nonce:
            raise OAuth2Error("The ID token is for another sign-in.")
        if not 0 < len(claims["sub"]) <= LONGEST_SUBJECT or "\x00" in claims["sub"]:
            raise OAuth2Error("The ID token names nobody, or by no usable name.")
        if claims.get("azp", client_id) != client_id:
            raise OAuth2Error("The ID token is for another client.")
        return claims


class CompanyProvider(OpenIDConnectProvider):
    """One company's provider; `row` is its IdentityProvider, `lost` why its secret can't be read."""

    oauth2_adapter_class = StrictAdapter

    def __init__(
        self, request: HttpRequest, app: SocialApp, row: IdentityProvider, *, lost: LostKey | None = None
    ) -> None:
        super().__init__(request, app=app)
        self.row, self.lost = row, lost

    def get_pkce_params(self) -> dict[str, str]:
        found = super().get_pkce_params()
        return {**found, "nonce": nonce_of(found["code_verifier"])}

    def extract_extra_data(self, data: dict[str, Any]) -> dict[str, Any]:
        return {}  # nothing of what the provider says is kept, but its name for the person

    def sociallogin_from_response(self, request: HttpRequest, response: dict[str, Any]) -> SocialLogin:
        login = super().sociallogin_from_response(request, response)
        login.identity = _identity(response)
        return login


class SocialAdapter(DefaultSocialAccountAdapter):
    """Companies' providers are rows of ours; who comes in, `admit` says, and nobody signs up or links otherwise."""

    def get_provider(
        self, request: HttpRequest, provider: str, client_id: str | None = None
    ) -> CompanyProvider | CompanySaml:
        """Raises SocialApp.DoesNotExist for an unknown one, and (but for administrators) one that is off."""
        row = IdentityProvider.objects.filter(key=provider).first()
        if row is None or not (row.is_on or request.user.is_superuser):
            raise SocialApp.DoesNotExist
        if row.is_saml:
            return CompanySaml(request, row)
        try:
            secret, lost = unseal(row.secret), None
        except LostKey as error:
            secret, lost = "", error  # the provider refuses an empty one
        app = SocialApp(
            provider="openid_connect",
            provider_id=row.key,
            name=row.name,
            client_id=row.client_id,
            secret=secret,
            settings={"server_url": row.issuer.rstrip("/"), "oauth_pkce_enabled": True},
        )
        return CompanyProvider(request, app, row, lost=lost)

    def list_providers(self, request: HttpRequest) -> list[Any]:
        return []

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Let the person in, or answer with the page that says why not."""
        row, identity = sociallogin.provider.row, sociallogin.identity
        if sociallogin.state.get("process") == TRY:
            raise ImmediateHttpResponse(tried(request, row, identity=identity))
        try:
            admitted = admit(provider=row, identity=identity, now=timezone.now())
        except NotAdmitted as refusal:
            raise ImmediateHttpResponse(refused(request, row, refusal.reason)) from refusal
        sociallogin.user, sociallogin.account = admitted.user, admitted.link
        if admitted.is_new_link_of_known:
            tell_of("company_linked", user=admitted.user, request=request, now=timezone.now())

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: CompanyProvider,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        state = (extra_context or {}).get("state") or {}
        raise ImmediateHttpResponse(failed(request, provider.row, state, error=error, exception=exception))


def failed(
    request: HttpRequest,
    row: IdentityProvider,
    state: dict[str, Any],
    *,
    error: Any,
    exception: Exception | None,
    reason: str = "failed",
) -> HttpResponse:
    """Something went wrong on the way: the person reads how to go on, an administrator who tries it, what."""
    logger.warning("Company sign-in %s (%s): %s %s", row.pk, row.name, error or "", exception or "", exc_info=exception)
    if state.get("process") == TRY and request.user.is_superuser:
        return tried(request, row, problem=str(exception or error or ""))
    return refused(request, row, "cancelled" if error == "cancelled" else reason)


def refused(request: HttpRequest, row: IdentityProvider, reason: str) -> HttpResponse:
    context = {"provider": row, "reason": reason}
    return render(request, "account/company/refused.html", context, status=403)


def tried(
    request: HttpRequest, row: IdentityProvider, *, identity: Identity | None = None, problem: str = ""
) -> HttpResponse:
    """What the provider said, for an administrator."""
    if not request.user.is_superuser:
        return refused(request, row, "failed")
    context = {"provider": row, "identity": identity, "problem": problem}
    if identity is not None:
        context["is_proven"] = identity.is_verified or row.trusts_addresses
        context["is_own"] = row.domains.filter(domain=domain_of(identity.email)).exists()
    return render(request, "account/company/tried.html", context)


def _identity(claims: dict[str, Any]) -> Identity:
    email = claims.get("email")
    email = valid_email_or_none(email.strip()) if isinstance(email, str) else None
    name = claims.get("name") or " ".join(str(claims.get(part) or "") for part in ("given_name", "family_name"))
    locale = str(claims.get("locale") or translation.get_language() or "en")[:2].lower()
    return Identity(
        subject=str(claims["sub"]),
        email=email or "",
        is_verified=claims.get("email_verified") is True or claims.get("email_verified") == "true",
        full_name=str(name).replace("\x00", "").strip(),
        language=locale if locale in dict(settings.LANGUAGES) else "en",
    )
