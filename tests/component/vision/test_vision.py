"""The vision service on a real database, looking at a real film in real child processes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from chassis.testing import Harness, harness
from chassis.work import LeaseLost
from contracts.documents import Scenes, Watermarks
from contracts.event import Event
from contracts.gateway import JobCancelled, JobOptions, JobRequested, VideoErased
from contracts.ingest import VideoIngested
from contracts.steps import Step, StepFailed, StepProgressed
from contracts.vision import ScenesDetected, WatermarksDetected
from support.vision_clips import FRAME_RATE, HEIGHT, WIDTH, Logo, camera, encode, with_logo
from vision.adapters.postgres import PostgresRecords
from vision.main import build
from vision.ports import Eyes, Sight
from vision.settings import Settings
from vision.usecases import JoinVideoAndJob, LookAtVideo

pytestmark = pytest.mark.servers

FRAMES = 90
BOTH = (Step.SCENES, Step.WATERMARKS)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three shots with a logo over all of them."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    shots = chain.from_iterable(camera(seed, 30) for seed in (1, 2, 3))
    assert encode(path, with_logo(shots, Logo(opacity=0.9), lambda _: (410, 20))) == FRAMES
    return path


@pytest.fixture
async def service(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Harness]:
    cache = tmp_path_factory.getbasetemp() / "models"
    async with harness("vision", build, settings=Settings, admin_url=postgres_url, cache_dir=cache) as running:
        yield running


def a_video(video_id: UUID, *, original_key: str = "original/film") -> VideoIngested:
    return VideoIngested(
        video_id=video_id,
        sha256="0" * 64,
        original_key=original_key,
        media_key="derived/media.json",
        audio_key=None,
        proxy_key="derived/proxy.mp4",
        poster_key="derived/poster.jpg",
        duration_s=FRAMES / FRAME_RATE,
        width=WIDTH,
        height=HEIGHT,
        frames=FRAMES,
        frame_rate=f"{FRAME_RATE}/1",
    )


def a_request(video_id: UUID, *steps: Step, run: int = 1, **options: Any) -> JobRequested:
    return JobRequested(video_id=video_id, steps=steps or BOTH, run=run, options=JobOptions(**options))


async def ingested(service: Harness, video_id: UUID, film: Path | None = None, **video: Any) -> None:
    if film is not None:
        await service.blobs.put_file("original/film", film)
    await service.hear(a_video(video_id, **video), subject=video_id)


async def asked(service: Harness, video_id: UUID, job_id: UUID, *steps: Step, **request: Any) -> None:
    await service.hear(a_request(video_id, *steps, **request), subject=video_id, job_id=job_id)


async def blobs_of(service: Harness) -> list[str]:
    return sorted([key async for key in service.blobs.list(f"derived/{service.tenant_id}/")])


@pytest.mark.parametrize("video_first", [True, False])
async def test_a_video_and_a_request_in_any_order_make_scenes_and_marks_in_one_look(
    service: Harness, film: Path, *, video_first: bool
) -> None:
    video_id, job_id = uuid4(), uuid4()

    for video in (video_first, not video_first):
        if video:
            await ingested(service, video_id, film)
        else:
            await asked(service, video_id, job_id, run=2)
    looks = await service.work_off()

    (scenes,), (marks,) = service.facts(ScenesDetected), service.facts(WatermarksDetected)
    folder = f"derived/{service.tenant_id}/{job_id}"
    assert looks == 1
    assert (scenes.key, marks.key) == (f"{folder}/scenes-2/scenes.json", f"{folder}/watermarks-2/watermarks.json")
    assert (scenes.scenes, marks.marks, scenes.run, marks.run) == (3, 1, 2, 2)
    assert scenes.engine.startswith("TransNetV2")
    assert scenes.model_sha256.startswith("a313d0b3")
    assert {event.jobid for event in service.announced} == {job_id}
    document = Scenes.model_validate_json(await service.blobs.get_bytes(scenes.key))
    assert [scene.start_frame for scene in document.scenes] == [0, 30, 60]
    for scene in document.scenes:
        keyframe = await service.blobs.get_bytes(f"{folder}/scenes-2/{scene.keyframe}")
        assert keyframe.startswith(b"\xff\xd8\xff")
    (mark,) = Watermarks.model_validate_json(await service.blobs.get_bytes(marks.key)).marks
    assert (mark.start_frame, mark.end_frame) == (0, FRAMES)
    told = {event.data.step for event in service.told if isinstance(event.data, StepProgressed)}
    assert told == set(BOTH)
    async with service.database.read(service.tenant_id) as connection:
        shots = await connection.execute(text('SELECT start_frame, end_frame, transition FROM scenes ORDER BY "index"'))
        assert [tuple(row) for row in shots] == [(0, 30, "start"), (30, 60, "cut"), (60, 90, "cut")]
        overlays = await connection.execute(text("SELECT start_s, end_s, moving FROM overlays"))
        assert [tuple(row) for row in overlays] == [(0.0, 3.6, False)]


@pytest.mark.parametrize(
    ("step", "fact", "other"),
    [(Step.SCENES, ScenesDetected, WatermarksDetected), (Step.WATERMARKS, WatermarksDetected, ScenesDetected)],
)
async def test_one_step_alone_is_looked_for_alone(
    service: Harness, film: Path, step: Step, fact: type[Any], other: type[Any]
) -> None:
    video_id, job_id = uuid4(), uuid4()

    await ingested(service, video_id, film)
    await asked(service, video_id, job_id, Step.TRANSCRIPT, step)
    await service.work_off()

    assert (len(service.facts(fact)), service.facts(other)) == (1, [])
    assert all(key.startswith(f"derived/{service.tenant_id}/{job_id}/{step}-1/") for key in await blobs_of(service))
    assert {event.data.step for event in service.told if isinstance(event.data, StepProgressed)} == {step}


async def test_the_fast_detector_is_another_engine(service: Harness, film: Path) -> None:
    video_id = uuid4()

    await ingested(service, video_id, film)
    await asked(service, video_id, uuid4(), Step.SCENES, scene_detector="fast")
    await service.work_off()

    (scenes,) = service.facts(ScenesDetected)
    assert scenes.engine.startswith("PySceneDetect")
    assert (scenes.scenes, scenes.model_sha256) == (3, None)


async def test_jobs_that_want_nothing_seen_start_nothing(service: Harness) -> None:
    video_id = uuid4()

    await ingested(service, video_id)
    await asked(service, video_id, uuid4(), Step.TRANSCRIPT, Step.UPSCALE)

    assert await service.tasks() == []


async def test_facts_told_twice_are_worked_on_once_and_every_run_has_its_own_task(service: Harness) -> None:
    video_id, job_id = uuid4(), uuid4()

    for run in (1, 1, 2):
        await ingested(service, video_id)
        await asked(service, video_id, job_id, run=run)
    await asked(service, video_id, job_id, Step.WATERMARKS, run=3)

    keys = sorted(task["key"] for task in await service.tasks())
    assert keys == [f"{job_id}/scenes+watermarks/1", f"{job_id}/scenes+watermarks/2", f"{job_id}/watermarks/3"]


async def test_a_film_that_is_none_fails_every_step_at_once_with_what_to_do(service: Harness) -> None:
    video_id = uuid4()
    await service.blobs.put_bytes("original/film", b"no film at all" * 100)

    await ingested(service, video_id)
    await asked(service, video_id, uuid4())
    await service.work_off()

    failures = service.facts(StepFailed)
    assert [failure.step for failure in failures] == list(BOTH)
    assert {(failure.reason, failure.attempts) for failure in failures} == {("unreadable_video", 1)}
    assert "upload it again" in failures[0].detail


@pytest.mark.parametrize("cancelled_first", [True, False])
async def test_a_cancelled_job_starts_nothing_more(service: Harness, *, cancelled_first: bool) -> None:
    video_id, job_id = uuid4(), uuid4()
    request = a_request(video_id)

    if not cancelled_first:
        await service.hear(request, subject=video_id, job_id=job_id)
    await service.hear(JobCancelled(video_id=video_id), subject=video_id, job_id=job_id)
    await ingested(service, video_id)

    assert await service.work_off() == 0
    assert service.announced == []


async def test_what_was_seen_for_a_job_cancelled_too_late_is_erased_with_its_video(
    service: Harness, film: Path
) -> None:
    video_id, job_id = uuid4(), uuid4()
    await ingested(service, video_id, film)
    await asked(service, video_id, job_id, *BOTH, scene_detector="fast")
    await service.work_off()
    await service.hear(JobCancelled(video_id=video_id), subject=video_id, job_id=job_id)
    assert await blobs_of(service) != []

    await service.hear(VideoErased(video_id=video_id), subject=video_id)
    await service.work_off()

    assert await blobs_of(service) == []


async def test_what_a_dead_worker_stored_for_a_job_that_is_then_cancelled_is_deleted(
    service: Harness, film: Path
) -> None:
    video_id, job_id = uuid4(), uuid4()
    await ingested(service, video_id, film)
    await asked(service, video_id, job_id, *BOTH, scene_detector="fast")
    for name in ("scenes-1/scenes.json", "watermarks-1/watermarks.json"):
        await service.blobs.put_bytes(f"derived/{service.tenant_id}/{job_id}/{name}", b"{}")

    await service.hear(JobCancelled(video_id=video_id), subject=video_id, job_id=job_id)
    await service.work_off()

    assert await blobs_of(service) == []


async def test_an_erased_video_leaves_neither_rows_nor_blobs(service: Harness, film: Path) -> None:
    video_id = uuid4()
    await ingested(service, video_id, film)
    await asked(service, video_id, uuid4(), Step.SCENES, scene_detector="fast")
    await service.work_off()
    assert len(await blobs_of(service)) == 4

    await service.hear(VideoErased(video_id=video_id), subject=video_id)
    await service.work_off()

    assert await blobs_of(service) == []
    async with service.database.read(service.tenant_id) as connection:
        for table in ("requests", "scenes", "overlays"):
            assert await connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0
        assert (await connection.execute(text("SELECT ingested, erased FROM videos"))).all() == [(None, True)]


async def test_a_video_erased_while_it_is_looked_at_leaves_nothing(service: Harness, film: Path) -> None:
    video_id = uuid4()
    await ingested(service, video_id, film)
    await asked(service, video_id, uuid4())

    looking = asyncio.create_task(service.work_off())
    async with asyncio.timeout(60):
        while not service.told:  # noqa: ASYNC110 (the harness keeps a list, not an event)
            await asyncio.sleep(0.05)
    await service.hear(VideoErased(video_id=video_id), subject=video_id)
    await looking
    await service.work_off()

    assert service.announced == []
    assert await blobs_of(service) == []


class LateTask:
    """A task whose video is erased, or whose job is cancelled, between its blobs and its last word."""

    def __init__(self, service: Harness, video_id: UUID, *, cancelled: bool) -> None:
        self._cancelled = cancelled
        self.tenant_id, self.job_id, self.subject, self.key = service.tenant_id, uuid4(), str(video_id), "late"
        self.payload = {
            "run": 1, "steps": ["scenes", "watermarks"], "original_key": "original/film", "duration_s": 1.0,
            "frames": 1, "width": 2, "height": 2, "detector": None,
        }  # fmt: skip
        self._service = service

    async def run_with(self, *_: object, on_progress: object) -> Sight:
        return Sight(scenes=Scenes(scenes=()), watermarks=Watermarks(marks=()))

    @asynccontextmanager
    async def finish(self) -> AsyncIterator[None]:
        assert len(await blobs_of(self._service)) == 2
        if not self._cancelled:
            await self._service.hear(VideoErased(video_id=UUID(self.subject)), subject=self.subject)
        raise LeaseLost("cancelled")
        yield

    async def is_cancelled(self) -> bool:
        return self._cancelled


@pytest.mark.parametrize("cancelled", [True, False])
async def test_what_is_written_just_after_the_erasure_or_the_cancellation_is_deleted_too(
    service: Harness, film: Path, *, cancelled: bool
) -> None:
    await service.blobs.put_file("original/film", film)
    task: Any = LateTask(service, uuid4(), cancelled=cancelled)
    look_at = LookAtVideo(
        database=service.database,
        records=lambda work: PostgresRecords(work.connection, work.tenant_id),
        blobs=service.blobs,
        look=lambda *_: Sight(None, None),
        eyes=Eyes(None, None, 1, 640),
        tell=lambda *_: asyncio.sleep(0),
        detector="fast",
    )

    with pytest.raises(LeaseLost):
        await look_at(task)

    assert await blobs_of(service) == []


async def test_another_tenant_sees_none_of_it(service: Harness, film: Path) -> None:
    video_id, stranger = uuid4(), uuid4()
    await ingested(service, video_id, film)
    await asked(service, video_id, uuid4(), Step.SCENES, scene_detector="fast")
    await service.work_off()

    await service.hear(a_request(video_id), subject=video_id, job_id=uuid4(), tenant_id=stranger)
    await service.work_off()

    assert len(service.facts(ScenesDetected)) == 1
    async with service.database.read(stranger) as connection:
        for table in ("videos", "scenes", "overlays", "cancellations"):
            assert await connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0


async def test_a_video_and_the_job_that_wants_it_meet_even_when_they_come_at_one_moment(service: Harness) -> None:
    video_id, job_id = uuid4(), uuid4()
    join = JoinVideoAndJob(lambda work: PostgresRecords(work.connection, work.tenant_id))
    request = Event[JobRequested].of(
        a_request(video_id), source="gateway", subject=str(video_id), tenant_id=service.tenant_id, job_id=job_id
    )

    async with service.database.begin(service.tenant_id) as work:
        await join.job_came(request, work)
        video_comes = asyncio.create_task(service.hear(a_video(video_id), subject=video_id))
        await asyncio.sleep(0.3)  # time enough for its handler to look for a request that is not committed yet
    await video_comes

    assert [task["job_id"] for task in await service.tasks()] == [job_id]
