"""The outbox: what is to leave the house, written in the transaction that caused it."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from helpdesk.core.moments import clock, full_date


class Delivery(models.TextChoices):
    """State of an outgoing mail."""

    PENDING = "pending", _("Waiting")
    SENDING = "sending", _("Being sent")
    SENT = "sent", _("Sent")
    DEAD = "dead", _("Given up")
    BUNDLED = "bundled", _("In a digest")

    @classmethod
    def unfinished(cls) -> tuple["Delivery", ...]:
        return (cls.PENDING, cls.SENDING)


class OutboxMail(models.Model):
    """One mail to one reader (and people in copy).

    The row keeps the template's name and plain values; the text is made when it leaves, in the
    reader's language and time zone. `key` makes a mail unique, so that writing it twice is
    impossible; `message_id` is fixed from the start, so that a retry is the same mail.
    """

    key = models.CharField(_("key"), max_length=200, unique=True)
    message_id = models.CharField(_("Message-ID"), max_length=200, unique=True)
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("recipient")
    )
    to = ArrayField(models.EmailField(), verbose_name=_("to"))
    cc = ArrayField(models.EmailField(), default=list, blank=True, verbose_name=_("in copy"))
    reply_to = models.CharField(_("replies to"), max_length=254, blank=True)
    in_reply_to = models.CharField(_("in reply to"), max_length=200, blank=True)
    # What it tells of: the key of the telling, the same for all who were told.
    about = models.CharField(_("about"), max_length=200, blank=True, default="")
    digest = models.ForeignKey(
        "self", models.PROTECT, null=True, db_index=False, related_name="bundled", verbose_name=_("went out in")
    )
    template = models.CharField(_("template"), max_length=60)
    context = models.JSONField(_("values"), default=dict)
    language = models.CharField(_("language"), max_length=8, default="en")
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")

    state = models.CharField(_("state"), max_length=10, choices=Delivery, default=Delivery.PENDING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True)
    # Written during the reader's quiet hours: not sent before they end (SPEC 2.5).
    held_until = models.DateTimeField(_("waits for quiet hours until"), null=True)
    created_at = models.DateTimeField(_("written"))
    sent_at = models.DateTimeField(_("sent"), null=True)
    last_error = models.TextField(_("last error"), blank=True)

    class Meta:
        verbose_name = _("outgoing mail")
        verbose_name_plural = _("outgoing mail")
        indexes = [
            models.Index(
                fields=["next_attempt_at", "id"],
                name="outbox_due",
                condition=models.Q(state__in=["pending", "sending"]),
            ),
            models.Index(fields=["-id"], name="outbox_dead", condition=models.Q(state="dead")),
            models.Index(fields=["about"], name="outbox_about", condition=~models.Q(about="")),
            models.Index(fields=["digest"], name="outbox_digest", condition=models.Q(digest__isnull=False)),
        ]

    def __str__(self) -> str:
        return gettext("Mail to %(readers)s") % {"readers": ", ".join(self.to)}


class Notice(models.Model):
    """A notice on a member of staff's screen."""

    key = models.CharField(_("key"), max_length=200, unique=True)
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="notices", verbose_name=_("recipient")
    )
    kind = models.CharField(_("kind"), max_length=40)
    context = models.JSONField(_("values"), default=dict)
    url = models.CharField(_("address"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("written"))
    read_at = models.DateTimeField(_("read"), null=True)

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        indexes = [
            models.Index(fields=["recipient", "-created_at"], name="notice_unread", condition=models.Q(read_at=None))
        ]

    def __str__(self) -> str:
        return gettext("Notice of %(at)s") % {"at": f"{full_date(self.created_at)} {clock(self.created_at)}"}


class Heartbeat(models.Model):
    """When a recurring job last ran, for the watchdog and `/readyz`."""

    name = models.CharField(_("job"), max_length=40, primary_key=True)
    at = models.DateTimeField(_("last run"))
    detail = models.JSONField(_("outcome"), default=dict)

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")

    def __str__(self) -> str:
        return self.name


class Alarm(models.Model):
    """Something that operators must know: a sweep that is late, mail that nobody takes. Open until it is well again."""

    name = models.CharField(_("what"), max_length=40)
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("well again"), null=True)
    detail = models.JSONField(_("figures"), default=dict)

    class Meta:
        verbose_name = _("alarm")
        verbose_name_plural = _("alarms")
        constraints = [
            models.UniqueConstraint(fields=["name"], condition=models.Q(until=None), name="alarm_one_open"),
        ]
        indexes = [models.Index(fields=["-since"], name="alarm_latest")]

    def __str__(self) -> str:
        return gettext("Alarm of %(at)s") % {"at": f"{full_date(self.since)} {clock(self.since)}"}
