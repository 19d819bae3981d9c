"""The knowledge base as its keepers see it: articles with drafts, preview and history."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Max, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from helpdesk.knowledge import services
from helpdesk.knowledge.deflection import titles_of
from helpdesk.knowledge.models import LANGUAGES, Article, Revision, Section
from helpdesk.knowledge.rendering import html, reader_language
from helpdesk.workspace.lists import PLACE_HELP, Choice, RoleAdmin, numbers

MOST_VERSIONS = 50


class TextForm(forms.Form):
    """A text of an article in one language."""

    title = forms.CharField(label=gettext_lazy("Title"), max_length=160)
    summary = forms.CharField(
        label=gettext_lazy("Summary"), max_length=300, help_text=gettext_lazy("What the article solves, in a sentence.")
    )
    body = forms.CharField(
        label=gettext_lazy("Text"),
        max_length=60_000,
        widget=forms.Textarea(attrs={"rows": 22}),
        help_text=gettext_lazy("Markdown: ## heading, 1. step, - point, **strong**, [words](address)."),
    )
    seen_at = forms.CharField(required=False, widget=forms.HiddenInput)


class PlaceForm(forms.ModelForm):
    """Where an article stands, and its address while nobody can have linked to it."""

    class Meta:
        model = Article
        fields = ("section", "hub", "slug")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["hub"].empty_label = _("All hubs")
        if self.instance.was_published:
            self.fields["slug"].disabled = True
            self.fields["slug"].help_text = _("A published article keeps its address: links to it would break.")


class SectionFilter(Choice):
    title = gettext_lazy("section")
    parameter_name = "section"
    field = "section"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[int, str]]:
        return [(row.pk, str(row)) for row in Section.objects.all()]


@admin.register(Section)
class SectionAdmin(RoleAdmin):
    """The order of the knowledge base."""

    list_display = ("name", "name_ja", "position")
    fields = ("name", "name_ja", "slug", "position")
    prepopulated_fields = {"slug": ("name",)}

    def get_form(self, request: HttpRequest, obj: Section | None = None, change: bool = False, **kwargs: Any) -> Any:
        texts = {"slug": _("The end of the page's address, such as when-something-stops."), "position": PLACE_HELP}
        return super().get_form(request, obj, change=change, **{"help_texts": texts, **kwargs})


@admin.register(Article)
class ArticleAdmin(RoleAdmin):
    """Articles; the page of one has a text for each language."""

    list_display = ("title", "section", "hub_name", "languages", "state")
    list_display_links = ("title",)
    list_filter = (SectionFilter,)
    list_select_related = ("section", "hub")
    search_fields = ("slug__startswith", "revisions__title__icontains")
    search_help_text = gettext_lazy("Words of the title")
    fields = ("section", "hub", "slug")

    @admin.display(description=gettext_lazy("Title"))
    def title(self, article: Article) -> str:
        return article.title

    @admin.display(description=gettext_lazy("Languages"))
    def languages(self, article: Article) -> str:
        return ", ".join(article.languages) or "–"

    @admin.display(description=gettext_lazy("State"))
    def state(self, article: Article) -> str:
        if article.is_retired:
            return _("Taken down")
        if not article.languages:
            return _("Not published yet")
        return _("Published, a draft waits") if article.has_draft else _("Published")

    def prepare(self, rows: list[Article]) -> None:
        """Titles and languages of what is in force, and drafts: two queries for all rows of a page."""
        titles, in_force, drafts = titles_of(language=reader_language()), {}, set()
        texts = Revision.objects.filter(article__in=rows).values_list("article_id", "language").order_by("language")
        live = Max("number", filter=Q(is_live=True))
        for article, language, latest, number in texts.annotate(latest=Max("number"), live=live):
            if number is not None:
                in_force.setdefault(article, []).append(str(dict(LANGUAGES)[language]))
            if number is None or latest > number:
                drafts.add(article)
        for row in rows:
            row.title, row.languages = titles.get(row.pk, row.slug), in_force.get(row.pk, [])
            row.has_draft = row.pk in drafts

    def get_urls(self) -> list[URLPattern]:
        acts = {"preview": self.preview_view, "publish": self.publish_view, "retire": self.retire_view}
        return [
            path("<int:pk>/place/", self.admin_site.admin_view(self.place_view), name="helpdesk_article_place"),
            *(
                path(
                    f"<int:pk>/{name}/", self.admin_site.admin_view(require_POST(view)), name=f"helpdesk_article_{name}"
                )
                for name, view in acts.items()
            ),
            *super().get_urls(),
        ]

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The versions are on the article's page."""
        raise Http404

    def get_form(
        self, request: HttpRequest, obj: Article | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
        texts = {"slug": _("The end of the page's address, such as forms-do-not-load. The title comes next.")}
        return super().get_form(request, obj, change=change, **{"help_texts": texts, **kwargs})

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Where it stands; *Save* leads on to its text, so there is but one button."""
        single = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, {**(extra_context or {}), **single})

    def response_add(self, request: HttpRequest, obj: Article, post_url_continue: str | None = None) -> HttpResponse:
        return redirect("admin:helpdesk_article_change", obj.pk)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Read and write one article; `?language=` chooses the text, `?version=` shows an older one."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        article = self._find(numbers([object_id])[:1])
        language = _chosen_language(request)
        versions = list(
            article.revisions.filter(language=language).select_related("author", "published_by")[:MOST_VERSIONS]
        )
        latest = versions[0] if versions else None
        source = _named(request, "from", versions)
        form = TextForm(request.POST if request.method == "POST" else None, initial=_initial(source or latest, latest))
        if request.method == "POST":
            if not self.has_change_permission(request):
                raise PermissionDenied
            if form.is_valid() and self._save(request, article, language, form):
                return redirect(_address(article, language))
        shown = _named(request, "version", versions)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": titles_of(language=reader_language()).get(article.pk)
            or (latest.title if latest else article.slug),
            "article": article,
            "form": form,
            "language": language,
            "languages": LANGUAGES,
            "versions": versions,
            "draft": latest if latest and latest.published_at is None else None,
            "shown": shown,
            "source": source,
            "shown_body": html(shown.body) if shown else "",
            "preview": html(form["body"].value() or ""),
            "may_write": self.has_change_permission(request),
            "may_publish": request.user.staff_role in services.PUBLISHERS,
        }
        return TemplateResponse(
            request, "admin/helpdesk/article/page.html", context, status=422 if form.errors else 200
        )

    def _save(self, request: HttpRequest, article: Article, language: str, form: TextForm) -> bool:
        values = {name: form.cleaned_data[name] for name in ("title", "summary", "body")}
        seen_at = parse_datetime(form.cleaned_data["seen_at"]) if form.cleaned_data["seen_at"] else None
        try:
            draft = services.save_draft(
                article=article, language=language, actor=request.user, now=timezone.now(), seen_at=seen_at, **values
            )
            if "publish" in request.POST:
                services.publish(revision=draft, actor=request.user, now=timezone.now())
        except services.Refused as refused:
            form.add_error(None, str(refused))
            return False
        done = _("Published.") if "publish" in request.POST else _("The draft is saved.")
        self.message_user(request, done, messages.SUCCESS)
        return True

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The text as customers would read it; nothing is saved."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        self._find([pk])
        body = html(request.POST.get("body", "")[:60_000])
        return render(request, "admin/helpdesk/article/_preview.html", {"preview": body})

    def publish_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        article = self._to_change(request, pk)
        language = _chosen_language(request)
        draft = get_object_or_404(article.revisions, language=language, published_at=None)
        try:
            services.publish(revision=draft, actor=request.user, now=timezone.now())
        except services.Refused as refused:
            self.message_user(request, str(refused), messages.ERROR)
        else:
            self.message_user(request, _("Published."), messages.SUCCESS)
        return redirect(_address(article, language))

    def retire_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take the article down, or put it up again."""
        article = self._to_change(request, pk)
        try:
            services.set_retired(article=article, retired=not article.is_retired, actor=request.user)
        except services.Refused as refused:
            self.message_user(request, str(refused), messages.ERROR)
        return redirect(_address(article, _chosen_language(request)))

    def place_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Its section, its hub, and until it is published its address."""
        article = self._to_change(request, pk)
        form = PlaceForm(request.POST if request.method == "POST" else None, instance=article)
        if request.method == "POST" and form.is_valid():
            try:
                services.place(article=article, actor=request.user, **form.cleaned_data)
            except services.Refused as refused:
                form.add_error(None, str(refused))
            else:
                self.message_user(request, _("Saved."), messages.SUCCESS)
                return redirect("admin:helpdesk_article_change", pk)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": titles_of(language=reader_language()).get(pk, form.initial["slug"]),
            "pk": pk,
            "form": form,
        }
        answer = "admin/helpdesk/article/place.html"
        return TemplateResponse(request, answer, context, status=422 if form.errors else 200)

    def _to_change(self, request: HttpRequest, pk: int) -> Article:
        if not self.has_change_permission(request):
            raise PermissionDenied
        return self._find([pk])

    def _find(self, ids: list[int]) -> Article:
        return get_object_or_404(Article.objects.select_related("section", "hub"), pk__in=ids)


def _chosen_language(request: HttpRequest) -> str:
    chosen = request.GET.get("language", "")
    return chosen if chosen in dict(LANGUAGES) else "en"


def _address(article: Article, language: str) -> str:
    return f"{reverse('admin:helpdesk_article_change', args=[article.pk])}?language={language}"


def _named(request: HttpRequest, name: str, versions: list[Revision]) -> Revision | None:
    """The version whose number the address gives under this name."""
    return next((row for row in versions if str(row.number) == request.GET.get(name)), None)


def _initial(source: Revision | None, latest: Revision | None) -> dict[str, str]:
    """What is written on from: mostly the latest text, or an older one that is to be taken up again."""
    if source is None or latest is None:
        return {}
    values = {name: getattr(source, name) for name in ("title", "summary", "body")}
    return values | {"seen_at": latest.saved_at.isoformat()}
