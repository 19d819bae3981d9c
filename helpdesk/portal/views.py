"""The customer's pages: home, tickets, one ticket, account."""

from datetime import timedelta
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from helpdesk.accounts.models import Membership, RequesterRole
from helpdesk.core import moments
from helpdesk.core.channels import Channel
from helpdesk.core.downloads import download
from helpdesk.core.paging import page_links, page_of
from helpdesk.portal import board, callback, live
from helpdesk.portal.access import Visitor, choose_account, portal_page
from helpdesk.portal.asking import no_premium
from helpdesk.portal.doing import doing
from helpdesk.portal.drafts import Desk, held
from helpdesk.portal.forms import ReplyForm, SearchForm
from helpdesk.portal.promises import offer, offers
from helpdesk.reports.models import Statement
from helpdesk.reports.statement_view import listed
from helpdesk.sla import services as sla
from helpdesk.subscriptions.models import Hub, Subscription
from helpdesk.tickets.explained import Showing, chosen_clock, clocks_of, read
from helpdesk.tickets.intake import receive_reply
from helpdesk.tickets.models import Attachment, Message, Severity, Source, Status, Ticket
from helpdesk.tickets.services import FormCrossed, Refused, close_by_customer
from helpdesk.tickets.services.form_drafts import external_id

HOME_TICKETS = 5
PAGE = 25
CLOSED_LATELY = 10
MOST_PEOPLE = 10  # all of them have a page of their own
LATEST_STATEMENTS = 3
MOST_PICTURES = 6
PICTURE = 1072  # width of a timeline


@require_safe
@portal_page
def home(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """What the person would be promised now, and what they are waiting for."""
    if not visitor.entitlements:
        return no_premium(request, visitor)
    by_mail = visitor.entitled(Channel.EMAIL)
    mine = board.open_first(board.tickets_of(visitor, whole_account=False))
    tickets, more = page_of(board.listed(mine), number=1, size=HOME_TICKETS)
    context = {
        "visitor": visitor,
        "now": visitor.now,
        "greeting": _greeting(visitor),
        "offers": offers(visitor=visitor, hub_code=by_mail[0].hub.pk) if by_mail else None,
        "can_phone": bool(visitor.entitled(Channel.PHONE)),
        "rows": [board.row_of(ticket, visitor=visitor) for ticket in tickets],
        "more": more,
        "packages": _packages(visitor),
        "sales_contact": settings.SALES_CONTACT,
    }
    return render(request, "portal/home.html", context)


@require_safe
@portal_page
def tickets(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """Open tickets, the next promise first; those closed lately below."""
    form = SearchForm(request.GET, hubs=Hub.objects.values_list("code", "name"))
    form.is_valid()
    wanted = {name: value for name, value in form.cleaned_data.items() if value}
    state, page = wanted.get("state", ""), wanted.get("page", 1)
    whole = wanted.get("whose", "all") == "all" and visitor.membership.is_super_admin
    found = board.search(
        board.tickets_of(visitor, whole_account=whole),
        text=wanted.get("q", ""),
        hub=wanted.get("hub", ""),
        since=visitor.now - timedelta(days=int(wanted["opened"])) if "opened" in wanted else None,
    )
    context: dict[str, Any] = {"visitor": visitor, "now": visitor.now, "form": form, "state": state, "whole": whole}
    if state != "closed":
        running = board.open_first(found)
        if state == "waiting":
            running = running.filter(status=Status.WAITING)
        rows, older = page_of(board.listed(running), number=page, size=PAGE)
        context["open"] = [board.row_of(ticket, visitor=visitor) for ticket in rows]
        context["open_links"] = _links(wanted, page=page, older=older, state=state or "open")
    if state in ("", "closed"):
        size = PAGE if state else CLOSED_LATELY
        rows, older = page_of(board.listed(board.closed_lately(found)), number=page if state else 1, size=size)
        context["closed"] = [board.row_of(ticket, visitor=visitor) for ticket in rows]
        context["closed_links"] = _links(wanted, page=page if state else 0, older=older, state="closed")
    context["is_filtered"] = bool(set(wanted) & {"q", "state", "hub", "opened"})
    context["mine_url"] = "?" + urlencode(_without_page(wanted) | {"whose": "mine"})
    context["all_url"] = "?" + urlencode(_without_page(wanted) | {"whose": "all"})
    return render(request, "portal/tickets.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@portal_page
def ticket(request: HttpRequest, visitor: Visitor, pk: int) -> HttpResponse:
    """One ticket: its promise, its conversation, the outcome; reply, or close."""
    found = find_ticket(visitor, pk)
    desk = Desk(request, visitor, ticket=found)
    if answer := desk.press():
        return answer
    if desk.is_sending:
        form = ReplyForm(request.POST, is_needed="close" not in request.POST)
        desk.follow(form)
        if desk.check(form) & form.is_valid() and _act(desk, found, form):
            return redirect("portal:ticket", pk)
        if not desk.crosses(form):
            desk.keep()
    else:
        form = ReplyForm(initial=desk.initial())
    return show_ticket(request, visitor, found, desk, form)


def find_ticket(visitor: Visitor, pk: int) -> Ticket:
    """A ticket that the person may see, with what its page shows; Http404 for any other."""
    seen = Ticket.objects.visible_to(visitor.user)
    return get_object_or_404(seen.select_related("account", "hub", "owner", "requester", "team", "rating"), pk=pk)


def show_ticket(
    request: HttpRequest,
    visitor: Visitor,
    found: Ticket,
    desk: Desk,
    form: ReplyForm | None = None,
    *,
    status: int = 200,
    **bound: Any,
) -> HttpResponse:
    """The page of a ticket. `bound`: a form of `portal.doing` that was sent and has to be mended."""
    form = form or ReplyForm(initial=desk.initial())
    context = {
        **live.context(visitor, found),
        "doing": doing(visitor, found, **bound),
        "form": form if found.status not in (Status.SPAM, Status.MERGED) else None,
        "can_close": found.status not in (Status.CLOSED, Status.SPAM, Status.MERGED),
        **desk.context(form),
        "call": callback.last_call(found, visitor),
    }
    return render(request, "portal/ticket.html", context, status=status)


@require_safe
@portal_page
def ticket_promise(request: HttpRequest, visitor: Visitor, pk: int) -> HttpResponse:
    """How the times of a ticket came about, as a picture and in words (SPEC 2.2); `?clock=` chooses one of them."""
    found = get_object_or_404(Ticket.objects.visible_to(visitor.user).select_related("hub"), pk=pk)
    clocks = clocks_of(found)
    chosen = chosen_clock(clocks, request.GET.get("clock"))
    shown = [chosen, *(clock for clock in clocks if clock is not chosen)][:MOST_PICTURES] if chosen else []
    told = list(read(shown, Showing(now=visitor.now, internal=False, width=PICTURE, whole="whole" in request.GET)))
    context = {
        "visitor": visitor,
        "now": visitor.now,
        "ticket": found,
        "told": told[0] if told else None,
        "others": told[1:],
    }
    return render(request, "portal/promise.html", context)


@require_safe
@portal_page
def ticket_file(request: HttpRequest, visitor: Visitor, pk: int, file_id: int) -> HttpResponse:
    """A file of the conversation, as a download. Files of notes and of drafts aren't there for a customer."""
    found = get_object_or_404(Ticket.objects.visible_to(visitor.user), pk=pk)
    files = Attachment.objects.filter(ticket=found, message__kind__in=(Message.Kind.CUSTOMER, Message.Kind.REPLY))
    file = get_object_or_404(files, pk=file_id)
    return held(request, file) or download(file)


@require_safe
@portal_page
def account(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """What the account bought, what that promises, and who may ask."""
    members = Membership.objects.filter(account=visitor.account).select_related("user").order_by("user__full_name")
    if not visitor.membership.is_super_admin:
        members = members.filter(user=visitor.user)
    context = {
        "visitor": visitor,
        "now": visitor.now,
        "packages": _packages(visitor),
        "promises": _promises(visitor),
        "members": members[:MOST_PEOPLE],
        "statements": _statements(visitor),
        "sales_contact": settings.SALES_CONTACT,
    }
    return render(request, "portal/account.html", context)


@require_POST
@portal_page
def switch_account(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """Act for another of one's accounts."""
    if not choose_account(request, visitor, request.POST.get("account", "")):
        raise Http404
    return redirect("portal:home")


def _act(desk: Desk, found: Ticket, form: ReplyForm) -> bool:
    """Reply, close, or both; False when it was refused or held back, with the reason in the form."""
    request, visitor = desk.request, desk.visitor
    try:
        if form.cleaned_data["body"]:
            if not _reply(desk, found, form):
                desk.renew(form)
                return False
            messages.success(request, _("Your reply was sent at %(time)s.") % {"time": moments.clock(visitor.now)})
        if "close" in request.POST:
            close_by_customer(ticket=found, actor=visitor.user, now=visitor.now)
            messages.success(request, _("The ticket is closed. Write a reply, and it opens again."))
    except FormCrossed:
        return not desk.crosses(form) and _act(desk, found, form)
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return False
    return True


@transaction.atomic
def _reply(desk: Desk, found: Ticket, form: ReplyForm) -> bool:
    """The reply and the end of its draft: both or none. False where another text was sent with this form before."""
    user, body = desk.visitor.user, form.cleaned_data["body"]
    received = receive_reply(
        source=Source.FORM,
        external_id=external_id(user, desk.key),
        ticket=found,
        actor=user,
        body=body,
        now=desk.visitor.now,
        attachments=desk.files,
    )
    if received is None and (desk.files or not found.messages.filter(author=user, body=body).exists()):
        return False
    desk.sent()
    return True


def _greeting(visitor: Visitor) -> str:
    hour = timezone.localtime(visitor.now).hour
    name = {"name": visitor.user.full_name.split()[0] if visitor.user.full_name.split() else visitor.user.email}
    if hour < 5 or hour >= 18:
        return _("Good evening, %(name)s") % name
    if hour < 12:
        return _("Good morning, %(name)s") % name
    return _("Good afternoon, %(name)s") % name


def _packages(visitor: Visitor) -> list[dict[str, Any]]:
    """The account's subscriptions of its own today, hubs with the same conditions together. One query."""
    rows = (
        Subscription.objects.filter(account=visitor.account)
        .on(visitor.account.local_day(visitor.now))
        .select_related("hub")
        .order_by("-premium_support", "ends_on", "channels", "tier", "hub__position")
    )

    def same(row: Subscription) -> tuple:
        return (row.premium_support, row.ends_on, tuple(row.channels), row.tier)

    packages = []
    for (premium, ends_on, channels, _tier), group in groupby(rows, key=same):
        together = list(group)
        packages.append(
            {
                "hubs": [row.hub.name for row in together],
                "premium": premium,
                "ends_on": ends_on,
                "tier": together[0].get_tier_display(),
                "channels": [Channel(code).label for code in Channel.values if code in channels],
            }
        )
    return packages


def _statements(visitor: Visitor) -> list[dict[str, Any]] | None:
    """The last months' statements, for super admins. One query."""
    if not visitor.membership.is_super_admin:
        return None
    found = Statement.objects.visible_to(visitor.user).filter(account=visitor.account).in_force().newest_first()
    return listed(found.defer("document")[:LATEST_STATEMENTS])


def _promises(visitor: Visitor) -> list[dict[str, Any]]:
    """What each kind of person is promised by e-mail, as the policies say now."""
    by_mail = visitor.entitled(Channel.EMAIL)
    if not by_mail:
        return []
    calendar = sla.business_calendar(visitor.account)
    kinds = [
        (_("Designated super admin, business critical"), RequesterRole.DESIGNATED, Severity.CRITICAL),
        (_("Designated super admin, standard"), RequesterRole.DESIGNATED, Severity.STANDARD),
        (_("Everyone else"), RequesterRole.USER, Severity.STANDARD),
    ]
    made = [
        {
            "name": name,
            "offer": offer(
                role=role,
                account=visitor.account,
                hub_code=by_mail[0].hub.pk,
                plan=by_mail[0].tier,
                severity=severity,
                calendar=calendar,
                now=visitor.now,
            ),
        }
        for name, role, severity in kinds
    ]
    return [row for row in made if row["offer"]]


def _without_page(wanted: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in wanted.items() if name != "page"}


def _links(wanted: dict[str, Any], *, page: int, older: bool, state: str) -> dict[str, str]:
    """Addresses of the pages before and after; page 0 is the excerpt below the open tickets."""
    return page_links(page, older=older, **_without_page(wanted) | {"state": state})
