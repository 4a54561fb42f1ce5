"""The service as a process of its own, killed at every stage, started again: the film comes all the same."""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from chassis.blobs import Blobs, blobs_at
from chassis.bus import Bus
from chassis.database import Database
from contracts.documents import QualityReport
from contracts.event import Event, Fact
from contracts.gateway import JobOptions, JobRequested, UpscaleOptions
from contracts.ingest import VideoIngested
from contracts.steps import Step

pytestmark = [pytest.mark.servers]

TENANT, VIDEO, JOB = uuid4(), uuid4(), uuid4()
FRAMES = 60


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[str]:
    name = f"upscale_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(postgres_url)
    await admin.execute(f'CREATE DATABASE "{name}"')
    try:
        yield make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    finally:
        await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await admin.close()


@pytest.fixture
def environment(database: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    own = make_url(database).set(
        username="upscale", password="upscale-of-the-harness"
    )  # a role is the server's: others use it too
    variables = {
        **os.environ,
        "UPSCALE_DATABASE_URL": own.render_as_string(hide_password=False),
        "UPSCALE_ADMIN_DATABASE_URL": database,
        "UPSCALE_REDIS_URL": redis_url,
        "UPSCALE_BLOBS_URL": f"file://{tmp_path}/blobs",
        "UPSCALE_CACHE_DIR": str(tmp_path / "cache"),
        "UPSCALE_HTTP_PORT": "0",
        "UPSCALE_LEASE_S": "2",
        "UPSCALE_CHUNK_MEGAPIXELS": "0.1",
        "UPSCALE_PRECISION": "f32",
        "UPSCALE_PRESET": "ultrafast",
        "UPSCALE_LOG_FORMAT": "console",
    }
    subprocess.run([sys.executable, "-m", "upscale.main", "migrate"], env=variables, check=True, timeout=60)
    return variables


@contextmanager
def running(environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "upscale.main", "serve"], env=environment, stderr=file, stdout=file
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


async def send(environment: dict[str, str], *facts: Fact) -> None:
    bus = Bus(
        "gateway", environment["UPSCALE_REDIS_URL"], Database(environment["UPSCALE_DATABASE_URL"], service="gateway")
    )
    for fact in facts:
        kind: Any = Event[type(fact)]  # type: ignore[misc]
        await bus.tell(kind.of(fact, source="test", subject=str(VIDEO), tenant_id=TENANT, job_id=JOB))
    await bus.close()
    await bus.database.close()


async def until(database: str, query: str, *, within_s: float) -> Any:
    """The first answer of the database that is true."""
    connection = await asyncpg.connect(database)
    try:
        deadline = time.monotonic() + within_s
        while not (found := await connection.fetchval(query)):
            assert time.monotonic() < deadline, f"not within {within_s} s: {query}"
            await asyncio.sleep(0.1)
        return found
    finally:
        await connection.close()


@asynccontextmanager
async def writing_held_up(database: str, table: str) -> AsyncIterator[None]:
    """Let nobody write a table for a while: whoever has done its work waits with its last word."""
    connection = await asyncpg.connect(database)
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE upscale.{table} IN EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


def waits_to_write(table: str) -> str:
    return f"SELECT 1 FROM pg_locks WHERE relation = 'upscale.{table}'::regclass AND NOT granted"


async def test_a_service_killed_at_every_stage_still_gives_the_film_and_makes_nothing_twice(
    evaluation_data: Path, environment: dict[str, str], database: str, tmp_path: Path
) -> None:
    blobs = blobs_at(environment["UPSCALE_BLOBS_URL"])
    await blobs.put_file(f"original/{TENANT}/film", evaluation_data / "upscale" / "flower_x4_compressed.mp4")
    log = tmp_path / "service.log"

    async with writing_held_up(database, "plans"):
        with running(environment, log) as service:
            await send(environment, *facts())
            await until(database, waits_to_write("plans"), within_s=60)
            service.send_signal(signal.SIGKILL)  # planned, and not yet said
            service.wait()
    with running(environment, log) as service:
        await until(database, "SELECT max(frames_done) >= 3 FROM upscale.chunks WHERE key IS NULL", within_s=60)
        service.send_signal(signal.SIGKILL)  # in the middle of a chunk
        service.wait()
    with running(environment, log) as service:
        await until(database, "SELECT count(*) > 0 AND bool_and(key IS NOT NULL) FROM upscale.chunks", within_s=120)
        async with writing_held_up(database, "chunks"):
            await until(database, waits_to_write("chunks"), within_s=60)
            service.send_signal(signal.SIGKILL)  # joined and stored, and not yet said
            service.wait()
    with running(environment, log):
        done = "SELECT 1 FROM upscale.tasks WHERE kind = 'assemble' AND state = 'done'"
        await until(database, done, within_s=120)

    report = await report_in(blobs)
    tries = await until(database, TRIES, within_s=1)
    assert (report.frames_in, report.frames_out, report.passed) == (FRAMES, FRAMES, True)
    assert tries == "assemble 2, chunk 2, plan 2", log.read_text()[-2000:]


TRIES = """
SELECT string_agg(kind || ' ' || tries, ', ' ORDER BY kind)
FROM (
    SELECT kind, max(attempt) AS tries FROM upscale.tasks WHERE kind IN ('plan', 'chunk', 'assemble') GROUP BY kind
) AS stages
"""


def facts() -> tuple[VideoIngested, JobRequested]:
    video = VideoIngested(
        video_id=VIDEO, sha256="0" * 64, original_key=f"original/{TENANT}/film", media_key="media", audio_key=None,
        proxy_key="proxy", poster_key="poster", duration_s=2, width=240, height=134, frames=FRAMES, frame_rate="30/1",
    )  # fmt: skip
    wanted = JobOptions(upscale=UpscaleOptions(scale=2))
    return video, JobRequested(video_id=VIDEO, steps=(Step.UPSCALE,), options=wanted)


async def report_in(blobs: Blobs) -> QualityReport:
    folder = f"derived/{TENANT}/{JOB}/upscale-1/"
    assert [key async for key in blobs.list(folder)] == [
        f"{folder}qc.html",
        f"{folder}qc.json",
        f"{folder}rendition.mp4",
    ]
    return QualityReport.model_validate_json(await blobs.get_bytes(f"{folder}qc.json"))
