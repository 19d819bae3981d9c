"""Whether a statement file is ours, whole, and still what the events say."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from helpdesk.reports.models import Statement
from helpdesk.reports.periods import Window
from helpdesk.reports.signing import canonical, digest_of, holds, is_ours
from helpdesk.reports.statement_figures import figures, read_instant
from helpdesk.reports.statement_files import read, seal_holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Three things that hold or don't, and for a PDF a fourth: that its pages are those that we made.

    `recomputed` is None where nothing like it was issued here: figures are only made again for what was.
    `pages` is None for JSON, which has none.
    """

    digest: bool
    signature: bool
    recomputed: bool | None
    pages: bool | None
    is_pdf: bool
    document: dict[str, Any]
    newer: int | None  # the revision that has replaced it since

    @property
    def is_good(self) -> bool:
        return self.digest and self.signature and self.recomputed is True and self.pages is not False

    def as_json(self) -> dict[str, Any]:
        names = ("digest", "signature", "recomputed", "pages", "newer")
        return {name: getattr(self, name) for name in names} | {
            "good": self.is_good,
            "account": _part(self.document, "account", "name"),
            "month": _part(self.document, "month"),
            "revision": _part(self.document, "revision"),
        }


def _part(document: Any, *names: str) -> Any:
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document


def check(content: bytes) -> Check:
    """Check a statement's JSON or PDF. Raises Unreadable where it is neither."""
    envelope = read(content)
    signed = envelope.signed
    digest = digest_of(signed.document) == signed.digest.lower()
    signature = is_ours(signed.public_key) and holds(
        signed.document, signature=signed.signature, public_key=signed.public_key
    )
    document = json.loads(signed.document)
    issued = Statement.objects.filter(digest=digest_of(signed.document)).first() if signature else None
    return Check(
        digest=digest,
        signature=signature,
        recomputed=recompute(document) if issued else None,
        pages=seal_holds(content) if envelope.is_pdf else None,
        is_pdf=envelope.is_pdf,
        document=document if isinstance(document, dict) else {},
        newer=_newer(issued) if issued else None,
    )


def recompute(document: dict[str, Any]) -> bool:
    """Whether the events that were there then still give these figures, to the byte."""
    window = Window(read_instant(document["window"]["start"]), read_instant(document["window"]["end"]))
    as_of = read_instant(document["as_of"])
    again = figures(account_id=document["account"]["id"], window=window, as_of=as_of)
    return canonical(again) == canonical(document["figures"])


def _newer(statement: Statement) -> int | None:
    last = (
        Statement.objects.filter(account=statement.account_id, month=statement.month)
        .order_by("-revision")
        .values_list("revision", flat=True)
        .first()
    )
    return last if last is not None and last > statement.revision else None


def as_month(text: str) -> date | None:
    """`2026-10` as the first day of that month."""
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
