"""Pages under an ASGI server: each request is answered whole by one thread of a few that stay."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.signals import request_started
from django.db import close_old_connections
from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Pages(ASGIHandler):
    """Every page is synchronous, and so is all middleware: the event loop reads and sends, a thread does the rest.

    Django's own handler makes each middleware asynchronous that can be, starts a thread for every request, and
    goes over into it and back for each part of one: several times what the page itself takes.
    """

    def __init__(self) -> None:
        super().__init__()
        # A few more than connections to the database: what asks none (/healthz) need not wait for what does.
        threads = settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"] + 4
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="page")

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        loop = asyncio.get_running_loop()
        # In a context of its own, so that language and time zone of one reader never are the next one's.
        response = await loop.run_in_executor(self._threads, copy_context().run, self._answer, scope, body)
        if response.streaming:
            async with ThreadSensitiveContext():  # a long export has a thread of its own
                await self._stream(response, receive, send)
        else:
            await self.send_response(response, send)

    def _answer(self, scope: Message, body: Any) -> HttpResponseBase:
        set_script_prefix(get_script_prefix(scope))
        request_started.send(sender=type(self), scope=scope)
        request, response = self.create_request(scope, body)
        if request is not None:
            response = self.get_response(request)
        if response.streaming:
            response._handler_class = type(self)
            if isinstance(response, FileResponse):
                response.block_size = self.chunk_size
            close_old_connections()
        else:
            response.close()  # with it the request ends, and its connection goes back to the pool
        return response

    async def _stream(self, response: HttpResponseBase, receive: Receive, send: Send) -> None:
        """Until all of it is sent, or nobody is there to take it."""
        tasks = [
            asyncio.create_task(self.send_response(response, send)),
            asyncio.create_task(self.listen_for_disconnect(receive)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            outcome, _gone = await asyncio.gather(*tasks, return_exceptions=True)
            await sync_to_async(response.close)()
        if isinstance(outcome, Exception):
            raise outcome
