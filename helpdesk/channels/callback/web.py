"""The address that the telephony provider reports to. Whoever can't sign has no business here."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from helpdesk.channels.callback.dialling import take_report
from helpdesk.channels.callback.telephony import provider


@csrf_exempt
@require_POST
def report(request: HttpRequest, token: str) -> HttpResponse:
    """A status of a call, signed by the provider; 404 without a provider or for an attempt that isn't there."""
    service = provider()
    if service is None:
        raise Http404
    values = {name: request.POST.getlist(name) for name in request.POST}
    signature = request.headers.get("X-Twilio-Signature", "")
    # The address as the provider was given it, whatever proxies have made of it since.
    if not service.is_genuine(url=settings.SITE_URL + request.get_full_path(), values=values, signature=signature):
        return HttpResponse(status=403)
    said = {name: request.POST.get(name, "") for name in ("CallStatus", "CallSid")}
    if not take_report(token=token, status=said["CallStatus"], provider_id=said["CallSid"], now=timezone.now()):
        raise Http404
    return HttpResponse(status=204)
