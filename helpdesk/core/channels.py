"""The ways to a specialist (SPEC 1); accounts, subscriptions and tickets speak of the same ones."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Channel(TextChoices):
    EMAIL = "email", _("E-mail")
    CHAT = "chat", _("Chat")
    PHONE = "phone", _("Phone")


def all_channels() -> list[str]:
    """The default of a column of channels."""
    return list(Channel.values)
