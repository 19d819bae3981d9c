"""The account's SLA statements, for its super admins; and a page where anybody verifies one (SPEC 2.7, 2.8)."""

from typing import Any

from allauth.core.ratelimit import consume_or_429
from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import content_disposition_header
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from helpdesk.core.paging import page_links, page_number, page_of
from helpdesk.portal.access import Visitor, portal_page
from helpdesk.reports import statement_view, statements
from helpdesk.reports.models import Statement
from helpdesk.reports.statement_check import check
from helpdesk.reports.statement_files import LARGEST, Unreadable, as_json, file_name
from helpdesk.reports.statement_pdf import render as as_pdf

PAGE = 12


class VerifyForm(forms.Form):
    """One file, PDF or JSON."""

    file = forms.FileField(
        label=_("Statement"),
        help_text=_("The PDF as it was downloaded, or its JSON. The file is read and not kept."),
        widget=forms.ClearableFileInput({"accept": ".pdf,.json,application/pdf,application/json"}),
        error_messages={
            "required": _("Choose the file of a statement."),
            "empty": _("This file is empty. Choose the PDF or the JSON of a statement."),
        },
    )

    def clean_file(self) -> Any:
        """The outcome of checking it, rather than the file."""
        file = self.cleaned_data["file"]
        if file.size > LARGEST:
            raise forms.ValidationError(_("This file is larger than any statement (5 MB). Choose another one."))
        try:
            return check(file.read())
        except Unreadable:
            raise forms.ValidationError(
                _("This is no SLA statement: neither its PDF as it was downloaded, nor its JSON.")
            ) from None


@require_safe
@portal_page
def statement_list(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """The account's months, the newest first, each in its last revision."""
    number = page_number(request)
    rows, older = page_of(_visible(visitor).in_force().newest_first().defer("document"), number=number, size=PAGE)
    context = {
        "visitor": visitor,
        "rows": statement_view.listed(rows),
        "links": page_links(number, older=older),
    }
    return render(request, "portal/statements.html", context)


@require_safe
@portal_page
def statement(request: HttpRequest, visitor: Visitor, statement_id: int) -> HttpResponse:
    """One statement: its figures, each guarantee, and what a revision changed."""
    found = get_object_or_404(_visible(visitor), pk=statement_id)
    document = statement_view.document_of(found)
    history = statement_view.history(found, list(statements.revisions(found)))
    context = {
        "visitor": visitor,
        "statement": found,
        "said": statement_view.laid_out(document),
        **history,
    }
    if history["earlier"]:
        difference = statements.difference(history["earlier"], found)
        context["changes"] = statement_view.changes(difference, document=document)
    return render(request, "portal/statement.html", context)


@require_safe
@portal_page
def statement_pdf(request: HttpRequest, visitor: Visitor, statement_id: int) -> HttpResponse:
    """The signed PDF, in the language of the page."""
    found = get_object_or_404(_visible(visitor), pk=statement_id)
    return sent(found, "pdf")


@require_safe
@portal_page
def statement_json(request: HttpRequest, visitor: Visitor, statement_id: int) -> HttpResponse:
    """The signed document itself."""
    found = get_object_or_404(_visible(visitor), pk=statement_id)
    return sent(found, "json")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """Whether a file is a statement of ours, whole, and still what the events say. Needs no login."""
    if request.method == "POST" and (answer := consume_or_429(request, action="verify_statement")):
        return answer  # reckoning a statement anew is work, and the page is open to everybody
    form = VerifyForm(request.POST, request.FILES) if request.method == "POST" else VerifyForm()
    found = form.cleaned_data["file"] if form.is_bound and form.is_valid() else None
    context = {"form": form, "found": found, "shown": _shown(found) if found and found.signature else None}
    return render(request, "portal/verify.html", context, status=400 if form.is_bound and found is None else 200)


def sent(found: Statement, kind: str) -> HttpResponse:
    """A statement as a download; who may have it, the caller has checked."""
    content = as_json(found) if kind == "json" else as_pdf(found, language=(get_language() or "en")[:2])
    name = file_name(account_id=found.account_id, month=found.month, revision=found.revision, kind=kind)
    answer = HttpResponse(content, content_type=f"application/{kind}")
    answer["Content-Disposition"] = content_disposition_header(True, name)
    answer["Cache-Control"] = "private, no-store"
    return answer


def _visible(visitor: Visitor) -> Any:
    """Of the account that the visitor acts for; for those who are no super admin there, none exist."""
    if not visitor.membership.is_super_admin:
        raise Http404
    return Statement.objects.visible_to(visitor.user).filter(account=visitor.account)


def _shown(found: Any) -> dict[str, Any]:
    document = found.document
    return {
        "account": document["account"]["name"],
        "said": statement_view.laid_out(document),
    }
