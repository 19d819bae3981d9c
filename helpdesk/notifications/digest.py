"""Many mails of one kind that wait for one person become one (SPEC 2.5)."""

from collections import defaultdict
from datetime import datetime
from hashlib import sha256

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.db.models.fields.json import KT

from helpdesk.notifications.message_id import new_message_id
from helpdesk.notifications.models import Delivery, OutboxMail

# Template of a mail: template of its digest. A mail's `rank`, among its values, is its place in one.
DIGESTS = {"escalation": "escalation_digest"}
FEWEST = 4  # mails that make a digest
LISTED = 100  # mails that a digest names; the others are counted


@transaction.atomic
def bundle(*, now: datetime) -> int:
    """Put what waits for the same person, more than three mails, into a digest; returns the number of digests.

    Only what no worker has begun to send, whenever it would be tried again, but nothing that waits for
    quiet hours: called once a mail server is there. Each mail is in one digest for ever, as the rows
    are locked: bundlers side by side make digests of different mails, and one that is killed made none.
    """
    crowded = _waiting(now).values("recipient", "template").annotate(mails=Count("pk")).filter(mails__gte=FEWEST)
    recipients = {row["recipient"] for row in crowded}
    if not recipients:
        return 0
    groups: dict[tuple[int, str], list[tuple[str, int]]] = defaultdict(list)
    rows = _waiting(now).filter(recipient__in=recipients).annotate(rank=KT("context__rank"))
    locked = rows.select_for_update(skip_locked=True).values_list("recipient", "template", "rank", "pk")
    for recipient, template, rank, pk in locked:
        groups[recipient, template].append((rank or "", pk))
    made = 0
    for members in groups.values():
        if len(members) >= FEWEST:
            _make([pk for _rank, pk in sorted(members)], now=now)
            made += 1
    return made


def mark_members_sent(digest: OutboxMail, *, at: datetime) -> None:
    """What a digest holds has reached its reader with it. Part of the caller's transaction."""
    if digest.template in DIGESTS.values():
        OutboxMail.objects.filter(digest=digest.pk).update(sent_at=at)


def _waiting(now: datetime) -> QuerySet[OutboxMail]:
    """Mails that a digest may hold. Served by the index of unfinished mails: it costs what waits."""
    loud = Q(held_until=None) | Q(held_until__lte=now)
    return OutboxMail.objects.filter(
        loud, state=Delivery.PENDING, template__in=DIGESTS, recipient__isnull=False
    ).order_by()


def _make(members: list[int], *, now: datetime) -> None:
    """One digest of these mails, which come in the order of their urgency. Its key derives from them."""
    listed = OutboxMail.objects.in_bulk([*members[:LISTED], max(members)])
    newest = listed[max(members)]  # the person's address and language as last known
    fingerprint = sha256(",".join(map(str, sorted(members))).encode()).hexdigest()[:40]
    digest = OutboxMail.objects.create(
        key=f"digest/{newest.recipient_id}/{fingerprint}",
        message_id=new_message_id(),
        recipient_id=newest.recipient_id,
        to=newest.to,
        template=DIGESTS[newest.template],
        context={
            "count": len(members),
            "more": max(0, len(members) - LISTED),
            "rows": [listed[pk].context for pk in members[:LISTED]],
            "written_at": now.isoformat(),
        },
        language=newest.language,
        time_zone=newest.time_zone,
        created_at=now,
        next_attempt_at=now,
    )
    OutboxMail.objects.filter(pk__in=members).update(state=Delivery.BUNDLED, digest=digest, next_attempt_at=None)
