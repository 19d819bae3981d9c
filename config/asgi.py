"""The web application, served by uvicorn: pages, and the sockets of open screens."""

import gc
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


django.setup(set_prefix=False)  # before what follows, which reads models

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator, WebsocketDenier  # noqa: E402
from channels.sessions import CookieMiddleware  # noqa: E402
from django.urls import get_resolver, path, re_path  # noqa: E402

from helpdesk.core.pages import Pages  # noqa: E402
from helpdesk.workspace import live  # noqa: E402

sockets = URLRouter([path("admin/live/", live.socket), re_path("", WebsocketDenier.as_asgi())])

application = ProtocolTypeRouter(
    {"http": Pages(), "websocket": AllowedHostsOriginValidator(CookieMiddleware(sockets))},
)

# All pages are read now, not with the first request; and what stands now stays. The collector would look through
# it again and again, for 90 ms in the middle of somebody's request.
get_resolver().url_patterns  # noqa: B018
gc.collect()
gc.freeze()
