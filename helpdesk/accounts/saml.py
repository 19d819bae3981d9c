"""SAML 2.0 as python3-saml and allauth speak it, made strict (decision 33).

The library lets an answer pass without an audience, an expiry or a recipient, and compares addresses by their
beginnings; allauth takes for "not asked for" what only the signed part ties to a request. All of it is required here.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import xmlsec
from allauth.account.internal.emailkit import valid_email_or_none
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.saml.provider import SAMLProvider
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import translation
from lxml.etree import LxmlError
from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.authn_request import OneLogin_Saml2_Authn_Request
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Names
from onelogin.saml2.errors import OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from helpdesk.accounts.company_sign_in import Identity
from helpdesk.accounts.providers import IdentityProvider

LARGEST = 300_000  # characters of an answer
LONGEST_SUBJECT = 191  # characters, as allauth keeps them
LONGEST_LIFE = timedelta(days=1)  # of an assertion: so long it must be remembered
FAILURES = (OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError, LxmlError, ValueError, KeyError, TypeError)
FAILURES += (AttributeError, IndexError, xmlsec.Error)
# What names a person for good, before the NameID: the address there may be given to somebody else.
SUBJECTS = (
    "urn:oasis:names:tc:SAML:attribute:subject-id",
    "urn:oasis:names:tc:SAML:attribute:pairwise-id",
    "http://schemas.microsoft.com/identity/claims/objectidentifier",
)
CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
ADDRESSES = ("urn:oid:0.9.2342.19200300.100.1.3", f"{CLAIMS}emailaddress", "email", "mail", "emailAddress")
NAMES = ("urn:oid:2.16.840.1.113730.3.1.241", "http://schemas.microsoft.com/identity/claims/displayname", "displayName")
GIVEN = ("urn:oid:2.5.4.42", f"{CLAIMS}givenname", "firstName", "givenName")
FAMILY = ("urn:oid:2.5.4.4", f"{CLAIMS}surname", "lastName", "surname", "sn")
VERIFIED = ("http://schemas.auth0.com/email_verified", "email_verified")


class Unusable(Exception):
    """An answer that opens nothing; `reason` is a key of the page that says so, the text is for the log."""

    def __init__(self, text: str, *, reason: str = "failed", asked: str = "") -> None:
        super().__init__(text)
        self.reason, self.asked = reason, asked


@dataclass(frozen=True)
class Answer:
    """What a provider said, signed: who, to which request (empty: unasked), and until when it may be used."""

    identity: Identity
    asked: str
    digest: str
    until: datetime


def settings_of(row: IdentityProvider) -> OneLogin_Saml2_Settings:
    """Both sides, for python3-saml. Raises OneLogin_Saml2_Error for a row that isn't set up."""
    has_key = bool(settings.SAML_KEY and settings.SAML_CERTIFICATE)
    own = {
        "entityId": row.metadata_page,
        "assertionConsumerService": {"url": row.callback_url, "binding": Names.BINDING_HTTP_POST},
        "NameIDFormat": Names.NAMEID_UNSPECIFIED,
    }
    if has_key:
        own |= {"privateKey": settings.SAML_KEY, "x509cert": settings.SAML_CERTIFICATE}
    theirs = {
        "entityId": row.issuer,
        "singleSignOnService": {"url": row.sso_url, "binding": Names.BINDING_HTTP_REDIRECT},
        "x509certMulti": {"signing": row.certificates},
    }
    security = {
        "authnRequestsSigned": has_key,
        "signMetadata": False,
        "wantAssertionsSigned": True,
        "wantAttributeStatement": False,
        "wantNameId": True,
        "rejectDeprecatedAlgorithm": True,
        "requestedAuthnContext": False,
        "allowRepeatAttributeName": True,
        "allowSingleLabelDomains": not settings.SECURE,
        "signatureAlgorithm": Names.RSA_SHA256,
        "digestAlgorithm": Names.SHA256,
    }
    return OneLogin_Saml2_Settings({"strict": True, "debug": False, "sp": own, "idp": theirs, "security": security})


def own_metadata(row: IdentityProvider) -> bytes:
    """What the customer's IT gives their provider: our entity ID, the address for answers, and our key if any."""
    ours = settings_of(row)
    # The library names the key for encrypting only to who insists on it; we read open answers as well.
    ours.get_security_data()["wantAssertionsEncrypted"] = bool(ours.get_sp_key())
    found = ours.get_sp_metadata()
    return found.encode() if isinstance(found, str) else found


def read(row: IdentityProvider, encoded: str, *, now: datetime) -> Answer:
    """What an answer says once every check has passed. Raises Unusable."""
    if not encoded or len(encoded) > LARGEST:
        raise Unusable("No answer, or one that is too large.")
    asked = ""
    try:
        response = OneLogin_Saml2_Response(settings_of(row), encoded)
        asked = response.get_in_response_to() or ""
        _check_status(response, asked)
        response.is_valid(_address(row), raise_exceptions=True)
        return _answer(row, response, now)
    except FAILURES as error:
        raise Unusable(str(error)[:500], asked=asked) from error


def _check_status(response: OneLogin_Saml2_Response, asked: str) -> None:
    """A provider that says no, says so without a signature; it opens nothing either way."""
    code = OneLogin_Saml2_Utils.get_status(response.document).get("code")
    if code != Names.STATUS_SUCCESS:
        raise Unusable(f"The provider says {str(code)[:200]}.", reason="cancelled", asked=asked)


def _address(row: IdentityProvider) -> dict[str, Any]:
    """Where the answer was meant to come, by the settings rather than by what a client says."""
    address = urlsplit(row.callback_url)
    return {
        "https": "on" if address.scheme == "https" else "off",
        "http_host": address.netloc,
        "script_name": address.path,
    }


def _answer(row: IdentityProvider, response: OneLogin_Saml2_Response, now: datetime) -> Answer:
    # The library's own way to the assertion whose signature it has checked, by its ID.
    (assertion,) = response._query_assertion("")
    if row.metadata_page not in response.get_audiences():
        raise ValueError("The assertion is for another audience, or for anybody.")
    if response.document.get("Destination") not in (None, row.callback_url):
        raise ValueError("The response was sent to another address.")
    asked, until = _confirmation(row, response, now)
    if response.document.get("InResponseTo") not in (None, asked):
        raise ValueError("The response and its assertion answer different requests.")
    digest = hashlib.sha256(assertion.get("ID").encode()).hexdigest()
    return Answer(identity=_identity(response), asked=asked or "", digest=digest, until=until)


def _confirmation(
    row: IdentityProvider, response: OneLogin_Saml2_Response, now: datetime
) -> tuple[str | None, datetime]:
    """The request that was answered and the latest instant, both signed; for our address and nobody else's."""
    found = response._query_assertion(
        f"/saml:Subject/saml:SubjectConfirmation[@Method='{Names.CM_BEARER}']/saml:SubjectConfirmationData"
    )
    if len(found) != 1:
        raise ValueError("The assertion must be confirmed exactly once.")
    data = found[0]
    if data.get("Recipient") != row.callback_url:
        raise ValueError("The assertion is for another recipient.")
    until = datetime.fromtimestamp(OneLogin_Saml2_Utils.parse_SAML_to_time(data.get("NotOnOrAfter")), UTC)
    if not now < until <= now + LONGEST_LIFE:
        raise ValueError("The assertion has expired, or lives for too long.")
    return data.get("InResponseTo"), until


def _identity(response: OneLogin_Saml2_Response) -> Identity:
    name, kind, said = response.get_nameid() or "", response.get_nameid_format(), response.get_attributes()
    subject = _first(said, SUBJECTS) or ("" if kind == Names.NAMEID_TRANSIENT else name)
    if not 0 < len(subject) <= LONGEST_SUBJECT or "\x00" in subject:
        raise ValueError("The assertion names nobody, or by no name that stays.")
    email = _first(said, ADDRESSES) or ("" if kind == Names.NAMEID_TRANSIENT else name)
    full_name = _first(said, NAMES) or f"{_first(said, GIVEN)} {_first(said, FAMILY)}"
    language = (translation.get_language() or "en")[:2]
    return Identity(
        subject=subject,
        email=valid_email_or_none(email.strip()) or "",
        is_verified=_first(said, VERIFIED).lower() in ("true", "1"),
        full_name=full_name.replace("\x00", "").strip(),
        language=language if language in dict(settings.LANGUAGES) else "en",
    )


def _first(said: dict[str, list[str | None]], names: tuple[str, ...]) -> str:
    return next((str(value) for name in names for value in said.get(name, []) if value), "")


class CompanySaml(SAMLProvider):
    """One company's provider; `row` is its IdentityProvider."""

    def __init__(self, request: HttpRequest, row: IdentityProvider) -> None:
        app = SocialApp(provider="saml", provider_id=row.key, name=row.name, client_id=row.key)
        super().__init__(request, app=app)
        self.row = row

    def redirect(
        self, request: HttpRequest, process: str, next_url: str | None = None, data: Any = None, **kwargs: Any
    ) -> HttpResponse:
        """To the provider, with a request whose ID this session keeps: what answers it counts once, and here."""
        ours = settings_of(self.row)
        asking = OneLogin_Saml2_Authn_Request(ours)
        parameters = {"SAMLRequest": asking.get_request()}
        if ours.get_security_data()["authnRequestsSigned"]:
            _sign(ours, parameters)
        self.stash_redirect_state(request, process, next_url, data, state_id=asking.get_id(), **kwargs)
        return HttpResponseRedirect(OneLogin_Saml2_Utils.redirect(self.row.sso_url, parameters, _address(self.row)))

    def extract_uid(self, data: Identity) -> str:
        return data.subject

    def extract_extra_data(self, data: Identity) -> dict[str, Any]:
        return {}  # nothing of what the provider says is kept, but its name for the person

    def extract_common_fields(self, data: Identity) -> dict[str, Any]:
        return {"email": data.email}

    def sociallogin_from_response(self, request: HttpRequest, response: Identity) -> SocialLogin:
        login = super().sociallogin_from_response(request, response)
        login.identity = response
        return login


def _sign(ours: OneLogin_Saml2_Settings, parameters: dict[str, str]) -> None:
    """The signature of the HTTP-Redirect binding, over the parameters as they are sent."""
    auth = OneLogin_Saml2_Auth({"http_host": "", "script_name": "", "get_data": {}, "post_data": {}}, ours)
    auth.add_request_signature(parameters, ours.get_security_data()["signatureAlgorithm"])
