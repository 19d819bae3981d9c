"""SAML's side of a company's sign-in: what we say of ourselves, and the way back (decision 33).

The provider's page posts its answer from another site, so no cookie of ours comes along. `acs` checks the answer and
keeps what it says for the moment, under a cookie for `finish` alone; the redirect there brings the session back.
"""

from dataclasses import asdict

from allauth.account.internal.decorators import login_not_required
from allauth.core import ratelimit
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.helpers import complete_social_login
from allauth.socialaccount.internal.statekit import unstash_state
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.sessions import LoginSession
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_cookie

from helpdesk.accounts.company_sign_in import Identity, spend
from helpdesk.accounts.oidc import failed, refused
from helpdesk.accounts.providers import IdentityProvider
from helpdesk.accounts.saml import CompanySaml, Unusable, own_metadata, read

COOKIE, KEPT = "company-answer", 300  # seconds
SAML = IdentityProvider.Protocol.SAML


@require_safe
@login_not_required
def metadata(request: HttpRequest, key: str) -> HttpResponse:
    """For the customer's IT; there as soon as the sign-in is set up, on or off."""
    row = get_object_or_404(IdentityProvider, key=key, protocol=SAML)
    answer = HttpResponse(own_metadata(row), content_type="application/samlmetadata+xml")
    answer["Content-Disposition"] = 'inline; filename="metadata.xml"'
    return answer


@csrf_exempt  # it comes from the provider's site; what protects it is the signature, and the request it answers
@require_POST
@never_cache
@login_not_required
@sensitive_post_parameters("SAMLResponse")
def acs(request: HttpRequest, key: str) -> HttpResponse:
    """An answer comes in. A provider that is off is told apart in `finish`, where one knows who tries it."""
    row = get_object_or_404(IdentityProvider, key=key, protocol=SAML)
    if response := ratelimit.consume_or_429(request, action="company_answer"):
        return response
    now, found = timezone.now(), {"provider": row.pk}
    try:
        answer = read(row, request.POST.get("SAMLResponse", ""), now=now)
        if not spend(provider=row, digest=answer.digest, until=answer.until, now=now):
            raise Unusable("The assertion was used before.", asked=answer.asked)
        found |= {"identity": asdict(answer.identity), "asked": answer.asked}
        found["next"] = request.POST.get("RelayState", "")[:2000]
    except Unusable as problem:
        found |= {"problem": str(problem), "reason": problem.reason, "asked": problem.asked}
    response = redirect("saml_finish", key)
    kept = LoginSession(request, "company_answer", COOKIE)
    kept.store.set_expiry(KEPT)
    kept.store.update(found)
    kept.save(response)
    response.cookies[COOKIE]["httponly"] = True
    return response


@require_safe
@never_cache
@vary_on_cookie
@login_not_required
def finish(request: HttpRequest, key: str) -> HttpResponse:
    """With the session that asked: let the person in, or say why not."""
    row = get_object_or_404(IdentityProvider, key=key, protocol=SAML)
    kept = LoginSession(request, "company_answer", COOKIE)
    found = dict(kept.store.items())
    kept.delete()
    try:
        provider = get_adapter(request).get_provider(request, provider=key)
    except SocialApp.DoesNotExist:
        return refused(request, row, "off")
    if found.get("provider") != row.pk:
        return failed(request, row, {}, error="No answer is kept.", exception=None)
    state = _state(request, provider, found)
    if "problem" in found:
        return failed(request, row, state or {}, error=found["problem"], exception=None, reason=found["reason"])
    if state is None:
        reason = "failed" if found["asked"] else "unasked"
        return failed(request, row, {}, error="This session didn't ask.", exception=None, reason=reason)
    try:
        login = provider.sociallogin_from_response(request, Identity(**found["identity"]))
        login.state = state
        return complete_social_login(request, login)
    except ImmediateHttpResponse as answer:
        return answer.response


def _state(request: HttpRequest, provider: CompanySaml, found: dict) -> dict | None:
    """What this session kept when it asked; none for an answer to somebody else, or that nobody may give unasked."""
    if found.get("asked"):
        return unstash_state(request, provider_id=provider.sub_id, state_id=found["asked"])
    if not provider.row.allows_unasked:
        return None
    following = found.get("next", "")
    is_own = url_has_allowed_host_and_scheme(following, {request.get_host()}, request.is_secure())
    return {"process": AuthProcess.LOGIN, **({"next": following} if following and is_own else {})}
