"""Secrets as the database keeps them: sealed under a key that isn't in it (decision 38).

A sealed text names its key, so that one whose key is gone is told from one that is damaged, and rows under an old key
are found without opening any. Keys are made of `FIELD_KEYS`, the first of which seals, and of `SECRET_KEY` and
`SECRET_KEY_FALLBACKS`, which open what was sealed before there was one.
"""

import base64
import hashlib
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

PREFIX = "sealed:"


class LostKey(Exception):
    """A secret can't be read: its key is not among those that are set. The text is for operators."""


def seal(text: str) -> str:
    """Seal under the first key. An empty text is none; a sealed one stays as it is."""
    if not text or is_sealed(text):
        return text
    name, box = next(iter(_keys().items()))
    return f"{PREFIX}{name}:{box.encrypt(text.encode()).decode()}"


def unseal(text: str) -> str:
    """What was sealed. A text that was not is returned as it is: rows are sealed while older processes still run.

    Raises LostKey where no key fits, or the text is damaged.
    """
    if not is_sealed(text):
        return text
    _prefix, name, token = text.split(":", 2)
    box = _keys().get(name)
    if box is None:
        raise LostKey(f"A secret was sealed with the key {name}, which is not set: put it back into FIELD_KEYS.")
    try:
        return box.decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise LostKey(f"A secret that was sealed with the key {name} is damaged.") from error


def reseal(text: str) -> str:
    """The same under the first key. Raises LostKey as `unseal`."""
    return text if key_of(text) == key_names()[0] else seal(unseal(text))


def is_sealed(text: str) -> bool:
    return text.startswith(PREFIX) and text.count(":") >= 2


def key_of(text: str) -> str:
    """The name of the key that a text was sealed with; empty for one that isn't sealed."""
    return text.split(":", 2)[1] if is_sealed(text) else ""


def key_names() -> list[str]:
    """Those that are set; the first one seals."""
    return list(_keys())


def _keys() -> dict[str, Fernet]:
    return _made(tuple(dict.fromkeys([*settings.FIELD_KEYS, settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS])))


@lru_cache(maxsize=4)
def _made(secrets: tuple[str, ...]) -> dict[str, Fernet]:
    keys = [
        HKDF(algorithm=SHA256(), length=32, salt=None, info=b"helpdesk fields").derive(one.encode()) for one in secrets
    ]
    return {hashlib.sha256(key).hexdigest()[:12]: Fernet(base64.urlsafe_b64encode(key)) for key in keys}
