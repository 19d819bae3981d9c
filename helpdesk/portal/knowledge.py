"""The way to a specialist: ask, read what may help, contact us (SPEC 1, 2.7); and the articles themselves."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST, require_safe

from helpdesk.core.channels import Channel
from helpdesk.knowledge import services
from helpdesk.knowledge.models import Article, Revision, Section
from helpdesk.knowledge.rendering import html, minutes_to_read, reader_language
from helpdesk.knowledge.search import find, suggest
from helpdesk.portal.access import CONSULTATION, Visitor, portal_page
from helpdesk.portal.formkeys import KEY, new_key
from helpdesk.portal.promises import offers

MOST_LISTED = 200
MOST_RELATED = 3


@require_safe
@portal_page
def ask(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """Ask; what may help; the channels with what each promises now. `?part=` only what changes while one types."""
    key = _key(request.GET.get("c", "")) or new_key()
    question, chosen = _question(request), _chosen_hub(request, visitor)
    if "q" not in request.GET and (asked := services.asked(key=key, user=visitor.user)):  # back from an article
        question, chosen = asked.question, _covered(visitor, asked.hub_id or "")
    by_mail = [row.hub.pk for row in visitor.entitled(Channel.EMAIL) if chosen in ("", row.hub.pk)]
    found = (
        services.ask(
            key=key, question=question, hub=chosen, language=reader_language(), user=visitor.user, now=visitor.now
        )
        if question
        else []
    )
    context: dict[str, Any] = {
        "visitor": visitor,
        "now": visitor.now,
        "question": question,
        "hub": chosen,
        "key": key,
        "found": found,
        "hubs": [row.hub for row in visitor.entitlements],
        "offers": offers(visitor=visitor, hub_code=by_mail[0]) if by_mail else None,
        "can_phone": _covers(visitor, Channel.PHONE, chosen),
        "sales_contact": settings.SALES_CONTACT,
    }
    parts = {"found": "portal/parts/found.html", "dialog": "portal/parts/ask_dialog.html"}
    return render(request, parts.get(request.GET.get("part", ""), "portal/ask.html"), context)


@require_POST
@portal_page
def solved(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """An article answered the question."""
    article = Article.objects.filter(slug=request.POST.get("article", "").replace("\x00", "")).first()
    services.note_solved(key=_key(request.POST.get("c", "")), article=article, user=visitor.user)
    messages.success(request, _("Good. If it comes back, ask again: what you typed is not lost."))
    return redirect("portal:home")


@require_safe
@portal_page
def articles(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """All articles by section, or those that fit a search."""
    question = _question(request)
    language = reader_language()
    if question:
        groups = [(None, suggest(question=question, language=language, most=30))]
    else:
        rows = _readable(language)
        groups = [
            (section, [row for row in rows if row.article.section_id == section.pk])
            for section in Section.objects.all()
        ]
    context = {"visitor": visitor, "question": question, "groups": [group for group in groups if group[1]]}
    return render(request, "portal/articles.html", context)


@require_safe
@portal_page
def article(request: HttpRequest, visitor: Visitor, slug: str) -> HttpResponse:
    """One article, in the reader's language where there is one."""
    found = get_object_or_404(Article.objects.select_related("section", "hub"), slug=slug, is_retired=False)
    texts = {row.language: row for row in found.revisions.filter(is_live=True)}
    language = reader_language()
    text = texts.get(language) or texts.get("en") or next(iter(texts.values()), None)
    if text is None:
        raise Http404
    key = _key(request.GET.get("c", ""))
    if key:
        services.note_read(key=key, article=found, user=visitor.user)
    alike = find(question=text.title, language=text.language, most=MOST_RELATED + 1)
    hub = found.hub_id or ""
    by_mail = _covers(visitor, Channel.EMAIL, hub)
    context = {
        "visitor": visitor,
        "now": visitor.now,
        "article": found,
        "text": text,
        "body": html(text.body),
        "minutes": minutes_to_read(text.body),
        "is_other_language": text.language != language,
        "related": [row for row in alike if row.pk != text.pk][:MOST_RELATED],
        "key": key,
        "offers": offers(visitor=visitor, hub_code=_first_hub(visitor, hub)) if by_mail else None,
    }
    return render(request, "portal/article.html", context)


@require_POST
@portal_page
def vote(request: HttpRequest, visitor: Visitor, slug: str) -> HttpResponse:
    """Helpful or not; asked again, the last word counts."""
    found = get_object_or_404(Article, slug=slug, is_retired=False)
    if request.POST.get("helpful") not in ("0", "1"):
        raise Http404
    helpful = request.POST["helpful"] == "1"
    services.vote(article=found, user=visitor.user, helpful=helpful, now=visitor.now)
    thanks = _("Thank you. Good that it helped.") if helpful else _("Thank you. We will look at this article again.")
    messages.success(request, thanks)
    key = _key(request.POST.get("c", ""))
    return redirect(f"{request.path.removesuffix('vote/')}{'?c=' + key if key else ''}")


@require_GET
@portal_page
def contact(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """On to the form, or with `by=call` to the callback assistant, with the question; what was suggested for it
    is kept until it is sent."""
    key = _key(request.GET.get("c", ""))
    if key:
        request.session[CONSULTATION] = key
    kept = {name: request.GET[name] for name in ("q", "hub") if request.GET.get(name)}
    query = request.GET.copy()
    query.clear()
    query.update(kept)
    address = redirect("portal:callback" if request.GET.get("by") == "call" else "portal:ticket_new")
    address["Location"] += f"?{query.urlencode()}" if kept else ""
    return address


def _question(request: HttpRequest) -> str:
    return request.GET.get("q", "").replace("\x00", "").strip()[:2000]


def _key(text: str) -> str:
    """A key as forms make them, or nothing."""
    return text if KEY.fullmatch(text) else ""


def _chosen_hub(request: HttpRequest, visitor: Visitor) -> str:
    """The hub that was chosen, if the account has premium support for it; empty: all hubs."""
    return _covered(visitor, request.GET.get("hub", ""))


def _covered(visitor: Visitor, code: str) -> str:
    return code if any(row.hub.pk == code for row in visitor.entitlements) else ""


def _first_hub(visitor: Visitor, code: str) -> str:
    codes = [row.hub.pk for row in visitor.entitlements]
    return code if code in codes else next(iter(codes), "")


def _covers(visitor: Visitor, channel: Channel, hub: str) -> bool:
    rows = visitor.entitled(channel)
    return any(row.hub.pk == hub for row in rows) if hub else bool(rows)


def _readable(language: str) -> list[Revision]:
    """The articles in force: in the reader's language, else in English."""
    rows = Revision.objects.readable().select_related("article__section", "article__hub").order_by("title")
    best: dict[int, Revision] = {}
    for row in rows[: 2 * MOST_LISTED]:
        if row.language == language or row.article_id not in best:
            best[row.article_id] = row
    return sorted(best.values(), key=lambda row: row.title)
