"""Renditions go job by job; chunks that are kept for a retry go with what is kept to work with, and are made anew."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from chassis.testing import Harness, harness
from contracts.gateway import JobOptions, JobRequested, UpscaleOptions
from contracts.ingest import VideoIngested
from contracts.retention import IntermediatesErased, RenditionsErased
from contracts.steps import Step
from contracts.traces import TracesErased
from contracts.upscale import ChunkReady, VideoUpscaled
from support.upscale_films import BARS, flat, written
from upscale.main import build
from upscale.settings import Settings

pytestmark = [pytest.mark.servers]
FRAMES = 6


@pytest.fixture
async def service(postgres_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    async with harness(
        "upscale", build, settings=Settings, admin_url=postgres_url,
        cache_dir=tmp_path / "cache", chunk_megapixels=0.0001, preset="ultrafast",
    ) as running:  # fmt: skip
        yield running


async def ingested(service: Harness, folder: Path) -> UUID:
    frames = [flat([(16 + 7 * number, 128, 128), *BARS[:3]], size=16) for number in range(FRAMES)]
    video_id, key = uuid4(), f"original/{service.tenant_id}/film"
    await service.blobs.put_file(key, written(folder / "film.mp4", frames))
    fact = VideoIngested(
        video_id=video_id, sha256="0" * 64, original_key=key, media_key="media", audio_key=None, proxy_key="proxy",
        poster_key="poster", duration_s=FRAMES / 25, width=64, height=16, frames=FRAMES, frame_rate="25/1",
    )  # fmt: skip
    await service.hear(fact, subject=video_id)
    return video_id


async def asked(service: Harness, video_id: UUID, job_id: UUID, *, run: int = 1) -> None:
    """Have the chunks made; that they are, the service has not heard yet."""
    options = JobOptions(upscale=UpscaleOptions())
    fact = JobRequested(video_id=video_id, steps=(Step.UPSCALE,), run=run, options=options)
    await service.hear(fact, subject=video_id, job_id=job_id)
    await service.work_off()


async def joined(service: Harness) -> None:
    for event in [event for event in service.announced if isinstance(event.data, ChunkReady)]:
        await service.hear(event.data, subject=event.subject, job_id=event.jobid, event_id=event.id)
    await service.work_off()


async def keys_of(service: Harness, *prefixes: str) -> list[str]:
    return [key for prefix in prefixes for key in [one async for one in service.blobs.list(prefix)]]


async def test_the_rendition_of_a_job_goes_and_that_of_another_stays(service: Harness, tmp_path: Path) -> None:
    video_id, old, young = await ingested(service, tmp_path), uuid4(), uuid4()
    for job_id in (old, young):
        await asked(service, video_id, job_id)
    await joined(service)
    fact = RenditionsErased(video_id=video_id, erasure_id=uuid4(), job_ids=(old,))

    for _ in range(2):
        await service.hear(fact, subject=video_id)
        await service.work_off()

    async with service.database.begin(service.tenant_id) as work:
        plans = set((await work.connection.execute(text("SELECT job_id FROM plans"))).scalars())
    left = await keys_of(service, "derived/", "scratch/")
    told = [(one.rows, one.blobs) for one in service.facts(TracesErased)]
    made = [one.rendition_key for one in service.facts(VideoUpscaled)]
    assert len(made) == 2
    assert plans == {young}
    assert sorted(left) == sorted(
        f"derived/{service.tenant_id}/{young}/upscale-1/{name}" for name in ("rendition.mp4", "qc.json", "qc.html")
    )
    assert told[0][0]["plans"] == 1
    assert told == [(told[0][0], {"derived/upscale": 3}), ({"outbox": 1}, {})], "asked again, it answers anew"


async def test_chunks_kept_for_a_retry_go_and_are_made_anew_when_it_comes(service: Harness, tmp_path: Path) -> None:
    video_id, job_id = await ingested(service, tmp_path), uuid4()
    await asked(service, video_id, job_id)
    first = {fact.index for fact in service.facts(ChunkReady)}
    kept = await keys_of(service, "scratch/")

    fact = IntermediatesErased(video_id=video_id, erasure_id=uuid4(), job_ids=(job_id,))
    await service.hear(fact, subject=video_id)
    await service.work_off()
    left = await keys_of(service, "scratch/")
    await asked(service, video_id, job_id, run=2)
    await joined(service)

    [told] = service.facts(TracesErased)
    [done] = service.facts(VideoUpscaled)
    assert (told.erasure_id, told.blobs) == (fact.erasure_id, {"scratch/upscale": len(kept)})
    assert len(kept) > len(first)
    assert left == []
    assert (done.run, done.frames) == (2, FRAMES)
    assert {one.index for one in service.facts(ChunkReady) if one.run == 2} == first
