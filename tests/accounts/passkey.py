"""A device with passkeys, as far as a server sees it: what a browser would send for it."""

import json
import secrets

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from fido2.cose import ES256
from fido2.utils import sha256, websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

HOST = "testserver"
VERIFIED = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV


class Device:
    """Makes one passkey, and signs with it."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id, self.owner = secrets.token_bytes(16), b""

    def make(self, client: Client, *, flags: int = VERIFIED, **form: str):
        """Add it to the sign-in of who is signed in there."""
        page = client.get("/accounts/2fa/webauthn/add/")
        self.owner = page.context["js_data"]["creation_options"]["publicKey"]["user"]["id"]
        made = AttestedCredentialData.create(Aaguid.NONE, self.id, ES256.from_cryptography_key(self.key.public_key()))
        data = AuthenticatorData.create(sha256(HOST.encode()), flags | AuthenticatorData.FLAG.AT, 0, made)
        said = {"attestationObject": websafe_encode(AttestationObject.create("none", data, {}))}
        said["clientDataJSON"] = websafe_encode(self._told(client, CollectedClientData.TYPE.CREATE))
        sent = self._credential(said) | {"clientExtensionResults": {"credProps": {"rk": True}}}
        return client.post(
            "/accounts/2fa/webauthn/add/", {"passwordless": "on", "credential": json.dumps(sent), **form}
        )

    def sign(self, client: Client) -> str:
        """The answer to what `client` was last asked, for a form's field."""
        told = self._told(client, CollectedClientData.TYPE.GET)
        data = AuthenticatorData.create(sha256(HOST.encode()), VERIFIED, 1)
        signature = self.key.sign(data + told.hash, ec.ECDSA(hashes.SHA256()))
        said = {"authenticatorData": data, "clientDataJSON": told, "signature": signature, "userHandle": self.owner}
        said = {name: value if isinstance(value, str) else websafe_encode(value) for name, value in said.items()}
        return json.dumps(self._credential(said))

    def sign_in(self, client: Client):
        client.get("/accounts/2fa/webauthn/login/", headers={"accept": "application/json"})
        return client.post("/accounts/2fa/webauthn/login/", {"credential": self.sign(client)})

    def _told(self, client: Client, kind: str) -> CollectedClientData:
        challenge = client.session["mfa.webauthn.state"]["challenge"]
        return CollectedClientData.create(kind, challenge, f"https://{HOST}")

    def _credential(self, said: dict[str, str]) -> dict:
        name = websafe_encode(self.id)
        return {"id": name, "rawId": name, "type": "public-key", "response": said, "clientExtensionResults": {}}
