"""The whole service on a real PostgreSQL, with real child processes, engine and encoder: from facts to a rendition."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from chassis.testing import Harness, harness
from contracts.documents import QualityReport
from contracts.gateway import JobCancelled, JobOptions, JobRequested, UpscaleOptions, VideoErased
from contracts.ingest import VideoIngested
from contracts.steps import Step, StepFailed, StepProgressed
from contracts.upscale import ChunkReady, UpscaleFailed, VideoUpscaled
from support.upscale_children import made_by_whom
from support.upscale_films import BARS, flat, frames_of, written
from upscale.main import build
from upscale.settings import Settings

pytestmark = [pytest.mark.servers]

VIDEO = UUID("00000000-0000-7000-8000-000000000001")
FRAMES = 30


@pytest.fixture
async def service(postgres_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    async with harness(
        "upscale", build, settings=Settings, admin_url=postgres_url,
        cache_dir=tmp_path / "cache", chunk_megapixels=0.0001, preset="ultrafast",
    ) as running:  # fmt: skip
        yield running


@pytest.fixture
def film(tmp_path: Path) -> Path:
    frames = [flat([(16 + 7 * number, 128, 128), *BARS[:3]], size=16) for number in range(FRAMES)]
    return written(tmp_path / "film.mp4", frames)


async def ingest(service: Harness, film: Path) -> VideoIngested:
    key = f"original/{service.tenant_id}/film"
    await service.blobs.put_file(key, film)
    return VideoIngested(
        video_id=VIDEO, sha256="0" * 64, original_key=key, media_key="media", audio_key=None, proxy_key="proxy",
        poster_key="poster", duration_s=FRAMES / 25, width=64, height=16, frames=FRAMES, frame_rate="25/1",
    )  # fmt: skip


def request(run: int = 1, **options: Any) -> JobRequested:
    wanted = JobOptions(upscale=UpscaleOptions(**options))
    return JobRequested(video_id=VIDEO, steps=(Step.UPSCALE,), run=run, options=wanted)


async def work_off(service: Harness) -> None:
    """Do what is queued, and let the service hear its own chunks as the bus would."""
    heard = 0
    while True:
        await service.work_off()
        news = [event for event in service.announced[heard:] if isinstance(event.data, ChunkReady)]
        heard = len(service.announced)
        if not news:
            return
        for event in news:
            await service.hear(event.data, subject=event.subject, job_id=event.jobid, event_id=event.id)


async def made_in(service: Harness) -> dict[int, list[int]]:
    """Indexes of the chunks that each run made."""
    made: dict[int, list[int]] = {}
    for task in await service.tasks():
        if task["kind"] == "chunk":
            made.setdefault(task["payload"]["run"], []).append(task["payload"]["index"])
    return {run: sorted(indexes) for run, indexes in made.items()}


@pytest.mark.parametrize("video_first", [True, False], ids=["the video came first", "the job came first"])
async def test_a_job_becomes_a_film_of_exactly_the_frames_that_were_asked_for(
    service: Harness, film: Path, video_first: bool
) -> None:
    video, job = await ingest(service, film), uuid4()
    facts = [video, request(start=0.08, end=1.08, only=True)]

    for fact in facts if video_first else reversed(facts):
        await service.hear(fact, subject=VIDEO, job_id=job if isinstance(fact, JobRequested) else None)
    await work_off(service)

    (done,) = service.facts(VideoUpscaled)
    report = QualityReport.model_validate_json(await service.blobs.get_bytes(done.qc_key))
    assert (done.frames, done.width, done.height, done.passed) == (25, 128, 32, True)
    assert (report.frames_in, report.frames_out, report.start_frame, report.end_frame) == (25, 25, 2, 27)
    assert report.pts_equal
    assert report.color_equal
    assert [chunk.frames for chunk in report.chunks] == [12, 13]
    assert done.engine.startswith("openvino")
    async with service.blobs.local(done.rendition_key) as rendition:
        levels = [float(frame[:28, :28].mean()) for frame in frames_of(rendition, pixel_format="gray")]
    assert levels == sorted(levels)
    assert [key async for key in service.blobs.list("scratch/")] == []


async def test_the_bar_moves_forward_over_all_frames(service: Harness, film: Path) -> None:
    await service.hear(await ingest(service, film), subject=VIDEO)
    await service.hear(request(), subject=VIDEO, job_id=uuid4())
    await work_off(service)

    told = [event.data.fraction for event in service.told if isinstance(event.data, StepProgressed)]
    assert told == sorted(told)
    assert any(0.03 < fraction < 0.95 for fraction in told)


async def test_a_retried_run_makes_only_the_chunks_that_are_missing(service: Harness, film: Path) -> None:
    job = uuid4()
    await service.hear(await ingest(service, film), subject=VIDEO)
    await service.hear(request(), subject=VIDEO, job_id=job)
    await service.work_off()  # both chunks are made; their joining was not heard of yet
    first = {fact.index: fact for fact in service.facts(ChunkReady)}
    await service.blobs.delete(first[1].key)

    await service.hear(request(run=2), subject=VIDEO, job_id=job)
    await work_off(service)

    made = await made_in(service)
    (done,) = service.facts(VideoUpscaled)
    again = [fact for fact in service.facts(ChunkReady) if fact.run == 2]
    assert made == {1: [0, 1], 2: [1]}
    assert done.run == 2
    assert {fact.index: fact.sha256 for fact in again} == {index: fact.sha256 for index, fact in first.items()}


async def test_other_parameters_make_every_chunk_anew(service: Harness, film: Path) -> None:
    job = uuid4()
    await service.hear(await ingest(service, film), subject=VIDEO)
    await service.hear(request(), subject=VIDEO, job_id=job)
    await service.work_off()

    await service.hear(request(run=2, crf=30), subject=VIDEO, job_id=job)
    await service.work_off()

    made = await made_in(service)
    assert made == {1: [0, 1], 2: [0, 1]}


async def test_a_damaged_chunk_fails_the_step_and_is_made_anew_by_the_next_run(service: Harness, film: Path) -> None:
    job = uuid4()
    await service.hear(await ingest(service, film), subject=VIDEO)
    await service.hear(request(), subject=VIDEO, job_id=job)
    await service.work_off()
    damaged = service.facts(ChunkReady)[0]
    await service.blobs.put_bytes(damaged.key, b"not what was verified")
    await work_off(service)
    (failed,) = service.facts(StepFailed)

    await service.hear(request(run=2), subject=VIDEO, job_id=job)
    await work_off(service)

    made = await made_in(service)
    assert failed.reason == "chunk_damaged"
    assert made == {1: [0, 1], 2: [damaged.index]}
    assert service.facts(VideoUpscaled)[0].passed


async def test_a_range_without_frames_fails_the_step_with_its_reason(service: Harness, film: Path) -> None:
    await service.hear(await ingest(service, film), subject=VIDEO)
    await service.hear(request(start=60), subject=VIDEO, job_id=uuid4())

    await service.work_off()

    (failed,), (step,) = service.facts(UpscaleFailed), service.facts(StepFailed)
    assert (failed.reason, step.reason, step.attempts) == ("empty_range", "empty_range", 1)
    assert "1.160 s" in step.detail


@pytest.mark.parametrize("model", ["nobody-knows", "custom-absent"])
async def test_an_unknown_model_is_no_reason_to_try_again(service: Harness, film: Path, model: str) -> None:
    await service.hear(await ingest(service, film), subject=VIDEO)
    await service.hear(request(model=model), subject=VIDEO, job_id=uuid4())

    await service.work_off()

    (step,) = service.facts(StepFailed)
    assert (step.reason, step.attempts) == ("unknown_model", 1)
    assert model in step.detail


async def test_a_network_that_no_worker_here_can_run_is_refused_before_the_film_is_looked_through(
    service: Harness, film: Path
) -> None:
    await service.hear(await ingest(service, film), subject=VIDEO)
    await service.hear(request(model="realesrgan-x4plus"), subject=VIDEO, job_id=uuid4())

    await service.work_off()

    (step,) = service.facts(StepFailed)
    assert (step.reason, step.attempts) == ("engine_missing", 1)
    assert "UPSCALE_ENGINE=torch" in step.detail
    assert await made_in(service) == {}


async def test_a_cancelled_job_stops_and_leaves_no_chunks(service: Harness, film: Path) -> None:
    job = uuid4()
    await service.hear(await ingest(service, film), subject=VIDEO)
    await service.hear(request(), subject=VIDEO, job_id=job)
    await service.work_off()

    await service.hear(JobCancelled(video_id=VIDEO), subject=VIDEO, job_id=job)
    await work_off(service)

    assert service.facts(VideoUpscaled) == []
    assert [key async for key in service.blobs.list("scratch/")] == []


async def test_what_a_dead_worker_stored_for_a_job_that_is_then_cancelled_is_deleted(
    service: Harness, film: Path
) -> None:
    job = uuid4()
    await service.hear(await ingest(service, film), subject=VIDEO)
    await service.hear(request(), subject=VIDEO, job_id=job)
    await service.work_off()
    for ready in service.facts(ChunkReady):
        await service.hear(ready, subject=VIDEO, job_id=job)  # the joining is queued
    await service.blobs.put_bytes(f"derived/{service.tenant_id}/{job}/upscale-1/rendition.mp4", b"half a film")

    await service.hear(JobCancelled(video_id=VIDEO), subject=VIDEO, job_id=job)
    await work_off(service)

    assert [key async for key in service.blobs.list("derived/")] == []


async def test_an_erased_video_leaves_no_trace(service: Harness, film: Path) -> None:
    await service.hear(await ingest(service, film), subject=VIDEO)
    await service.hear(request(), subject=VIDEO, job_id=uuid4())
    await work_off(service)

    await service.hear(VideoErased(video_id=VIDEO), subject=VIDEO)
    await service.work_off()

    assert [key async for key in service.blobs.list("derived/")] == []
    async with service.database.read(service.tenant_id) as connection:
        counts = [
            (await connection.exec_driver_sql(f"SELECT count(*) FROM {table}")).scalar()
            for table in ("requests", "plans", "chunks")
        ]
    assert counts == [0, 0, 0]


async def test_a_redelivered_request_is_planned_once(service: Harness, film: Path) -> None:
    job, event = uuid4(), uuid4()
    await service.hear(await ingest(service, film), subject=VIDEO)

    for _ in range(2):
        await service.hear(request(), subject=VIDEO, job_id=job, event_id=event)
    await service.hear(request(), subject=VIDEO, job_id=job)

    kinds = [task["kind"] for task in await service.tasks()]
    assert kinds == ["plan"]


async def test_a_worker_with_torch_makes_chunk_after_chunk_in_the_process_that_loaded_it(
    postgres_url: str, film: Path, tmp_path: Path
) -> None:
    async with harness(
        "upscale", partial(build, make=made_by_whom), settings=Settings, admin_url=postgres_url, engine="torch",
        workers=1, cache_dir=tmp_path / "cache", chunk_megapixels=0.0001, preset="ultrafast",
    ) as service:  # fmt: skip
        await service.hear(await ingest(service, film), subject=VIDEO)
        await service.hear(request(), subject=VIDEO, job_id=uuid4())
        await work_off(service)
        (done,) = service.facts(VideoUpscaled)
        report = QualityReport.model_validate_json(await service.blobs.get_bytes(done.qc_key))

    assert done.passed
    assert len(report.chunks) == 2
    assert len({chunk.machine for chunk in report.chunks}) == 1
