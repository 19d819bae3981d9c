"""Statements as files: JSON with what vouches for it, and reading both JSON and PDF back."""

import json
import re
import zlib
from dataclasses import dataclass
from datetime import date

from helpdesk.reports.models import Statement
from helpdesk.reports.signing import Signed, canonical, holds, is_ours, sign

LARGEST = 5 * 1024 * 1024  # bytes of a file that is looked at, and of the document in it
JSON_NAME = "statement.json"  # inside the PDF
_EMBEDDED, _BEGINS, _ENDS = b"/Type /EmbeddedFile", b"stream", b"endstream"
_NEAR = 400  # bytes between the attachment's type and its content, at most

_SEAL = re.compile(rb"\n%SLA-STATEMENT-PAGES (?P<key>[0-9a-f]{64}) (?P<signature>[A-Za-z0-9+/=]{88})\n\Z")


class Unreadable(ValueError):
    """The file is no statement: neither JSON nor PDF of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A file taken apart. `document` is canonical again, so that spaces and order in the file don't matter."""

    signed: Signed
    is_pdf: bool


def as_json(statement: Statement) -> bytes:
    """The document, its digest, its signature and the key that it verifies with."""
    vouching = {"digest": statement.digest, "public_key": statement.public_key, "signature": statement.signature}
    return b'{"document":' + statement.document.encode() + b"," + canonical(vouching)[1:]


def file_name(*, account_id: int, month: date, revision: int, kind: str) -> str:
    return f"sla-statement-{account_id}-{month:%Y-%m}-{revision}.{kind}"


def read(content: bytes) -> Envelope:
    """What a file claims to be; whether that holds, is not asked here. Raises Unreadable."""
    if len(content) > LARGEST:
        raise Unreadable("larger than any statement")
    is_pdf = content.lstrip()[:5] == b"%PDF-"
    try:
        found = json.loads(_embedded(content) if is_pdf else content)
        signed = Signed(
            document=canonical(found["document"]),
            digest=str(found["digest"]),
            signature=str(found["signature"]),
            public_key=str(found["public_key"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError, zlib.error) as error:
        raise Unreadable(str(error)) from error
    return Envelope(signed=signed, is_pdf=is_pdf)


def _embedded(content: bytes) -> bytes:
    """What the first attachment holds. One pass: anybody may send a file, and five megabytes can be made to hurt."""
    kind = _found(content, _EMBEDDED, 0)
    begins = _found(content, _BEGINS, kind, kind + len(_EMBEDDED) + _NEAR) + len(_BEGINS)
    begins += 2 if content[begins : begins + 2] == b"\r\n" else 1
    if content[begins - 1 : begins] != b"\n":
        raise Unreadable("the PDF carries no statement")
    packed = content[begins : _found(content, b"\n" + _ENDS, begins)].removesuffix(b"\r")
    if b"/FlateDecode" not in content[max(0, kind - 200) : begins]:
        return packed
    return zlib.decompressobj().decompress(packed, LARGEST)


def _found(content: bytes, wanted: bytes, *between: int) -> int:
    place = content.find(wanted, *between)
    if place < 0:
        raise Unreadable("the PDF carries no statement")
    return place


def with_seal(pdf: bytes) -> bytes:
    """The PDF, and after its end a signature of all of it."""
    seal = sign(pdf)
    return pdf + f"\n%SLA-STATEMENT-PAGES {seal.public_key} {seal.signature}\n".encode()


def seal_holds(content: bytes) -> bool:
    """Whether a PDF is as we made it, to its last byte."""
    match = _SEAL.search(content[-400:])
    if match is None:
        return False
    key = match["key"].decode()
    sealed = content[: len(content) - len(match[0])]
    return is_ours(key) and holds(sealed, signature=match["signature"].decode(), public_key=key)
