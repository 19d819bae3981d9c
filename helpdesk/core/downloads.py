"""Files that people sent, on their way out: always as downloads, never as something that a browser runs."""

from typing import Protocol

from django.core.files import File
from django.http import Http404, HttpResponse
from django.utils.http import content_disposition_header


class Stored(Protocol):
    """A row with a file."""

    name: str
    content_type: str
    file: File


def download(stored: Stored) -> HttpResponse:
    """The file as an attachment, shut off from everything even where a browser opens it. 404 when it is gone.

    Who may have it, the caller has checked. In one piece: files have a limit, and a server without
    synchronous streams would gather it anyway.
    """
    try:
        with stored.file.open("rb") as content:
            answer = HttpResponse(content.read(), content_type=stored.content_type)
    except FileNotFoundError:
        raise Http404 from None
    answer["Content-Disposition"] = content_disposition_header(True, stored.name)
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer["Cache-Control"] = "private, no-store"
    return answer
