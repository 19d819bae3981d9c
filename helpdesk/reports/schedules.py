"""Breach reports by mail: each period once to each recipient, also with nothing to report (SPEC 2.6).

After a gap the newest period that was missed goes out, older ones are written down as skipped. Figures and
files are read with the rights of whoever set the report up; if those are gone, it pauses.
"""

import logging
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from helpdesk.accounts.models import User
from helpdesk.accounts.readers import reader_of
from helpdesk.core.moments import full_date, zone
from helpdesk.core.orphans import clear_folder
from helpdesk.core.zones import zone_of
from helpdesk.notifications.models import OutboxMail
from helpdesk.notifications.services import mail_row, post
from helpdesk.reports import breaches
from helpdesk.reports.breaches import DUE, Filters
from helpdesk.reports.export import csv_chunks, xlsx
from helpdesk.reports.figures import Figures, Report, report
from helpdesk.reports.models import ReportMail, ReportSchedule
from helpdesk.reports.periods import DAY, Period, month_start
from helpdesk.sla.clock import Metric, Promise
from helpdesk.sla.models import METRICS, PROMISES
from helpdesk.tickets.services import Refused

log = logging.getLogger(__name__)

TEMPLATE = "report"
MOST_PEOPLE = 50
MOST_SKIPPED = 400  # periods that a gap writes down: more than a year of days
MOST_ROWS = 20_000  # of a file that a mail carries; more are left to the link
KEPT = timedelta(days=30)
FOLDER = "reports"  # of the storage
RHYTHM = ("every", "weekday", "time_zone")  # what the days of a report depend on
BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
TYPES = {"csv": "text/csv", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
FILTERS = ("promise", "metric", "hub", "account", "team", "channel", "severity", "dates")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a manager asks for; `query` as in an address, checked by the form that made it."""

    name: str
    query: Mapping[str, str]
    every: str
    weekday: int
    at: time
    time_zone: str
    file: str
    recipients: Iterable[User]


@transaction.atomic
def save_schedule(
    *, order: Order, actor: User, now: datetime, schedule: ReportSchedule | None = None
) -> ReportSchedule:
    """Set a scheduled report up, or change one; the next one is the first due after now. Raises Refused."""
    people = list(order.recipients)
    if not people or len(people) > MOST_PEOPLE:
        raise Refused(_("Choose between 1 and %(most)d recipients.") % {"most": MOST_PEOPLE})
    if any(not (person.is_staff and person.is_active) for person in people):
        raise Refused(_("Reports go to active members of staff only."))
    if schedule is None:
        schedule = ReportSchedule(created_at=now)
    else:
        schedule = ReportSchedule.objects.select_for_update().get(pk=schedule.pk)
        if schedule.ended_at:
            raise Refused(_("This report was deleted."))
    schedule.created_by = actor  # whose rights the figures are read with
    changed = [name for name in RHYTHM if getattr(schedule, name) != getattr(order, name)]
    if changed and schedule.is_active and (covered := _covered(schedule)):
        schedule.covers_from = covered + DAY
    for name in ("name", "at", "file", *RHYTHM):
        setattr(schedule, name, getattr(order, name))
    schedule.failures, schedule.retry_at, schedule.failure = 0, None, ""
    schedule.query = {name: str(order.query[name]) for name in FILTERS if order.query.get(name)}
    schedule.next_at = _next_unsent(schedule, now) if schedule.is_active else None
    schedule.save()
    schedule.recipients.set(people)
    return schedule


@transaction.atomic
def set_active(*, schedule: ReportSchedule, active: bool, now: datetime) -> ReportSchedule:
    """Pause it, or let it go on from the next period; what a pause passes over is not made up for."""
    schedule = ReportSchedule.objects.select_for_update().get(pk=schedule.pk)
    if schedule.ended_at:
        raise Refused(_("This report was deleted."))
    schedule.is_active, schedule.covers_from = active, None
    schedule.failures, schedule.retry_at, schedule.failure = 0, None, ""
    schedule.next_at = _next_unsent(schedule, now) if active else None
    schedule.save(update_fields=["is_active", "covers_from", "failures", "retry_at", "failure", "next_at"])
    return schedule


@transaction.atomic
def end_schedule(*, schedule: ReportSchedule, now: datetime) -> None:
    """Delete it; what it sent stays on record."""
    schedule = ReportSchedule.objects.select_for_update().get(pk=schedule.pk)
    schedule.is_active, schedule.ended_at, schedule.next_at = False, schedule.ended_at or now, None
    schedule.save(update_fields=["is_active", "ended_at", "next_at"])


def next_after(schedule: ReportSchedule, after: datetime) -> datetime:
    """The first instant behind `after` at which it is due, on the wall clock of its zone."""
    zone = zone_of(schedule.time_zone)
    day = after.astimezone(zone).date() - DAY
    while True:
        day += DAY
        if not _is_due_on(schedule, day):
            continue
        # Where the clocks skip this time of day, it is an hour later; where it comes twice, the first of them.
        due = datetime.combine(day, schedule.at, zone).astimezone(UTC)
        if due > after:
            return due


def _next_unsent(schedule: ReportSchedule, after: datetime) -> datetime:
    """The first instant at which it is due for days that it has not sent yet: a later hour sends none again."""
    due = next_after(schedule, after)
    if covered := _covered(schedule):
        while period_of(schedule, due).last <= covered:
            due = next_after(schedule, due)
    return due


def _covered(schedule: ReportSchedule) -> date | None:
    """The last day that went out: the one before it was due, however often it goes out by now."""
    sent = schedule.mails.filter(state=ReportMail.State.SENT) if schedule.pk else ReportMail.objects.none()
    last = sent.order_by("-due_at").first()
    return last and last.due_at.astimezone(zone_of(schedule.time_zone)).date() - DAY


def _is_due_on(schedule: ReportSchedule, day: date) -> bool:
    if schedule.every == ReportSchedule.Every.WEEK:
        return day.weekday() == schedule.weekday
    return schedule.every == ReportSchedule.Every.DAY or day.day == 1


def period_of(schedule: ReportSchedule, due_at: datetime) -> Period:
    """The days that a report due then covers: those before its own day.

    The first one after a change of how often it goes out begins where the last one ended: no day goes out
    twice, none is left out.
    """
    zone = zone_of(schedule.time_zone)
    last = due_at.astimezone(zone).date() - DAY
    first = {
        ReportSchedule.Every.DAY: last,
        ReportSchedule.Every.WEEK: last - 6 * DAY,
        ReportSchedule.Every.MONTH: month_start(last),
    }[ReportSchedule.Every(schedule.every)]
    if schedule.covers_from and schedule.covers_from <= last:
        first = schedule.covers_from
    return Period(first=first, last=last, zone=zone)


def filters_of(schedule: ReportSchedule, due_at: datetime) -> Filters:
    query = schedule.query
    return Filters(
        period=period_of(schedule, due_at),
        promise=query.get("promise", Promise.GUARANTEED.value),
        metric=query.get("metric", Metric.FIRST_RESPONSE.value),
        hub=query.get("hub", ""),
        account=int(query["account"]) if "account" in query else None,
        team=int(query["team"]) if "team" in query else None,
        channel=query.get("channel", ""),
        severity=query.get("severity", ""),
        dates=query.get("dates", DUE),
    )


def send_due(*, now: datetime) -> dict[str, int]:
    """Write the mails of every report that is due; for beat. Each report is a transaction of its own.

    One that fails holds up nobody, and is tried again after growing pauses (`BACK_OFF`).
    """
    done = {"sent": 0, "skipped": 0, "failed": 0}
    ready = ReportSchedule.objects.filter(next_at__lte=now).exclude(retry_at__gt=now).order_by("next_at")
    for pk in list(ready.values_list("pk", flat=True)):
        try:
            counts = _send_one(pk, now=now)
        except Exception as error:
            log.exception("the scheduled report %s could not be sent", pk)
            _put_off(pk, error, now=now)
            counts = {"failed": 1}
        for name, count in counts.items():
            done[name] += count
    _clear_files(now=now)
    return done


@transaction.atomic
def _put_off(pk: int, error: Exception, *, now: datetime) -> None:
    """Try it again later; what went wrong stands on its page until it went out."""
    schedule = ReportSchedule.objects.select_for_update().get(pk=pk)
    schedule.failures += 1
    schedule.retry_at = now + BACK_OFF[min(schedule.failures, len(BACK_OFF)) - 1]
    schedule.failure = f"{type(error).__name__}: {error}"[:200]
    schedule.save(update_fields=["failures", "retry_at", "failure"])


@transaction.atomic
def _send_one(pk: int, *, now: datetime) -> dict[str, int]:
    schedule = ReportSchedule.objects.select_for_update(skip_locked=True).filter(pk=pk, next_at__lte=now).first()
    if schedule is None:
        return {}
    dues = [schedule.next_at]
    while (following := next_after(schedule, dues[-1])) <= now:
        dues.append(following)
    people = list(schedule.recipients.filter(is_active=True).exclude(staff_role=""))
    if not schedule.created_by.is_active or not schedule.created_by.is_managing:
        schedule.is_active, schedule.next_at = False, None
        schedule.save(update_fields=["is_active", "next_at"])
        return {}
    skipped = [
        ReportMail(schedule=schedule, recipient=person, due_at=due, state=ReportMail.State.SKIPPED, created_at=now)
        for due in dues[:-1][-MOST_SKIPPED:]
        for person in people
    ]
    ReportMail.objects.bulk_create(skipped, ignore_conflicts=True)
    edition = Edition(schedule=schedule, due_at=dues[-1], now=now)
    sent = sum(write_mail(edition=edition, recipient=person, state=ReportMail.State.SENT) for person in people)
    schedule.next_at, schedule.covers_from = following, None
    schedule.failures, schedule.retry_at, schedule.failure = 0, None, ""
    schedule.save(update_fields=["next_at", "covers_from", "failures", "retry_at", "failure"])
    return {"sent": sent, "skipped": len(skipped)}


@transaction.atomic
def send_test(*, schedule: ReportSchedule, actor: User, now: datetime) -> datetime:
    """Send the report of the last period to the one who asks, and to nobody else; returns when it was due."""
    due = last_due(schedule, now)
    edition = Edition(schedule=schedule, due_at=due, now=now)
    write_mail(edition=edition, recipient=actor, state=ReportMail.State.TEST)
    return due


def last_due(schedule: ReportSchedule, now: datetime) -> datetime:
    """When it was, or would have been, due last."""
    due = next_after(schedule, now - timedelta(days=32))
    while (following := next_after(schedule, due)) <= now:
        due = following
    return due


@dataclass(kw_only=True)
class Edition:
    """What goes out to everybody on a list for one period: counted once, and its file made once a language."""

    schedule: ReportSchedule
    due_at: datetime
    now: datetime
    _files: dict[str, dict[str, Any]] = field(default_factory=dict)

    @cached_property
    def filters(self) -> Filters:
        return filters_of(self.schedule, self.due_at)

    @cached_property
    def found(self) -> Report:
        return report(self.filters, reader=self.schedule.created_by, now=self.now)

    def file(self, language: str) -> dict[str, Any]:
        """What the mail's context says of the file in this language; it lies in the storage."""
        if language not in self._files:
            with translation.override(language):
                self._files[language] = _attach(self.schedule, self.filters, now=self.now)
        return self._files[language]


def write_mail(*, edition: Edition, recipient: User, state: str) -> bool:
    """One recipient's mail, in their language, in the caller's transaction; False where it was written before."""
    schedule, due_at, now = edition.schedule, edition.due_at, edition.now
    known = ReportMail.objects.filter(schedule=schedule, recipient=recipient, due_at=due_at)
    if state != ReportMail.State.TEST and known.exclude(state=ReportMail.State.TEST).exists():
        return False
    key = f"report/{schedule.pk}/{due_at:%Y%m%dT%H%M}/{recipient.pk}"
    key += f"/test/{secrets.token_hex(6)}" if state == ReportMail.State.TEST else ""
    file = edition.file(recipient.language)
    context = {**contents(edition=edition, recipient=recipient), **file, "is_test": state == ReportMail.State.TEST}
    mail = mail_row(key=key, reader=reader_of(recipient, now=now), template=TEMPLATE, context=context, now=now)
    post([mail])
    ReportMail.objects.create(
        schedule=schedule,
        recipient=recipient,
        due_at=due_at,
        state=state,
        mail=OutboxMail.objects.get(key=key),
        file=next((each["path"] for each in file["attachments"]), ""),
        created_at=now,
    )
    return True


def contents(*, edition: Edition, recipient: User) -> dict[str, Any]:
    """What the mail says, in the recipient's language; plain values."""
    schedule, filters, found = edition.schedule, edition.filters, edition.found
    total, period = found.total, filters.period
    with translation.override(recipient.language), timezone.override(period.zone):
        words = [str(dict(PROMISES)[filters.promise]), str(dict(METRICS)[filters.metric])]
        if filters.dates != DUE:
            words.append(_("dates by: %(what)s") % {"what": dict(breaches.DATES)[filters.dates]})
        span = full_date(period.first)
        if period.last != period.first:
            span = _("%(first)s to %(last)s") % {"first": span, "last": full_date(period.last)}
        return {
            "name": schedule.name,
            "span": span,
            "zone": zone(),
            "scope": " · ".join(words),
            "attainment": _per_cent(total.now),
            "is_empty": not total.now.due and not total.gross.due,
            "facts": [
                [_("Met, net"), _line(total.now, total.before)],
                [_("Met, gross"), _line(total.gross, total.gross_before)],
                [_("Late"), f"{total.now.late} ({total.before.late})"],
                [_("Late and unanswered"), str(total.now.unanswered)],
                [_("Cause not yet coded"), str(found.uncoded.now.late)],
            ],
            "worst": [
                [row.label, _("%(late)d late of %(due)d") % {"late": row.now.late, "due": row.now.due}]
                for row in found.accounts[:5]
                if row.now.late
            ],
            "url": f"{settings.SITE_URL}/admin/reports/breaches/?{urlencode(_address(schedule, period))}"
            if recipient.is_managing
            else "",
            "attachments": [],
        }


def _address(schedule: ReportSchedule, period: Period) -> dict[str, str]:
    days = {"period": "custom", "start": period.first.isoformat(), "end": period.last.isoformat()}
    return {**days, **schedule.query}


def _per_cent(figures: Figures) -> str:
    return "–" if figures.attainment is None else f"{figures.attainment:.1f} %"


def _line(now: Figures, before: Figures) -> str:
    text = _("%(now)s (%(met)d of %(due)d), before: %(before)s")
    return text % {"now": _per_cent(now), "met": now.met, "due": now.due, "before": _per_cent(before)}


def _attach(schedule: ReportSchedule, filters: Filters, *, now: datetime) -> dict[str, Any]:
    """Write the file that the mail carries into the storage; what its context says of it."""
    if not schedule.file:
        return {"attachments": []}
    clocks = breaches.latest_first(breaches.selection(filters, reader=schedule.created_by, now=now))
    if len(clocks.values_list("pk")[: MOST_ROWS + 1]) > MOST_ROWS:
        return {"attachments": [], "too_large": True}
    chunks = breaches.stream(clocks)
    if schedule.file == ReportSchedule.File.CSV:
        content: File = ContentFile("".join(csv_chunks(chunks, filters=filters)).encode())
    else:
        content = File(xlsx(chunks, filters=filters, title=_("Targets")))
    path = default_storage.save(f"{FOLDER}/{secrets.token_urlsafe(24)}.{schedule.file}", content)
    name = f"breaches-{filters.period.first}-to-{filters.period.last}.{schedule.file}"
    return {"attachments": [{"path": path, "name": name, "content_type": TYPES[schedule.file]}]}


def clear_orphans(*, now: datetime, limit: int = 1000) -> int:
    """Delete files of reports that no mail of ours names, and that are a day old; returns how many."""
    return clear_folder(
        default_storage,
        FOLDER,
        named=lambda old: ReportMail.objects.filter(file__in=old).values_list("file", flat=True),
        now=now,
        limit=limit,
    )


def _clear_files(*, now: datetime) -> None:
    """Files of mails that left long ago."""
    for row in ReportMail.objects.exclude(file="").filter(created_at__lt=now - KEPT)[:100]:
        default_storage.delete(row.file)
        ReportMail.objects.filter(pk=row.pk).update(file="")
