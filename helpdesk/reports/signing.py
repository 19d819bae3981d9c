"""Canonical JSON, its digest, and an Ed25519 signature over it, by this installation's own key.

The key is the setting STATEMENT_KEY, or else a file that is made on first use, as the secret key is.
Statements signed with a key of before verify as long as its public half is in STATEMENT_OLD_KEYS.
"""

import json
from base64 import b64decode, b64encode, urlsafe_b64decode
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A document with what vouches for it. Digest and public key are hexadecimal, the signature is base64."""

    document: bytes
    digest: str
    signature: str
    public_key: str


def canonical(value: Any) -> bytes:
    """One way to write a value: sorted keys, no spaces, UTF-8. Raises ValueError for a number that isn't exact."""
    if _has_float(value):
        raise ValueError("a document holds whole numbers and text only")
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _has_float(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_float(part) for part in value.values())
    if isinstance(value, list):
        return any(_has_float(part) for part in value)
    return isinstance(value, float)


def digest_of(document: bytes) -> str:
    return sha256(document).hexdigest()


def sign(document: bytes) -> Signed:
    key = _key(settings.STATEMENT_KEY)
    return Signed(
        document=document,
        digest=digest_of(document),
        signature=b64encode(key.sign(document)).decode(),
        public_key=key.public_key().public_bytes_raw().hex(),
    )


def is_ours(public_key: str) -> bool:
    """Whether this installation signs, or once signed, with this key."""
    current = _key(settings.STATEMENT_KEY).public_key().public_bytes_raw().hex()
    return public_key in (current, *settings.STATEMENT_OLD_KEYS)


def holds(document: bytes, *, signature: str, public_key: str) -> bool:
    """Whether the signature is of this document and by this key; whose key it is, `is_ours` says."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(b64decode(signature, validate=True), document)
    except (ValueError, InvalidSignature):
        return False
    return True


@lru_cache(maxsize=4)
def _key(secret: str) -> Ed25519PrivateKey:
    """From 32 bytes as URL-safe base64; the file of this installation's own holds 64, of which the digest is taken."""
    try:
        seed = urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
    except ValueError as error:
        raise ImproperlyConfigured("STATEMENT_KEY: write 32 bytes as URL-safe base64.") from error
    if len(seed) < 32:
        raise ImproperlyConfigured("STATEMENT_KEY: needs 32 bytes at least.")
    return Ed25519PrivateKey.from_private_bytes(seed if len(seed) == 32 else sha256(seed).digest())
