"""Channels' layer: what reaches open screens, over Redis' publish and subscribe."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from channels_redis.pubsub import RedisPubSubChannelLayer
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

PATIENCE = 0.5  # seconds for Redis' answer; asked twice, as a connection from before its restart is of no use


class Layer(RedisPubSubChannelLayer):
    """Groups of open screens that survive a Redis which was away: its subscriptions are made again.

    A message that nobody was there for is gone. It may therefore only say that there is something
    to look for in the database. `publish` is for code without an event loop: pages, jobs, commands.
    """

    @cached_property
    def _redis(self) -> Redis:
        (host,) = self._kwargs["hosts"]
        patience = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
        return Redis.from_url(host["address"], retry=Retry(NoBackoff(), 1), **patience)

    def publish(self, groups: Iterable[str], message: Mapping[str, Any]) -> None:
        """Send one message to each group, in one round trip. Raises RedisError within seconds when it can't."""
        data, prefix = self.serialize(dict(message)), self._kwargs["prefix"]
        with self._redis.pipeline(transaction=False) as pipeline:
            for group in groups:
                pipeline.publish(f"{prefix}__group__{group}", data)
            pipeline.execute()
