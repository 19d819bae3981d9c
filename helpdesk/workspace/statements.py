"""SLA statements for managers: listed, looked at, previewed, and issued by hand (SPEC 2.8)."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from helpdesk.accounts.models import Account
from helpdesk.core.paging import page_links, page_number, page_of
from helpdesk.reports import statement_view, statements
from helpdesk.reports.models import Statement
from helpdesk.reports.statement_check import as_month
from helpdesk.reports.statement_files import as_json, file_name
from helpdesk.reports.statement_pdf import render, render_preview
from helpdesk.tickets.services import Refused
from helpdesk.workspace.report_filters import PlainSelect
from helpdesk.workspace.report_tabs import report_tabs
from helpdesk.workspace.reports import managers_only

PAGE = 50


class MonthField(forms.CharField):
    """A month as browsers send it: `2026-10`. Its value is the first day."""

    widget = forms.TextInput({"type": "month", "placeholder": "2026-10"})

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        month = as_month(text) if text else None
        if text and month is None:
            raise forms.ValidationError(_("Write the month as year and month: 2026-10."))
        return month


class ListForm(forms.Form):
    """Which statements to list."""

    account = forms.ModelChoiceField(
        Account.objects.only("name"),
        label=gettext_lazy("Account"),
        required=False,
        empty_label=gettext_lazy("All accounts"),
        widget=PlainSelect,
    )
    month = MonthField(label=gettext_lazy("Month"), required=False)


class IssueForm(forms.Form):
    """Of which account and month."""

    account = forms.ModelChoiceField(
        Account.objects.only("name", "time_zone"),
        label=gettext_lazy("Account"),
        empty_label=gettext_lazy("Choose …"),
        widget=PlainSelect,
        error_messages={"required": gettext_lazy("Choose an account.")},
    )
    month = MonthField(label=gettext_lazy("Month"), error_messages={"required": gettext_lazy("Give a month.")})

    def clean_month(self) -> Any:
        month = self.cleaned_data["month"]
        if month.year < 2000:
            raise forms.ValidationError(_("Give a month from 2000 on."))
        if month > timezone.now().date():
            raise forms.ValidationError(_("This month is still to come."))
        return month


def urls(site: AdminSite) -> list[URLPattern]:
    """The addresses of the statements, for the site's `get_urls`."""

    def read(route: str, view: Any, name: str) -> URLPattern:
        return path(f"reports/statements/{route}", managers_only(site, require_safe(view)), name=name)

    return [
        read("", statement_list, "statement_list"),
        read("preview/", statement_preview, "statement_preview"),
        read("<int:statement_id>/", statement, "statement"),
        read("<int:statement_id>/statement.pdf", statement_pdf, "statement_pdf"),
        read("<int:statement_id>/statement.json", statement_json, "statement_json"),
        path("reports/statements/issue/", managers_only(site, require_POST(issue_statement)), name="statement_issue"),
    ]


def statement_list(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """The statements in force, the newest month first; and the form that makes or previews one."""
    return _list(request, site, IssueForm())


def _list(request: HttpRequest, site: AdminSite, issue: IssueForm, status: int = 200) -> HttpResponse:
    form = ListForm(request.GET)
    chosen = form.cleaned_data if form.is_valid() else {}
    found = Statement.objects.visible_to(request.user).in_force().newest_first()
    found = found.filter(**{name: value for name, value in chosen.items() if value})
    number = page_number(request)
    kept = {name: request.GET[name] for name, value in chosen.items() if value}
    rows, older = page_of(found.select_related("account", "created_by").defer("document"), number=number, size=PAGE)
    context = {
        "rows": statement_view.listed(rows),
        "form": form,
        "issue": issue,
        "links": page_links(number, older=older, **kept),
    }
    return _page(request, site, "reports/statements.html", _("SLA statements"), status=status, **context)


def statement(request: HttpRequest, site: AdminSite, statement_id: int) -> HttpResponse:
    """One statement, what its revision changed, and the way to its tickets."""
    found = get_object_or_404(_visible(request).select_related("account", "created_by"), pk=statement_id)
    document = statement_view.document_of(found)
    history = statement_view.history(found, list(statements.revisions(found)))
    context: dict[str, Any] = {"statement": found, "said": statement_view.laid_out(document), **history}
    if history["earlier"]:
        difference = statements.difference(history["earlier"], found)
        context["changes"] = statement_view.changes(difference, document=document)
    title = _("SLA statement %(month)s") % {"month": context["said"]["month"]}
    return _page(request, site, "reports/statement.html", title, **context)


def statement_preview(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """A month as it stands, marked as no statement; `?pdf=1` as a PDF that says so on each page."""
    form = IssueForm(request.GET)
    if not form.is_valid():
        return _list(request, site, form, status=400)
    account, month = form.cleaned_data["account"], form.cleaned_data["month"]
    document = statements.preview(account=account, month=month, now=timezone.now())
    if "pdf" in request.GET:
        content = render_preview(document, language=(get_language() or "en")[:2])
        answer = HttpResponse(content, content_type="application/pdf")
        answer["Content-Disposition"] = f'attachment; filename="preview-{account.pk}-{month:%Y-%m}.pdf"'
        return answer
    said = statement_view.laid_out(document)
    title = _("Preview %(month)s") % {"month": said["month"]}
    return _page(request, site, "reports/statement.html", title, said=said, issue=form, account=account, month=month)


def issue_statement(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Sign the statement of a past month, or another revision where its figures have changed."""
    form = IssueForm(request.POST)
    if not form.is_valid():
        return _list(request, site, form, status=400)
    account, month = form.cleaned_data["account"], form.cleaned_data["month"]
    try:
        made, is_new = statements.issue(account=account, month=month, actor=request.user, now=timezone.now())
    except Refused as refused:
        form.add_error("month", str(refused))
        return _list(request, site, form, status=400)
    if is_new:
        messages.success(request, _("The statement is signed: revision %(number)d.") % {"number": made.revision})
    else:
        messages.info(request, _("Nothing changed since revision %(number)d: it stands.") % {"number": made.revision})
    return redirect("admin:statement", made.pk)


def statement_pdf(request: HttpRequest, site: AdminSite, statement_id: int) -> HttpResponse:
    """The signed PDF, in the language of the page."""
    found = get_object_or_404(_visible(request), pk=statement_id)
    return _sent(found, "pdf", render(found, language=(get_language() or "en")[:2]))


def statement_json(request: HttpRequest, site: AdminSite, statement_id: int) -> HttpResponse:
    """The signed document itself."""
    found = get_object_or_404(_visible(request), pk=statement_id)
    return _sent(found, "json", as_json(found))


def _sent(found: Statement, kind: str, content: bytes) -> HttpResponse:
    name = file_name(account_id=found.account_id, month=found.month, revision=found.revision, kind=kind)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return HttpResponse(content, content_type=f"application/{kind}", headers=headers)


def _visible(request: HttpRequest) -> Any:
    return Statement.objects.visible_to(request.user)


def _page(
    request: HttpRequest, site: AdminSite, template: str, title: str, status: int = 200, **context: Any
) -> HttpResponse:
    whole = {**site.each_context(request), **report_tabs(request), "title": title, **context}
    return TemplateResponse(request, template, whole, status=status)
