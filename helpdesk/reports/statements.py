"""Monthly SLA statements: previewed, issued once, revised by what happened later, never rewritten (SPEC 2.8)."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import JSONField, Max, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from helpdesk.accounts.models import Account, User
from helpdesk.core.zones import zone_of
from helpdesk.notifications.models import Heartbeat
from helpdesk.notifications.services import beat
from helpdesk.reports.models import Statement
from helpdesk.reports.periods import DAY, Window, day_start, month_start
from helpdesk.reports.signing import canonical, sign
from helpdesk.reports.statement_figures import figures, read_instant, written
from helpdesk.sla.clock import Metric, Promise
from helpdesk.sla.models import ClockEvent
from helpdesk.subscriptions.models import Subscription
from helpdesk.tickets.services import Refused

log = logging.getLogger(__name__)

FORMAT = "premium-support-statement/1"
HEARTBEAT = "statements"
SETTLING = timedelta(minutes=1)  # what was written down longer ago than this has been committed
GRACE = timedelta(hours=6)  # after the month's end, before the statement is issued by itself
LOOK_BACK = 3  # months that are issued and revised by themselves; older ones by hand


def window_of(month: date, *, zone: str) -> Window:
    """A whole month's instants in a time zone."""
    local = zone_of(zone)
    return Window(day_start(month, local), day_start(month_start(month, 1), local))


def compose(*, account: Account, month: date, zone: str, as_of: datetime, final: bool) -> dict[str, Any]:
    """What a statement says: figures from the events, and beside them what is true of the account now."""
    window = window_of(month, zone=zone)
    if not final:
        window = Window(window.start, max(window.start, min(window.end, as_of)))
    return {
        "format": FORMAT,
        "is_final": final,
        "account": {"id": account.pk, "name": account.name},
        "month": f"{month:%Y-%m}",
        "time_zone": zone,
        "window": {"start": written(window.start), "end": written(window.end)},
        "as_of": written(as_of),
        "subscriptions": _subscriptions(account, month),
        "figures": figures(account_id=account.pk, window=window, as_of=as_of),
    }


def _subscriptions(account: Account, month: date) -> list[dict[str, Any]]:
    """Those with premium support on any day of the month."""
    rows = _in_month(Subscription.objects.filter(account=account, premium_support=True), month)
    return [
        {
            "hub": row.hub_id,
            "name": row.hub.name,
            "tier": row.tier,
            "channels": sorted(row.channels),
            "starts_on": row.starts_on.isoformat(),
            "ends_on": row.ends_on.isoformat() if row.ends_on else None,
        }
        for row in rows.select_related("hub").order_by("hub__position", "starts_on", "pk")
    ]


def _in_month(rows: QuerySet[Subscription], month: date) -> QuerySet[Subscription]:
    return rows.filter(Q(ends_on=None) | Q(ends_on__gte=month), starts_on__lt=month_start(month, 1))


def preview(*, account: Account, month: date, now: datetime) -> dict[str, Any]:
    """The month as it stands; nothing is written, nothing signed."""
    return compose(account=account, month=month, zone=account.time_zone, as_of=now, final=False)


@transaction.atomic
def issue(*, account: Account, month: date, actor: User | None, now: datetime) -> tuple[Statement, bool]:
    """Sign the statement of a month that is over; True when that made a new one.

    Where there is one already, the figures are made anew, in the time zone of the first one: if they differ,
    that is another revision beside it, if not, it stands. Raises Refused for a month that still runs, or for a
    day that begins none.
    """
    if month.day != 1:
        raise Refused(_("A statement is of a whole month."))
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)  # one at a time
    last = Statement.objects.filter(account=account, month=month).order_by("revision").last()
    known = json.loads(last.document) if last else {"time_zone": account.time_zone, "figures": None}
    if now - SETTLING < window_of(month, zone=known["time_zone"]).end:
        raise Refused(_("This month is not over yet where the account is. Look at its preview."))
    said = compose(account=account, month=month, zone=known["time_zone"], as_of=now - SETTLING, final=True)
    if last is not None and canonical(said["figures"]) == canonical(known["figures"]):
        return last, False
    said["revision"] = last.revision + 1 if last else 1
    said["replaces"] = last.digest if last else None
    signed, net = sign(canonical(said)), said["figures"]["guaranteed"]["net"]
    made = Statement.objects.create(
        account=account,
        month=month,
        revision=said["revision"],
        as_of=now - SETTLING,
        document=signed.document.decode(),
        digest=signed.digest,
        signature=signed.signature,
        public_key=signed.public_key,
        due=net["due"],
        met=net["met"],
        created_at=now,
        created_by=actor,
    )
    return made, True


def issue_due(*, now: datetime, limit: int = 200) -> dict[str, Any]:
    """Issue what is due, and revise what changed since; for beat. At most `limit` statements are made a run.

    A month is due `GRACE` after its end in the account's time zone, for accounts that had premium support
    in it. Each statement is a transaction of its own, so a run that is cut off has lost nothing; up to when
    events have been looked at is noted once all of them were. An account that fails holds up nobody: it is
    noted, and tried again by the next run.
    """
    done: dict[str, Any] = {"issued": 0, "revised": 0, "looked_at": 0, "failed": []}
    before = Heartbeat.objects.filter(name=HEARTBEAT).values_list("detail", flat=True).first() or {}
    checked = before.get("checked")
    for account, month in _due(now=now, checked=read_instant(checked), again=before.get("failed", [])):
        if done["issued"] + done["revised"] == limit:
            break
        done["looked_at"] += 1
        try:
            statement, is_new = issue(account=account, month=month, actor=None, now=now)
        except Exception:
            log.exception("the statement of account %s for %s could not be made", account.pk, month)
            done["failed"].append([account.pk, month.isoformat()])
            continue
        if is_new:
            done["issued" if statement.revision == 1 else "revised"] += 1
    else:
        checked = written(now - SETTLING)
    done["checked"] = checked
    if done["checked"] == before.get("checked"):  # those that it didn't come to are still to be tried
        done["failed"] += [row for row in before.get("failed", []) if row not in done["failed"]]
    beat(name=HEARTBEAT, now=now, detail=done)
    return done


def _due(*, now: datetime, checked: datetime | None, again: list[list[Any]]) -> Iterator[tuple[Account, date]]:
    months = [month_start((now + DAY).date(), -1)]  # somewhere it may be over already
    while len(months) < LOOK_BACK:
        months.append(month_start(months[-1], -1))
    changed = _changed(months, since=checked)
    changed |= {(account, date.fromisoformat(month)) for account, month in again}
    accounts = Account.objects.in_bulk({account for account, _month in changed})
    for month in months:
        missing = _missing(month, now=now)
        yield from ((account, month) for account in missing)
        seen = {account.pk for account in missing}
        late = sorted(account for account, of in changed if of == month and account not in seen)
        yield from ((accounts[account], month) for account in late if account in accounts)


def _missing(month: date, *, now: datetime) -> list[Account]:
    covered = _in_month(Subscription.objects.filter(premium_support=True), month)
    accounts = Account.objects.filter(pk__in=covered.values("account")).exclude(statements__month=month).order_by("pk")
    return [account for account in accounts if window_of(month, zone=account.time_zone).end + GRACE <= now]


def _changed(months: list[date], *, since: datetime | None) -> set[tuple[int, date]]:
    """Accounts and months for whose targets something was written down after the statement in force, and after
    `since`. What that changes is found out when the figures are made again. Two queries."""
    zone = KeyTextTransform("time_zone", Cast("document", JSONField()))
    in_force = list(
        Statement.objects.in_force()
        .filter(month__in=months)
        .annotate(zone=zone)
        .values_list("account", "month", "as_of", "zone")
    )
    if not in_force:
        return set()
    oldest = min(as_of for _account, _month, as_of, _zone in in_force)
    utc = zone_of("UTC")
    rough = (day_start(min(months), utc) - DAY, day_start(month_start(max(months), 1), utc) + DAY)
    late = (
        ClockEvent.objects.filter(recorded_at__gt=max(since or oldest, oldest))
        .filter(clock__promise__in=Promise, clock__metric__in=Metric)  # as the indexes have it
        .filter(Q(clock__counted_at__range=rough) | Q(clock__gross_counted_at__range=rough))
        .values_list("clock__ticket__account", "clock__counted_at", "clock__gross_counted_at")
        .annotate(newest=Max("recorded_at"))
        .order_by()
    )
    by_account: dict[int, list[tuple[datetime | None, datetime | None, datetime]]] = {}
    for account, *instants in late:
        by_account.setdefault(account, []).append(tuple(instants))
    return {
        (account, month)
        for account, month, as_of, zone in in_force
        if account in by_account and _touched(by_account[account], window_of(month, zone=zone), as_of)
    }


def _touched(rows: list[tuple[datetime | None, datetime | None, datetime]], window: Window, as_of: datetime) -> bool:
    return any(
        newest > as_of and any(at is not None and window.start <= at < window.end for at in instants)
        for *instants, newest in rows
    )


def revisions(statement: Statement) -> QuerySet[Statement]:
    """Without their documents: the one that is compared is read when it is."""
    return (
        Statement.objects.filter(account=statement.account_id, month=statement.month)
        .defer("document")
        .order_by("revision")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One target that two revisions say different things of; None where a revision doesn't list it."""

    reference: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a revision changed: the guaranteed sums before and after, and the targets behind it."""

    before: dict[str, Any]
    after: dict[str, Any]
    changes: list[Change]
    objectives: bool


def difference(earlier: Statement, later: Statement) -> Difference:
    """What changed from one revision to another."""
    before, after = (json.loads(row.document)["figures"] for row in (earlier, later))
    rows = [{row["clock"]: row for row in said["guaranteed"]["targets"]} for said in (before, after)]
    changed = [pk for pk in sorted({*rows[0], *rows[1]}) if rows[0].get(pk) != rows[1].get(pk)]
    return Difference(
        before=before["guaranteed"],
        after=after["guaranteed"],
        changes=[
            Change(
                reference=(rows[1].get(pk) or rows[0][pk])["reference"], before=rows[0].get(pk), after=rows[1].get(pk)
            )
            for pk in changed
        ],
        objectives=before["objectives"] != after["objectives"],
    )
