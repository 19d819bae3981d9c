"""The breach report, the tickets behind each of its numbers, and both as CSV. For managers."""

from collections.abc import AsyncIterator, Callable, Iterator
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from helpdesk.core.zones import zone_of
from helpdesk.reports import breaches
from helpdesk.reports.bands import NAMES, NO_ANSWER
from helpdesk.reports.breaches import EVERYTHING, Filters, Part
from helpdesk.reports.charts import heat_map, histogram, trend
from helpdesk.reports.export import csv_chunks, xlsx
from helpdesk.reports.figures import report
from helpdesk.reports.periods import DAY
from helpdesk.sla.models import METRICS, PROMISES, BreachCause, Clock, ExceptionCode
from helpdesk.tickets import services
from helpdesk.workspace.exception_words import SHORT_EFFECTS
from helpdesk.workspace.report_filters import CauseForm, FilterForm, PartForm, address
from helpdesk.workspace.report_tabs import report_tabs

PAGE = 100
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ROWS = 10  # lines of a table before it is asked to show all

View = Callable[..., HttpResponse]


def urls(site: AdminSite) -> list[URLPattern]:
    """The addresses of the reports, for the site's `get_urls`."""
    pages = {
        "": ("breach_report", breach_report),
        "tickets/": ("breach_list", breach_list),
        "tickets.csv": ("breach_csv", breach_csv),
        "tickets.xlsx": ("breach_xlsx", breach_xlsx),
    }
    read = [
        path(f"reports/breaches/{route}", managers_only(site, require_safe(view)), name=name)
        for route, (name, view) in pages.items()
    ]
    return [
        *read,
        path("reports/breaches/causes/", managers_only(site, require_POST(code_causes)), name="breach_causes"),
    ]


def managers_only(site: AdminSite, view: View) -> View:
    """A page of the site that for anybody signed in but a manager does not exist (SPEC 2.1)."""

    @wraps(view)
    def inner(request: HttpRequest, **parameters: Any) -> HttpResponse:
        if request.user.is_authenticated and not request.user.is_managing:
            raise Http404
        return admitted(request, **parameters)

    admitted = site.admin_view(lambda request, **parameters: view(request, site, **parameters))
    return inner


def breach_report(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Attainment, breaches and how late, for a period (SPEC 2.6)."""
    form, now = _form(request), timezone.now()
    if not form.is_valid():
        return _refused(request, site, form)
    found = report(form.filters, reader=request.user, now=now)
    oldest = breaches.scope(form.filters, reader=request.user).filter(pk__in=found.oldest)
    context = {
        "report": found,
        "trend": trend(found),
        "heat_map": heat_map(found),
        "histogram": histogram(found),
        "prompt": found.prompt,
        "weekdays": _weekdays(),
        "effects": list(SHORT_EFFECTS.items()),
        "unanswered": breaches.targets(breaches.judged(oldest, now=now).order_by("counted_at", "pk")),
        "running": found.window.end == now,
        "previous_last": found.filters.period.first - DAY,
        "csv": f"{reverse('admin:breach_csv')}?{urlencode(address(form.filters))}",
        "xlsx": f"{reverse('admin:breach_xlsx')}?{urlencode(address(form.filters))}",
        "own_query": urlencode(address(form.filters)),
        "tables": [
            {
                "dimension": dimension,
                "rows": rows if request.GET.get("all") == dimension else rows[:ROWS],
                "hidden": 0 if request.GET.get("all") == dimension else max(0, len(rows) - ROWS),
                "count": len(rows),
            }
            for dimension, rows in (
                ("hub", found.hubs),
                ("account", found.accounts),
                ("specialist", found.specialists),
                ("team", found.teams),
                ("replier", found.late_repliers),
            )
        ],
        **_words(form.filters),
    }
    return _page(request, site, "reports/breach_report.html", form, _("Breach report"), **context)


def breach_list(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Exactly the targets behind one number, a hundred a page, without counting them."""
    form, part_form = _form(request), PartForm(request.GET)
    if not form.is_valid():
        return _refused(request, site, form)
    part, page = _part(part_form), part_form.cleaned_data["page"] or 1
    clocks = breaches.selection(form.filters, reader=request.user, now=timezone.now(), part=part)
    first = (page - 1) * PAGE
    targets = breaches.targets(breaches.latest_first(clocks, part=part)[first : first + PAGE + 1])
    context = {
        "targets": targets[:PAGE],
        "first": first + 1,
        "last": first + len(targets[:PAGE]),
        "page": page,
        "previous_page": page - 1,
        "next_page": page + 1,
        "has_next": len(targets) > PAGE,
        "period": form.filters.period,
        "report_query": urlencode(address(form.filters)),
        "list_query": urlencode({**address(form.filters), **_part_address(part_form)}),
        "part_words": _part_words(part),
        "gross": part.gross,
        "causes": BreachCause.choices,
        "has_missed": any(target.is_missed for target in targets[:PAGE]),
        "filter_words": _filter_words(form),
        **_words(form.filters),
    }
    return _page(request, site, "reports/breach_list.html", form, _("Targets behind a number"), **context)


def breach_csv(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """The list as a file, written while it is read."""
    form = _form(request)
    if not form.is_valid():
        return _refused(request, site, form)
    filters, part = form.filters, _part(PartForm(request.GET))
    clocks = breaches.selection(filters, reader=request.user, now=timezone.now(), part=part)
    pieces = csv_chunks(breaches.stream(breaches.latest_first(clocks, part=part)), filters=filters)
    name = f"breaches-{_dated(filters)}{filters.period.first}-to-{filters.period.last}.csv"
    return StreamingHttpResponse(
        _flow(pieces),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def breach_xlsx(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """The list as a workbook, made on disk and then sent."""
    form = _form(request)
    if not form.is_valid():
        return _refused(request, site, form)
    filters, part = form.filters, _part(PartForm(request.GET))
    clocks = breaches.selection(filters, reader=request.user, now=timezone.now(), part=part)
    chunks = breaches.stream(breaches.latest_first(clocks, part=part))
    book = xlsx(chunks, filters=filters, title=_("Targets"))
    name = f"breaches-{_dated(filters)}{filters.period.first}-to-{filters.period.last}.xlsx"
    return FileResponse(book, as_attachment=True, filename=name, content_type=XLSX)


def code_causes(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Give the missed targets that were ticked one cause and note; say what came of each, and go back to the list."""
    form = CauseForm(request.POST)
    back = f"{reverse('admin:breach_list')}?{form.data.get('query', '')}"
    if not form.is_valid():
        for errors in form.errors.values():
            messages.error(request, errors[0])
        return redirect(back)
    done = 0
    for clock in Clock.objects.filter(pk__in=form.cleaned_data["clocks"]).order_by("pk"):
        try:
            services.code_cause(
                clock=clock,
                cause=BreachCause(form.cleaned_data["cause"]),
                note=form.cleaned_data["note"],
                actor=request.user,
                now=timezone.now(),
            )
        except services.Refused as refused:
            words = {"ticket": f"PS-{clock.ticket_id}", "why": refused}
            messages.error(request, _("%(ticket)s was not coded: %(why)s") % words)
        else:
            done += 1
    if done:
        text = ngettext("%(count)d breach is coded.", "%(count)d breaches are coded.", done)
        messages.success(request, text % {"count": done})
    return redirect(back)


async def _flow(pieces: Iterator[str]) -> AsyncIterator[str]:
    """The pieces one at a time: an ASGI server would collect a plain iterator before it sends a byte."""
    try:
        while (piece := await sync_to_async(next)(pieces, None)) is not None:
            yield piece
    finally:
        await sync_to_async(pieces.close)()


def _form(request: HttpRequest) -> FilterForm:
    return FilterForm(request.GET.dict(), zone=zone_of(request.user.time_zone), now=timezone.now())


def _part(form: PartForm) -> Part:
    if not form.is_valid():
        raise Http404
    return form.part


def _part_address(form: PartForm) -> dict[str, Any]:
    return {name: value for name, value in form.cleaned_data.items() if name != "page" and value not in ("", None)}


def _refused(request: HttpRequest, site: AdminSite, form: FilterForm) -> HttpResponse:
    """The form again, with what is wrong beside each field and everything typed kept."""
    return _page(request, site, "reports/breach_report.html", form, _("Breach report"), status=400)


def _page(
    request: HttpRequest,
    site: AdminSite,
    template: str,
    form: FilterForm,
    title: str,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    return TemplateResponse(
        request,
        template,
        {
            **site.each_context(request),
            **report_tabs(request),
            "title": title,
            "form": form,
            "address": address(form.filters) if form.is_valid() else {},
            "query": urlencode({name: value for name, value in request.GET.items() if name != "all"}),
            **context,
        },
        status=status,
    )


def _words(filters: Filters) -> dict[str, str]:
    return {
        "promise": str(dict(PROMISES)[filters.promise]),
        "metric": str(dict(METRICS)[filters.metric]),
        "dates": str(dict(breaches.DATES)[filters.dates]),
    }


def _filter_words(form: FilterForm) -> list[str]:
    """The filters that are set, in words, beside promise and metric."""
    data = form.cleaned_data
    rows = [str(data[name]) for name in ("hub", "account", "team") if data[name]]
    return rows + [str(dict(form.fields[name].choices)[data[name]]) for name in ("channel", "severity") if data[name]]


def _dated(filters: Filters) -> str:
    return "" if filters.dates == breaches.DUE else f"by-{filters.dates}-"


def _weekdays() -> list[str]:
    return [_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun")]


def _exception_words(part: Part) -> list[str]:
    """What a part of the gross count has to do with exceptions."""
    words = [_("gross")] if part.gross else []
    if part.excepted == breaches.ANY_CODE:
        words.append(_("with an exception"))
    elif part.excepted:
        words.append(str(ExceptionCode.objects.filter(pk=part.excepted).first() or _("unknown code")))
    if part.effect:
        words.append(str(SHORT_EFFECTS[part.effect]))
    if part.lifted:
        words.append(_("late, lifted by it"))
    return words


def _answer_words(part: Part) -> list[str]:
    """How it was escalated, who answered, for which team, and in how much of the time."""
    escalated = {
        "fired": _("escalated"),
        "waiting": _("escalation never acknowledged"),
        "late": _("escalation noticed late"),
    }
    words = [escalated[part.escalated]] if part.escalated else []
    words += [_("no team")] if part.no_team else []
    if part.replier is not None:
        name = breaches.names_of([part.replier]).get(part.replier, _("unknown specialist"))
        words.append(_("answered by %(name)s") % {"name": name})
    if part.band == NO_ANSWER:
        words.append(str(NAMES[NO_ANSWER]))
    elif part.band is not None:
        words.append(_("took %(share)s of the target") % {"share": NAMES[part.band]})
    return words


def _part_words(part: Part) -> list[str]:
    """What narrows the list, for its heading."""
    if part == EVERYTHING:
        return [_("all that fell due")]
    if part == Part(gross=True):
        return [_("all that fell due, gross")]
    outcomes = {
        "met": _("met"),
        "late": _("late"),
        "answered_late": _("answered late"),
        "unanswered": _("unanswered"),
        "answered": _("answered"),
    }
    words = [outcomes.get(part.outcome, ""), *_exception_words(part)]
    if part.nobody:
        words.append(_("nobody at due time"))
    if part.specialist is not None:
        words.append(breaches.names_of([part.specialist]).get(part.specialist, _("unknown specialist")))
    words += _answer_words(part)
    if part.cause is not None:
        words.append(str(BreachCause(part.cause).label) if part.cause else _("cause not yet coded"))
    if part.weekday is not None:
        words.append(_weekdays()[part.weekday])
    if part.hour is not None:
        words.append(_("%(from)02d:00 to %(to)02d:00") % {"from": part.hour, "to": part.hour + 1})
    return [word for word in words if word]
