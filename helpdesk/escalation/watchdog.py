"""The watchdog: tells operators what is not well, and does the sweep's work while nobody else does (SPEC 2.5).

It runs as a process of its own, without the broker and beat that it watches.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, Min, Q
from django.db.models.functions import Coalesce
from django.urls import reverse

from helpdesk.accounts.models import StaffRole, User
from helpdesk.accounts.sealed import HEARTBEAT as SECRETS
from helpdesk.core.jobs import kick
from helpdesk.escalation.alarms import (
    CLOCKS_DIFFER,
    CLOCKS_UNREADABLE,
    KIND,
    MAIL_DEAD,
    MAIL_WAITING,
    SECRETS_LOST,
    SWEEP_LATE,
    VERIFY_LATE,
)
from helpdesk.escalation.lateness import note_delivered
from helpdesk.escalation.sweep import HEARTBEAT as SWEEP
from helpdesk.escalation.sweep import sweep
from helpdesk.notifications.models import Alarm, Delivery, Heartbeat, OutboxMail
from helpdesk.notifications.services import DELIVER_TASK, Reader, Telling, beat, deliver, tell
from helpdesk.sla.models import Clock
from helpdesk.sla.verification import HEARTBEAT as VERIFY
from helpdesk.tickets.services import leave_drafts

HEARTBEAT = "watchdog"
STAND_IN = "watchdog_sweep"  # the heartbeat of its own sweeps: they must not pass for those that it misses

LATE = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=5)
LONGEST_UNVERIFIED = timedelta(hours=26)
AFRESH = timedelta(minutes=1)  # how often an open alarm's figures may be written again

Figures = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Watched:
    """What one look of the watchdog found and did."""

    open: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    worse: list[str] = field(default_factory=list)
    stands_in: bool
    swept: Figures | None = None
    sent: Figures | None = None

    def as_json(self) -> Figures:
        return asdict(self)


def watch(*, now: datetime) -> Watched:
    """Look once: open, renew and close alarms, and while the sweep is late sweep and deliver in its place."""
    begun = monotonic()
    wrong = {name: figures for name, check in CHECKS.items() if (figures := check(now)) is not None}
    result = Watched(open=sorted(wrong), stands_in=SWEEP_LATE in wrong)
    standing = {alarm.name: alarm for alarm in Alarm.objects.filter(until=None)}
    result.opened = [name for name in sorted(wrong.keys() - standing.keys()) if _open(name, wrong[name], now=now)]
    result.closed = [name for name in sorted(standing.keys() - wrong.keys()) if _close(standing[name], now=now)]
    lasting = sorted(wrong.keys() & standing.keys())
    result.worse = [name for name in lasting if _renew(standing[name], wrong[name], now=now)]
    if result.stands_in:
        leave_drafts(now=now)  # before the sweep: a reply that waits only for the worker is no breach
        result.swept = sweep(now=now, heartbeat=STAND_IN).as_json()
        # A lease must count from the present, and the sweep took its time.
        result.sent = deliver(now=now + timedelta(seconds=int(monotonic() - begun)))
        note_delivered()
    beat(name=HEARTBEAT, now=now, detail=result.as_json())
    return result


def _sweep_late(now: datetime) -> Figures | None:
    """No sweep for 30 seconds, or a clock that has been due for so long; those that cannot be reckoned aside."""
    heartbeat = Heartbeat.objects.filter(name=SWEEP).first()
    unreadable = heartbeat.detail.get("failed", 0) if heartbeat else 0
    overdue = Clock.objects.filter(next_check_at__lt=now - LATE).order_by("next_check_at")
    waiting = list(overdue.values_list("next_check_at", flat=True)[: unreadable + 1])
    stale = heartbeat is None or now - heartbeat.at > LATE
    if not stale and len(waiting) <= unreadable:
        return None
    return {
        "last_at": heartbeat.at.isoformat() if heartbeat else None,
        "oldest_at": waiting[0].isoformat() if waiting else None,
    }


def _mail_waiting(now: datetime) -> Figures | None:
    """A mail that has waited for more than five minutes, quiet hours aside."""
    loud = Q(held_until=None) | Q(held_until__lte=now)
    mails = OutboxMail.objects.filter(loud, state__in=Delivery.unfinished()).aggregate(
        count=Count("pk"), oldest=Min(Coalesce("held_until", "created_at"))
    )
    if mails["oldest"] is None or now - mails["oldest"] <= LONGEST_WAIT:
        return None
    return {"count": mails["count"], "oldest_at": mails["oldest"].isoformat()}


def _mail_dead(now: datetime) -> Figures | None:
    dead = OutboxMail.objects.filter(state=Delivery.DEAD).count()
    return {"count": dead} if dead else None


def _clocks_unreadable(now: datetime) -> Figures | None:
    """As the last sweep saw it, whoever swept."""
    last = Heartbeat.objects.filter(name__in=(SWEEP, STAND_IN)).order_by("-at").first()
    failed = last.detail.get("failed", 0) if last else 0
    return {"count": failed} if failed else None


def _clocks_differ(now: datetime) -> Figures | None:
    heartbeat = Heartbeat.objects.filter(name=VERIFY).first()
    differing = heartbeat.detail.get("differing", 0) if heartbeat else 0
    return {"count": differing, "last_at": heartbeat.at.isoformat()} if differing else None


def _verify_late(now: datetime) -> Figures | None:
    """Clocks that nobody has compared with their events for more than a day; a new service has time until then."""
    heartbeat = Heartbeat.objects.filter(name=VERIFY).first()
    since = heartbeat.at if heartbeat else Clock.objects.order_by("pk").values_list("started_at", flat=True).first()
    if since is None or now - since <= LONGEST_UNVERIFIED:
        return None
    return {"last_at": heartbeat.at.isoformat() if heartbeat else None}


def _secrets_lost(now: datetime) -> Figures | None:
    """As the last look at them found (`accounts.sealed`)."""
    heartbeat = Heartbeat.objects.filter(name=SECRETS).first()
    lost = heartbeat.detail.get("lost", 0) if heartbeat else 0
    return {"count": lost} if lost else None


CHECKS: Mapping[str, Callable[[datetime], Figures | None]] = {
    SWEEP_LATE: _sweep_late,
    MAIL_WAITING: _mail_waiting,
    MAIL_DEAD: _mail_dead,
    CLOCKS_UNREADABLE: _clocks_unreadable,
    CLOCKS_DIFFER: _clocks_differ,
    VERIFY_LATE: _verify_late,
    SECRETS_LOST: _secrets_lost,
}


@transaction.atomic
def _open(name: str, figures: Figures, *, now: datetime) -> bool:
    """Open an alarm and tell of it; False when another watchdog was first."""
    try:
        with transaction.atomic():
            alarm = Alarm.objects.create(name=name, since=now, detail=figures)
    except IntegrityError:
        return False
    _tell(alarm, now=now)
    return True


def _renew(alarm: Alarm, figures: Figures, *, now: datetime) -> bool:
    """Let an open alarm say how bad it has become: the worst that was seen, without telling anybody again."""
    written_at = datetime.fromisoformat(alarm.detail.get("as_of", alarm.since.isoformat()))
    if now - written_at < AFRESH or not _is_worse(figures, alarm.detail):
        return False
    # Another watchdog may have been first, or have closed it.
    unchanged = Alarm.objects.filter(pk=alarm.pk, until=None, detail=alarm.detail)
    return unchanged.update(detail={**figures, "as_of": now.isoformat()}) > 0


def _is_worse(found: Figures, known: Figures) -> bool:
    """More of it; or as much, and something that has waited since an earlier time."""
    more = found.get("count", 0) - known.get("count", 0)
    if more or not found.get("oldest_at"):
        return more > 0
    oldest, before = found["oldest_at"], known.get("oldest_at")
    return before is None or datetime.fromisoformat(oldest) < datetime.fromisoformat(before)


@transaction.atomic
def _close(alarm: Alarm, *, now: datetime) -> bool:
    if not Alarm.objects.filter(pk=alarm.pk, until=None).update(until=now):
        return False
    alarm.until = now
    _tell(alarm, now=now)
    return True


def _tell(alarm: Alarm, *, now: datetime) -> None:
    """To the administrators, or to the managers where there are none; away or not, at any hour."""
    staff = list(User.objects.filter(staff_role__in=StaffRole.managing(), is_active=True).order_by("pk"))
    people = [user for user in staff if user.staff_role == StaffRole.ADMINISTRATOR] or staff
    url = reverse("admin:helpdesk_alarm_changelist")
    context = {
        **alarm.detail,
        "name": alarm.name,
        "since_at": alarm.since.isoformat(),
        "until_at": alarm.until.isoformat() if alarm.until else None,
        "written_at": now.isoformat(),
        "url": settings.SITE_URL + url,
    }
    telling = Telling(
        key=f"alarm/{alarm.pk}/{'closed' if alarm.until else 'opened'}",
        kind=KIND,
        context=context,
        url=url,
        readers=[
            Reader(email=user.email, user_id=user.pk, language=user.language, time_zone=user.time_zone)
            for user in people
        ],
    )
    tell([telling], now=now)
    kick(DELIVER_TASK)
