"""An identity provider on this machine that speaks SAML 2.0: redirect in, a signed form posted out."""

import base64
import secrets
import threading
import zlib
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape, quoteattr

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree

SAML, PROTOCOL = "urn:oasis:names:tc:SAML:2.0:assertion", "urn:oasis:names:tc:SAML:2.0:protocol"
EMAIL = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"
NAME = "http://schemas.microsoft.com/identity/claims/displayname"
SHA256 = (xmlsec.Transform.RSA_SHA256, xmlsec.Transform.SHA256)
SHA1 = (xmlsec.Transform.RSA_SHA1, xmlsec.Transform.SHA1)


def key_pair() -> tuple[str, str]:
    """A private key and its certificate, in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "login.kestrel.example")])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(start).not_valid_after(start + timedelta(days=36_500))
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private.decode(), made.sign(key, hashes.SHA256()).public_bytes(pem).decode()


KEY, CERTIFICATE = key_pair()
OTHER_KEY, OTHER_CERTIFICATE = key_pair()


def bare(certificate: str) -> str:
    return "".join(certificate.splitlines()[1:-1])


def at(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Provider:
    """`values` change what an answer says (None leaves it out); `attributes` and `name_id` are the person."""

    def __init__(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.entity_id, self.key, self.certificate = f"{self.url}/metadata", KEY, CERTIFICATE
        self.name_id, self.name_format = "u-1", "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
        self.attributes = {EMAIL: "ann@kestrel.example", NAME: "Ann Berg"}
        self.values: dict[str, Any] = {}
        self.signs, self.methods, self.asked = "assertion", SHA256, {}
        self.encrypts_for = ""  # a certificate in PEM
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def metadata(self) -> str:
        return f"""<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{self.entity_id}">
<md:IDPSSODescriptor protocolSupportEnumeration="{PROTOCOL}"><md:KeyDescriptor use="signing">
<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>{bare(self.certificate)}
</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="{self.url}/sso"/>
</md:IDPSSODescriptor></md:EntityDescriptor>"""

    def read(self, address: str) -> dict[str, str]:
        """What a request to sign in asks for."""
        query = parse_qs(urlsplit(address).query)
        asked = etree.fromstring(zlib.decompress(base64.b64decode(query["SAMLRequest"][0]), -15))
        self.asked = {
            "id": asked.get("ID"),
            "acs": asked.get("AssertionConsumerServiceURL"),
            "audience": asked.find(f"{{{SAML}}}Issuer").text,
        }
        return self.asked

    def response(self, asked: dict[str, str]) -> etree._Element:
        """A signed answer to a request; its parts can be taken apart by an attacker."""
        says = {
            "request": asked.get("id"),
            "response_request": asked.get("id"),
            "audience": asked["audience"],
            "recipient": asked["acs"],
            "destination": asked["acs"],
            "issuer": self.entity_id,
            "until": at(5),
            "from": at(-1),
            "confirmed_until": at(5),
            "status": "Success",
            "assertion_id": "_a" + secrets.token_hex(12),
        } | self.values
        root = etree.fromstring(self._text(says))
        if self.signs in ("assertion", "both") and root.find(f"{{{SAML}}}Assertion") is not None:
            self.sign(root.find(f"{{{SAML}}}Assertion"))
        if self.encrypts_for:
            self.encrypt(root, root.find(f"{{{SAML}}}Assertion"))
        if self.signs in ("response", "both"):
            self.sign(root)
        return root

    def sign(self, element: etree._Element) -> None:
        signature_method, digest_method = self.methods
        signature = xmlsec.template.create(element, xmlsec.Transform.EXCL_C14N, signature_method, ns="ds")
        element.insert(1, signature)  # after the issuer
        reference = xmlsec.template.add_reference(signature, digest_method, uri="#" + element.get("ID"))
        xmlsec.template.add_transform(reference, xmlsec.Transform.ENVELOPED)
        xmlsec.template.add_transform(reference, xmlsec.Transform.EXCL_C14N)
        xmlsec.tree.add_ids(element, ["ID"])
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_memory(self.key, xmlsec.KeyFormat.PEM)
        context.sign(signature)

    def encrypt(self, root: etree._Element, assertion: etree._Element) -> None:
        """Put an assertion under a key of its own, and that under the certificate's."""
        wrapper = etree.SubElement(root, f"{{{SAML}}}EncryptedAssertion")
        wrapper.append(assertion)
        data = xmlsec.template.encrypted_data_create(
            wrapper, xmlsec.Transform.AES256, type=xmlsec.EncryptionType.ELEMENT, ns="xenc"
        )
        xmlsec.template.encrypted_data_ensure_cipher_value(data)
        info = xmlsec.template.encrypted_data_ensure_key_info(data, ns="ds")
        key = xmlsec.template.add_encrypted_key(info, xmlsec.Transform.RSA_OAEP)
        xmlsec.template.encrypted_data_ensure_cipher_value(key)
        manager = xmlsec.KeysManager()
        manager.add_key(xmlsec.Key.from_memory(self.encrypts_for, xmlsec.KeyFormat.CERT_PEM))
        context = xmlsec.EncryptionContext(manager)
        context.key = xmlsec.Key.generate(xmlsec.KeyData.AES, 256, xmlsec.KeyDataType.SESSION)
        context.encrypt_xml(data, assertion)

    def _text(self, says: dict[str, Any]) -> bytes:
        status = f'<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:{says["status"]}"/>'
        status = f"<samlp:Status>{status}</samlp:Status>"
        assertion = self._assertion(says) if says["status"] == "Success" else ""
        tied = _maybe("InResponseTo", says["response_request"]) + _maybe("Destination", says["destination"])
        return f"""<samlp:Response xmlns:samlp="{PROTOCOL}" xmlns:saml="{SAML}" ID="_r{secrets.token_hex(12)}"
 Version="2.0" IssueInstant="{at(0)}"{tied}><saml:Issuer>{says["issuer"]}</saml:Issuer>
{status}{assertion}</samlp:Response>""".encode()

    def _assertion(self, says: dict[str, Any]) -> str:
        tied = _maybe("InResponseTo", says["request"]) + _maybe("Recipient", says["recipient"])
        tied += _maybe("NotOnOrAfter", says["confirmed_until"])
        audience = says["audience"] and f"<saml:Audience>{says['audience']}</saml:Audience>"
        audience = audience and f"<saml:AudienceRestriction>{audience}</saml:AudienceRestriction>"
        attributes = "".join(
            f"<saml:Attribute Name={quoteattr(name)}><saml:AttributeValue>{escape(value)}</saml:AttributeValue>"
            "</saml:Attribute>"
            for name, value in self.attributes.items()
        )
        attributes = attributes and f"<saml:AttributeStatement>{attributes}</saml:AttributeStatement>"
        return f"""<saml:Assertion ID="{says["assertion_id"]}" Version="2.0" IssueInstant="{at(0)}">
<saml:Issuer>{says["issuer"]}</saml:Issuer><saml:Subject>
<saml:NameID Format="{self.name_format}">{self.name_id}</saml:NameID>
<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData{tied}/>
</saml:SubjectConfirmation></saml:Subject>
<saml:Conditions NotBefore="{says["from"]}" NotOnOrAfter="{says["until"]}">{audience or ""}</saml:Conditions>
<saml:AuthnStatement AuthnInstant="{at(0)}"><saml:AuthnContext><saml:AuthnContextClassRef>
urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>
{attributes}</saml:Assertion>"""


def encoded(root: etree._Element) -> str:
    return base64.b64encode(etree.tostring(root)).decode()


def _maybe(name: str, value: str | None) -> str:
    return "" if value is None else f' {name}="{value}"'


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metadata":
                return self.say(provider.metadata, "application/samlmetadata+xml")
            if self.path == "/elsewhere":
                return self.say("", "text/plain", 302)
            if not self.path.startswith("/sso?"):
                return self.say("", "text/plain")
            asked = provider.read(self.path)
            answer = encoded(provider.response(asked))
            form = f"""<!doctype html><title>Kestrel</title><form method="post" action="{asked["acs"]}">
<input type="hidden" name="SAMLResponse" value="{answer}"><button>Log in as Ann</button></form>"""
            return self.say(form, "text/html")

        def say(self, text: str, kind: str, status: int = 200) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            if status == 302:
                self.send_header("Location", f"{provider.url}/metadata")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *args: Any) -> None:
            pass

    return Handler
