"""Bare FastStream on Redis Streams: a consumer group, one record a read, acknowledged when handled."""

import asyncio
import logging
import time

from faststream.redis import RedisBroker, StreamSub

from peers.saying import Tally, order, say, text

ORDER = order()
TALLY = Tally(ORDER.count)
broker = RedisBroker(ORDER.url, log_level=logging.DEBUG)


async def consume() -> None:
    @broker.subscriber(stream=StreamSub("notes", group="bench", consumer="one", max_records=1))
    async def note(body: dict[str, object]) -> None:
        TALLY.handled(float(str(body["sent_at"])))

    await broker.start()
    TALLY.ready()
    await asyncio.sleep(600)


async def produce() -> None:
    await broker.connect()
    words = text()
    first = time.time()
    for _ in range(ORDER.count):
        await broker.publish({"sent_at": time.time(), "text": words}, stream="notes")
        await asyncio.sleep(ORDER.gap_s)
    say({"first": first})


asyncio.run(consume() if ORDER.role == "consume" else produce())
