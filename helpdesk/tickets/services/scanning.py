"""Files and the virus scanner (decision 21). A scan is a call over a socket, so none is made inside a transaction."""

import logging
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from helpdesk.core.clamd import Clamd, ScannerError
from helpdesk.notifications.live import push_change
from helpdesk.notifications.services import beat
from helpdesk.tickets.models import Attachment, Scan

log = logging.getLogger(__name__)
HEARTBEAT = "virus-scan"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of a file's content; `threat` names what was found."""

    scan: Scan
    threat: str = ""


def judge(content: bytes, *, name: str) -> Verdict:
    """Ask the scanner. While it is out of reach a file waits for it; without one, nothing is scanned."""
    if not settings.CLAMD_URL:
        return Verdict(Scan.NONE)
    try:
        threat = _scanner().find(content)
    except ScannerError as error:
        log.warning("the virus scanner did not judge %r, it is held: %s", name, error)
        return Verdict(Scan.WAITING)
    return Verdict(Scan.INFECTED, threat) if threat else Verdict(Scan.CLEAN)


def scan_held_files(*, now: datetime, limit: int = 200) -> dict[str, int]:
    """Scan what came in while the scanner was out of reach; returns the counts of clean, infected and waiting.

    Each file is one conditional update after its scan: two jobs at once, or one that is killed, do no harm. The
    content of an infected one is deleted, its row says what was there. The heartbeat says how the scanner is,
    also that there is none.
    """
    counts = {"clean": 0, "infected": 0}
    state = _state()
    if state in ("ok", "not set up"):
        for file in Attachment.objects.filter(scan=Scan.WAITING).order_by("id")[:limit]:
            # A scanner that was taken out of the settings has nobody to wait for.
            verdict = _judge_stored(file)
            if verdict.scan != Scan.WAITING and settle(file, verdict=verdict, now=now):
                counts["infected" if verdict.scan == Scan.INFECTED else "clean"] += 1
    counts["waiting"] = Attachment.objects.filter(scan=Scan.WAITING).count()
    beat(name=HEARTBEAT, now=now, detail={"scanner": state, **counts})
    return counts


@transaction.atomic
def settle(file: Attachment, *, verdict: Verdict, now: datetime) -> bool:
    """Write down what the scanner said of a held file, in every row that names it (a ticket that was split has rows
    of its own); False when another one has."""
    rows = Attachment.objects.filter(file=file.file.name, scan=Scan.WAITING)
    tickets = set(rows.order_by("id").select_for_update(no_key=True).values_list("ticket_id", flat=True))
    if not rows.update(scan=verdict.scan, threat=verdict.threat, scanned_at=now):
        return False
    if verdict.scan == Scan.INFECTED:
        log.warning("virus in file %s of user %s: %s", file.pk, file.uploaded_by_id, verdict.threat)
        transaction.on_commit(lambda: file.file.storage.delete(file.file.name), robust=True)
    for ticket_id in tickets - {None}:
        push_change(ticket_id=ticket_id)
    return True


def _judge_stored(file: Attachment) -> Verdict:
    try:
        with file.file.open("rb") as stored:
            return judge(stored.read(), name=file.name)
    except FileNotFoundError:
        log.warning("file %s has no content any more", file.pk)
        return Verdict(Scan.CLEAN)  # a download says that it is gone


def _state() -> str:
    if not settings.CLAMD_URL:
        return "not set up"
    try:
        _scanner().ping()
    except ScannerError as error:
        return str(error)
    return "ok"


def _scanner() -> Clamd:
    return Clamd(settings.CLAMD_URL, settings.CLAMD_TIMEOUT)
