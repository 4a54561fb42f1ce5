"""What was found in a video goes job by job, and so does what a look left that came to nothing."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from chassis.run import Service
from chassis.testing import harness
from contracts.documents import Mark, Scene, Scenes, Watermarks
from contracts.gateway import JobRequested
from contracts.ingest import VideoIngested
from contracts.retention import IntermediatesErased, ResultsErased
from contracts.steps import Step
from contracts.traces import TracesErased
from vision.domain.failures import UnreadableVideo
from vision.main import build
from vision.ports import Sight
from vision.settings import Settings

pytestmark = pytest.mark.servers


def a_look(_eyes: Any, film: Any, _order: Any, folder: Any) -> Sight:
    """One shot with a key frame, and a mark: what is deleted afterwards needs no engine."""
    if film.read_bytes() == b"broken":
        raise UnreadableVideo("it cannot be decoded")
    shot = Scene(
        index=0, start_frame=0, end_frame=75, start=0.0, end=3.0, transition="start", score=1.0,
        keyframe="keyframes/0000.jpg",
    )  # fmt: skip
    (folder / "keyframes").mkdir()
    (folder / "keyframes" / "0000.jpg").write_bytes(b"\xff\xd8")
    mark = Mark(kind="logo", box=(0, 0, 8, 8), start=0.0, end=3.0, start_frame=0, end_frame=75, confidence=0.9)
    return Sight(Scenes(scenes=(shot,)), Watermarks(marks=(mark,)), ("keyframes/0000.jpg",))


def built(settings: Settings) -> Service:
    async def here(function: Any, *args: Any, **_: Any) -> Any:
        return function(*args)

    return build(settings, look=a_look, call=here)


def a_video(video_id: UUID) -> VideoIngested:
    return VideoIngested(
        video_id=video_id, sha256="0" * 64, original_key="original/film", media_key="media", audio_key=None,
        proxy_key="proxy", poster_key="poster", duration_s=3.0, width=320, height=180, frames=75, frame_rate="25/1",
    )  # fmt: skip


async def test_scenes_and_marks_go_job_by_job_and_leftovers_of_looks_that_came_to_nothing_alone(
    postgres_url: str,
) -> None:
    async with harness("vision", built, settings=Settings, admin_url=postgres_url) as service:
        video_id, old, young = uuid4(), uuid4(), uuid4()
        await service.blobs.put_bytes("original/film", b"a film")
        await service.hear(a_video(video_id), subject=video_id)
        asked = JobRequested(video_id=video_id, steps=(Step.SCENES, Step.WATERMARKS))
        for job_id in (old, young):
            await service.hear(asked, subject=video_id, job_id=job_id)
            await service.work_off()
        lost = f"derived/{service.tenant_id}/{young}/scenes-2/keyframes/0000.jpg"
        await service.blobs.put_bytes("original/film", b"broken")
        await service.hear(asked.model_copy(update={"run": 2}), subject=video_id, job_id=young)
        await service.work_off()
        await service.blobs.put_bytes(lost, b"of a worker that died before the film was given up")
        before = {key async for key in service.blobs.list("derived/")}

        leftovers = IntermediatesErased(video_id=video_id, erasure_id=uuid4(), job_ids=(old, young))
        await service.hear(leftovers, subject=video_id)
        await service.work_off()
        swept = before - {key async for key in service.blobs.list("derived/")}
        results = ResultsErased(video_id=video_id, erasure_id=uuid4(), job_ids=(old,))
        await service.hear(results, subject=video_id)
        await service.work_off()

        async with service.database.begin(service.tenant_id) as work:
            statement = "SELECT job_id FROM scenes UNION SELECT job_id FROM overlays"
            rows = set((await work.connection.execute(text(statement))).scalars())
        left = {key async for key in service.blobs.list("derived/")}
        told = {one.erasure_id: (one.rows, one.blobs) for one in service.facts(TracesErased)}
        assert rows == {young}
        assert left
        assert not [key for key in left if str(old) in key]
        assert swept == {lost}
        assert told[results.erasure_id] == (
            {"scenes": 1, "overlays": 1},
            {"derived/scenes": 2, "derived/watermarks": 1},
        )
        assert told[leftovers.erasure_id] == ({}, {"derived/scenes": 1})
