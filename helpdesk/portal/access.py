"""Who looks at the portal, for which account, and what they may use there (SPEC 2.1)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control

from helpdesk.accounts.models import Account, Membership, User
from helpdesk.core.channels import Channel
from helpdesk.core.prepared import Ready
from helpdesk.portal.lost import to_login
from helpdesk.subscriptions.entitlement import Entitlement, entitlements

SESSION_KEY = "portal_account"
ACTS_FOR = "acts_for"  # in a form: the account that its page was for
CONSULTATION = "consultation"  # in the session: the key of the question that is on its way to a specialist
View = Callable[..., HttpResponse]


@dataclass(frozen=True)
class Visitor:
    """A customer on one page: the person, the account they act for, and the time of the page."""

    user: User
    membership: Membership
    memberships: tuple[Membership, ...]
    now: datetime

    @property
    def account(self) -> Account:
        return self.membership.account

    @property
    def others(self) -> list[Membership]:
        """The person's other accounts, to change to."""
        return [row for row in self.memberships if row.pk != self.membership.pk]

    def membership_of(self, account_id: int) -> Membership | None:
        """Theirs of an account, also of another one than they act for now."""
        return next((row for row in self.memberships if row.account_id == account_id), None)

    @cached_property
    def entitlements(self) -> list[Entitlement]:
        """What the account may use premium support for now. One query, once a page."""
        return entitlements(account=self.account, now=self.now)

    def entitled(self, channel: Channel) -> list[Entitlement]:
        """The hubs that may be asked about over `channel`."""
        return [row for row in self.entitlements if row.includes(channel)]


def portal_page(view: View) -> View:
    """A page for signed-in customers: the view gets a `Visitor` after the request.

    The mobile app is told where to go, staff are sent to their workspace, and a person who belongs
    to no account gets the page that says so. Which of several accounts is meant is a choice kept in
    the session; it counts only while the membership exists. A form says itself which one its page was for: another
    window may have changed to another account since, which shall not read what was meant for this one. No proxy keeps
    a page for somebody else; the browser may, so that *back* finds what was typed.
    """

    @cache_control(private=True, no_cache=True)
    @wraps(view)
    def page(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if is_mobile_app(request):
            return render(request, "portal/gate_mobile.html", {"site_url": settings.SITE_URL})
        if not request.user.is_authenticated:
            return to_login(request)
        if request.user.is_staff:
            pk = kwargs.get("pk")
            return redirect("admin:helpdesk_ticket_change", pk) if pk else redirect("admin:helpdesk_ticket_changelist")
        visitor = visitor_of(request)
        if visitor is None:
            return render(request, "portal/gate_nobody.html", {"sales_contact": settings.SALES_CONTACT})
        if request.method == "POST" and _is_for_another(request, visitor):
            return _not_theirs(request)
        if request.method == "POST" and _acts_for(request) and not _wants_json(request):
            choose_account(request, visitor, _acts_for(request))  # what follows is about the same one
        request.visitor = visitor
        return view(request, visitor, *args, **kwargs)

    return page


def is_mobile_app(request: HttpRequest) -> bool:
    """Whether the mobile app's web view asks: premium support is not available there (SPEC 1)."""
    agent = request.headers.get("User-Agent", "").lower()
    return any(marker.lower() in agent for marker in settings.MOBILE_APP_MARKERS if marker)


def choose_account(request: HttpRequest, visitor: Visitor, account_id: str) -> bool:
    """Act for another of the person's accounts from now on; False when it isn't one of theirs."""
    chosen = next((row for row in visitor.memberships if str(row.account_id) == account_id), None)
    if chosen is None:
        return False
    if request.session.get(SESSION_KEY) != chosen.account_id:
        request.session[SESSION_KEY] = chosen.account_id
    return True


_memberships = Ready(
    lambda user_id: Membership.objects.filter(user_id=user_id).select_related("account").order_by("account__name"),
    user_id=int,
)


def visitor_of(request: HttpRequest) -> Visitor | None:
    memberships = tuple(_memberships(user_id=request.user.pk))
    if not memberships:
        return None
    for row in memberships:
        row.user = request.user
    chosen = request.session.get(SESSION_KEY)
    active = next((row for row in memberships if row.account_id == chosen), memberships[0])
    active = next((row for row in memberships if str(row.account_id) == _acts_for(request)), active)
    return Visitor(user=request.user, membership=active, memberships=memberships, now=timezone.now())


def _acts_for(request: HttpRequest) -> str:
    """The account that a form, or a part of its page, says it is for; empty where it says none."""
    return request.POST.get(ACTS_FOR, "") or request.GET.get(ACTS_FOR, "")


def _wants_json(request: HttpRequest) -> bool:
    return "application/json" in request.headers.get("Accept", "")


def _is_for_another(request: HttpRequest, visitor: Visitor) -> bool:
    """Whether a form was for an account that is not, or no longer, the person's."""
    return _acts_for(request) not in ("", str(visitor.account.pk))


def _not_theirs(request: HttpRequest) -> HttpResponse:
    words = _("You don't belong to the account that this page was for any more. Nothing was sent.")
    if _wants_json(request):
        return JsonResponse({"words": words, "files": [], "errors": [words]}, status=409)
    messages.error(request, words)
    return redirect("portal:home")
