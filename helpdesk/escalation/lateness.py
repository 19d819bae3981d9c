"""How late escalations are noticed and delivered (SPEC 2.5)."""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from helpdesk.escalation.models import Escalation

WINDOW = timedelta(hours=1)

# The mails about one escalation; the key is the one of its telling.
_MAILS = """
    FROM helpdesk_outboxmail AS mail
   WHERE mail.about <> '' AND mail.about = concat_ws('/', 'escalation', escalation.clock_id,
                                                     escalation.deadline_version, escalation.percent,
                                                     escalation.reminder)
"""
# One lookup by index for each escalation that is not delivered; rows that another delivery is marking are left to it.
_NOTE = f"""
    UPDATE helpdesk_escalation AS delivered
       SET delivered_at = found.at
      FROM (SELECT escalation.id, mails.at
              FROM helpdesk_escalation AS escalation
             CROSS JOIN LATERAL (SELECT max(mail.sent_at) AS at, bool_and(mail.sent_at IS NOT NULL) AS all_sent
                                 {_MAILS}) AS mails
             WHERE escalation.state = 'fired' AND escalation.delivered_at IS NULL AND mails.all_sent
               FOR NO KEY UPDATE OF escalation SKIP LOCKED) AS found
     WHERE delivered.id = found.id
"""  # noqa: S608 - constants only
# A mail that waits for its reader's quiet hours is not late. One that has not left counts with its lateness so far.
_FIGURES = f"""
    SELECT percentile_cont(ARRAY[0.5, 0.99, 1]) WITHIN GROUP (ORDER BY extract(epoch FROM detected_at - due_at)),
           percentile_cont(ARRAY[0.5, 0.99, 1]) WITHIN GROUP (ORDER BY extract(epoch FROM had_at - due_at))
      FROM (SELECT detected_at, due_at,
                   CASE WHEN state = 'fired'
                         AND NOT EXISTS (SELECT {_MAILS} AND mail.held_until IS NOT NULL)
                        THEN coalesce(delivered_at, %(now)s) END AS had_at
              FROM helpdesk_escalation AS escalation
             WHERE detected_at > %(since)s) AS recent
"""  # noqa: S608 - constants only


def note_delivered() -> int:
    """Give their instant of delivery to escalations all of whose mails a server has taken, alone or in a digest.

    One statement over the partial index of those that are not delivered. Called after mails have left;
    what a killed worker left unmarked the next call marks, with the instant at which the mail left.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NOTE)
        return cursor.rowcount


def lateness(*, now: datetime) -> dict[str, float]:
    """Seconds from due to detected, and from due to delivered: p50, p99 and maximum of the last hour."""
    with connection.cursor() as cursor:
        cursor.execute(_FIGURES, {"now": now, "since": now - WINDOW})
        detected, delivered = cursor.fetchone()
    return _named("detected", detected) | _named("delivered", delivered)


def undelivered() -> int:
    return Escalation.objects.filter(state=Escalation.State.FIRED, delivered_at=None).count()


def _named(what: str, quantiles: list[Any] | None) -> dict[str, float]:
    names = ("p50", "p99", "max")
    return {
        f"{what}_{name}": round(float(value), 3)
        for name, value in zip(names, quantiles or [0.0] * len(names), strict=True)
    }
