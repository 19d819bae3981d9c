"""What an identity provider says of itself in SAML: fetched or pasted by an administrator, and taken apart."""

import base64
import binascii
import time
from dataclasses import dataclass
from datetime import date
from typing import Any

import requests
from cryptography import x509
from django.conf import settings
from django.utils.translation import gettext as _
from lxml.etree import LxmlError
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Names
from onelogin.saml2.xml_utils import OneLogin_Saml2_XML as Xml

LARGEST = 1_000_000  # bytes of metadata
SECONDS = 5  # for connecting, and for each piece that comes
ALTOGETHER = 10  # seconds
LONGEST_ISSUER, LONGEST_ADDRESS, MOST_CERTIFICATES = 300, 500, 10
DESCRIPTOR = "/md:EntityDescriptor | /md:EntitiesDescriptor/md:EntityDescriptor[md:IDPSSODescriptor]"
SIGNING = "./md:KeyDescriptor[not(@use) or @use='signing']/ds:KeyInfo/ds:X509Data/ds:X509Certificate"


class Unusable(Exception):
    """The metadata can't be used; the text says why, to the administrator."""


@dataclass(frozen=True)
class Metadata:
    entity_id: str
    sso_url: str
    certificates: list[str]


def is_safe_address(url: str) -> bool:
    """https only, where this service itself is."""
    return url.startswith("https://" if settings.SECURE else ("https://", "http://"))


def fetch(url: str) -> bytes:
    """The metadata at an address. Raises Unusable; no redirect is followed, wherever it leads to."""
    if not is_safe_address(url):
        raise Unusable(_("The address must begin with https://."))
    latest = time.monotonic() + ALTOGETHER
    try:
        with requests.get(url, timeout=SECONDS, allow_redirects=False, stream=True) as answer:
            if answer.is_redirect:
                raise Unusable(_("The address leads on to another one. Enter that one."))
            answer.raise_for_status()
            found = b""
            for piece in answer.iter_content(65_536):
                found += piece
                if time.monotonic() > latest:
                    raise Unusable(_("Nothing could be read from the address."))
                if len(found) > LARGEST:
                    raise Unusable(_("What lies at the address is too large for metadata."))
    except (requests.RequestException, ValueError) as error:
        raise Unusable(_("Nothing could be read from the address.")) from error
    return found


def parse(xml: bytes) -> Metadata:
    """Entity ID, sign-in address and signing certificates. Raises Unusable; no entities, no document types."""
    if len(xml) > LARGEST:
        raise Unusable(_("This is too large for metadata."))
    try:
        found = Xml.query(Xml.to_etree(xml), DESCRIPTOR)
    except (LxmlError, ValueError, TypeError) as error:  # DTDForbidden and EntitiesForbidden are ValueErrors
        raise Unusable(_("This is no metadata in XML.")) from error
    if len(found) != 1:
        raise Unusable(_("The metadata must describe exactly one identity provider."))
    roles = Xml.query(found[0], "./md:IDPSSODescriptor")
    if len(roles) != 1:
        raise Unusable(_("The metadata doesn't describe an identity provider."))
    return _checked(found[0], roles[0])


def _checked(entity: Any, role: Any) -> Metadata:
    name = entity.get("entityID") or ""
    if not 0 < len(name) <= LONGEST_ISSUER:
        raise Unusable(_("The metadata names no usable entity ID."))
    services = Xml.query(role, f"./md:SingleSignOnService[@Binding='{Names.BINDING_HTTP_REDIRECT}']")
    address = services[0].get("Location", "") if services else ""
    if not is_safe_address(address) or len(address) > LONGEST_ADDRESS:
        raise Unusable(_("The metadata names no secure sign-in address for the HTTP-Redirect binding."))
    keys = [_certificate(node.text or "") for node in Xml.query(role, SIGNING)]
    if not 0 < len(keys) <= MOST_CERTIFICATES:
        raise Unusable(_("The metadata has no signing certificate."))
    return Metadata(entity_id=name, sso_url=address, certificates=list(dict.fromkeys(keys)))


def _certificate(text: str) -> str:
    """Base64 without line ends, of a certificate that can be read."""
    words = "".join(text.split())
    try:
        x509.load_der_x509_certificate(base64.b64decode(words, validate=True)).public_key()
    except (ValueError, binascii.Error) as error:
        raise Unusable(_("A certificate of the metadata can't be read.")) from error
    return words


def expiries(certificates: list[str]) -> list[date]:
    """The last day of each; people come in after it, too: what counts is that the administrator put it there."""
    return [x509.load_der_x509_certificate(base64.b64decode(one)).not_valid_after_utc.date() for one in certificates]
