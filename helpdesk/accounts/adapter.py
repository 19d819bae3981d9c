"""How this project uses allauth."""

import secrets
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib.sites.requests import RequestSite
from django.http import HttpRequest
from django.utils import timezone, translation

from helpdesk.notifications.services import Reader, mail_row, post


class AccountAdapter(DefaultAccountAdapter):
    """Nobody signs up by themselves: people come in through an account's invitation."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Into the outbox, as every mail: a mail server that is down delays it, and breaks no page."""
        site = RequestSite(self.request)
        site.name = settings.SITE_NAME
        values = {"request": self.request, "email": email, **context, "current_site": site}
        written = self.render_mail(template_prefix, email, values)
        reader = Reader(email=email, user_id=None, language=translation.get_language() or "en", time_zone="UTC")
        words = {"subject": written.subject, "body": written.body}
        key = f"sign-in/{secrets.token_urlsafe(18)}"
        post([mail_row(key=key, reader=reader, template="plain", context=words, now=timezone.now())])
