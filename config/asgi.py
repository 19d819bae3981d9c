"""The web application, served by uvicorn: pages, and the sockets of open screens."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

pages = get_asgi_application()  # before what follows, which reads models

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator, WebsocketDenier  # noqa: E402
from channels.sessions import CookieMiddleware  # noqa: E402
from django.urls import path, re_path  # noqa: E402

from helpdesk.workspace import live  # noqa: E402

sockets = URLRouter([path("admin/live/", live.socket), re_path("", WebsocketDenier.as_asgi())])

application = ProtocolTypeRouter(
    {"http": pages, "websocket": AllowedHostsOriginValidator(CookieMiddleware(sockets))},
)
