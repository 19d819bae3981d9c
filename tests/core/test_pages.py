"""Pages under the ASGI server: whole in one thread, and nothing of one request stays for the next."""

import asyncio
import threading

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path
from django.utils import translation

from helpdesk.core.pages import Pages

closed = []


def who(request):
    return HttpResponse(f"{threading.current_thread().name} {translation.get_language()}")


def turns_japanese(request):
    translation.activate("ja")
    return who(request)


def endless(request):
    async def flow():
        while True:
            yield b"more"
            await asyncio.sleep(0)

    answer = StreamingHttpResponse(flow())
    answer._resource_closers.append(lambda: closed.append(True))
    return answer


urlpatterns = [path("who", who), path("ja", turns_japanese), path("endless", endless)]


@pytest.fixture
def pages():
    closed.clear()
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[], ALLOWED_HOSTS=["*"]):
        yield Pages()


async def ask(pages, page, *, hangs_up_after=None, whole=True):
    """What is sent to a browser that hangs up after so many pieces, or before it has sent its own request."""
    sent, gone = [], asyncio.Event()
    messages = [{"type": "http.request", "body": b"", "more_body": not whole}]

    async def receive():
        if messages:
            return messages.pop(0)
        if whole:
            await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)
        if hangs_up_after and len(sent) >= hangs_up_after:
            gone.set()

    scope = {"type": "http", "method": "GET", "path": page, "query_string": b"", "headers": [(b"host", b"x")]}
    await asyncio.wait_for(pages(scope, receive, send), 20)
    return sent


def test_the_thread_stays_and_the_language_of_one_reader_does_not(pages):
    pages._threads._max_workers = 1  # else the one before may not be free yet

    async def three():
        return [(await ask(pages, page))[1]["body"].decode().split() for page in ("/who", "/ja", "/who")]

    answers = asyncio.run(three())
    assert {thread for thread, _language in answers} == {"page_0"}
    assert [language for _thread, language in answers] == ["en", "ja", "en"]


def test_a_stream_ends_when_nobody_takes_it(pages):
    sent = asyncio.run(ask(pages, "/endless", hangs_up_after=5))
    assert (len(sent) >= 5, closed) == (True, [True])


def test_who_hangs_up_before_the_request_is_whole_gets_no_page(pages):
    assert asyncio.run(ask(pages, "/who", whole=False)) == []
