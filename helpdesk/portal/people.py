"""The account's people, for its super admins: who there is, asking somebody, roles, what changed (SPEC 2.1)."""

from functools import wraps
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from helpdesk.accounts import people
from helpdesk.accounts.invitations import AccountEvent, Invitation
from helpdesk.accounts.models import Membership, RequesterRole
from helpdesk.core.paging import page_links, page_number, page_of
from helpdesk.portal.access import View, Visitor, portal_page
from helpdesk.portal.people_forms import InviteForm, RoleForm

PAGE = 25
MOST_WAITING = people.MOST_WAITING
LONGEST_SEARCH = 100


def governing_page(view: View) -> View:
    """A page of the account's super admins; for others of the account it isn't there."""

    @portal_page
    @wraps(view)
    def page(request: HttpRequest, visitor: Visitor, *args: object, **kwargs: object) -> HttpResponse:
        if not visitor.membership.is_super_admin:
            raise Http404
        return view(request, visitor, *args, **kwargs)

    return page


@require_safe
@governing_page
def listed(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """Everybody of the account, and who has been asked to join."""
    words = request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST_SEARCH]
    found = Membership.objects.filter(account=visitor.account).select_related("user")
    for word in words.split()[:5]:
        found = found.filter(Q(user__full_name__icontains=word) | Q(user__email__icontains=word))
    number = page_number(request)
    members, older = page_of(found.order_by("user__full_name", "pk"), number=number, size=PAGE)
    waiting = Invitation.objects.filter(account=visitor.account).waiting().select_related("invited_by")
    context = {
        "visitor": visitor,
        "now": visitor.now,
        "words": words,
        "members": members,
        "links": page_links(number, older=older, **({"q": words} if words else {})),
        "invitations": [
            {
                "row": row,
                "role": people.role_of(role=row.role, is_designated=row.is_designated).label,
                "has_run_out": row.has_run_out(visitor.now),
            }
            for row in waiting.order_by("-sent_at", "-pk")[:MOST_WAITING]
        ]
        if number == 1 and not words
        else [],
    }
    return render(request, "portal/people/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@governing_page
def invite(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """Ask an address to join."""
    form = InviteForm(
        request.POST if request.method == "POST" else None,
        initial={"role": RequesterRole.USER, "language": visitor.user.language},
    )
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            invitation = people.invite(
                account=visitor.account,
                actor=visitor.user,
                email=data["email"],
                language=data["language"],
                now=visitor.now,
                **data["role"],
            )
        except people.Refused as refusal:
            form.add_error("email", str(refusal))
        else:
            messages.success(request, _("An invitation goes to %(email)s.") % {"email": invitation.email})
            return redirect("portal:people")
    context = {"visitor": visitor, "now": visitor.now, "form": form}
    return render(request, "portal/people/invite.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@governing_page
def person(request: HttpRequest, visitor: Visitor, pk: int) -> HttpResponse:
    """One person of the account: their role, or their end here."""
    member = _member(visitor, pk)
    form = RoleForm(request.POST if request.method == "POST" else None, initial={"role": member.requester_role.value})
    if request.method == "POST" and form.is_valid():
        try:
            changed = people.change_role(
                membership=member, actor=visitor.user, now=visitor.now, **form.cleaned_data["role"]
            )
        except people.Refused as refusal:
            form.add_error("role", str(refusal))
        else:
            if changed:
                words = _("%(name)s's role is changed. It counts for new tickets.")
                messages.success(request, words % {"name": member.user})
            return redirect("portal:people")
    recent = AccountEvent.objects.filter(account=visitor.account, person=member.user).select_related("actor", "person")
    context = {
        "visitor": visitor,
        "now": visitor.now,
        "form": form,
        "member": member,
        "is_self": member.user_id == visitor.user.pk,
        "events": [event_row(row) for row in recent[:10]],
    }
    return render(request, "portal/people/person.html", context, status=422 if form.errors else 200)


@require_POST
@governing_page
def remove(request: HttpRequest, visitor: Visitor, pk: int) -> HttpResponse:
    """The person belongs to the account no more."""
    member = _member(visitor, pk)
    try:
        people.remove(membership=member, actor=visitor.user, now=visitor.now)
    except people.Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("portal:person", pk)
    if member.user_id == visitor.user.pk:
        messages.success(request, _("You don't belong to %(account)s any more.") % {"account": visitor.account})
        return redirect("portal:home")
    messages.success(request, _("%(name)s doesn't belong to the account any more.") % {"name": member.user})
    return redirect("portal:people")


@require_POST
@portal_page
def leave(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """Oneself out of the account that one acts for; the last super admin stays."""
    try:
        people.remove(membership=visitor.membership, actor=visitor.user, now=visitor.now)
    except people.Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("portal:account")
    messages.success(request, _("You don't belong to %(account)s any more.") % {"account": visitor.account})
    return redirect("portal:home")


@require_POST
@governing_page
def send_again(request: HttpRequest, visitor: Visitor, pk: int) -> HttpResponse:
    """A new link for an invitation."""
    invitation = get_object_or_404(Invitation, pk=pk, account=visitor.account)
    try:
        people.send_again(invitation=invitation, actor=visitor.user, now=visitor.now)
        messages.success(request, _("A new invitation goes to %(email)s.") % {"email": invitation.email})
    except people.Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("portal:people")


@require_POST
@governing_page
def revoke(request: HttpRequest, visitor: Visitor, pk: int) -> HttpResponse:
    """Take an invitation back."""
    invitation = get_object_or_404(Invitation, pk=pk, account=visitor.account)
    try:
        people.revoke(invitation=invitation, actor=visitor.user, now=visitor.now)
        messages.success(request, _("The invitation of %(email)s is taken back.") % {"email": invitation.email})
    except people.Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("portal:people")


@require_safe
@governing_page
def history(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """Who changed what about the account's people, the newest first."""
    number = page_number(request)
    found = AccountEvent.objects.filter(account=visitor.account).select_related("actor", "person")
    rows, older = page_of(found, number=number, size=PAGE)
    context = {
        "visitor": visitor,
        "now": visitor.now,
        "events": [event_row(row) for row in rows],
        "links": page_links(number, older=older),
    }
    return render(request, "portal/people/history.html", context)


def event_row(event: AccountEvent) -> dict[str, Any]:
    """One change in words."""
    whom = str(event.person) if event.person else event.email
    words = {"whom": whom, "before": _role(event.before), "after": _role(event.after)}
    kinds = AccountEvent.Kind
    said = {
        kinds.INVITED: _("%(whom)s was invited as: %(after)s"),
        kinds.SENT_AGAIN: _("The invitation of %(whom)s was sent again"),
        kinds.REVOKED: _("The invitation of %(whom)s was taken back"),
        kinds.JOINED: _("%(whom)s joined as: %(after)s"),
        kinds.CHANGED: _("%(whom)s: %(before)s became %(after)s"),
        kinds.REMOVED: _("%(whom)s was removed (%(before)s)"),
        kinds.LEFT: _("%(whom)s left (%(before)s)"),
        kinds.ERASED: _("%(whom)s had their data erased"),
        kinds.CAME_IN: _("%(whom)s joined through the company's sign-in as: %(after)s"),
        kinds.LINKED: _("%(whom)s signed in through the company's sign-in for the first time"),
        kinds.SSO_ON: _("The company's sign-in was switched on by the support service"),
        kinds.SSO_OFF: _("The company's sign-in was switched off by the support service"),
        kinds.SSO_CHANGED: _("The company's sign-in was changed by the support service"),
    }[event.kind]
    own = event.kind in (kinds.JOINED, kinds.LEFT, kinds.ERASED, kinds.CAME_IN, kinds.LINKED)
    nameless = own or not event.actor or event.actor.is_staff  # who of the support staff it was is theirs to know
    return {"text": said % words, "by": "" if nameless else str(event.actor), "at": event.at}


def _role(value: str) -> str:
    return str(RequesterRole(value).label) if value else "–"


def _member(visitor: Visitor, pk: int) -> Membership:
    rows = Membership.objects.filter(account=visitor.account).select_related("user", "account")
    return get_object_or_404(rows, pk=pk)
