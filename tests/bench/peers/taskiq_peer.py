"""taskiq on Redis Streams, acknowledged when executed (its default)."""

import asyncio
import time

from taskiq.api import run_receiver_task
from taskiq_redis import RedisStreamBroker

from peers.saying import Tally, order, say, text

ORDER = order()
TALLY = Tally(ORDER.count)
broker = RedisStreamBroker(url=ORDER.url)


@broker.task(task_name="note")
async def note(sent_at: float, _text: str) -> None:
    TALLY.handled(sent_at)


async def consume() -> None:
    broker.is_worker_process = True
    receiving = asyncio.create_task(run_receiver_task(broker, run_startup=True))
    await asyncio.sleep(1)
    TALLY.ready()
    await receiving


async def produce() -> None:
    await broker.startup()
    words = text()
    first = time.time()
    for _ in range(ORDER.count):
        await note.kiq(time.time(), words)
        await asyncio.sleep(ORDER.gap_s)
    say({"first": first})
    await broker.shutdown()


asyncio.run(consume() if ORDER.role == "consume" else produce())
