"""Which devices a person has signed in from: told by a signed cookie of the device, and kept nowhere else."""

from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from helpdesk.accounts.models import User

COOKIE, SALT = "known_device", "helpdesk.known-device"
LASTS = timedelta(days=365)
MOST = 10  # people on one device


def remembers(request: HttpRequest, user: User) -> bool:
    """Has this person signed in from this device within a year?"""
    return user.pk in _people(request)


def remember(answer: HttpResponse, request: HttpRequest, user: User) -> None:
    people = [user.pk, *(one for one in _people(request) if one != user.pk)][:MOST]
    answer.set_cookie(
        COOKIE,
        signing.dumps(people, salt=SALT),
        max_age=LASTS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _people(request: HttpRequest) -> list[int]:
    try:
        people = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=LASTS)
    except signing.BadSignature:
        return []
    return people if isinstance(people, list) else []
