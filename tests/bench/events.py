"""What do 1,000 who watch live cost? Run it by ``make bench-events``.

    python tests/bench/events.py [--clients 1000] [--events 100] [--gap-ms 100] [--json FILE]

One gateway process as in production, with PostgreSQL and Redis on the same machine. All clients watch the same tenant
(`GET /v1/events`) from one process that does nothing but read. Then events are committed one by one, and each client
notes when it hears of each:

* **delay**: from the end of the commit to the client's reading of the event, over all clients and events. The last
  client of each event waits for all others to be served: that is the p99.
* **memory**: of the gateway's process (resident), before the clients came and with all of them there, a client's share.
* **connections**: of the gateway to PostgreSQL and Redis, before and with all clients. Those to Redis grow with how
  many are let in at one moment, since each token is looked up in the list of ended sessions; none is held for who
  watches.
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
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import psutil
from rich.console import Console
from rich.table import Table

from chassis.database import Database
from chassis.testing import fresh_database, service_url
from contracts import uuid7
from gateway.adapters.changes import RedisChanges, TellingDatabase
from gateway.adapters.passwords import Argon2Passwords
from gateway.adapters.postgres import PostgresRecords
from gateway.domain.access import Role
from gateway.domain.notices import EventType, Notice
from gateway.ports import User
from gateway.usecases.notify import Notify
from matchcut.servers import Servers
from matchcut.servers.ports import free_port

PASSWORD = "correct horse battery staple"
EMAIL = "anna@example.org"


@dataclass
class Heard:
    """When the clients heard of each event, by its number."""

    at: dict[int, list[float]] = field(default_factory=dict)
    ready: int = 0


async def watch(url: str, token: str, heard: Heard) -> None:
    """One client, on a bare connection: what is measured is the gateway."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    request = f"GET /v1/events HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {token}\r\n\r\n"
    writer.write(request.encode())
    try:
        while line := await reader.readline():
            if line.startswith(b"event: ready"):
                heard.ready += 1
            elif line.startswith(b'data: {"type"'):
                number = json.loads(line.removeprefix(b"data: "))["data"]["number"]
                heard.at.setdefault(number, []).append(time.perf_counter())
    finally:
        writer.close()


@contextmanager
def serving(servers: Servers, database: str, folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """A gateway process of its own."""
    port = free_port(None)
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
        yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(60)


async def a_token(url: str) -> str:
    form = {"grant_type": "password", "username": EMAIL, "password": PASSWORD}
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
        for _ in range(600):
            try:
                return str((await client.post("/v1/auth/token", data=form)).json()["access_token"])
            except httpx.TransportError:
                await asyncio.sleep(0.1)
    raise TimeoutError("the gateway does not answer")


async def a_tenant(url: str) -> UUID:
    database = Database(url, service="gateway")
    tenant_id = uuid7()
    async with database.begin(tenant_id) as work:
        people = PostgresRecords(work.connection).people
        await people.add_tenant(tenant_id, "studio")
        await people.add_user(User(uuid7(), tenant_id, EMAIL, await Argon2Passwords().hash(PASSWORD), Role.OWNER))
    await database.close()
    return tenant_id


@dataclass
class Cost:
    """The gateway's process at one moment."""

    resident: int
    to_postgres: int
    to_redis: int
    cpu_s: float


def cost_of(process: psutil.Process, servers: Servers) -> Cost:
    ports = [one.raddr.port for one in process.net_connections() if one.raddr]
    postgres, redis = (ports.count(urlsplit(url).port) for url in (servers.postgres_url, servers.redis_url))
    times = process.cpu_times()
    return Cost(process.memory_info().rss, postgres, redis, times.user + times.system)


async def measure(servers: Servers, database: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    own_url = service_url("gateway", servers.postgres_url, database)
    tenant_id = await a_tenant(own_url)
    changes = RedisChanges(servers.redis_url)
    telling = TellingDatabase(own_url, service="gateway", changes=changes)
    notify = Notify(PostgresRecords, changes)
    words = asyncio.create_task(changes.run())
    heard, committed = Heard(), dict[int, float]()
    with serving(servers, database, folder) as (url, process):
        token = await a_token(url)
        before = cost_of(process, servers)
        clients = []
        for _ in range(options.clients):
            clients.append(asyncio.create_task(watch(url, token, heard)))
            await asyncio.sleep(0.002)
        while heard.ready < options.clients:  # noqa: ASYNC110 (each client counts for itself)
            await asyncio.sleep(0.05)
        begun = cost_of(process, servers)
        for number in range(options.events):
            async with telling.begin(tenant_id) as work:
                await notify(work, [Notice(EventType.JOB_PROGRESSED, {"number": number}, live_only=True)])
            committed[number] = time.perf_counter()
            await asyncio.sleep(options.gap_ms / 1000)
        for _ in range(600):
            if all(len(heard.at.get(number, ())) == options.clients for number in committed):
                break
            await asyncio.sleep(0.1)
        ended = cost_of(process, servers)
        for task in (*clients, words):
            task.cancel()
        await asyncio.gather(*clients, words, return_exceptions=True)
    await telling.close()
    delays = sorted((at - committed[number]) * 1000 for number, ats in heard.at.items() for at in ats)
    return {
        "clients": options.clients,
        "events": options.events,
        "told": len(delays),
        "p50 ms": statistics.median(delays),
        "p99 ms": delays[int(len(delays) * 0.99)],
        "most ms": delays[-1],
        "first client p50 ms": statistics.median((min(ats) - committed[n]) * 1000 for n, ats in heard.at.items()),
        "kB a client": (ended.resident - before.resident) / options.clients / 1024,
        "PostgreSQL connections before": before.to_postgres,
        "PostgreSQL connections with all": begun.to_postgres,
        "Redis connections before": before.to_redis,
        "Redis connections with all": begun.to_redis,
        "CPU ms an event": (ended.cpu_s - begun.cpu_s) / options.events * 1000,
    }


def run(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="matchcut-bench-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        folder.chmod(0o711)
        servers = Servers(folder / "servers")
        servers.start()
        try:
            database = asyncio.run(fresh_database("gateway", servers.postgres_url))
            found = asyncio.run(measure(servers, database, folder, options))
        finally:
            servers.stop()
    table = Table("what", "measured")
    for name, value in found.items():
        table.add_row(name, f"{value:,.1f}" if isinstance(value, float) else f"{value:,}")
    Console().print(table)
    if options.json:
        Path(options.json).write_text(json.dumps(found, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--gap-ms", type=float, default=100)
    parser.add_argument("--json", help="write the figures here too")
    run(parser.parse_args())


if __name__ == "__main__":
    main()
