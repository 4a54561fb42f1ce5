"""How fast are facts and tasks, beside what others call fast? Run it by ``make bench-bus``.

    python tests/bench/bus.py [--rounds 5] [--messages 3000] [--pings 200] [--only NAME ...]

One run on one PostgreSQL and one Redis with the settings of production (fsync, AOF every second). In each round every
subject takes its turn, with fresh data; figures are medians over the rounds, with the least and the most. A subject is
two processes, one that sends and one that handles:

* **Matchcut, facts**: committed to the outbox (20 a commit), relayed, read, and handled in a commit that holds the
  inbox row and one row of effect. The clock stops when the last effect is committed.
* **Matchcut, tasks**: 10,000 are queued for 50 tenants before the clock starts. The dispatcher shares out turns, and 8
  workers in one process do the first 2,000, with one row of effect in the commit that ends each.
* **The others**: sent one by one, as their interfaces have it, and handled by a function that does nothing at all.
  They write no data, so what they are spared is what makes an effect happen once.

``idle`` is one message every 50 ms, from before it is sent (for us: before its commit) to the start of its handler. The
first message is among them, and nothing is warmed up for it.

``database time`` is ``active_time`` of ``pg_stat_database``: how long PostgreSQL's sessions were busy from the start of
the process to its end, with connecting, parsing, planning, waiting for locks and syncing of commits, divided by the
tasks. It is told twice: for the whole life of a task (what dispatcher, reconciler and workers ask, of those that were
done), and for dispatching alone, where all 10,000 are dispatched with nobody to do them: in rounds of one, as when one
worker becomes free, and in rounds of eight. The statement that marks a round done, to make room, is in the figure; its
commit is not waited for.

What profiling found (py-spy at 500 Hz on the process that handles 10,000 facts), and what came of it. Before and after,
5 interleaved runs of this bench's plays: 1,106 -> 1,744 facts a second (1.5 -> 2.4 times Celery beside it), idle from
commit to handler 5.1 -> 3.6 ms, and the first fact of a process 352 -> 22 ms:

* The first fact waited for FastStream to be imported, and so did those behind it. Its envelope is now read by hand.
* Before each batch Redis was asked whether the batch was still ours, just after it had been read: one trip. Being read
  now counts as begun; only what waits behind its neighbours is marked.
* The tenant was set by a statement of its own, and so was the wake-up: both now ride on the INSERT that is sent anyway.
* Each look of the relay asked Redis for its mark. It is now compared where it is moved, in the batch's own pipeline.
* Redis answers were parsed in Python: 8 % of the handling process. hiredis leaves 1 %.
* What is left is mostly the handler's own: of the time its event loop is busy, 56 % go into the one INSERT of the
  effect, 9 % into decoding and settling, 10 % into the relay.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import redis
from rich.console import Console
from rich.table import Table

from chassis.testing import drop_database, fresh_database, service_url
from matchcut.servers import Servers

TESTS = Path(__file__).resolve().parents[1]
PEER_PYTHON = TESTS.parent / ".venv-bench/bin/python"
PEERS = {
    "Celery": (
        "celery_peer",
        "an effect once; data and message in one commit; a dead letter; fairness; a backlog that outlives Redis",
    ),
    "Dramatiq": (
        "dramatiq_peer",
        "an effect once; data and message in one commit; fairness; a backlog that outlives Redis",
    ),
    "taskiq-redis": ("taskiq_peer", "what Celery does not promise; a retry, unless a middleware is added"),
    "FastStream, bare": (
        "faststream_peer",
        "what Celery does not promise; a retry; that what a dead consumer held is handled",
    ),
}
OURS = {
    "Matchcut, facts": "an order; that what a handler does outside the database happens once",
    "Matchcut, tasks": "an order within a tenant; that a task is done only once (its last word is)",
}
GAP_S = 0.05
DEEP_QUEUE = 10_000
DEEP_DONE = 2_000


@dataclass(frozen=True)
class Play:
    """What came of one subject, once."""

    rate: float
    waits_ms: list[float]
    """From before each message was sent to the start of its handler."""
    after_commit_ms: list[float]
    """From the end of the commit that announced it; ours alone have one."""


@dataclass
class Scores:
    """What one subject did, a number a round."""

    rates: list[float] = field(default_factory=list)
    p50s: list[float] = field(default_factory=list)
    p99s: list[float] = field(default_factory=list)
    commit_p50s: list[float] = field(default_factory=list)
    commit_p99s: list[float] = field(default_factory=list)

    def take_rate(self, play: Play) -> None:
        """Of a run without gaps."""
        self.rates.append(play.rate)

    def take_waits(self, play: Play) -> None:
        """Of a run with gaps."""
        cuts = statistics.quantiles(play.waits_ms, n=100)
        self.p50s.append(cuts[49])
        self.p99s.append(cuts[98])
        if play.after_commit_ms:
            cuts = statistics.quantiles(play.after_commit_ms, n=100)
            self.commit_p50s.append(cuts[49])
            self.commit_p99s.append(cuts[98])


@dataclass(frozen=True)
class Stage:
    """Where all subjects play: the servers, which outlive every round."""

    postgres_url: str
    redis_url: str

    def fresh(self) -> tuple[str, str]:
        """An empty Redis and a new database: its name, and its address for the service."""
        redis.Redis.from_url(self.redis_url).flushall()
        from support.chassis_toy import VERSIONS

        name = asyncio.run(fresh_database("toy", self.postgres_url, versions=VERSIONS))
        return name, service_url("toy", self.postgres_url, name)

    def drop(self, name: str) -> None:
        """Remove the database."""
        asyncio.run(drop_database(self.postgres_url, name))


@contextmanager
def stage() -> Iterator[Stage]:
    """Servers as in production."""
    with tempfile.TemporaryDirectory(prefix="matchcut-bench-", ignore_cleanup_errors=True) as folder:
        servers = Servers(Path(folder))
        servers.start()
        try:
            yield Stage(servers.postgres_url, servers.redis_url)
        finally:
            servers.stop()
            servers.delete()


async def execute(url: str, statement: str) -> Any:
    """One statement, as the superuser; its first value."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def start(*command: str) -> subprocess.Popen[str]:
    """One of the two programs of a subject."""
    paths = {"PYTHONPATH": f"{TESTS}:{TESTS / 'bench'}"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **paths})


def hear(process: subprocess.Popen[str], word: str) -> Any:
    """The next thing it says about ``word``."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{") and word in (said := json.loads(line)):
            return said
    raise RuntimeError(f"{process.args!r} ended without a word about {word}")


def play(consume: list[str], produce: list[str], *, count: int, gap_s: float) -> Play:
    """One subject, once: messages a second from the first sent to the last handled, and how long each waited."""
    handler = start(*consume, str(count), "0")
    try:
        hear(handler, "ready")
        sender = start(*produce, str(count), str(gap_s))
        begun, end = hear(sender, "first"), hear(handler, "last")
        sender.wait(30)
        commits = begun.get("commits", ())
        after = [(end["starts"][str(number)] - commit) * 1000 for number, commit in enumerate(commits)]
        return Play(count / (end["last"] - begun["first"]), end["waits_ms"], after)
    finally:
        handler.kill()
        handler.wait()


def play_peer(stage: Stage, name: str, *, count: int, gap_s: float) -> Play:
    """One of the others."""
    redis.Redis.from_url(stage.redis_url).flushall()
    command = [str(PEER_PYTHON), "-m", f"peers.{PEERS[name][0]}"]
    sides = [[*command, role, stage.redis_url] for role in ("consume", "produce")]
    return play(*sides, count=count, gap_s=gap_s)


def play_facts(stage: Stage, *, count: int, gap_s: float) -> Play:
    """Our facts."""
    name, url = stage.fresh()
    command = [sys.executable, "-m", "bench.bus_service"]
    try:
        sides = [[*command, role, stage.redis_url, url] for role in ("facts", "announce")]
        return play(*sides, count=count, gap_s=gap_s)
    finally:
        stage.drop(name)


def play_tasks(stage: Stage, *, queued: int, count: int) -> tuple[float, float]:
    """Our tasks: how many a second, and the milliseconds PostgreSQL was busy for each."""
    with queue(stage, queued) as (name, url):
        admin = stage.postgres_url.rpartition("/")[0] + f"/{name}"
        before_ms = busy_ms(stage, name)
        worker = start(sys.executable, "-m", "bench.bus_service", "tasks", stage.redis_url, url, str(count), "0")
        hear(worker, "ready")
        began = time.time()
        last = hear(worker, "last")["last"]
        worker.kill()
        worker.wait()
        spent_ms = busy_ms(stage, name) - before_ms
        done = asyncio.run(execute(admin, "SELECT count(*) FROM toy.tasks WHERE state = 'done'"))
        return count / (last - began), spent_ms / int(done)


def play_dispatch(stage: Stage, *, queued: int, slots: int) -> float:
    """Dispatching alone, in rounds of ``slots``: the milliseconds PostgreSQL was busy for each task."""
    with queue(stage, queued) as (name, url):
        before_ms = busy_ms(stage, name)
        leader = start(
            sys.executable, "-m", "bench.bus_service", "dispatch", stage.redis_url, url, str(queued), str(slots)
        )
        sent = int(hear(leader, "last")["sent"])
        leader.wait(30)
        return (busy_ms(stage, name) - before_ms) / sent


@contextmanager
def queue(stage: Stage, queued: int) -> Iterator[tuple[str, str]]:
    """A new database with so many tasks: its name, and its address for the service."""
    name, url = stage.fresh()
    try:
        start(sys.executable, "-m", "bench.bus_service", "enqueue", stage.redis_url, url, str(queued), "0").wait(300)
        asyncio.run(execute(stage.postgres_url.rpartition("/")[0] + f"/{name}", "VACUUM ANALYZE"))
        yield name, url
    finally:
        stage.drop(name)


def busy_ms(stage: Stage, name: str) -> float:
    """How long the sessions of this database were busy until now; asked from beside it, when they have all ended."""
    here = f"FROM pg_stat_activity WHERE datname = '{name}' AND backend_type = 'client backend'"
    while asyncio.run(execute(stage.postgres_url, f"SELECT count(*) {here}")):
        time.sleep(0.05)
    query = f"SELECT active_time FROM pg_stat_database WHERE datname = '{name}'"
    return float(asyncio.run(execute(stage.postgres_url, query)))


@dataclass
class Costs:
    """What tasks took of us and of PostgreSQL, a number a round."""

    rates: list[float] = field(default_factory=list)
    life_ms: list[float] = field(default_factory=list)
    dispatch_ms: dict[int, list[float]] = field(default_factory=lambda: {1: [], 8: []})
    """By the size of the dispatcher's rounds."""

    def take(self, stage: Stage) -> None:
        """Measure once."""
        rate, busy_ms = play_tasks(stage, queued=DEEP_QUEUE, count=DEEP_DONE)
        self.rates.append(rate)
        self.life_ms.append(busy_ms)
        for slots, costs in self.dispatch_ms.items():
            costs.append(play_dispatch(stage, queued=DEEP_QUEUE, slots=slots))


def measure(stage: Stage, options: argparse.Namespace) -> tuple[dict[str, Scores], Costs]:
    """All rounds."""
    scores = {name: Scores() for name in ["Matchcut, facts", *PEERS]}
    costs = Costs()
    wanted = [name for name in scores if not options.only or any(word in name for word in options.only)]
    for number in range(options.rounds):
        for name in wanted[number % len(wanted) :] + wanted[: number % len(wanted)] if wanted else []:
            playing = partial(play_peer, stage, name) if name in PEERS else partial(play_facts, stage)
            scores[name].take_rate(playing(count=options.messages, gap_s=0.0))
            scores[name].take_waits(playing(count=options.pings, gap_s=GAP_S))
        if not options.only or "tasks" in options.only:
            costs.take(stage)
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    return scores, costs


def spread(values: list[float], digits: int = 0) -> str:
    """Median (least-most)."""
    if not values:
        return "-"
    middle, least, most = statistics.median(values), min(values), max(values)
    return f"{middle:,.{digits}f} ({least:,.{digits}f}-{most:,.{digits}f})"


def report(scores: dict[str, Scores], costs: Costs) -> None:
    """The table."""
    table = Table("subject", "messages/s", "x Celery", "idle p50 ms", "idle p99 ms", "does not promise")
    celery = scores["Celery"].rates
    for name, score in scores.items():
        ratios = [ours / theirs for ours, theirs in zip(score.rates, celery, strict=False)]
        missing = PEERS[name][1] if name in PEERS else OURS[name]
        row = (spread(score.rates), spread(ratios, 2), spread(score.p50s, 1), spread(score.p99s, 1))
        table.add_row(name, *row, missing)
    ratios = [ours / theirs for ours, theirs in zip(costs.rates, celery, strict=False)]
    table.add_row("Matchcut, tasks", spread(costs.rates), spread(ratios, 2), "-", "-", OURS["Matchcut, tasks"])
    Console(width=200).print(table)
    ours = scores["Matchcut, facts"]
    print(f"from commit to handler, idle: p50 {spread(ours.commit_p50s, 1)} ms, p99 {spread(ours.commit_p99s, 1)} ms")
    print(f"database time per task, {DEEP_QUEUE:,} queued: its whole life {spread(costs.life_ms, 2)} ms")
    for slots, spent_ms in costs.dispatch_ms.items():
        print(f"  dispatching alone, in rounds of {slots}: {spread(spent_ms, 2)} ms")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=3000)
    parser.add_argument("--pings", type=int, default=200)
    parser.add_argument("--only", nargs="*", help="parts of names: facts, tasks, Celery, Dramatiq, taskiq, FastStream")
    options = parser.parse_args()
    with stage() as here:
        report(*measure(here, options))


if __name__ == "__main__":
    main()
