"""The web application, served by uvicorn: pages, and the sockets of open screens."""

import os

import django
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class Pages(ASGIHandler):
    """Every page is synchronous: a request goes over into its thread once, for all middleware and the page.

    As Django builds it, each middleware that could also be asynchronous is, and goes over and back by itself.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)
        self._middleware_chain = sync_to_async(self._middleware_chain, thread_sensitive=True)


django.setup(set_prefix=False)  # before what follows, which reads models
pages = Pages()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator, WebsocketDenier  # noqa: E402
from channels.sessions import CookieMiddleware  # noqa: E402
from django.urls import path, re_path  # noqa: E402

from helpdesk.workspace import live  # noqa: E402

sockets = URLRouter([path("admin/live/", live.socket), re_path("", WebsocketDenier.as_asgi())])

application = ProtocolTypeRouter(
    {"http": pages, "websocket": AllowedHostsOriginValidator(CookieMiddleware(sockets))},
)
