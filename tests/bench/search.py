"""How fast is a search in 1,000 hours of transcripts? Run it by ``make bench-search``.

    python tests/bench/search.py [--hours 1000] [--asked 200] [--folder DIR] [--json FILE]

The hours are made (``support/spoken_hours.py``): 9,000 words each in sentences, 60,000 different words by Zipf's law,
of which the most frequent are those of a real play. They are spread over five tenants, 60 % of them in one, and indexed
by the product's own code, from the cutting on. Then a gateway as in production, one process, is asked over HTTP by an
owner: each kind of question one at a time, tenants in proportion to their hours; then all kinds by eight at once.
Times are the client's, from the first byte of the request to the last of the answer, twenty hits with their texts.
"CPU" is what the gateway and PostgreSQL computed for one answer: unlike times, it hardly depends on what else runs.

With ``--folder`` the servers' data is kept there, and used again when it holds as many hours.
"""

import argparse
import asyncio
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import psutil
from rich.console import Console
from rich.table import Table

from chassis.database import Database, migrate
from chassis.testing import fresh_database, service_url
from contracts import uuid7
from gateway.adapters.passwords import Argon2Passwords
from gateway.adapters.postgres import PostgresRecords
from gateway.domain.access import Role
from gateway.domain.library import Video
from gateway.domain.search.passages import Passage, passages_of_transcript
from gateway.ports import User
from gateway.ports.search import Claimed, Content
from matchcut.servers import Servers
from support.spoken_hours import SpokenHours

SHARES = {"one": 0.6, "two": 0.2, "three": 0.1, "four": 0.05, "five": 0.05}
PASSWORD = "correct horse battery staple"
AT_ONCE = 8
MEMORY = {"shared_buffers": "1GB", "effective_cache_size": "2GB"}
"""As an operator gives it who has 1,000 hours: a quarter of 4 GB, as PostgreSQL's manual says. `make up` has 48 MB."""
SMALL_WORDS = ["the", "to", "you", "and", "of", "that", "it", "be"]


@dataclass
class Corpus:
    """What was said, as far as the questions need it."""

    language: SpokenHours
    phrases: dict[str, list[list[str]]] = field(default_factory=dict)
    """Three words in a row, of each tenant."""
    words: int = 0
    passages: int = 0
    cut_s: float = 0.0
    written_s: float = 0.0


async def a_tenant(database: Database, name: str) -> UUID:
    tenant_id = uuid7()
    async with database.begin(tenant_id) as work:
        people = PostgresRecords(work.connection).people
        await people.add_tenant(tenant_id, name)
        password = await Argon2Passwords().hash(PASSWORD)
        await people.add_user(User(uuid7(), tenant_id, f"{name}@example.org", password, Role.OWNER))
    return tenant_id


@cache
def a_language() -> SpokenHours:
    """The same in every process."""
    return SpokenHours(seed=11)


def an_hour(seed: int) -> tuple[list[Passage], float]:
    """An hour, cut, and how long the cutting took."""
    transcript = a_language().hour(seed)
    started = time.perf_counter()
    return passages_of_transcript(transcript), time.perf_counter() - started


async def index(database: Database, tenant_id: UUID, name: str, passages: list[Passage], corpus: Corpus) -> None:
    """As the indexer does it, but for the reading of the document."""
    words = sorted({word for passage in passages for word in (*passage.words, *passage.ahead)})
    started = time.perf_counter()
    video = Video(uuid7(), None, f"film {corpus.passages}", "film.mp4", "", 0, datetime.now(UTC), "ready")
    job_id = uuid7()
    async with database.begin(tenant_id) as work:
        records = PostgresRecords(work.connection)
        await records.videos.add(video)
        await records.search.note_transcript(video_id=video.id, job_id=job_id, run=1, key="k")
        queued = "SELECT document_id, token FROM search_queue"
        row = (await work.connection.exec_driver_sql(queued)).one()
        claim = Claimed(row.document_id, tenant_id, 1, row.token)
        document = await records.search.claimed(claim)
        assert document is not None
        stems = await records.search.stems(["en"], words)
        small = frozenset(word for _, word in await records.search.small(["en"], words, paired=False))
        content = Content("en", passages, {word: stem for (_, word), stem in stems.items()}, small)
        assert await records.search.replace(claim, document, content)
    corpus.written_s += time.perf_counter() - started
    corpus.passages += len(passages)
    said = [word for passage in passages for word in passage.words]
    corpus.words += len(said)
    corpus.phrases.setdefault(name, []).extend(said[n : n + 3] for n in range(0, len(said) - 3, 997))


async def build(url: str, hours: int, corpus: Corpus) -> None:
    database = Database(url, service="gateway")
    tenants = {name: await a_tenant(database, name) for name in SHARES}
    console = Console(stderr=True)
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as cutter:
        ahead = [loop.run_in_executor(cutter, an_hour, seed) for seed in range(min(4, hours))]
        for number in range(hours):
            passages, seconds = await ahead.pop(0)
            if number + 4 < hours:
                ahead.append(loop.run_in_executor(cutter, an_hour, number + 4))
            name = next(n for n, share in cumulative() if (number * 0.618034) % 1 < share)
            await index(database, tenants[name], name, passages, corpus)
            corpus.cut_s += seconds
            if number % 50 == 49:
                console.print(f"{number + 1} hours: cut {corpus.cut_s:.0f} s, written {corpus.written_s:.0f} s")
    await database.close()


def cumulative() -> Iterator[tuple[str, float]]:
    total = 0.0
    for name, share in SHARES.items():
        total += share
        yield name, total + 1e-9


Question = tuple[str, str]
"""Whose, and what."""


def questions(corpus: Corpus, kind: str, count: int, rng: random.Random) -> list[Question]:
    words, language = corpus.language.words, corpus.language
    common, middling, rare = words[40:300], words[300:3000], words[10_000:40_000]
    long_ = [word for word in words[2000:40_000] if len(word) >= 6]
    made: dict[str, Any] = {
        "the smallest words": lambda _: rng.choice(SMALL_WORDS),
        "common word": lambda _: rng.choice(common),
        "two common words": lambda _: " ".join(rng.sample(common, 2)),
        "less common word": lambda _: rng.choice(middling),
        "rare word": lambda _: rng.choice(rare),
        "phrase of three": lambda name: '"' + " ".join(rng.choice(corpus.phrases[name])) + '"',
        "phrase of small words": lambda _: f'"{" ".join(rng.sample(SMALL_WORDS, 3))}"',
        "slip in a long word": lambda _: language.slip(rng.choice(long_)),
        "beginning of a word": lambda _: rng.choice(long_)[:4] + "*",
        "nothing to be found": lambda _: "".join(rng.choice("bcdfghjklmnpqrstvwxz") for _ in range(9)),
    }
    names, shares = list(SHARES), list(SHARES.values())
    return [(name, made[kind](name)) for name in rng.choices(names, shares, k=count) if name in corpus.phrases]


KINDS = (
    *("rare word", "less common word", "common word", "two common words", "the smallest words", "phrase of three"),
    *("phrase of small words", "slip in a long word", "beginning of a word", "nothing to be found"),
)


@dataclass
class Times:
    """How long the answers to one kind of question took."""

    ms: list[float] = field(default_factory=list)
    hits: int = 0
    cpu_s: float = 0.0
    """Of the gateway and PostgreSQL together."""

    @property
    def p50(self) -> float:
        return statistics.median(self.ms)

    @property
    def p99(self) -> float:
        return sorted(self.ms)[min(len(self.ms) - 1, int(len(self.ms) * 0.99))]


async def ask(clients: Mapping[str, httpx.AsyncClient], asked: Sequence[Question], times: Times) -> None:
    for name, q in asked:
        started = time.perf_counter()
        answer = await clients[name].get("/v1/search", params={"q": q})
        times.ms.append((time.perf_counter() - started) * 1000)
        assert answer.status_code == 200, answer.text
        times.hits += bool(answer.json()["items"])


@contextmanager
def serving(servers: Servers, database: str, folder: Path) -> Iterator[tuple[str, int]]:
    """A gateway process of its own: where it answers, and its id."""
    port = free_port()
    settings = {
        "GATEWAY_DATABASE_URL": service_url("gateway", servers.postgres_url, database),
        "GATEWAY_REDIS_URL": servers.redis_url,
        "GATEWAY_BLOBS_URL": f"file://{folder}/blobs",
        "GATEWAY_HTTP_PORT": str(port),
        "GATEWAY_SECRET": "a secret of the bench",
        "GATEWAY_LOG_LEVEL": "WARNING",
        # All of it comes from one address and few people; each request is counted as ever, and none is turned away.
        **{f"GATEWAY_RATE_{what}": "1000000000" for what in ("READS", "WRITES", "STREAMS", "SIGN_IN")},
        "GATEWAY_MAX_STREAMS": "100000",
        "GATEWAY_MAX_TENANT_STREAMS": "100000",
    }
    process = subprocess.Popen([sys.executable, "-m", "gateway.main", "serve"], env={**os.environ, **settings})
    try:
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(30)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@asynccontextmanager
async def signed_in(url: str) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    clients: dict[str, httpx.AsyncClient] = {}
    for name in SHARES:
        client = clients[name] = httpx.AsyncClient(base_url=url, timeout=60, trust_env=False)
        form = {"grant_type": "password", "username": f"{name}@example.org", "password": PASSWORD}
        for _ in range(300):
            try:
                token = (await client.post("/v1/auth/token", data=form)).json()["access_token"]
                break
            except httpx.TransportError:
                await asyncio.sleep(0.1)
        client.headers["Authorization"] = f"Bearer {token}"
    yield clients
    for client in clients.values():
        await client.aclose()


def cpu_s(pids: Sequence[int]) -> float:
    """What these processes and their children have computed."""
    processes = [process for pid in pids for process in (psutil.Process(pid), *psutil.Process(pid).children())]
    return float(sum(process.cpu_times().user + process.cpu_times().system for process in processes))


async def measure(url: str, corpus: Corpus, count: int, pids: Sequence[int]) -> dict[str, Times]:
    rng, times = random.Random(7), dict[str, Times]()
    async with signed_in(url) as clients:
        await ask(clients, questions(corpus, "common word", 20, rng), Times())  # connections, caches
        for kind in KINDS:
            times[kind] = Times()
            before = cpu_s(pids)
            await ask(clients, questions(corpus, kind, count, rng), times[kind])
            times[kind].cpu_s = cpu_s(pids) - before
        mixed = [one for kind in KINDS for one in questions(corpus, kind, count, rng)]
        rng.shuffle(mixed)
        together = times[f"all kinds, {AT_ONCE} at once"] = Times()
        parts = [list(islice(mixed, n, None, AT_ONCE)) for n in range(AT_ONCE)]
        await asyncio.gather(*(ask(clients, part, together) for part in parts))
    return times


async def sizes(url: str) -> dict[str, str]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(
        "SELECT relname, pg_size_pretty(pg_total_relation_size(oid)) AS size FROM pg_class"
        " WHERE relnamespace = 'gateway'::regnamespace AND relname LIKE 'search%' AND relkind IN ('r', 'i')"
        " AND pg_total_relation_size(oid) > 1000000 ORDER BY pg_total_relation_size(oid) DESC"
    )
    await connection.close()
    return {row["relname"]: row["size"] for row in rows}


async def run(options: argparse.Namespace, folder: Path) -> None:
    servers = Servers(folder / "servers", postgres_settings=MEMORY)
    servers.start()
    try:
        corpus = Corpus(a_language())
        remembered = folder / f"corpus-{options.hours}.json"
        if remembered.exists():
            known = json.loads(remembered.read_text())
            database = known.pop("database")
            vars(corpus).update(known)
        else:
            database = await fresh_database("gateway", servers.postgres_url)
            await build(service_url("gateway", servers.postgres_url, database), options.hours, corpus)
            known = {name: value for name, value in vars(corpus).items() if name != "language"}
            remembered.write_text(json.dumps({**known, "database": database}))
        admin = servers.postgres_url.rsplit("/", 1)[0] + f"/{database}"
        await migrate("gateway", admin, service_url("gateway", servers.postgres_url, database))
        connection = await asyncpg.connect(admin)
        await connection.execute("VACUUM ANALYZE")
        await connection.close()
        with serving(servers, database, folder) as (url, pid):
            times = await measure(url, corpus, options.asked, (pid, servers.pids["postgres"]))
        report(corpus, times, await sizes(admin), options)
    finally:
        servers.stop()


def report(corpus: Corpus, times: Mapping[str, Times], sizes: Mapping[str, str], options: argparse.Namespace) -> None:
    console = Console()
    table = Table("question", "p50 ms", "p99 ms", "most ms", "CPU ms", "with hits")
    for kind, one in times.items():
        row = (
            f"{one.p50:.1f}",
            f"{one.p99:.1f}",
            f"{max(one.ms):.1f}",
            f"{one.cpu_s / len(one.ms) * 1000:.1f}" if one.cpu_s else "-",
            f"{one.hits / len(one.ms):.0%}",
        )
        table.add_row(kind, *row)
    console.print(table)
    built = f"cut in {corpus.cut_s:.0f} s, written in {corpus.written_s:.0f} s"
    console.print(f"{options.hours} hours, {corpus.words:,} words, {corpus.passages:,} passages; {built}")
    console.print(", ".join(f"{name} {size}" for name, size in sizes.items()))
    if options.json:
        scores = {kind: {"p50": one.p50, "p99": one.p99, "most": max(one.ms)} for kind, one in times.items()}
        Path(options.json).write_text(json.dumps({"times": scores, "sizes": dict(sizes)}, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=int, default=1000)
    parser.add_argument("--asked", type=int, default=200, help="questions of each kind")
    parser.add_argument("--folder", type=Path, help="keep the servers' data here")
    parser.add_argument("--json", help="write the figures here too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="matchcut-bench-", ignore_cleanup_errors=True) as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o711)
        asyncio.run(run(options, folder))


if __name__ == "__main__":
    main()
