"""Who is here, and at which ticket: kept in Redis for a minute, and nowhere else.

Nothing depends on it. A Redis that is away costs one short wait, once in `PAUSE`; until it is back nobody
is known to be here, and no page is slower for it. Names are kept beside the ids, so that a page of rows
takes one round trip and no query.
"""

import json
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from helpdesk.accounts.models import User

log = logging.getLogger(__name__)

STAYS = 60  # seconds that a screen is believed to be open without having said so again
PATIENCE = 0.3  # seconds for Redis' answer
PAUSE = 10.0  # seconds without another try after it gave none
REPLY, NOTE = "reply", "note"
TYPING = ("", REPLY, NOTE)  # what somebody types: nothing, a public reply, an internal note


class Line:
    """When Redis is asked again."""

    look_again_at = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """Somebody who has a ticket open."""

    user_id: int
    name: str
    initials: str
    typing: str

    def as_json(self) -> dict[str, Any]:
        return {"id": self.user_id, "name": self.name, "initials": self.initials, "typing": self.typing}


def people_present() -> set[int] | None:
    """Ids of the staff with an open screen; None while nobody knows."""
    rows = _read()
    return None if rows is None else {row["user"] for row in rows}


def around(ticket_ids: Iterable[int]) -> dict[int, list[Present]]:
    """Who looks at each of these tickets, by name; tickets that nobody looks at are left out. One round trip."""
    wanted = set(ticket_ids)
    found: dict[int, dict[int, Present]] = {}
    for row in (_read() or []) if wanted else []:
        if row["ticket"] not in wanted:
            continue
        here = found.setdefault(row["ticket"], {})
        if row["user"] not in here or row["typing"]:  # on two screens: the one that they type on tells more
            here[row["user"]] = Present(
                user_id=row["user"], name=row["name"], initials=row["initials"], typing=row["typing"]
            )
    return {pk: sorted(here.values(), key=lambda one: (one.name, one.user_id)) for pk, here in found.items()}


def note(*, screen: str, user: User, ticket_id: int = 0, typing: str = "") -> None:
    """Keep for a minute that this person has a screen open: at a ticket (0: at none), typing something or not."""
    row = {
        "user": user.pk,
        "name": str(user),
        "initials": user.initials,
        "ticket": ticket_id,
        "typing": typing,
        "until": time.time() + STAYS,
    }
    _ask(lambda redis, key: redis.pipeline().hset(key, screen, json.dumps(row)).expire(key, 2 * STAYS).execute())


def leave(*, screen: str) -> None:
    """This screen was closed."""
    _ask(lambda redis, key: redis.hdel(key, screen))


def _read() -> list[dict[str, Any]] | None:
    """What each open screen said last; what is older than a minute is thrown away."""
    kept = _ask(lambda redis, key: redis.hgetall(key))
    if kept is None:
        return None
    now, rows, lapsed = time.time(), [], []
    for screen, text in kept.items():
        row = json.loads(text)
        if row["until"] >= now:
            rows.append(row)
        else:
            lapsed.append(screen)
    if lapsed:
        _ask(lambda redis, key: redis.hdel(key, *lapsed))
    return rows


def _ask(act: Callable[[Redis, str], Any]) -> Any:
    """Redis' answer; None when it gives none."""
    if time.monotonic() < Line.look_again_at:
        return None
    try:
        return act(_redis(settings.REDIS_URL), f"{settings.CHANNEL_LAYERS['default']['CONFIG']['prefix']}presence")
    except RedisError as error:
        Line.look_again_at = time.monotonic() + PAUSE
        log.warning("who is here is not known for a while, Redis is out of reach: %s", error)
        return None


@cache
def _redis(address: str) -> Redis:
    return Redis.from_url(
        address, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 1)
    )
