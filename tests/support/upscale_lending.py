"""A service that lends chunks to runners, its door, a film, and what a test does with them."""

import asyncio
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import text

from chassis.run import Service
from chassis.testing import Harness
from contracts.gateway import JobOptions, JobRequested, UpscaleOptions
from contracts.ingest import VideoIngested
from contracts.steps import Step
from contracts.upscale import ChunkReady
from support.upscale_films import BARS, flat, written
from support.upscale_runners import ScriptedRunner, invite
from upscale.main import build
from upscale.settings import Settings
from upscale.usecases.tending import Tend

__all__ = [
    "FRAMES",
    "LENT",
    "SECRET",
    "a_film",
    "a_runner",
    "asked",
    "at_work",
    "build_here",
    "keeper_of",
    "let_time_pass",
    "settle",
    "states",
    "tend",
]

FRAMES = 60
SECRET = "a secret for the tests of runners"
LENT: dict[str, Any] = {
    "preset": "ultrafast", "runner_secret": SECRET, "runner_lease_s": 30, "runner_grace_s": 5,
    "runner_patience_s": 600, "min_free_bytes": 0,
}  # fmt: skip
"""Settings of a service that lends."""


async def here(function: Callable[..., Any], *args: Any, **_how: Any) -> Any:
    """Heavy work in this process: other suites prove that it runs in a child as well."""
    return await asyncio.to_thread(function, *args)


def build_here(settings: Settings) -> Service:
    """The service, with its heavy work in this process."""
    return build(settings, call=here)


def a_film(folder: Path) -> Path:
    """Small and short; every frame differs."""
    frames = [flat([(16 + 3 * number, 128, 128), *BARS[:3]], size=16) for number in range(FRAMES)]
    return written(folder / "film.mp4", frames)


def digest_of(path: Path) -> str:
    """As ingest would say it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def asked(service: Harness, film: Path, *, tenant_id: UUID | None = None, **options: Any) -> UUID:
    """A job that wants the film, planned: its chunks wait."""
    tenant, job, video = tenant_id or service.tenant_id, uuid4(), uuid4()
    key = f"original/{tenant}/{video}"
    await service.blobs.put_file(key, film)
    ingested = VideoIngested(
        video_id=video, sha256=digest_of(film), original_key=key, media_key="media",
        audio_key=None, proxy_key="proxy", poster_key="poster", duration_s=FRAMES / 25, width=64, height=16,
        frames=FRAMES, frame_rate="25/1",
    )  # fmt: skip
    wanted = JobOptions(upscale=UpscaleOptions(**{"dispatch": "colab", **options}))
    request = JobRequested(video_id=video, steps=(Step.UPSCALE,), options=wanted)
    await service.hear(ingested, subject=video, tenant_id=tenant)
    await service.hear(request, subject=video, job_id=job, tenant_id=tenant)
    await service.work_off()
    return job


async def settle(service: Harness) -> None:
    """Do what is queued, and let the service hear its own chunks as the bus would."""
    known: set[UUID] = set()
    while True:
        await service.work_off()
        news = [event for event in service.announced if isinstance(event.data, ChunkReady)]
        news = [event for event in news if event.id not in known]
        known |= {event.id for event in news}
        if not news:
            return
        for event in news:
            await service.hear(
                event.data, subject=event.subject, job_id=event.jobid, tenant_id=event.tenantid, event_id=event.id
            )


async def a_runner(
    service: Harness, client: httpx.AsyncClient, folder: Path, *, name: str = "attic", **invited: Any
) -> ScriptedRunner:
    """A registered machine."""
    (folder / name).mkdir()
    return await ScriptedRunner.registered(client, folder / name, await invite(service, **invited), name=name)


async def at_work(
    service: Harness, client: httpx.AsyncClient, film: Path, folder: Path
) -> tuple[ScriptedRunner, dict[str, Any]]:
    """A runner with a lease of the first chunk of a film."""
    await asked(service, film)
    runner = await a_runner(service, client, folder)
    lease = await runner.claim()
    assert lease is not None
    return runner, lease


async def let_time_pass(service: Harness, seconds: float, *, slow: bool = False) -> None:
    """As if all leases had been given so much earlier; then whoever looks after them looks.

    It has looked all the while, unless the house was ``slow``.
    """
    vigil = keeper_of(service).vigil
    vigil.look()
    vigil._slow_at = time.monotonic() if slow else float("-inf")
    async with service.database.begin_untenanted() as connection:
        shift = {"seconds": seconds}
        for column in ("lease_until", "claimed_at"):
            moved = f"UPDATE leases SET {column} = {column} - make_interval(secs => :seconds)"
            await connection.execute(text(moved), shift)
    await tend(service)


def keeper_of(service: Harness) -> Tend:
    """Who looks after runners."""
    keepers: list[Any] = [getattr(run, "__self__", None) for run in service.service.background]
    return next(keeper for keeper in keepers if isinstance(keeper, Tend))


async def tend(service: Harness) -> None:
    """Have it look once."""
    await keeper_of(service).round()


async def states(service: Harness, table: str = "offers") -> list[str]:
    """Of all offers, or leases."""
    async with service.database.begin_untenanted() as connection:
        order = '"index"' if table == "offers" else "claimed_at"
        return list((await connection.execute(text(f"SELECT state FROM {table} ORDER BY {order}"))).scalars())
