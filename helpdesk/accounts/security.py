"""A person hears of every change to how they get in, so that one that they didn't make is noticed."""

import secrets
from datetime import datetime

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from helpdesk.accounts.factors import Factors
from helpdesk.accounts.models import User
from helpdesk.notifications.services import Reader, mail_row, post

BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def device_name(agent: str) -> str:
    """A browser and a system as people call them; empty for a program that says neither."""
    browser = next((name for mark, name in BROWSERS if f"{mark}/" in agent), "")
    system = next((name for mark, name in SYSTEMS if mark in agent), "")
    return ", ".join(part for part in (browser, system) if part)


def tell_of(news: str, *, user: User, request: HttpRequest, now: datetime) -> None:
    """Write the mail; `news` is a name that the template `security` knows."""
    agent = request.headers.get("User-Agent", "")
    context = {
        "news": news,
        "happened_at": now.isoformat(),
        "device": device_name(agent) or agent[:80],
        "ip": get_adapter().get_client_ip(request),
        "url": settings.SITE_URL + reverse("mfa_index"),
    }
    reader = Reader(email=user.email, user_id=user.pk, language=user.language, time_zone=user.time_zone)
    key = f"security/{secrets.token_urlsafe(18)}"
    post([mail_row(key=key, reader=reader, template="security", context=context, now=now)])


def recovery_code_used(request: HttpRequest, user: User) -> None:
    """One code less: told by mail, and on the next page with what is left."""
    tell_of("code_used", user=user, request=request, now=timezone.now())
    chosen = settings.LANGUAGE_COOKIE_NAME in request.COOKIES
    with translation.override(translation.get_language() if chosen else user.language):
        factors = Factors(user)
        left = factors.codes_left
        if left == 0:
            said = _("That was your last recovery code.")
        else:
            said = ngettext(
                "You used a recovery code; %(count)s is left.", "You used a recovery code; %(count)s are left.", left
            ) % {"count": left}
        if factors.codes_are_few:
            said = f"{said} {_('Make new ones under “Sign-in and security”, before you need them.')}"
        messages.add_message(request, messages.WARNING if factors.codes_are_few else messages.INFO, said)
