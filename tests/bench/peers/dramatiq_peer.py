"""Dramatiq: one process, eight threads, no results."""

import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from peers.saying import Tally, order, say, text

ORDER = order()
TALLY = Tally(ORDER.count)
broker = RedisBroker(url=ORDER.url)
dramatiq.set_broker(broker)


@dramatiq.actor
def note(sent_at: float, _text: str) -> None:
    TALLY.handled(sent_at)


if ORDER.role == "consume":
    dramatiq.Worker(broker, worker_threads=8).start()
    TALLY.ready()
    time.sleep(600)
else:
    words = text()
    first = time.time()
    for _ in range(ORDER.count):
        note.send(time.time(), words)
        time.sleep(ORDER.gap_s)
    say({"first": first})
