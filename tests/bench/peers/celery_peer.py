"""Celery: solo pool, acks_late, no results kept."""

import time

from celery import Celery
from celery.signals import worker_ready

from peers.saying import Tally, order, say, text

ORDER = order()
TALLY = Tally(ORDER.count)
app = Celery("bench", broker=ORDER.url)
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=4,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)


@app.task(name="note")
def note(sent_at: float, _text: str) -> None:
    TALLY.handled(sent_at)


@worker_ready.connect
def ready(**_: object) -> None:
    TALLY.ready()


if ORDER.role == "consume":
    flags = ["--pool=solo", "--loglevel=ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    app.worker_main(["worker", *flags])
else:
    words = text()
    first = time.time()
    for _ in range(ORDER.count):
        note.delay(time.time(), words)
        time.sleep(ORDER.gap_s)
    say({"first": first})
