"""The channel layer on a Redis of its own, which is killed, restarted, and made to hang."""

import asyncio
import signal
import subprocess
import threading
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from helpdesk.core.embedded.binaries import redis_server
from helpdesk.core.embedded.servers import redis_answers
from helpdesk.core.layer import Layer

GROUP = "user.1"


def in_a_loop_of_its_own(scenario: Coroutine) -> None:
    """Run it in a thread: a browser test before this one leaves its loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, scenario).result()


class Server:
    """A Redis that a test may treat badly."""

    def __init__(self, directory: Path) -> None:
        self.url = f"unix://{directory / 'redis.sock'}"
        self.command = [redis_server(), "--port", "0", "--unixsocket", directory / "redis.sock", "--dir", directory]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL)
        patience = time.monotonic() + 10
        while not redis_answers(self.url):
            assert time.monotonic() < patience
            time.sleep(0.02)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def layer(self, **host: float) -> Layer:
        return Layer(hosts=[{"address": self.url, **host}], prefix="test-")


@pytest.fixture
def redis(tmp_path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.kill()


async def told(layer: Layer, sender: Layer, channel: str, text: str, *, seconds: float = 1) -> bool:
    """Whether what the sender publishes arrives."""
    await asyncio.to_thread(sender.publish, [GROUP], {"text": text})
    try:
        async with asyncio.timeout(seconds):
            return (await layer.receive(channel))["text"] == text
    except TimeoutError:
        return False


async def member(layer: Layer) -> str:
    channel = await layer.new_channel()
    await layer.group_add(GROUP, channel)
    return channel


def test_a_screen_that_hears_nothing_for_long_still_listens(redis):
    """redis-py gives up a silent socket after `socket_timeout`; this layer's reading has a time of its own."""

    async def scenario() -> None:
        layer = redis.layer(socket_timeout=0.3)
        channel = await member(layer)
        await asyncio.sleep(1.5)
        assert await told(layer, redis.layer(), channel, "after a silence")

    in_a_loop_of_its_own(scenario())


def test_installations_on_one_redis_do_not_hear_each_other(redis):
    async def scenario() -> None:
        layer, other = redis.layer(), Layer(hosts=[{"address": redis.url}], prefix="other-")
        channel = await member(layer)
        assert not await told(layer, other, channel, "from elsewhere", seconds=0.4)
        channel = await member(layer)
        assert await told(layer, redis.layer(), channel, "from here")

    in_a_loop_of_its_own(scenario())


@pytest.mark.slow
def test_screens_are_reached_again_after_a_restart_of_redis(redis):
    async def scenario() -> None:
        layer, sender = redis.layer(), redis.layer()
        channel = await member(layer)
        redis.kill()
        await asyncio.sleep(1.5)
        with pytest.raises(RedisError):
            sender.publish([GROUP], {"text": "lost"})
        redis.start()
        await asyncio.sleep(1.5)
        assert await told(layer, sender, channel, "back again")

    in_a_loop_of_its_own(scenario())


def test_a_connection_from_before_a_restart_costs_no_message(redis):
    sender, heard = redis.layer(), []
    sender.publish([GROUP], {"text": "first"})
    redis.kill()
    redis.start()

    async def scenario() -> None:
        layer = redis.layer()
        heard.append(await told(layer, sender, await member(layer), "second"))

    in_a_loop_of_its_own(scenario())
    assert heard == [True]


def test_a_redis_that_hangs_is_given_up_within_seconds(redis):
    sender = redis.layer()
    redis.process.send_signal(signal.SIGSTOP)
    threading.Timer(8, redis.process.send_signal, [signal.SIGCONT]).start()
    begun = time.monotonic()
    with pytest.raises(RedisError):
        sender.publish([GROUP], {"text": "nobody hears it"})
    assert time.monotonic() - begun < 3
    redis.process.send_signal(signal.SIGCONT)
