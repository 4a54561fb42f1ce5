"""The transcribe service on a real database, with its real recognizer in real child processes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from sqlalchemy import text

from chassis.database import UnitOfWork
from chassis.testing import Harness, harness
from chassis.work import LeaseLost
from contracts.documents import Transcript
from contracts.event import Event
from contracts.gateway import JobCancelled, JobOptions, JobRequested, VideoErased
from contracts.ingest import VideoIngested
from contracts.steps import Step, StepFailed, StepProgressed
from contracts.transcribe import TranscriptReady
from support.speech import audioeval_clip, decoded, write_wav
from transcribe.adapters.postgres import PostgresRecords
from transcribe.main import build
from transcribe.ports import Ears
from transcribe.settings import Settings
from transcribe.usecases import JoinVideoAndJob, Scribe, TranscribeVideo

pytestmark = pytest.mark.servers


@pytest.fixture
async def service(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Harness]:
    cache = tmp_path_factory.getbasetemp() / "models"
    async with harness("transcribe", build, settings=Settings, admin_url=postgres_url, cache_dir=cache) as running:
        yield running


def a_video(video_id: UUID, *, audio_key: str | None = None) -> VideoIngested:
    return VideoIngested(
        video_id=video_id,
        sha256="0" * 64,
        original_key="original/x",
        media_key="derived/media.json",
        audio_key=audio_key,
        proxy_key="derived/proxy.mp4",
        poster_key="derived/poster.jpg",
        duration_s=3.0,
        width=320,
        height=180,
        frames=75,
        frame_rate="25/1",
    )


def a_request(video_id: UUID, *steps: Step, run: int = 1, **options: Any) -> JobRequested:
    return JobRequested(video_id=video_id, steps=steps or (Step.TRANSCRIPT,), run=run, options=JobOptions(**options))


async def ingested(service: Harness, video_id: UUID, **video: Any) -> None:
    await service.hear(a_video(video_id, **video), subject=video_id)


async def asked(service: Harness, video_id: UUID, job_id: UUID, *steps: Step, **request: Any) -> None:
    await service.hear(a_request(video_id, *steps, **request), subject=video_id, job_id=job_id)


async def spoken_audio(service: Harness, folder: Path) -> str:
    clip, _ = audioeval_clip("en", "quick_brown_fox")
    await service.blobs.put_file("derived/t/v/audio.wav", write_wav(folder / "audio.wav", decoded(clip)))
    return "derived/t/v/audio.wav"


@pytest.mark.parametrize("video_first", [True, False])
async def test_a_video_and_a_request_in_any_order_make_a_transcript(
    service: Harness, tmp_path: Path, *, video_first: bool
) -> None:
    video_id, job_id = uuid4(), uuid4()
    audio_key = await spoken_audio(service, tmp_path)

    for video in (video_first, not video_first):
        if video:
            await ingested(service, video_id, audio_key=audio_key)
        else:
            await asked(service, video_id, job_id)
    await service.work_off()

    (ready,) = service.facts(TranscriptReady)
    document = Transcript.model_validate_json(await service.blobs.get_bytes(ready.key))
    assert " ".join(word.text for word in document.words) == "The quick brown fox jumps over the lazy dog."
    assert (ready.video_id, ready.run, ready.audio_key, ready.language) == (video_id, 1, audio_key, "en")
    assert ready.words == 9
    assert ready.engine.startswith("faster-whisper 1.2.1, whisper-base")
    assert ready.model_sha256.startswith("d01c3014")
    assert ready.key == f"derived/{service.tenant_id}/{job_id}/transcript-1/transcript.json"
    assert service.announced[0].jobid == job_id
    assert any(isinstance(event.data, StepProgressed) for event in service.told)


async def test_a_video_without_sound_has_an_empty_transcript_at_once(service: Harness) -> None:
    video_id = uuid4()

    await ingested(service, video_id)
    await asked(service, video_id, uuid4())
    await service.work_off()

    (ready,) = service.facts(TranscriptReady)
    document = json.loads(await service.blobs.get_bytes(ready.key))
    assert (ready.words, ready.language, ready.audio_key, ready.seconds < 1) == (0, None, None, True)
    assert (document["words"], document["segments"], document["duration"]) == ([], [], 3.0)


async def test_the_fast_recognizer_is_another_model(service: Harness, tmp_path: Path) -> None:
    video_id = uuid4()

    await ingested(service, video_id, audio_key=await spoken_audio(service, tmp_path))
    await asked(service, video_id, uuid4(), recognizer="fast", language="en")
    await service.work_off()

    (ready,) = service.facts(TranscriptReady)
    assert "whisper-tiny.en" in ready.engine
    assert ready.words == 9


async def test_jobs_that_want_no_words_start_nothing(service: Harness) -> None:
    video_id = uuid4()

    await ingested(service, video_id)
    await asked(service, video_id, uuid4(), Step.SCENES, Step.UPSCALE)

    assert await service.tasks() == []


async def test_facts_told_twice_are_worked_on_once(service: Harness) -> None:
    video_id, job_id = uuid4(), uuid4()

    for _ in range(2):
        await ingested(service, video_id)
        await asked(service, video_id, job_id)
    await service.work_off()

    assert len(service.facts(TranscriptReady)) == 1


async def test_every_job_and_every_run_gets_its_own_transcript(service: Harness) -> None:
    video_id, first, second = uuid4(), uuid4(), uuid4()

    await asked(service, video_id, first)
    await asked(service, video_id, second)
    await ingested(service, video_id)
    await asked(service, video_id, first, run=2)
    await service.work_off()

    told = sorted((str(event.jobid), event.data.run) for event in service.announced)
    assert told == sorted([(str(first), 1), (str(first), 2), (str(second), 1)])


async def test_audio_that_is_none_fails_the_step_at_once_with_what_to_do(service: Harness) -> None:
    video_id = uuid4()
    await service.blobs.put_bytes("derived/t/v/audio.wav", b"no sound")

    await ingested(service, video_id, audio_key="derived/t/v/audio.wav")
    await asked(service, video_id, uuid4())
    await service.work_off()

    (failed,) = service.facts(StepFailed)
    assert (failed.step, failed.run, failed.reason, failed.attempts) == (Step.TRANSCRIPT, 1, "unreadable_audio", 1)
    assert "Submit the video again" in failed.detail


async def test_a_recognizer_that_is_not_installed_fails_the_step_with_what_to_do(
    postgres_url: str, tmp_path: Path
) -> None:
    video_id = uuid4()

    async with harness(
        "transcribe", build, settings=Settings, admin_url=postgres_url, cache_dir=tmp_path, recognizer="whisperx"
    ) as service:
        await ingested(service, video_id, audio_key=await spoken_audio(service, tmp_path))
        await asked(service, video_id, uuid4())
        await service.work_off()

        (failed,) = service.facts(StepFailed)

    assert failed.reason == "recognizer_missing"
    assert "requirements/engines.txt" in failed.detail


@pytest.mark.parametrize("cancelled_first", [True, False])
async def test_a_cancelled_job_starts_nothing_more(service: Harness, *, cancelled_first: bool) -> None:
    video_id, job_id = uuid4(), uuid4()
    request = a_request(video_id)

    if not cancelled_first:
        await service.hear(request, subject=video_id, job_id=job_id)
    await service.hear(JobCancelled(video_id=video_id), subject=video_id, job_id=job_id)
    await ingested(service, video_id)
    await service.work_off()

    assert service.announced == []


async def test_a_cancelled_job_that_is_asked_for_again_is_done(service: Harness) -> None:
    video_id, job_id = uuid4(), uuid4()

    await ingested(service, video_id)
    await service.hear(JobCancelled(video_id=video_id), subject=video_id, job_id=job_id)
    await asked(service, video_id, job_id, run=2)
    await service.work_off()

    assert [fact.run for fact in service.facts(TranscriptReady)] == [2]


async def test_an_erased_video_leaves_neither_rows_nor_blobs(service: Harness) -> None:
    video_id, job_id = uuid4(), uuid4()
    await ingested(service, video_id)
    await asked(service, video_id, job_id)
    await service.work_off()

    await service.hear(VideoErased(video_id=video_id), subject=video_id)
    await service.work_off()

    assert [key async for key in service.blobs.list(f"derived/{service.tenant_id}/")] == []
    async with service.database.read(service.tenant_id) as connection:
        for table in ("requests", "transcripts"):
            assert await connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0
        assert (await connection.execute(text("SELECT ingested, erased FROM videos"))).all() == [(None, True)]


async def test_the_transcript_of_a_job_cancelled_too_late_is_erased_with_its_video(service: Harness) -> None:
    video_id, job_id = uuid4(), uuid4()
    await ingested(service, video_id)
    await asked(service, video_id, job_id)
    await service.work_off()
    await service.hear(JobCancelled(video_id=video_id), subject=video_id, job_id=job_id)
    assert [key async for key in service.blobs.list(f"derived/{service.tenant_id}/")] != []

    await service.hear(VideoErased(video_id=video_id), subject=video_id)
    await service.work_off()

    assert [key async for key in service.blobs.list(f"derived/{service.tenant_id}/")] == []


async def test_what_a_dead_worker_stored_for_a_job_that_is_then_cancelled_is_deleted(service: Harness) -> None:
    video_id, job_id = uuid4(), uuid4()
    await ingested(service, video_id)
    await asked(service, video_id, job_id)
    await service.blobs.put_bytes(f"derived/{service.tenant_id}/{job_id}/transcript-1/transcript.json", b"{}")

    await service.hear(JobCancelled(video_id=video_id), subject=video_id, job_id=job_id)
    await service.work_off()

    assert [key async for key in service.blobs.list(f"derived/{service.tenant_id}/")] == []


async def test_a_video_erased_while_it_is_heard_leaves_no_transcript(service: Harness, tmp_path: Path) -> None:
    video_id = uuid4()
    await ingested(service, video_id, audio_key=await spoken_audio(service, tmp_path))
    await asked(service, video_id, uuid4())

    hearing = asyncio.create_task(service.work_off())
    async with asyncio.timeout(60):
        while not service.told:  # noqa: ASYNC110 (the harness keeps a list, not an event)
            await asyncio.sleep(0.05)
    await service.hear(VideoErased(video_id=video_id), subject=video_id)
    await hearing
    await service.work_off()

    assert service.announced == []
    assert [key async for key in service.blobs.list(f"derived/{service.tenant_id}/")] == []


def nobody_listens(*_: Any) -> Any:
    raise AssertionError("there is no sound to listen to")


class LateTask:
    """A task whose video is erased, or whose job is cancelled, between its blob and its last word."""

    def __init__(self, service: Harness, video_id: UUID, *, cancelled: bool) -> None:
        self._cancelled = cancelled
        self.tenant_id, self.job_id, self.subject, self.key = service.tenant_id, uuid4(), str(video_id), "late"
        self.payload = {"run": 1, "audio_key": None, "duration_s": 3.0, "language": None, "quality": None}
        self._service = service

    @asynccontextmanager
    async def finish(self) -> AsyncIterator[None]:
        folder = f"derived/{self.tenant_id}/"
        assert [key async for key in self._service.blobs.list(folder)] != []
        if not self._cancelled:
            await self._service.hear(VideoErased(video_id=UUID(self.subject)), subject=self.subject)
        raise LeaseLost("cancelled")
        yield

    async def is_cancelled(self) -> bool:
        return self._cancelled


@pytest.mark.parametrize("cancelled", [True, False])
async def test_a_transcript_written_just_after_the_erasure_or_the_cancellation_is_deleted_too(
    service: Harness, *, cancelled: bool
) -> None:
    task: Any = LateTask(service, uuid4(), cancelled=cancelled)

    def records(work: UnitOfWork) -> PostgresRecords:
        return PostgresRecords(work.connection, work.tenant_id)

    transcribe = TranscribeVideo(
        database=service.database,
        scribe=Scribe(records, service.blobs, pause_s=1, longest_segment_s=1),
        listen=nobody_listens,
        look=nobody_listens,
        ears=Ears("whisper", None, None, 1, 1, "cpu", "int8", None),
        models={},
        piece_s=600,
    )

    with pytest.raises(LeaseLost):
        await transcribe(task)

    assert [key async for key in service.blobs.list(f"derived/{service.tenant_id}/")] == []


async def test_a_video_erased_before_it_is_told_of_is_never_worked_on(service: Harness) -> None:
    video_id = uuid4()

    await service.hear(VideoErased(video_id=video_id), subject=video_id)
    await asked(service, video_id, uuid4())
    await ingested(service, video_id)
    await service.work_off()

    assert service.facts(TranscriptReady) == []


async def test_another_tenant_sees_none_of_it(service: Harness) -> None:
    video_id, job_id, stranger = uuid4(), uuid4(), uuid4()
    await ingested(service, video_id)
    await asked(service, video_id, job_id)
    await service.work_off()

    await service.hear(a_request(video_id), subject=video_id, job_id=uuid4(), tenant_id=stranger)
    await service.work_off()

    assert len(service.facts(TranscriptReady)) == 1
    async with service.database.read(stranger) as connection:
        for table in ("videos", "transcripts", "cancellations"):
            assert await connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0


async def test_noise_is_no_speech(service: Harness, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 16_000 * 5)
    await service.blobs.put_file("derived/t/v/audio.wav", write_wav(tmp_path / "noise.wav", noise))
    video_id = uuid4()

    await ingested(service, video_id, audio_key="derived/t/v/audio.wav")
    await asked(service, video_id, uuid4())
    await service.work_off()

    (ready,) = service.facts(TranscriptReady)
    assert (ready.words, ready.language) == (0, None)


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
