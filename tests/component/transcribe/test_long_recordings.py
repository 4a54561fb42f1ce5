"""Long recordings are heard in pieces, by whoever is free, and nothing is lost where the pieces meet."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from chassis.testing import Harness, harness
from chassis.work import run_in_child
from contracts.documents import Transcript
from contracts.gateway import JobCancelled, JobOptions, JobRequested, VideoErased
from contracts.ingest import VideoIngested
from contracts.steps import Step, StepFailed, StepProgressed
from contracts.transcribe import TranscriptReady
from support.speech import TWO_CITIES, decoded, two_cities, write_wav
from support.transcribe_ears import SECONDS, one_word_a_piece, three_pieces
from support.transcript_scores import normalised_words
from transcribe.main import build
from transcribe.settings import Settings

pytestmark = pytest.mark.servers
AUDIO = "derived/t/v/audio.wav"


@pytest.fixture
async def quick(postgres_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    """The same with a recognizer that costs nothing."""
    making = partial(build, look=three_pieces, listen=one_word_a_piece)
    async with harness(
        "transcribe", making, settings=Settings, admin_url=postgres_url, cache_dir=tmp_path, piece_s=20.0
    ) as running:
        yield running


@pytest.fixture
async def service(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Harness]:
    """Pieces of 12 s: the reader seldom pauses, so that some cuts go through speech."""
    cache = tmp_path_factory.getbasetemp() / "models"
    async with harness(
        "transcribe", build, settings=Settings, admin_url=postgres_url, cache_dir=cache, piece_s=12.0, beam=1
    ) as running:
        yield running


async def asked(service: Harness, video_id: UUID, job_id: UUID, *, run: int = 1, script_key: str | None = None) -> None:
    options = JobOptions(recognizer="fast")
    request = JobRequested(video_id=video_id, steps=(Step.TRANSCRIPT,), run=run, options=options, script_key=script_key)
    await service.hear(request, subject=video_id, job_id=job_id)


async def read_aloud(service: Harness, folder: Path, video_id: UUID) -> None:
    await service.blobs.put_file(AUDIO, write_wav(folder / "audio.wav", decoded(two_cities())))
    video = VideoIngested(
        video_id=video_id,
        sha256="0" * 64,
        original_key="original/x",
        media_key="derived/media.json",
        audio_key=AUDIO,
        proxy_key="derived/proxy.mp4",
        poster_key="derived/poster.jpg",
        duration_s=SECONDS,
        width=320,
        height=180,
        frames=1100,
        frame_rate="25/1",
    )
    await service.hear(video, subject=video_id)


async def kinds(service: Harness) -> list[str]:
    return sorted(task["kind"] for task in await service.tasks())


async def kept(service: Harness) -> list[str]:
    return [key async for key in service.blobs.list(f"scratch/{service.tenant_id}/")]


async def test_a_reading_that_is_cut_four_times_is_written_down_whole(service: Harness, tmp_path: Path) -> None:
    video_id, job_id = uuid4(), uuid4()

    await read_aloud(service, tmp_path, video_id)
    await asked(service, video_id, job_id)
    await service.work_off()

    (ready,) = service.facts(TranscriptReady)
    document = Transcript.model_validate_json(await service.blobs.get_bytes(ready.key))
    heard = normalised_words(" ".join(word.text for word in document.words))
    said = normalised_words(TWO_CITIES)
    assert heard[: len(said)] == said
    assert all(before.end <= after.start + 1e-3 for before, after in pairwise(document.words))
    assert document.duration == pytest.approx(SECONDS, abs=1)
    assert (await kinds(service)).count("piece") >= 4
    assert (ready.language, ready.model_sha256 != "", "whisper-tiny.en" in ready.engine) == ("en", True, True)
    assert await kept(service) == []
    told = [event.data.fraction for event in service.told if isinstance(event.data, StepProgressed)]
    assert told == sorted(told)
    assert any(0.2 < fraction < 0.9 for fraction in told)


async def words_of(service: Harness) -> list[str]:
    (ready,) = service.facts(TranscriptReady)
    document = Transcript.model_validate_json(await service.blobs.get_bytes(ready.key))
    return [word.text for word in document.words]


async def test_every_piece_is_heard_with_the_words_of_the_job_s_script_while_it_is_there(
    quick: Harness, tmp_path: Path
) -> None:
    script_key = f"original/{quick.tenant_id}/scripts/s"
    await quick.blobs.put_bytes(script_key, b"Peter Schoeffer")

    for erased in (False, True):
        video_id = uuid4()
        if erased:
            await quick.blobs.delete(script_key)
        await read_aloud(quick, tmp_path, video_id)
        await asked(quick, video_id, uuid4(), script_key=script_key)
        await quick.work_off()

    told, alone = [
        [word.text for word in Transcript.model_validate_json(await quick.blobs.get_bytes(ready.key)).words]
        for ready in quick.facts(TranscriptReady)
    ]
    assert told == [word for at in (0, 12, 30) for word in (f"from{at}", "told:peter+Schoeffer")]
    assert alone == ["from0", "from12", "from30"]


async def test_a_piece_that_cannot_be_heard_fails_the_step_once_and_a_retry_hears_only_what_is_missing(
    quick: Harness, tmp_path: Path
) -> None:
    video_id, job_id = uuid4(), uuid4()
    (tmp_path / "broken").touch()

    await read_aloud(quick, tmp_path, video_id)
    await asked(quick, video_id, job_id)
    await quick.work_off()
    heard_before = [key for key in await kept(quick) if "piece-" in key]
    (tmp_path / "broken").unlink()
    await asked(quick, video_id, job_id, run=2)
    await quick.work_off()

    (failed,) = quick.facts(StepFailed)
    assert (failed.step, failed.run, failed.reason, failed.attempts) == (Step.TRANSCRIPT, 1, "unreadable_audio", 1)
    assert await words_of(quick) == ["from0", "from12", "from30"]
    again = [task for task in await quick.tasks() if task["kind"] == "piece" and task["payload"]["run"] == 2]
    assert 3 - len(heard_before) == len(again)
    assert len(again) < 3
    assert await kept(quick) == []


async def test_a_retry_that_is_cut_elsewhere_takes_nothing_that_was_heard_between_other_cuts(
    quick: Harness, tmp_path: Path
) -> None:
    video_id, job_id = uuid4(), uuid4()
    (tmp_path / "broken").touch()
    await read_aloud(quick, tmp_path, video_id)
    await asked(quick, video_id, job_id)
    await quick.work_off()
    (tmp_path / "broken").unlink()
    (tmp_path / "moved").touch()

    await asked(quick, video_id, job_id, run=2)
    await quick.work_off()

    assert await words_of(quick) == ["from0", "from15", "from30"]
    again = [task for task in await quick.tasks() if task["kind"] == "piece" and task["payload"]["run"] == 2]
    assert len(again) == 3
    assert await kept(quick) == []


async def test_a_retry_for_which_every_piece_is_heard_only_puts_them_together(quick: Harness, tmp_path: Path) -> None:
    video_id, job_id = uuid4(), uuid4()
    (tmp_path / "broken").touch()
    await read_aloud(quick, tmp_path, video_id)
    await asked(quick, video_id, job_id)
    await quick.work_off()
    first, *_ = [key for key in await kept(quick) if "piece-" in key]
    for index in range(3):  # as if another worker had stored them, and died before it could say so
        await quick.blobs.put_bytes(f"{first[:-10]}{index:05d}.json", await quick.blobs.get_bytes(first))

    await asked(quick, video_id, job_id, run=2)
    await quick.work_off()

    assert await words_of(quick) == ["from0"] * 3
    assert [task["kind"] for task in await quick.tasks() if task["payload"]["run"] == 2] == ["transcribe", "stitch"]


@pytest.mark.parametrize("wanted", [True, False])
async def test_a_worker_that_is_stopped_deletes_what_is_heard_only_if_nobody_wants_it(
    postgres_url: str, tmp_path: Path, *, wanted: bool
) -> None:
    video_id, job_id, here, go = uuid4(), uuid4(), asyncio.Event(), asyncio.Event()
    (tmp_path / "broken").touch()

    async def slowly(function: Any, *args: Any, **named: Any) -> Any:
        if function is one_word_a_piece and args[-1].start == 0:
            here.set()
            await go.wait()
        return await run_in_child(function, *args, **named)

    making = partial(build, look=three_pieces, listen=one_word_a_piece, call=slowly)
    async with harness(
        "transcribe", making, settings=Settings, admin_url=postgres_url, cache_dir=tmp_path, piece_s=20.0
    ) as service:
        await read_aloud(service, tmp_path, video_id)
        await asked(service, video_id, job_id)
        hearing = asyncio.create_task(service.work_off())
        await here.wait()

        await service.work_off()  # another worker: the second piece fails, and stops the first
        if not wanted:
            await service.hear(JobCancelled(video_id=video_id), subject=video_id, job_id=job_id)
        go.set()
        await hearing

        assert [failed.reason for failed in service.facts(StepFailed)] == ["unreadable_audio"]
        assert (await kept(service) != []) == wanted


async def test_pieces_of_a_failed_run_are_deleted_when_the_job_is_called_off(quick: Harness, tmp_path: Path) -> None:
    video_id, job_id = uuid4(), uuid4()
    (tmp_path / "broken").touch()
    await read_aloud(quick, tmp_path, video_id)
    await asked(quick, video_id, job_id)
    await quick.work_off()

    await quick.hear(JobCancelled(video_id=video_id), subject=video_id, job_id=job_id)
    await quick.work_off()

    assert await kept(quick) == []


@pytest.mark.parametrize("erased", [True, False])
async def test_what_was_heard_of_a_video_nobody_wants_any_more_is_deleted(
    quick: Harness, tmp_path: Path, *, erased: bool
) -> None:
    video_id, job_id = uuid4(), uuid4()
    (tmp_path / "broken").touch()
    await read_aloud(quick, tmp_path, video_id)
    await asked(quick, video_id, job_id)
    await quick.work_off()
    assert await kept(quick) != []

    if erased:
        await quick.hear(VideoErased(video_id=video_id), subject=video_id)
    else:
        await asked(quick, video_id, job_id, run=2)
        await quick.hear(JobCancelled(video_id=video_id), subject=video_id, job_id=job_id)
    await quick.work_off()

    assert await kept(quick) == []
    async with quick.database.read(quick.tenant_id) as connection:
        assert await connection.scalar(text("SELECT count(*) FROM pieces")) == 0
