"""How this project uses allauth."""

import secrets
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.sites.shortcuts import get_current_site
from django.http import HttpRequest
from django.utils import timezone, translation

from helpdesk.notifications.services import Reader, mail_row, post


class AccountAdapter(DefaultAccountAdapter):
    """Nobody signs up by themselves: people come in through an account's invitation."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Into the outbox, as every mail: a mail server that is down delays it, and breaks no page."""
        values = {"request": self.request, "email": email, "current_site": get_current_site(self.request), **context}
        written = self.render_mail(template_prefix, email, values)
        reader = Reader(email=email, user_id=None, language=translation.get_language() or "en", time_zone="UTC")
        words = {"subject": written.subject, "body": written.body}
        key = f"sign-in/{secrets.token_urlsafe(18)}"
        post([mail_row(key=key, reader=reader, template="plain", context=words, now=timezone.now())])
