"""What leaves the house and what runs by itself: the outbox, the recurring jobs, and alarms about both."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from helpdesk.core.durations import compact, spoken
from helpdesk.escalation import alarms
from helpdesk.notifications.models import Alarm, Delivery, Heartbeat, OutboxMail
from helpdesk.notifications.services import send_again
from helpdesk.workspace.job_words import job_name, outcome_words
from helpdesk.workspace.lists import Choice, ReadOnlyAdmin, chosen_ids
from helpdesk.workspace.wording import instant

# What a mail tells, by the name of its template.
MAILS = {
    "acknowledgement": gettext_lazy("Acknowledgement"),
    "alarm": gettext_lazy("Alarm"),
    "call_given_up": gettext_lazy("Call that was given up"),
    "copied": gettext_lazy("Message to people in copy"),
    "erasure": gettext_lazy("Erasure of data"),
    "escalation": gettext_lazy("Escalation"),
    "escalation_digest": gettext_lazy("Digest of escalations"),
    "exception_asked": gettext_lazy("Exception asked for"),
    "exception_decided": gettext_lazy("Exception decided"),
    "export": gettext_lazy("Copy of a person's data"),
    "invitation": gettext_lazy("Invitation"),
    "judgement": gettext_lazy("Verdict on a claim"),
    "manager_answered": gettext_lazy("Manager's answer"),
    "manager_asked": gettext_lazy("Request to the manager"),
    "mentioned": gettext_lazy("Mention in a note"),
    "password_reset": gettext_lazy("Password reset"),
    "reply": gettext_lazy("Reply"),
    "report": gettext_lazy("Scheduled report"),
    "security": gettext_lazy("Security notice"),
    "solved": gettext_lazy("Ticket solved"),
    "watched": gettext_lazy("News of a watched ticket"),
}


class DeliveryFilter(Choice):
    title = gettext_lazy("state")
    parameter_name = "state"
    field = "state"
    options = Delivery.choices


@admin.register(OutboxMail)
class OutboxMailAdmin(ReadOnlyAdmin):
    """Outgoing mail, the latest first. What went out in a digest leads to it; the digest is what is sent again."""

    list_display = ("written", "readers", "kind", "state_text", "attempts", "sent", "error")
    list_filter = (DeliveryFilter,)
    ordering = ("-id",)
    actions = ("send_chosen_again",)
    change_form_template = "admin/helpdesk/outboxmail/change_form.html"
    # What is empty is left out.
    shown = ("kind", "state_text", "attempts", "digest", "holds", "to", "cc", "created_at")
    shown += ("held_until", "next_attempt_at", "sent_at", "last_error")
    technical = ("message_id", "in_reply_to", "language_name", "time_zone", "key")

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutboxMail]:
        return super().get_queryset(request).defer("context")

    def get_readonly_fields(self, request: HttpRequest, obj: OutboxMail | None = None) -> list[str]:
        return [*super().get_readonly_fields(request, obj), "holds", "kind", "state_text", "language_name"]

    def get_fieldsets(self, request: HttpRequest, obj: OutboxMail | None = None) -> Any:
        """Only a digest holds something, only what is in one went out in it."""
        out = {
            name
            for name in (*self.shown, *self.technical)
            if hasattr(obj, name) and getattr(obj, name) in ("", None, [])
        }
        out |= {"holds"} if obj is None or "rows" not in obj.context else set()
        parts = ((None, self.shown), (_("Technical"), self.technical))
        return tuple((title, {"fields": [name for name in names if name not in out]}) for title, names in parts)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A mail is sent again, never edited."""
        return super().has_change_permission(request, obj) and obj is None

    @admin.display(description=gettext_lazy("Written"))
    def written(self, mail: OutboxMail) -> str:
        return instant(mail.created_at)

    @admin.display(description=gettext_lazy("To"))
    def readers(self, mail: OutboxMail) -> str:
        return ", ".join([*mail.to, *mail.cc])

    @admin.display(description=gettext_lazy("Mail"))
    def kind(self, mail: OutboxMail) -> str:
        """What it tells, in words; the template's own name where there are none."""
        return str(MAILS.get(mail.template, mail.template))

    @admin.display(description=gettext_lazy("State"))
    def state_text(self, mail: OutboxMail) -> str | SafeString:
        if mail.state == Delivery.PENDING and mail.held_until and mail.held_until > timezone.now():
            return _("Waits for quiet hours until %(at)s") % {"at": instant(mail.held_until)}
        if mail.digest_id is None:
            return mail.get_state_display()
        url = reverse("admin:helpdesk_outboxmail_change", args=[mail.digest_id])
        return format_html('<a href="{}">{}</a>', url, mail.get_state_display())

    @admin.display(description=gettext_lazy("Language"))
    def language_name(self, mail: OutboxMail) -> str:
        return str(dict(settings.LANGUAGES).get(mail.language, mail.language))

    @admin.display(description=gettext_lazy("Holds"))
    def holds(self, mail: OutboxMail) -> str:
        """The tickets that a digest tells of."""
        rows = [row["reference"] for row in mail.context.get("rows", [])]
        more = mail.context.get("more", 0)
        return ", ".join([*rows, *([f"+ {more}"] if more else [])])

    @admin.display(description=gettext_lazy("Sent"))
    def sent(self, mail: OutboxMail) -> str:
        return instant(mail.sent_at) if mail.sent_at else "–"

    @admin.display(description=gettext_lazy("Last error"))
    def error(self, mail: OutboxMail) -> str:
        return mail.last_error[:120]

    @admin.action(description=gettext_lazy("Send again what was given up"), permissions=["change"])
    def send_chosen_again(self, request: HttpRequest, queryset: QuerySet[OutboxMail]) -> None:
        done = send_again(mail_ids=chosen_ids(request), now=timezone.now())
        text = ngettext("%(count)d mail will be sent again.", "%(count)d mails will be sent again.", done)
        self.message_user(request, text % {"count": done})


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    """The recurring jobs: when each last ran, and what came of it."""

    list_display = ("job", "last", "age", "outcome")
    list_display_links = None
    ordering = ("name",)
    fields = ("job", "last", "age", "outcome")

    def get_readonly_fields(self, request: HttpRequest, obj: Heartbeat | None = None) -> tuple[str, ...]:
        return self.fields

    @admin.display(description=gettext_lazy("Job"))
    def job(self, beat: Heartbeat) -> str:
        return job_name(beat.name)

    @admin.display(description=gettext_lazy("Last run"))
    def last(self, beat: Heartbeat) -> str:
        return instant(beat.at)

    @admin.display(description=gettext_lazy("Ago"))
    def age(self, beat: Heartbeat) -> str:
        return compact((timezone.now() - beat.at).total_seconds())

    @admin.display(description=gettext_lazy("Outcome"))
    def outcome(self, beat: Heartbeat) -> str:
        return outcome_words(beat.detail)


class OpenFilter(Choice):
    title = gettext_lazy("state")
    parameter_name = "state"
    options = (("open", pgettext_lazy("alarm", "Open")), ("over", gettext_lazy("Well again")))

    def narrow(self, queryset: QuerySet, value: str) -> QuerySet:
        return queryset.filter(until__isnull=value == "open")


@admin.register(Alarm)
class AlarmAdmin(ReadOnlyAdmin):
    """What the watchdog found, the latest first."""

    list_display = ("what", "since_text", "lasted", "found")
    list_display_links = None
    list_filter = (OpenFilter,)
    ordering = ("-since", "-id")
    fields = ("what", "since", "until", "found")

    def get_readonly_fields(self, request: HttpRequest, obj: Alarm | None = None) -> list[str]:
        return [*super().get_readonly_fields(request, obj), "what", "found"]

    @admin.display(description=gettext_lazy("Alarm"))
    def what(self, alarm: Alarm) -> str | SafeString:
        title = alarms.title(alarm.name)
        if alarm.until is not None:
            return title
        return format_html(
            '<b class="c-breach"><svg class="sign" aria-hidden="true"><use href="#s-breach"/></svg> {}</b>', title
        )

    @admin.display(description=gettext_lazy("Since"))
    def since_text(self, alarm: Alarm) -> str:
        return instant(alarm.since)

    @admin.display(description=gettext_lazy("Lasted"))
    def lasted(self, alarm: Alarm) -> str:
        if alarm.until is None:
            return _("still open")
        return spoken((alarm.until - alarm.since).total_seconds())

    @admin.display(description=gettext_lazy("What was found"))
    def found(self, alarm: Alarm) -> str:
        return alarms.sentences(alarm.name, alarm.detail, now=timezone.now())
