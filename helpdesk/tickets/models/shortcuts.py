"""What saves specialists from doing the same again: canned replies, macros, views of the queue.

Each is somebody's own (`owner`), a team's (`team`), or everybody's (neither).
"""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from helpdesk.accounts.models import Team, User
from helpdesk.subscriptions.models import Hub


class SharedQuerySet(models.QuerySet):
    def visible_to(self, user: User) -> "SharedQuerySet":
        """One's own, those of one's teams, and everybody's; to staff only."""
        if not (user.is_authenticated and user.is_active and user.is_staff):
            return self.none()
        teams = user.team_memberships.values("team_id")
        return self.filter(Q(owner=user) | Q(team__in=teams) | Q(owner=None, team=None))


class Shared(models.Model):
    """Something that one person, a team or everybody uses."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("only for"),
    )
    team = models.ForeignKey(
        Team, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("for the team")
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("made by")
    )
    used = models.PositiveIntegerField(_("used"), default=0)
    last_used_at = models.DateTimeField(_("last used"), null=True)

    objects = SharedQuerySet.as_manager()

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(owner=None) | Q(team=None),
                name="%(class)s_one_audience",
                violation_error_message=_("Either one person’s or a team’s, not both."),
            )
        ]


class CannedReply(Shared):
    """A text to reply with. Placeholders in double braces are filled in when it is inserted."""

    name = models.CharField(_("name"), max_length=80)
    shortcut = models.SlugField(
        _("shortcut"), max_length=30, blank=True, default="", help_text=_("Typed after a slash in the reply box.")
    )
    body = models.TextField(_("text"), max_length=10_000)
    language = models.CharField(_("language"), max_length=8, default="en")
    hub = models.ForeignKey(
        Hub,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("hub"),
        help_text=_("Empty: for tickets of all hubs."),
    )
    is_active = models.BooleanField(_("in use"), default=True)

    class Meta(Shared.Meta):
        verbose_name = _("canned reply")
        verbose_name_plural = _("canned replies")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Macro(Shared):
    """Several changes of a ticket in one act.

    `acts` is a list of {"do": …, values}: {"do": "status", "status": "waiting"}, {"do": "priority", "priority": 1},
    {"do": "assign", "owner": 7 | "me" | None, "team": 3}, {"do": "tag", "tag": "sync"}, {"do": "untag", "tag": "sync"},
    {"do": "reply", "body": …}, {"do": "note", "body": …}.
    """

    name = models.CharField(_("name"), max_length=80)
    acts = models.JSONField(_("changes"), default=list)
    is_active = models.BooleanField(_("in use"), default=True)

    class Meta(Shared.Meta):
        verbose_name = _("macro")
        verbose_name_plural = _("macros")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class SavedView(Shared):
    """A view of the queue that somebody put together: filters, search and columns."""

    name = models.CharField(_("name"), max_length=60)
    params = models.JSONField(_("filters"), default=dict)
    columns = ArrayField(models.CharField(max_length=20), default=list, blank=True, verbose_name=_("columns"))
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    is_team_default = models.BooleanField(_("opens first for the team"), default=False)

    class Meta(Shared.Meta):
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        ordering = ["position", "name", "id"]
        constraints = [
            *Shared.Meta.constraints,
            models.UniqueConstraint(fields=["team"], condition=Q(is_team_default=True), name="savedview_team_default"),
            models.CheckConstraint(
                condition=Q(is_team_default=False) | Q(team__isnull=False), name="savedview_default_of_a_team"
            ),
        ]

    def __str__(self) -> str:
        return self.name
