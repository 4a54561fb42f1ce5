"""The whole service on a real PostgreSQL and real files: facts in, facts and blobs out."""

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import av
import pytest

from chassis.blobs import BlobNotFound
from chassis.erasing import Eraser
from chassis.testing import Harness, harness
from contracts.documents import Media
from contracts.gateway import OriginalErased, VideoErased, VideoSubmitted
from contracts.ingest import RejectionReason, VideoIngested, VideoRejected
from contracts.steps import Step, StepFailed, StepProgressed
from contracts.traces import TracesErased
from ingest.main import build
from ingest.settings import Settings
from support.ingest_clips import make_clip


@pytest.fixture
async def ingest(postgres_url: str) -> AsyncIterator[Harness]:
    async with harness("ingest", build, settings=Settings, admin_url=postgres_url) as service:
        yield service


async def upload(service: Harness, file: Path | bytes, *, tenant_id: UUID | None = None) -> VideoSubmitted:
    """Lay the bytes where the gateway lays uploads, and say what the gateway says."""
    data = file if isinstance(file, bytes) else await asyncio.to_thread(file.read_bytes)
    key = f"scratch/{tenant_id or service.tenant_id}/uploads/{uuid4()}/{uuid4()}"
    await service.blobs.put_bytes(key, data)
    return VideoSubmitted(
        video_id=uuid4(),
        upload_key=key,
        filename="../../a film; rm -rf.mp4",
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )


async def submit(service: Harness, file: Path | bytes, *, tenant_id: UUID | None = None) -> VideoSubmitted:
    fact = await upload(service, file, tenant_id=tenant_id)
    await service.hear(fact, subject=fact.video_id, tenant_id=tenant_id)
    return fact


async def exists(service: Harness, key: str) -> bool:
    try:
        await service.blobs.stat(key)
    except BlobNotFound:
        return False
    return True


async def stored(service: Harness, prefix: str = "") -> list[str]:
    return [key async for key in service.blobs.list(prefix)]


async def test_a_submitted_video_is_taken_in_stored_and_announced(ingest: Harness, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4")
    submitted = await submit(ingest, clip)

    runs = await ingest.work_off()

    (fact,) = ingest.facts(VideoIngested)
    media = Media.model_validate_json(await ingest.blobs.get_bytes(fact.media_key))
    assert runs == 2  # taking it in, and dropping the upload
    assert [event.type for event in ingest.announced] == ["video.ingested.v1"]
    assert ingest.announced[0].subject == str(submitted.video_id)
    assert (fact.video_id, fact.sha256) == (submitted.video_id, submitted.sha256)
    assert (fact.frames, fact.frame_rate, fact.duration_s, fact.width, fact.height) == (50, "25/1", 2.0, 320, 180)
    assert (media.frames, media.sha256, media.size_bytes) == (50, submitted.sha256, submitted.size_bytes)
    assert await ingest.blobs.get_bytes(fact.original_key) == clip.read_bytes()
    derived = f"derived/{ingest.tenant_id}/{submitted.video_id}/"
    assert await stored(ingest, derived) == [
        derived + name for name in ("audio.wav", "media.json", "poster.jpg", "proxy.mp4", "thumbnails.jpg")
    ]
    assert not await exists(ingest, submitted.upload_key)
    progress = [event.data for event in ingest.told if isinstance(event.data, StepProgressed)]
    assert {(told.step, told.video_id) for told in progress} == {(Step.INGEST, submitted.video_id)}


@pytest.mark.parametrize("erased", [False, True], ids=["taken in", "erased before"])
async def test_bytes_of_attempts_to_upload_that_were_cut_short_go_with_the_upload_and_no_others(
    ingest: Harness, tmp_path: Path, erased: bool
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=0.4)
    other = await upload(ingest, b"another upload")
    video = await submit(ingest, clip)
    await ingest.blobs.put_bytes(f"{video.upload_key.rpartition('/')[0]}/{uuid4()}", b"cut sho")

    if erased:
        await ingest.hear(VideoErased(video_id=video.video_id), subject=video.video_id)
    await ingest.work_off()

    assert await stored(ingest, "scratch/") == [other.upload_key]


async def test_a_silent_film_is_taken_in_without_sound(ingest: Harness, tmp_path: Path) -> None:
    await submit(ingest, make_clip(tmp_path / "clip.mp4", seconds=0.4, click_s=None))

    await ingest.work_off()

    (fact,) = ingest.facts(VideoIngested)
    assert fact.audio_key is None


async def test_garbage_is_rejected_with_a_reason_and_leaves_nothing(ingest: Harness) -> None:
    submitted = await submit(ingest, b"these are just words, whatever the name says" * 100)

    await ingest.work_off()

    (fact,) = ingest.facts(VideoRejected)
    assert [event.type for event in ingest.announced] == ["video.rejected.v1"]
    assert (fact.video_id, fact.reason) == (submitted.video_id, RejectionReason.NOT_MEDIA)
    assert "export it as MP4" in fact.detail
    assert await stored(ingest) == []


async def test_bytes_that_changed_on_the_way_are_rejected(ingest: Harness, tmp_path: Path) -> None:
    fact = (await upload(ingest, make_clip(tmp_path / "clip.mp4", seconds=0.4))).model_copy(update={"sha256": "0" * 64})
    await ingest.hear(fact, subject=fact.video_id)

    await ingest.work_off()

    assert [rejected.reason for rejected in ingest.facts(VideoRejected)] == [RejectionReason.CHECKSUM_MISMATCH]


async def test_a_fact_told_twice_is_worked_on_once(ingest: Harness, tmp_path: Path) -> None:
    fact = await upload(ingest, make_clip(tmp_path / "clip.mp4", seconds=0.4))
    event_id = uuid4()

    await ingest.hear(fact, subject=fact.video_id, event_id=event_id)
    first = await ingest.work_off()
    again = await ingest.hear(fact, subject=fact.video_id, event_id=event_id)  # a redelivery
    await ingest.hear(fact, subject=fact.video_id)  # the same news in another event
    second = await ingest.work_off()

    assert (first, again, second) == (2, False, 0)  # taking it in, and dropping the upload
    assert len(ingest.announced) == 1


async def test_the_same_bytes_are_stored_once_for_a_tenant_and_apart_for_another(
    ingest: Harness, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=0.4)
    stranger = uuid4()

    for tenant_id in (None, None, stranger):
        await submit(ingest, clip, tenant_id=tenant_id)
    await ingest.work_off()

    originals = await stored(ingest, "original/")
    assert len(ingest.facts(VideoIngested)) == 3
    assert sorted(originals) == sorted(
        f"original/{tenant}/{ingest.facts(VideoIngested)[0].sha256}" for tenant in (ingest.tenant_id, stranger)
    )


async def test_an_erased_video_leaves_nothing_but_what_another_video_shares(ingest: Harness, tmp_path: Path) -> None:
    clip, other = make_clip(tmp_path / "clip.mp4", seconds=0.4), make_clip(tmp_path / "b.mp4", seconds=0.4, seed=1)
    first, twin, single = [await submit(ingest, file) for file in (clip, clip, other)]
    await ingest.work_off()

    for video in (first, single):
        await ingest.hear(VideoErased(video_id=video.video_id), subject=video.video_id)
    await ingest.work_off()

    assert await stored(ingest, "original/") == [f"original/{ingest.tenant_id}/{twin.sha256}"]
    assert {key.split("/")[2] for key in await stored(ingest, "derived/")} == {str(twin.video_id)}

    await ingest.hear(VideoErased(video_id=twin.video_id), subject=twin.video_id)
    await ingest.work_off()

    assert await stored(ingest) == []


async def test_an_original_goes_unless_another_video_came_as_the_same_and_its_video_stays(
    ingest: Harness, tmp_path: Path
) -> None:
    clip, other = make_clip(tmp_path / "clip.mp4", seconds=0.4), make_clip(tmp_path / "b.mp4", seconds=0.4, seed=1)
    first, twin, single = [await submit(ingest, file) for file in (clip, clip, other)]
    await ingest.work_off()
    derived = await stored(ingest, "derived/")

    for video in (first, single, single):
        await ingest.hear(OriginalErased(video_id=video.video_id, erasure_id=uuid4()), subject=video.video_id)
    await ingest.work_off()
    kept = await stored(ingest, "original/")
    await ingest.hear(VideoErased(video_id=twin.video_id), subject=twin.video_id)
    await ingest.work_off()

    assert kept == [f"original/{ingest.tenant_id}/{twin.sha256}"]
    assert [fact.blobs for fact in ingest.facts(TracesErased)] == [{}, {"original": 1}, {}]
    assert len(ingest.facts(VideoIngested)) == 3
    assert await stored(ingest, "original/") == [], "who came as the same before has let go of it"
    assert await stored(ingest, "derived/") == [key for key in derived if str(twin.video_id) not in key]


async def test_what_was_deleted_before_a_worker_died_is_told_of_all_the_same(
    ingest: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = await submit(ingest, make_clip(tmp_path / "clip.mp4", seconds=0.4))
    await ingest.work_off()
    derived = await stored(ingest, "derived/")
    conclude, deaths = Eraser.conclude, iter(["killed, after the files are gone"])

    async def die_once(self: Eraser, *said: Any) -> None:
        for why in deaths:
            raise ConnectionError(why)
        await conclude(self, *said)

    monkeypatch.setattr(Eraser, "conclude", die_once)
    await ingest.hear(VideoErased(video_id=video.video_id, erasure_id=uuid4()), subject=video.video_id)
    await ingest.work_off()

    assert len(derived) > 1
    assert [fact.blobs for fact in ingest.facts(TracesErased)] == [{"derived": len(derived), "original": 1}]


async def test_a_video_erased_before_its_turn_or_before_it_is_heard_of_is_never_taken_in(
    ingest: Harness, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=0.4)
    queued, unheard = await submit(ingest, clip), await upload(ingest, clip)

    for video in (queued, unheard):
        await ingest.hear(VideoErased(video_id=video.video_id), subject=video.video_id)
    await ingest.hear(unheard, subject=unheard.video_id)
    await ingest.work_off()

    assert ingest.announced == []
    assert await stored(ingest, "derived/") == await stored(ingest, "original/") == []
    assert not await exists(ingest, queued.upload_key)


async def test_a_video_erased_while_it_is_taken_in_leaves_nothing(ingest: Harness, tmp_path: Path) -> None:
    video = await submit(ingest, make_clip(tmp_path / "clip.mkv", seconds=4, size=(1280, 720)))
    working = asyncio.create_task(ingest.work_off())
    while not ingest.told:  # noqa: ASYNC110 (the harness collects; it has no event to wait for)
        await asyncio.sleep(0.02)

    await ingest.hear(VideoErased(video_id=video.video_id), subject=video.video_id)
    await working
    await ingest.work_off()

    assert ingest.facts(VideoIngested) == []
    assert await stored(ingest, "derived/") == await stored(ingest, "original/") == []


async def test_an_upload_that_is_gone_fails_the_step_and_says_so(ingest: Harness, tmp_path: Path) -> None:
    video = await submit(ingest, make_clip(tmp_path / "clip.mp4", seconds=0.4))
    await ingest.blobs.delete(video.upload_key)

    runs = await ingest.work_off()

    (failed,) = ingest.facts(StepFailed)
    assert runs == 1
    assert (failed.step, failed.reason, failed.video_id) == (Step.INGEST, "blob_not_found", video.video_id)


async def test_limits_are_the_operator_s(postgres_url: str, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=2)
    seen = []
    limits: list[dict[str, Any]] = [{"max_bytes": 1000}, {"max_pixels": 1000}, {"max_duration_s": 1}]

    for limit in limits:
        async with harness("ingest", build, settings=Settings, admin_url=postgres_url, **limit) as ingest:
            await submit(ingest, clip)
            await ingest.work_off()
            seen += [fact.reason for fact in ingest.facts(VideoRejected)]

    assert seen == [
        RejectionReason.TOO_LARGE,
        RejectionReason.TOO_MANY_PIXELS,
        RejectionReason.TOO_LONG,
    ]


async def test_a_film_that_is_not_done_in_time_fails_the_step(postgres_url: str, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", seconds=4, size=(1280, 720))

    async with harness("ingest", build, settings=Settings, admin_url=postgres_url, wall_s=1) as ingest:
        await submit(ingest, clip)
        runs = await ingest.work_off()
        failed = ingest.facts(StepFailed)

    assert runs == 1
    assert [(fact.reason, fact.attempts) for fact in failed] == [("took_too_long", 1)]


async def test_the_service_itself_never_loads_a_decoder() -> None:
    program = "import sys, ingest.main; print(sorted({'av', 'PIL', 'numpy', 'ffmpeg'} & set(sys.modules)))"

    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()

    assert av  # it is installed, so that this says something
    assert said.decode().strip() == "[]"
