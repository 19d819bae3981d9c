"""A cache that may go away: what it holds (rate limits of the sign-in) must not decide whether anybody gets in."""

import logging
import time
from collections.abc import Callable
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

log = logging.getLogger(__name__)
PAUSE = 5.0  # seconds without another look, so that a Redis that hangs costs one time-out and not ten a page


def _or_own_memory(name: str) -> Callable[..., Any]:
    def method(self: "ForgivingRedisCache", *args: Any, **values: Any) -> Any:
        if time.monotonic() >= self.look_again_at:
            try:
                return getattr(RedisCache, name)(self, *args, **values)
            except RedisError as error:
                self.look_again_at = time.monotonic() + PAUSE
                log.warning("cache out of reach, this process's own memory stands in: %s", error)
        return getattr(self.own_memory, name)(*args, **values)

    return method


class ForgivingRedisCache(RedisCache):
    """Redis; while it is out of reach, this process's own memory, so that limits go on for each process.

    People sign in while Redis is down, and whoever tries passwords is still stopped (see
    docs/decisions). What was counted on one side is not carried over to the other.
    """

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self.own_memory = LocMemCache(f"without {server}", params)
        self.look_again_at = 0.0

    add = _or_own_memory("add")
    get = _or_own_memory("get")
    set = _or_own_memory("set")
    touch = _or_own_memory("touch")
    delete = _or_own_memory("delete")
    has_key = _or_own_memory("has_key")
    incr = _or_own_memory("incr")
    get_many = _or_own_memory("get_many")
    set_many = _or_own_memory("set_many")
    delete_many = _or_own_memory("delete_many")
    clear = _or_own_memory("clear")
