"""What happened to a ticket."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.fields.json import KeyTransform
from django.utils.translation import gettext_lazy as _

from helpdesk.tickets.models.ticket import Ticket


class TicketEvent(models.Model):
    """One fact about a ticket, with its actor. Append-only: the database refuses to change or delete a row."""

    class Kind(models.TextChoices):
        OPENED = "opened", _("Opened")
        ACKNOWLEDGED = "acknowledged", _("Acknowledged")
        REPLIED = "replied", _("Replied")
        NOTED = "noted", _("Note added")
        CUSTOMER_WROTE = "customer_wrote", _("Customer wrote")
        ASSIGNED = "assigned", _("Assigned")
        STATUS = "status", _("Status changed")
        CLAIMED = "claimed", _("Claimed critical")
        CONFIRMED = "confirmed", _("Critical confirmed")
        DECLINED = "declined", _("Critical declined")
        REOPENED = "reopened", _("Reopened")
        RAISED = "raised", _("Raised to critical")
        MERGED = "merged", _("Merged into another ticket")
        ABSORBED = "absorbed", _("Took in another ticket")
        SPAM = "spam", _("Marked as spam")
        NOT_SPAM = "not_spam", _("Not spam after all")
        CALLED = "called", _("Called")
        JOINED = "joined", _("Joined the chat")
        PRIORITY = "priority", _("Priority changed")
        RULES = "rules", _("Rules changed")
        EXCEPTION_ASKED = "exception_asked", _("Exception requested")
        EXCEPTION_GRANTED = "exception_granted", _("Exception approved")
        EXCEPTION_REFUSED = "exception_refused", _("Exception refused")
        EXCEPTION_WITHDRAWN = "exception_withdrawn", _("Exception withdrawn")

        CAUSE = "cause", _("Cause of a breach coded")
        TAGS = "tags", _("Tags changed")
        FIELDS = "fields", _("Fields changed")
        SUBJECT = "subject", _("Subject changed")
        LINKED = "linked", _("Linked to another ticket")
        UNLINKED = "unlinked", _("Link taken away")
        SPLIT = "split", _("Split off into a new ticket")
        PARENT = "parent", _("Made part of an incident")
        UNPARENT = "unparent", _("Taken out of an incident")
        TIME = "time", _("Time spent")
        TIME_STRUCK = "time_struck", _("Time struck out")

        CALL_ASKED = "call_asked", _("Call asked for")
        CALL_CANCELLED = "call_cancelled", _("Call cancelled")
        CALL_GIVEN_UP = "call_given_up", _("Not reached by phone")
        CUSTOMER_ESCALATED = "customer_escalated", _("Escalated by the customer")
        ESCALATION_ANSWERED = "escalation_answered", _("Customer's escalation answered")
        RATED = "rated", _("Answer rated")
        COPIES = "copies", _("People in copy changed")
        ESCALATED = "escalated", _("Escalated to the manager")

    ticket = models.ForeignKey(Ticket, models.PROTECT, related_name="events", verbose_name=_("ticket"))
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    at = models.DateTimeField(_("at"))
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by")
    )
    data = models.JSONField(_("values"), default=dict)

    class Meta:
        verbose_name = _("ticket event")
        verbose_name_plural = _("ticket events")
        ordering = ["at", "id"]
        indexes = [
            models.Index(fields=["ticket", "at"], name="ticket_event_ticket"),
            # When somebody was last given a ticket: whose turn it is.
            models.Index(
                KeyTransform("after", "data"), F("at").desc(), name="ticket_event_given", condition=Q(kind="assigned")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.at:%Y-%m-%d %H:%M:%S}"
