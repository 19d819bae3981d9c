"""How customers found the help: each rating, and the share that is content, by team (SPEC 2.7)."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from helpdesk.accounts.models import StaffRole
from helpdesk.core.shares import FEW, per_cent
from helpdesk.tickets.models import Rating
from helpdesk.workspace.lists import Choice, ReadOnlyAdmin
from helpdesk.workspace.wording import instant

DAYS = {None: 30, "7": 7, "90": 90, "365": 365}


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """How many ratings a team (or nobody's) has, and how many of them say that we helped well."""

    team: str
    ratings: int
    content: int

    @property
    def share(self) -> Decimal | None:
        """None when nobody has rated."""
        return per_cent(self.content, self.ratings)

    @property
    def is_few(self) -> bool:
        return self.ratings < FEW


def content_by_team(rows: QuerySet[Rating]) -> list[Content]:
    """All together first, then each team. One query."""
    counted = rows.order_by().values("team__name")
    satisfied = Q(score__gte=Rating.SATISFIED)
    found = list(counted.annotate(ratings=Count("pk"), content=Count("pk", filter=satisfied)).order_by("team__name"))
    total = Content(team="", ratings=sum(row["ratings"] for row in found), content=sum(row["content"] for row in found))
    teams = [Content(team=row["team__name"] or "–", ratings=row["ratings"], content=row["content"]) for row in found]
    return [total, *teams]


class PeriodFilter(Choice):
    title = gettext_lazy("period")
    parameter_name = "days"
    options = (
        ("7", gettext_lazy("7 days")),
        ("90", gettext_lazy("90 days")),
        ("365", gettext_lazy("12 months")),
    )
    all_label = gettext_lazy("30 days")

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(rated_at__gte=timezone.now() - timedelta(days=DAYS[self.value()]))


class ScoreFilter(Choice):
    title = gettext_lazy("how well we helped")
    parameter_name = "score"
    options = (("content", gettext_lazy("Well or fully")), ("not", gettext_lazy("Partly, little, not at all")))

    def narrow(self, queryset: QuerySet, value: str) -> QuerySet:
        if value == "content":
            return queryset.filter(score__gte=Rating.SATISFIED)
        return queryset.filter(score__lt=Rating.SATISFIED)


class WordsFilter(Choice):
    title = gettext_lazy("comment")
    parameter_name = "words"
    options = (("yes", gettext_lazy("With a comment")),)

    def narrow(self, queryset: QuerySet, value: str) -> QuerySet:
        return queryset.exclude(comment="")


@admin.register(Rating)
class RatingAdmin(ReadOnlyAdmin):
    """Specialists see those of their own answers, leads and managers all."""

    list_display = ("rated", "words", "ticket_link", "account", "specialist_name", "team_name", "said")
    list_display_links = ("rated",)
    list_filter = (PeriodFilter, ScoreFilter, WordsFilter)
    ordering = ("-rated_at", "-id")
    list_select_related = ("ticket__account", "specialist", "team", "by")
    fields = (
        "ticket_link",
        "account",
        "words",
        "by",
        "comment",
        "specialist_name",
        "team_name",
        "rated_at",
        "changed_at",
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Rating | None = None) -> list[str]:
        shown = ["ticket_link", "account", "words", "specialist_name", "team_name"]
        return [*super().get_readonly_fields(request, obj), *shown]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rating]:
        rows = super().get_queryset(request)
        return rows.filter(specialist=request.user) if request.user.staff_role == StaffRole.SPECIALIST else rows

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """With the share above the list, of the same rows as the filters let through."""
        answer = super().changelist_view(request, extra_context)
        context = getattr(answer, "context_data", None)
        if context and "cl" in context:
            context["content"] = content_by_team(context["cl"].queryset)
        return answer

    @admin.display(description=gettext_lazy("Rated"))
    def rated(self, row: Rating) -> str:
        return instant(row.rated_at)

    @admin.display(description=gettext_lazy("How well we helped"))
    def words(self, row: Rating) -> SafeString:
        tone, sign = (
            ("ok", "s-met") if row.is_satisfied else ("breach", "s-breach") if row.score < 3 else ("soon", "s-soon")
        )
        return format_html(
            '<span class="c-{}"><svg class="sign" aria-hidden="true"><use href="#{}"/></svg> {}</span>',
            tone,
            sign,
            row.get_score_display(),
        )

    @admin.display(description=gettext_lazy("Ticket"))
    def ticket_link(self, row: Rating) -> SafeString:
        url = reverse("admin:helpdesk_ticket_change", args=[row.ticket_id])
        return format_html('<a href="{}">{} {}</a>', url, row.ticket.reference, row.ticket.subject)

    @admin.display(description=gettext_lazy("Account"))
    def account(self, row: Rating) -> str:
        return row.ticket.account.name

    @admin.display(description=gettext_lazy("Specialist"))
    def specialist_name(self, row: Rating) -> str:
        return row.specialist.full_name if row.specialist else "–"

    @admin.display(description=gettext_lazy("Team"))
    def team_name(self, row: Rating) -> str:
        return row.team.name if row.team else "–"

    @admin.display(description=gettext_lazy("Comment"))
    def said(self, row: Rating) -> str:
        return row.comment if len(row.comment) < 200 else row.comment[:200] + "…"
