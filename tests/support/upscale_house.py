"""The upscale service and runners as processes of their own, to be killed, cut off and started again."""

import asyncio
import hashlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
from sqlalchemy.engine import make_url

from chassis.bus import Bus
from chassis.database import Database
from contracts.event import Event, Fact
from contracts.runners import RunnerInvited
from matchcut.servers.ports import free_port
from upscale.domain.runners import token_for

__all__ = ["House", "house"]


@dataclass
class House:
    """Where things are."""

    database: str
    """As an administrator sees it."""
    environment: dict[str, str]
    folder: Path
    port: int
    tenant: UUID

    @property
    def url(self) -> str:
        """Of the service."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def serving(self) -> Iterator[subprocess.Popen[bytes]]:
        """The service, for as long as the block lasts or somebody ends it."""
        with self._started("service", ["upscale.main", "serve"]) as process:
            self._until_ready(process)
            yield process

    @contextmanager
    def runner(self, name: str, url: str, token: str, *more: str) -> Iterator[subprocess.Popen[bytes]]:
        """A runner."""
        folder = self.folder / f"of-{name}"
        words = ["upscale.runner", "--url", url, "--name", name, "--folder", str(folder), "--threads", "1", *more]
        with self._started(name, words, MATCHCUT_RUNNER_TOKEN=token) as process:
            yield process

    def log(self, name: str) -> str:
        """What a process wrote."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    async def tell(self, *facts: tuple[Fact, UUID, UUID | None]) -> None:
        """Announce facts, each about something and perhaps for a job, as the gateway would."""
        url = self.environment["UPSCALE_DATABASE_URL"]
        bus = Bus("gateway", self.environment["UPSCALE_REDIS_URL"], Database(url, service="gateway"))
        for fact, subject, job_id in facts:
            kind: Any = Event[type(fact)]  # type: ignore[misc]
            event = kind.of(fact, source="test", subject=str(subject), tenant_id=self.tenant, job_id=job_id)
            await bus.tell(event)
        await bus.close()
        await bus.database.close()

    async def invite(self) -> str:
        """A registration token."""
        runner_id = uuid4()
        token = token_for(runner_id, secrets.token_urlsafe(32))
        fact = RunnerInvited(
            runner_id=runner_id,
            token_sha256=hashlib.sha256(token.encode()).hexdigest(),
            expires_at=datetime.now(UTC) + timedelta(minutes=10),
        )
        await self.tell((fact, runner_id, None))
        return token

    async def until(self, query: str, *, within_s: float) -> Any:
        """The first answer of the database that is true."""
        connection = await asyncpg.connect(self.database)
        try:
            deadline = time.monotonic() + within_s
            while not (found := await connection.fetchval(query)):
                assert time.monotonic() < deadline, f"not within {within_s} s: {query}\n{self._last_words()}"
                await asyncio.sleep(0.1)
            return found
        finally:
            await connection.close()

    async def rows(self, query: str) -> list[Any]:
        """What the database answers."""
        connection = await asyncpg.connect(self.database)
        try:
            return list(await connection.fetch(query))
        finally:
            await connection.close()

    def _last_words(self) -> str:
        return "\n".join(f"--- {path.name}\n{path.read_text()[-1500:]}" for path in self.folder.glob("*.log"))

    @contextmanager
    def _started(self, name: str, words: list[str], **more: str) -> Iterator[subprocess.Popen[bytes]]:
        with (self.folder / f"{name}.log").open("ab") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", *words], env={**self.environment, **more}, stderr=file, stdout=file
            )
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.send_signal(signal.SIGKILL)
                process.wait()

    def _until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if httpx.get(f"{self.url}/readyz", timeout=2, trust_env=False).status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.1)
        raise AssertionError(f"the service is not ready:\n{self.log('service')[-2000:]}")


@asynccontextmanager
async def house(postgres_url: str, redis_url: str, folder: Path, **settings: str) -> AsyncIterator[House]:
    """A migrated database of its own, and what processes are told; the database is dropped afterwards."""
    name = f"upscale_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(postgres_url)
    await admin.execute(f'CREATE DATABASE "{name}"')
    database = make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    own = make_url(database).set(username="upscale", password="upscale-of-the-harness")
    port = free_port(None)
    environment = {
        **os.environ,
        "UPSCALE_DATABASE_URL": own.render_as_string(hide_password=False),
        "UPSCALE_ADMIN_DATABASE_URL": database,
        "UPSCALE_REDIS_URL": redis_url,
        "UPSCALE_BLOBS_URL": f"file://{folder}/blobs",
        "UPSCALE_CACHE_DIR": str(folder / "cache"),
        "UPSCALE_HTTP_PORT": str(port),
        "UPSCALE_LOG_FORMAT": "console",
        **{f"UPSCALE_{key.upper()}": value for key, value in settings.items()},
    }
    try:
        command = [sys.executable, "-m", "upscale.main", "migrate"]
        await asyncio.to_thread(subprocess.run, command, env=environment, check=True, timeout=60)
        yield House(database, environment, folder, port, uuid4())
    finally:
        await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await admin.close()
