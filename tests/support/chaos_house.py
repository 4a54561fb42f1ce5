"""The house that chaos visits: two private servers, all six services as processes, and a tiny supervisor.

Replica ``a`` of a service talks to its servers directly, replica ``b`` through the proxies.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil

from chassis.database import migrate
from contracts.registry import SERVICES
from matchcut.lifeline import spawn
from matchcut.servers import Servers
from matchcut.servers.ports import free_port, tail
from matchcut.servers.postgres import Postgres
from matchcut.servers.redis import Redis
from support.chaos_proxy import ChaosProxy

__all__ = ["House", "Replica", "a_house", "problem_of"]

_TESTS = Path(__file__).resolve().parents[1]
_PASSWORD = "chaos"
_RESTART_PAUSE_S = 0.05
_WORKERS = 8
_GRACE_S = 3


@dataclass
class Replica:
    """One process of one service."""

    service: str
    letter: str
    port: int
    environment: Mapping[str, str]
    log: Path
    seed: int
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    killed: bool = False
    """Whether its death was our doing."""
    died_alone: list[int] = field(default_factory=list)
    """Exit codes of the times it ended by itself."""

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.service}-{self.letter}"

    @property
    def pid(self) -> int | None:
        """While it runs."""
        return self.process.pid if self.process and self.process.poll() is None else None

    def start(self) -> None:
        """Start the process; it waits for its servers itself."""
        self.starts += 1
        self.killed = False
        draws = {"CHAOS_DRAWS": f"{self.seed}/{self.name}/{self.starts}"}
        command = [sys.executable, "-m", "support.chaos_service", self.service, "serve"]
        with self.log.open("ab") as log:
            self.process = spawn(command, log=log, env={**os.environ, **self.environment, **draws}, cwd=_TESTS)

    def send(self, number: signal.Signals) -> None:
        """A signal; a dead process is fine."""
        if number in (signal.SIGKILL, signal.SIGTERM):
            self.killed = True
        if self.process is not None and self.pid is not None:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)

    def children(self) -> list[psutil.Process]:
        """Processes that do a task for it now."""
        if self.pid is None:
            return []
        with suppress(psutil.Error):
            found: list[psutil.Process] = psutil.Process(self.pid).children()
            return found
        return []


class House:
    """Everything that runs, and the hands that keep it running."""

    def __init__(self, folder: Path, *, seed: int, lease_s: float, replicas: int, mailbox_port: int) -> None:
        self.folder = folder
        self.seed = seed
        self.lease_s = lease_s
        self.mailbox_port = mailbox_port
        self.blobs = folder / "blobs"
        self.servers = Servers(folder / "servers", durable=True)
        self.replicas: list[Replica] = []
        self._count = replicas
        self.postgres_proxy: ChaosProxy | None = None
        self.redis_proxy: ChaosProxy | None = None
        self._keeping: asyncio.Task[None] | None = None
        self.left_over: list[str] = []
        """Once closed: processes that did not stop when asked, and temporary files that outlived them."""

    @property
    def gateways(self) -> list[str]:
        """Addresses of all replicas of the gateway."""
        return [f"http://127.0.0.1:{replica.port}" for replica in self.of("gateway")]

    @property
    def proxies(self) -> list[ChaosProxy]:
        """Both."""
        return [proxy for proxy in (self.postgres_proxy, self.redis_proxy) if proxy is not None]

    def of(self, service: str) -> list[Replica]:
        """Its replicas."""
        return [replica for replica in self.replicas if replica.service == service]

    async def open(self) -> None:
        """Servers, schemas, proxies, services; returns when all are ready."""
        self.servers.start()
        self.blobs.mkdir()
        postgres, redis = urlsplit(self.servers.postgres_url), urlsplit(self.servers.redis_url)
        for service in SERVICES:
            await migrate(service, self.servers.postgres_url, self._login(service, postgres.port or 0))
        self.postgres_proxy = ChaosProxy("127.0.0.1", postgres.port or 0)
        self.redis_proxy = ChaosProxy("127.0.0.1", redis.port or 0)
        for proxy in self.proxies:
            await proxy.start()
        (self.folder / "logs").mkdir()
        for service in SERVICES:
            for letter in "abcdef"[: self._count]:
                self.replicas.append(self._replica(service, letter))
        for replica in self.replicas:
            replica.start()
        await self.until_ready(limit_s=120)
        self._keeping = asyncio.create_task(self._keep_running())

    def _login(self, service: str, port: int) -> str:
        return f"postgresql://{service}:{_PASSWORD}@127.0.0.1:{port}/matchcut"

    def _replica(self, service: str, letter: str) -> Replica:
        assert self.postgres_proxy is not None
        assert self.redis_proxy is not None
        direct = letter == "a"
        redis = urlsplit(self.servers.redis_url)
        redis_port = redis.port if direct else self.redis_proxy.port
        postgres_port = self.servers.postgres.port if direct else self.postgres_proxy.port
        port = free_port()
        told = {
            "DATABASE_URL": self._login(service, postgres_port),
            "REDIS_URL": f"redis://:{redis.password}@127.0.0.1:{redis_port}/0",
            "BLOBS_URL": self.blobs.as_uri(),
            "SCRATCH_DIR": str(self.folder / "scratch"),
            "HTTP_PORT": str(port),
            "WORKERS": str(_WORKERS),
            "LEASE_S": str(self.lease_s),
            "GRACE_S": str(_GRACE_S),
            "LOG_LEVEL": "WARNING",
            "LOG_FORMAT": "console",
            "ACCESS_TOKEN_S": str(24 * 3600),
            "SECRET": "a secret of this house",
            "OUTBOUND_HTTP": "true",
            "OUTBOUND_PORTS": str([self.mailbox_port]),
            "OUTBOUND_NETWORKS": '["127.0.0.0/8"]',
            "WEBHOOK_TIMEOUT_S": "2",
            "WEBHOOK_CONCURRENCY": "8",
            "SWEEP_S": "2",
            "MAX_UNFINISHED_JOBS": "100000",
            "MAX_UNFINISHED_JOBS_OF_ALL": "100000",
            **{f"RATE_{name}": "100000" for name in ("READS", "WRITES", "UPLOADS", "SIGN_IN")},
        }
        environment = {f"{service.upper()}_{name}": value for name, value in told.items()}
        environment |= {"CHAOS_LONG_S": str(self.lease_s * 1.4), "PYTHONPATH": str(_TESTS), "OMP_NUM_THREADS": "1"}
        # Processes start by the hundred: compile each module once, also where bytecode is not to be kept.
        environment |= {"PYTHONPYCACHEPREFIX": str(self.folder / "bytecode"), "PYTHONDONTWRITEBYTECODE": ""}
        log = self.folder / "logs" / f"{service}-{letter}.log"
        return Replica(service, letter, port, environment, log, self.seed)

    async def until_ready(self, *, limit_s: float) -> None:
        """Return when every service says so; raise TimeoutError with the reason of the last one that does not."""
        end = time.monotonic() + limit_s
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            for replica in self.replicas:
                while (problem := await problem_of(client, replica)) is not None:
                    if time.monotonic() > end:
                        raise TimeoutError(f"{replica.name} is not ready: {problem}\n{tail(replica.log)}")
                    await asyncio.sleep(0.1)

    async def _keep_running(self) -> None:
        """Start again, at once, whatever died; a process that dies again and again waits a little."""
        while True:
            for replica in self.replicas:
                if replica.pid is None and replica.process is not None:
                    if not replica.killed:
                        replica.died_alone.append(replica.process.returncode)
                        await asyncio.sleep(0.5)
                    replica.start()
            await asyncio.sleep(_RESTART_PAUSE_S)

    async def kill_redis(self) -> None:
        """SIGKILL; it comes back from its append-only file."""
        pid = self.servers.redis.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(self._revive, self.servers.redis)

    async def kill_postgres(self) -> None:
        """SIGKILL for the postmaster and every process of its; it comes back by crash recovery."""
        pid = self.servers.postgres.pid
        assert pid is not None
        postmaster = psutil.Process(pid)
        family = [postmaster, *postmaster.children(recursive=True)]
        for process in family:
            with suppress(psutil.Error):
                process.kill()
        await asyncio.to_thread(psutil.wait_procs, family, 10)
        await asyncio.to_thread(self._revive, self.servers.postgres)

    def _revive(self, server: Postgres | Redis) -> None:
        port = server.port
        end = time.monotonic() + 10
        while server.pid is not None and time.monotonic() < end:
            time.sleep(0.01)
        server.start(port=port)
        if server.port != port:
            raise RuntimeError(f"{server.version} came back on another port: somebody took the one it had")

    async def close(self) -> None:
        """Stop all in order, and note what is left over."""
        if self._keeping is not None:
            self._keeping.cancel()
        for replica in self.replicas:
            replica.send(signal.SIGCONT)
            replica.send(signal.SIGTERM)
        end = time.monotonic() + _GRACE_S + 15
        while any(replica.pid for replica in self.replicas) and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        self.left_over += [f"{replica.name} did not stop when asked" for replica in self.replicas if replica.pid]
        self.left_over += [f"{path} outlived its process" for path in self.folder.glob("scratch/*")]
        for replica in self.replicas:
            replica.send(signal.SIGKILL)
            if replica.process is not None:
                await asyncio.to_thread(replica.process.wait)
        for proxy in self.proxies:
            await proxy.close()
        await asyncio.to_thread(self.servers.stop)


@asynccontextmanager
async def a_house(folder: Path, *, seed: int, lease_s: float, replicas: int, mailbox_port: int) -> AsyncIterator[House]:
    """A house for the length of a block; nothing of it runs afterwards."""
    house = House(folder, seed=seed, lease_s=lease_s, replicas=replicas, mailbox_port=mailbox_port)
    try:
        await house.open()
        yield house
    finally:
        await house.close()


async def problem_of(client: httpx.AsyncClient, replica: Replica) -> str | None:
    """Why a process is not ready; None when it is."""
    try:
        answer = await client.get(f"http://127.0.0.1:{replica.port}/readyz")
    except httpx.HTTPError as error:
        return repr(error)
    return None if answer.status_code == 200 else answer.text
