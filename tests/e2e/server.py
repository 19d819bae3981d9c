"""The product as uvicorn serves it, in a thread of the test run: pages, static files, sockets."""

import asyncio
import socket
import threading
import time
from typing import Any

import uvicorn
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.test.utils import modify_settings

from config.asgi import application


class Server:
    """What pytest-django's `live_server` is, for ASGI."""

    def __init__(self) -> None:
        self.refuses_sockets = False
        self._pages = ASGIStaticFilesHandler(application)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                self,
                lifespan="off",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=2,
                ws_per_message_deflate=False,
            )
        )
        self._thread = threading.Thread(target=self._uvicorn.run, args=([self._listener],), daemon=True)
        self._live_server_modified_settings = modify_settings(ALLOWED_HOSTS={"append": "127.0.0.1"})  # its helper's

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        self._loop = asyncio.get_running_loop()
        if scope["type"] == "websocket" and self.refuses_sockets:
            await send({"type": "websocket.close"})
        else:
            await (self._pages if scope["type"] == "http" else application)(scope, receive, send)

    def start(self) -> None:
        self._thread.start()
        while not self._uvicorn.started:
            assert self._thread.is_alive()
            time.sleep(0.01)

    def cut_connections(self) -> None:
        """As a network that goes away."""
        for connection in list(self._uvicorn.server_state.connections):
            self._loop.call_soon_threadsafe(connection.transport.abort)

    def stop(self) -> None:
        self._uvicorn.should_exit = True
        self._thread.join(timeout=10)
