"""What is said about a ticket, and what came in."""

import secrets

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from helpdesk.tickets.models.ticket import Source, Status, Ticket


class Message(models.Model):
    """One message of a ticket's conversation."""

    class Kind(models.TextChoices):
        CUSTOMER = "customer", _("From the customer")
        REPLY = "reply", _("Public reply")
        NOTE = "note", _("Internal note")

    ticket = models.ForeignKey(Ticket, models.PROTECT, related_name="messages", verbose_name=_("ticket"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("author")
    )
    body = models.TextField(_("text"))
    via = models.CharField(_("came in by"), max_length=10, choices=Source, default=Source.FORM)
    message_id = models.CharField(_("Message-ID"), max_length=200, blank=True, default="")
    mentioned = ArrayField(models.BigIntegerField(), default=list, blank=True, verbose_name=_("mentioned"))
    # The key of the form that it was sent with: however often *Send* is pressed, one message.
    submission = models.CharField(_("submission"), max_length=40, blank=True, default="")
    created_at = models.DateTimeField(_("written"))

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["created_at", "id"]
        indexes = [models.Index(fields=["ticket", "created_at"], name="message_ticket")]
        constraints = [
            models.UniqueConstraint(fields=["message_id"], condition=~Q(message_id=""), name="message_id_once"),
            models.UniqueConstraint(
                fields=["ticket", "submission"], condition=~Q(submission=""), name="message_submission_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.ticket_id}"


def upload_path(attachment: "Attachment", name: str) -> str:
    """Where a file lies: an unguessable name, nothing of what its sender called it."""
    key = secrets.token_hex(20)
    return f"attachments/{key[:2]}/{key}"


class Scan(models.TextChoices):
    """What the virus scanner said of a file (decision 21)."""

    NONE = "", _("Not scanned")  # no scanner was set up when the file came in
    CLEAN = "clean", _("Clean")
    WAITING = "waiting", _("Waits for the virus scanner")  # held: nobody can fetch it yet
    INFECTED = "infected", _("Virus found")  # its content is deleted, the row says what was there


class Attachment(models.Model):
    """A file of a message; until the message is sent, of the draft of who put it there.

    A customer's file waits for the form with the key `form_key`; for a ticket that isn't there yet it has no ticket.
    """

    ticket = models.ForeignKey(Ticket, models.PROTECT, null=True, related_name="attachments", verbose_name=_("ticket"))
    message = models.ForeignKey(
        Message, models.PROTECT, null=True, related_name="attachments", verbose_name=_("message")
    )
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("put there by")
    )
    name = models.CharField(_("file name"), max_length=200)
    content_type = models.CharField(_("kind of file"), max_length=100)  # as its content says
    size = models.PositiveBigIntegerField(_("bytes"))
    digest = models.CharField(_("SHA-256"), max_length=64)
    file = models.FileField(_("file"), upload_to=upload_path, max_length=120)
    created_at = models.DateTimeField(_("put there"))
    form_key = models.CharField(_("key of the form"), max_length=40, blank=True, default="")
    scan = models.CharField(_("virus scan"), max_length=10, choices=Scan, blank=True, default=Scan.NONE)
    scanned_at = models.DateTimeField(_("scanned"), null=True)
    threat = models.CharField(_("what was found"), max_length=200, blank=True, default="")

    class Meta:
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        ordering = ["id"]
        indexes = [
            # Files that wait in drafts: to be sent, or to be cleared away.
            models.Index(fields=["created_at"], name="attachment_waiting", condition=Q(message=None)),
            models.Index(fields=["id"], name="attachment_unscanned", condition=Q(scan="waiting")),
            # A form's files, and all that wait for one person's forms.
            models.Index(fields=["uploaded_by", "form_key"], name="attachment_form", condition=~Q(form_key="")),
            # Whether any row names a file of the storage.
            models.Index(fields=["file"], name="attachment_file"),
        ]
        constraints = [
            # A form that is sent twice brings each file once.
            models.UniqueConstraint(
                fields=["uploaded_by", "form_key", "digest", "name"],
                condition=~Q(form_key=""),
                name="attachment_form_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_held(self) -> bool:
        """Not to be fetched: nobody knows yet whether it is harmless."""
        return self.scan == Scan.WAITING

    @property
    def is_infected(self) -> bool:
        return self.scan == Scan.INFECTED


class FormDraft(models.Model):
    """What a customer has typed into a form and not sent, known by the form's key; its writer's alone.

    Without a ticket it is one that is about to be opened for `account`.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("person"))
    account = models.ForeignKey("helpdesk.Account", models.CASCADE, related_name="+", verbose_name=_("account"))
    ticket = models.ForeignKey(Ticket, models.CASCADE, null=True, related_name="+", verbose_name=_("ticket"))
    key = models.CharField(_("key of the form"), max_length=40)
    values = models.JSONField(_("content"), default=dict)
    # The window that saved it last: another one that has not read this text never writes over it.
    tab = models.CharField(_("window"), max_length=40, blank=True, default="")
    saved_at = models.DateTimeField(_("saved"))

    class Meta:
        verbose_name = _("draft of a form")
        verbose_name_plural = _("drafts of forms")
        indexes = [models.Index(fields=["saved_at"], name="form_draft_saved")]
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="form_draft_once")]

    def __str__(self) -> str:
        return f"{self.user_id} · {self.key}"


class Draft(models.Model):
    """What a member of staff has typed on a ticket and not sent, or sent and may still take back.

    With `leaves_at` it is on its way: at that instant it becomes a message, until then it can be taken back.
    """

    ticket = models.ForeignKey(Ticket, models.CASCADE, related_name="drafts", verbose_name=_("ticket"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("person"))
    kind = models.CharField(_("kind"), max_length=10, choices=Message.Kind, default=Message.Kind.REPLY)
    body = models.TextField(_("text"), blank=True, default="")
    status = models.CharField(_("status after it"), max_length=10, choices=Status, blank=True, default="")
    submission = models.CharField(_("submission"), max_length=40, blank=True, default="")
    # The last message that its writer had seen: one that came since crosses this one.
    seen_message = models.BigIntegerField(_("last message seen"), null=True)
    saved_at = models.DateTimeField(_("saved"))
    leaves_at = models.DateTimeField(_("leaves"), null=True)
    # Why it did not leave when its time had come; its writer is told, and nothing is lost.
    refused = models.TextField(_("why it did not leave"), blank=True, default="")

    class Meta:
        verbose_name = _("draft")
        verbose_name_plural = _("drafts")
        constraints = [models.UniqueConstraint(fields=["ticket", "user"], name="draft_once")]
        indexes = [models.Index(fields=["leaves_at"], name="draft_leaving", condition=Q(leaves_at__isnull=False))]

    def __str__(self) -> str:
        return f"{self.user_id} · {self.ticket_id}"


class InboundMessage(models.Model):
    """What came in over a channel, once, before anything is made of it."""

    channel = models.CharField(_("channel"), max_length=10, choices=Source)
    external_id = models.CharField(_("id of the channel"), max_length=200)
    payload = models.JSONField(_("content"), default=dict)
    received_at = models.DateTimeField(_("received"))
    ticket = models.ForeignKey(
        Ticket, models.PROTECT, null=True, related_name="inbound", verbose_name=_("became ticket")
    )

    class Meta:
        verbose_name = _("incoming message")
        verbose_name_plural = _("incoming messages")
        constraints = [models.UniqueConstraint(fields=["channel", "external_id"], name="inbound_once")]

    def __str__(self) -> str:
        return f"{self.channel} {self.external_id}"
