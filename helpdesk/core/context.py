"""What every template knows."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    """Name and telephone number of the service."""
    return {"site_name": settings.SITE_NAME, "premium_phone": settings.PREMIUM_PHONE, "demo": settings.DEMO}
