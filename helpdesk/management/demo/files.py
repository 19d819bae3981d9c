"""Files of the demonstration: what customers put on their tickets, and what a specialist sent back."""

import hashlib
import struct
import zlib
from collections.abc import Sequence

from django.core.files.base import ContentFile

from helpdesk.tickets.file_kinds import kind_of
from helpdesk.tickets.models import Attachment, Message

WIDTH, HEIGHT = 960, 600  # of the picture
# Left, top, right, bottom and colour: a browser's window with a page on which a form should stand.
SHAPES = (
    (0, 0, 960, 600, (246, 247, 249)),
    (0, 0, 960, 56, (222, 226, 232)),
    (20, 20, 36, 36, (226, 105, 96)),
    (46, 20, 62, 36, (232, 186, 84)),
    (72, 20, 88, 36, (106, 182, 118)),
    (120, 14, 840, 42, (255, 255, 255)),
    (180, 120, 780, 520, (255, 255, 255)),
    (220, 160, 520, 184, (203, 209, 218)),
    (220, 240, 740, 300, (252, 228, 226)),
    (220, 240, 226, 300, (196, 60, 50)),
    (244, 262, 600, 278, (196, 60, 50)),
)
LOG = "".join(
    f"2026-11-24 13:{40 + minute:02d}:07 GET /forms/checkout.js 503 upstream timed out\n" for minute in range(20)
)
ROWS = "row;email;company;reason\n" + "".join(
    f"{row};contact{row}@kestrel.example;Kestrel Freight Group;twice in the file\n" for row in range(401, 425)
)
# What Mina's tickets say in their subject: the files of the first message, and those of the first answer.
FILES = {
    "Checkout forms": (("checkout-blank.png", "browser-console.log"), ()),
    "Contacts imported twice": (("contacts-twice.csv",), ("how-the-import-ran.log",)),
}


def bring_files() -> None:
    """Files on messages that are there, as they would be with a scanner that isn't set up."""
    messages = Message.objects.filter(ticket__requester__email="mina@kestrel.example").select_related("author")
    for subject, (asked, answered) in FILES.items():
        told = messages.filter(ticket__subject__startswith=subject).order_by("-ticket_id", "created_at", "id")
        _put(told.filter(kind=Message.Kind.CUSTOMER).first(), asked)
        _put(told.filter(kind=Message.Kind.REPLY).first(), answered)


def _put(message: Message | None, names: Sequence[str]) -> None:
    for name in names if message else ():
        content = _content(name)
        Attachment.objects.create(
            ticket_id=message.ticket_id,
            message=message,
            uploaded_by=message.author,
            name=name,
            content_type=kind_of(name, content),
            size=len(content),
            digest=hashlib.sha256(content).hexdigest(),
            file=ContentFile(content, name=name),
            created_at=message.created_at,
        )


def _content(name: str) -> bytes:
    return {"png": picture, "csv": ROWS.encode, "log": LOG.encode}[name.rpartition(".")[2]]()


def picture() -> bytes:
    """A page that stays blank, as a PNG."""
    image = [bytearray(b"\0" * (1 + 3 * WIDTH)) for _line in range(HEIGHT)]  # each line begins with its filter: none
    for left, top, right, bottom, colour in SHAPES:
        for line in image[top:bottom]:
            line[1 + 3 * left : 1 + 3 * right] = bytes(colour) * (right - left)
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(b"".join(image), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
