"""What leaves the house and what runs by itself: the outbox and the recurring jobs."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy, ngettext

from helpdesk.core.durations import compact
from helpdesk.notifications.models import Delivery, Heartbeat, OutboxMail
from helpdesk.notifications.services import send_again
from helpdesk.workspace.lists import Choice, ReadOnlyAdmin, chosen_ids
from helpdesk.workspace.wording import instant


class DeliveryFilter(Choice):
    title = gettext_lazy("state")
    parameter_name = "state"
    field = "state"
    options = Delivery.choices


@admin.register(OutboxMail)
class OutboxMailAdmin(ReadOnlyAdmin):
    """Outgoing mail, the latest first."""

    list_display = ("written", "readers", "template", "state", "attempts", "sent", "error")
    list_filter = (DeliveryFilter,)
    ordering = ("-id",)
    actions = ("send_chosen_again",)
    fields = (
        ("state", "attempts"),
        "to",
        "cc",
        "template",
        ("created_at", "next_attempt_at", "sent_at"),
        "last_error",
        ("message_id", "in_reply_to"),
        ("language", "time_zone"),
        "key",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutboxMail]:
        return super().get_queryset(request).defer("context")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A mail is sent again, never edited."""
        return super().has_change_permission(request, obj) and obj is None

    @admin.display(description=gettext_lazy("Written"))
    def written(self, mail: OutboxMail) -> str:
        return instant(mail.created_at)

    @admin.display(description=gettext_lazy("To"))
    def readers(self, mail: OutboxMail) -> str:
        return ", ".join([*mail.to, *mail.cc])

    @admin.display(description=gettext_lazy("Sent"), empty_value="–")
    def sent(self, mail: OutboxMail) -> str | None:
        return instant(mail.sent_at) if mail.sent_at else None

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

    list_display = ("name", "last", "age", "outcome")
    list_display_links = None
    ordering = ("name",)

    @admin.display(description=gettext_lazy("Last run"))
    def last(self, beat: Heartbeat) -> str:
        return instant(beat.at)

    @admin.display(description=gettext_lazy("Ago"))
    def age(self, beat: Heartbeat) -> str:
        return compact((timezone.now() - beat.at).total_seconds())

    @admin.display(description=gettext_lazy("Outcome"))
    def outcome(self, beat: Heartbeat) -> str:
        return json.dumps(beat.detail, ensure_ascii=False)[:300]
