"""The align service on a real database, with its real engines in real child processes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import opentimelineio as otio
import pytest
from sqlalchemy import text

from align.adapters.postgres import PostgresRecords
from align.main import build
from align.settings import Settings
from align.usecases import ForgetVideo
from chassis.blobs import BlobNotFound
from chassis.testing import Harness, harness
from contracts.align import AlignmentReady
from contracts.documents import Ledger
from contracts.event import Event, Fact
from contracts.gateway import JobCancelled, ScriptErased, VideoErased
from contracts.steps import Step, StepFailed, StepProgressed
from support.align_service import a_job, a_script, a_transcript, a_video, scenes_of, words_of
from support.speech import audioeval_clip, decoded, write_wav

pytestmark = pytest.mark.servers

SCRIPT = """The harbour was quiet before the storm came in.
Nobody had seen the lighthouse keeper since Tuesday morning.
His boat was still tied to the long wooden pier.
"""
FILM = ("The harbour was quiet before the storm came in.", "His boat was still tied to the long wooden pier.")


@pytest.fixture
async def service(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Harness]:
    cache = tmp_path_factory.getbasetemp() / "models"
    async with harness("align", build, settings=Settings, admin_url=postgres_url, cache_dir=cache) as running:
        yield running


async def told(service: Harness, fact: Fact, video_id: UUID, job_id: UUID | None = None, **more: Any) -> None:
    await service.hear(fact, subject=video_id, job_id=job_id, **more)


async def ledger_of(service: Harness) -> Ledger:
    (ready,) = service.facts(AlignmentReady)
    return Ledger.model_validate_json(await service.blobs.get_bytes(ready.key))


@pytest.mark.parametrize("order", ["job script transcript", "transcript script job", "script transcript job"])
async def test_job_script_and_transcript_in_any_order_make_one_ledger(service: Harness, order: str) -> None:
    video_id, job_id, script_id = uuid4(), uuid4(), uuid4()
    script = await a_script(service, script_id, SCRIPT)
    transcript = await a_transcript(service, video_id, words_of(*FILM))
    tell: dict[str, Callable[[], Any]] = {
        "job": lambda: told(service, a_job(video_id, script_id), video_id, job_id),
        "script": lambda: service.hear(script, subject=script_id),
        "transcript": lambda: told(service, transcript, video_id, job_id),
    }

    for what in order.split():
        assert not service.facts(AlignmentReady)
        await tell[what]()
        await service.work_off()

    ledger = await ledger_of(service)
    assert [line.status for line in ledger.lines] == ["spoken", "omitted", "spoken"]
    (ready,) = service.facts(AlignmentReady)
    assert (ready.lines, ready.script_matches, ready.script_id) == (3, "yes", script_id)


async def test_an_alignment_waits_for_the_scenes_its_job_wants_and_places_lines_in_them(service: Harness) -> None:
    video_id, job_id, script_id = uuid4(), uuid4(), uuid4()
    steps = (Step.SCENES, Step.TRANSCRIPT, Step.ALIGNMENT)
    await told(service, a_video(video_id), video_id)
    await service.hear(await a_script(service, script_id, SCRIPT), subject=script_id)
    await told(service, a_job(video_id, script_id, *steps), video_id, job_id)
    await told(service, await a_transcript(service, video_id, words_of(*FILM)), video_id, job_id)
    early = await service.work_off()

    await told(service, await scenes_of(service, video_id, 120, end=200), video_id, job_id)
    await service.work_off()

    assert early == 0
    ledger = await ledger_of(service)
    assert [line.scene_ids for line in ledger.lines] == [(0,), (), (0, 1)]


async def test_scenes_that_failed_are_done_without(service: Harness) -> None:
    video_id, job_id, script_id = uuid4(), uuid4(), uuid4()
    steps = (Step.SCENES, Step.TRANSCRIPT, Step.ALIGNMENT)
    await service.hear(await a_script(service, script_id, SCRIPT), subject=script_id)
    await told(service, a_job(video_id, script_id, *steps), video_id, job_id)
    await told(service, await a_transcript(service, video_id, words_of(*FILM)), video_id, job_id)

    failure = StepFailed(video_id=video_id, step=Step.SCENES, run=1, reason="tries_exhausted")
    await told(service, failure, video_id, job_id)
    await service.work_off()

    ledger = await ledger_of(service)
    assert all(line.scene_ids == () for line in ledger.lines)


async def test_a_transcript_that_failed_fails_the_alignment_once(service: Harness) -> None:
    video_id, job_id, script_id = uuid4(), uuid4(), uuid4()
    await service.hear(await a_script(service, script_id, SCRIPT), subject=script_id)
    await told(service, a_job(video_id, script_id), video_id, job_id)
    failure = StepFailed(video_id=video_id, step=Step.TRANSCRIPT, run=1, reason="unreadable_audio")

    await told(service, failure, video_id, job_id)
    await told(service, failure, video_id, job_id)

    (failed,) = service.facts(StepFailed)
    assert (failed.step, failed.run, failed.reason) == (Step.ALIGNMENT, 1, "transcript_failed")


@pytest.mark.parametrize("when", ["waiting", "queued", "before"])
async def test_an_alignment_whose_script_is_erased_fails_aloud_for_other_steps_wait_for_it(
    service: Harness, when: str
) -> None:
    video_id, job_id, script_id = uuid4(), uuid4(), uuid4()
    await service.hear(await a_script(service, script_id, SCRIPT), subject=script_id)
    if when != "before":
        await told(service, a_job(video_id, script_id), video_id, job_id)
    if when == "queued":
        await told(service, await a_transcript(service, video_id, words_of(*FILM)), video_id, job_id)

    await service.hear(ScriptErased(script_id=script_id, erasure_id=uuid4()), subject=script_id)
    if when == "before":
        await told(service, a_job(video_id, script_id), video_id, job_id)
    await service.work_off()

    (failed,) = service.facts(StepFailed)
    assert (failed.step, failed.run, failed.reason) == (Step.ALIGNMENT, 1, "script_erased")
    assert service.facts(AlignmentReady) == []


async def test_an_alignment_that_is_done_does_not_fail_when_its_script_is_erased(service: Harness) -> None:
    video_id, job_id, script_id = uuid4(), uuid4(), uuid4()
    await service.hear(await a_script(service, script_id, SCRIPT), subject=script_id)
    await told(service, a_job(video_id, script_id), video_id, job_id)
    await told(service, await a_transcript(service, video_id, words_of(*FILM)), video_id, job_id)
    await service.work_off()

    await service.hear(ScriptErased(script_id=script_id, erasure_id=uuid4()), subject=script_id)

    assert len(service.facts(AlignmentReady)) == 1
    assert service.facts(StepFailed) == []


async def test_a_retried_job_builds_on_what_earlier_runs_made(service: Harness) -> None:
    video_id, job_id, script_id = uuid4(), uuid4(), uuid4()
    steps = (Step.SCENES, Step.TRANSCRIPT, Step.ALIGNMENT)
    await service.hear(await a_script(service, script_id, SCRIPT), subject=script_id)
    await told(service, a_job(video_id, script_id, *steps), video_id, job_id)
    await told(service, await scenes_of(service, video_id, 120, end=200), video_id, job_id)
    failure = StepFailed(video_id=video_id, step=Step.TRANSCRIPT, run=1, reason="tries_exhausted")
    await told(service, failure, video_id, job_id)

    await told(service, a_job(video_id, script_id, Step.TRANSCRIPT, Step.ALIGNMENT, run=2), video_id, job_id)
    await told(service, await a_transcript(service, video_id, words_of(*FILM), run=2), video_id, job_id)
    await service.work_off()

    (ready,) = service.facts(AlignmentReady)
    assert ready.run == 2
    assert (await ledger_of(service)).lines[0].scene_ids == (0,)


async def test_facts_that_arrive_at_the_same_moment_begin_the_work_once(service: Harness) -> None:
    video_id, job_id, script_id = uuid4(), uuid4(), uuid4()
    script = await a_script(service, script_id, SCRIPT)
    transcript = await a_transcript(service, video_id, words_of(*FILM))

    await asyncio.gather(
        service.hear(script, subject=script_id),
        told(service, a_job(video_id, script_id), video_id, job_id),
        told(service, transcript, video_id, job_id),
    )

    assert [task["state"] for task in await service.tasks()] == ["queued"]


async def test_a_redelivered_fact_changes_nothing(service: Harness) -> None:
    video_id, job_id, script_id, event_id = uuid4(), uuid4(), uuid4(), uuid4()
    await service.hear(await a_script(service, script_id, SCRIPT), subject=script_id)
    await told(service, a_job(video_id, script_id), video_id, job_id)
    transcript = await a_transcript(service, video_id, words_of(*FILM))

    await told(service, transcript, video_id, job_id, event_id=event_id)
    await told(service, transcript, video_id, job_id, event_id=event_id)

    assert len(await service.tasks()) == 1


async def test_exports_can_be_read_back_by_others(service: Harness) -> None:
    video_id, job_id, script_id = uuid4(), uuid4(), uuid4()
    await told(service, a_video(video_id, frame_rate="30000/1001"), video_id)
    await service.hear(await a_script(service, script_id, SCRIPT), subject=script_id)
    await told(service, a_job(video_id, script_id), video_id, job_id)
    await told(service, await a_transcript(service, video_id, words_of(*FILM)), video_id, job_id)

    await service.work_off()

    (ready,) = service.facts(AlignmentReady)
    assert set(ready.exports) == {
        "ass", "csv", "edl", "fcp7", "fcpxml", "fountain", "otio", "resolve-csv", "resolve-edl", "srt", "textgrid",
        "ttml", "vtt",
    }  # fmt: skip
    timeline = otio.adapters.read_from_string((await service.blobs.get_bytes(ready.exports["otio"])).decode())
    (clip,) = timeline.find_clips()
    assert [marker.metadata["matchcut"]["line_id"] for marker in clip.markers] == ["L01", "L03"]
    assert abs(clip.source_range.duration.rate - 30000 / 1001) < 1e-9
    assert (await service.blobs.get_bytes(ready.exports["vtt"])).startswith(b"WEBVTT\n")
    assert b"1\n00:00:00,500 --> " in await service.blobs.get_bytes(ready.exports["srt"])


async def test_words_are_timed_by_the_sound_when_there_is_some(service: Harness, tmp_path: Path) -> None:
    video_id, job_id, script_id = uuid4(), uuid4(), uuid4()
    clip, said = audioeval_clip("en", "quick_brown_fox")
    await service.blobs.put_file("derived/t/v/audio.wav", write_wav(tmp_path / "audio.wav", decoded(clip)))
    await service.hear(await a_script(service, script_id, said), subject=script_id)
    await told(service, a_job(video_id, script_id), video_id, job_id)
    transcript = await a_transcript(service, video_id, words_of(said), audio_key="derived/t/v/audio.wav")
    await told(service, transcript, video_id, job_id)

    await service.work_off()

    (line,) = (await ledger_of(service)).lines
    assert {word.source for word in line.takes[0].words} == {"aligned"}
    assert line.takes[0].score_acoustic is not None
    assert any(isinstance(event.data, StepProgressed) for event in service.told)


@pytest.mark.parametrize(
    ("raw", "reason"), [(b"%PDF-1.7 ...", "unreadable_script"), (b"INT. HOUSE - DAY\n\n[music]\n", "empty_script")]
)
async def test_a_script_that_cannot_be_used_fails_at_once_with_its_reason(
    service: Harness, raw: bytes, reason: str
) -> None:
    video_id, job_id, script_id = uuid4(), uuid4(), uuid4()
    await service.hear(await a_script(service, script_id, raw), subject=script_id)
    await told(service, a_job(video_id, script_id), video_id, job_id)
    await told(service, await a_transcript(service, video_id, words_of(*FILM)), video_id, job_id)

    await service.work_off()

    (failed,) = service.facts(StepFailed)
    assert (failed.reason, failed.attempts) == (reason, 1)
    assert "send" in failed.detail.lower()


async def test_a_film_without_a_word_has_a_ledger_of_omissions(service: Harness) -> None:
    video_id, job_id, script_id = uuid4(), uuid4(), uuid4()
    await service.hear(await a_script(service, script_id, SCRIPT), subject=script_id)
    await told(service, a_job(video_id, script_id), video_id, job_id)
    await told(service, await a_transcript(service, video_id, ()), video_id, job_id)

    await service.work_off()

    ledger = await ledger_of(service)
    assert ledger.script_matches == "no"
    assert {line.status for line in ledger.lines} == {"omitted"}


async def test_a_cancelled_job_is_not_aligned(service: Harness) -> None:
    video_id, job_id, script_id = uuid4(), uuid4(), uuid4()
    await service.hear(await a_script(service, script_id, SCRIPT), subject=script_id)
    await told(service, a_job(video_id, script_id), video_id, job_id)
    await told(service, JobCancelled(video_id=video_id), video_id, job_id)

    await told(service, await a_transcript(service, video_id, words_of(*FILM)), video_id, job_id)
    await service.work_off()

    assert not service.facts(AlignmentReady)


async def test_what_a_dead_worker_stored_for_a_job_that_is_then_cancelled_is_deleted(service: Harness) -> None:
    video_id, job_id, script_id = uuid4(), uuid4(), uuid4()
    await service.hear(await a_script(service, script_id, SCRIPT), subject=script_id)
    await told(service, a_job(video_id, script_id), video_id, job_id)
    await told(service, await a_transcript(service, video_id, words_of(*FILM)), video_id, job_id)
    left_behind = f"derived/{service.tenant_id}/{job_id}/alignment-1/ledger.json"
    await service.blobs.put_bytes(left_behind, b"{}")

    await told(service, JobCancelled(video_id=video_id), video_id, job_id)
    await service.work_off()

    with pytest.raises(BlobNotFound):
        await service.blobs.get_bytes(left_behind)


async def test_an_erased_video_leaves_no_row_and_no_blob(service: Harness) -> None:
    video_id, job_id, script_id = uuid4(), uuid4(), uuid4()
    await service.hear(await a_script(service, script_id, SCRIPT), subject=script_id)
    await told(service, a_job(video_id, script_id), video_id, job_id)
    await told(service, await a_transcript(service, video_id, words_of(*FILM)), video_id, job_id)
    await service.work_off()
    (ready,) = service.facts(AlignmentReady)

    await told(service, VideoErased(video_id=video_id), video_id)
    await service.work_off()

    with pytest.raises(BlobNotFound):
        await service.blobs.get_bytes(ready.key)
    async with service.database.read(service.tenant_id) as connection:
        for table in ("requests", "steps", "alignments", "lines", "reviews"):
            assert await connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0


async def test_a_transcript_that_comes_while_its_video_is_erased_begins_nothing(service: Harness) -> None:
    video_id, job_id, script_id = uuid4(), uuid4(), uuid4()
    await service.hear(await a_script(service, script_id, SCRIPT), subject=script_id)
    await told(service, a_job(video_id, script_id), video_id, job_id)
    transcript = await a_transcript(service, video_id, words_of(*FILM))
    erased = Event[VideoErased].of(
        VideoErased(video_id=video_id), source="test", subject=str(video_id), tenant_id=service.tenant_id
    )
    forget = ForgetVideo(lambda work: PostgresRecords(work.connection, work.tenant_id))

    async with service.database.begin(service.tenant_id) as work:
        await forget(erased, work)
        coming = asyncio.create_task(told(service, transcript, video_id, job_id))
        await asyncio.sleep(0.3)  # it gets as far as it can before the erasure is committed
    await coming
    await service.work_off()

    assert not service.facts(AlignmentReady)
    assert [key async for key in service.blobs.list(f"derived/{service.tenant_id}/")] == []


async def test_no_tenant_sees_the_alignments_of_another(service: Harness) -> None:
    video_id, job_id, script_id = uuid4(), uuid4(), uuid4()
    await service.hear(await a_script(service, script_id, SCRIPT), subject=script_id)
    await told(service, a_job(video_id, script_id), video_id, job_id)
    await told(service, await a_transcript(service, video_id, words_of(*FILM)), video_id, job_id)
    await service.work_off()

    async with service.database.read(uuid4()) as stranger:
        seen = await stranger.scalar(text("SELECT count(*) FROM lines"))
    async with service.database.read(service.tenant_id) as owner:
        own = await owner.scalar(text("SELECT count(*) FROM lines"))

    assert (seen, own) == (0, 3)
