"""Chosen scenes and lines: waited for, looked up, and told when they are not to be had."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from chassis.run import Service
from chassis.testing import Harness, harness
from contracts.align import AlignmentReady
from contracts.documents import Ledger, LedgerLine, QualityReport, Scene, Scenes, Take
from contracts.event import Fact
from contracts.gateway import JobOptions, JobRequested, UpscaleOptions, VideoErased
from contracts.ingest import VideoIngested
from contracts.steps import Step, StepFailed
from contracts.upscale import ChunkReady, VideoUpscaled
from contracts.vision import ScenesDetected
from support.upscale_films import flat, made_by_repeating, written
from upscale.main import build
from upscale.settings import Settings

pytestmark = [pytest.mark.servers]

VIDEO, SCRIPT = UUID("00000000-0000-7000-8000-000000000001"), UUID("00000000-0000-7000-8000-000000000002")
FRAMES = 30
SCENES = Scenes(
    scenes=tuple(
        Scene(
            index=n,
            start_frame=10 * n,
            end_frame=10 * n + 10,
            start=0.4 * n,
            end=0.4 * n + 0.4,
            transition="cut",
            score=1,
        )
        for n in range(3)
    )
)
LEDGER = Ledger(
    script_matches="yes", coverage=1,
    lines=(
        LedgerLine(line_id="L1", number=1, text="Hello.", kind="dialogue", takes=(
            Take(start=0.0, end=0.2, chosen=False, complete=True, score_text=1),
            Take(start=0.4, end=0.6, chosen=True, complete=True, score_text=1))),
        LedgerLine(line_id="L2", number=0, text="He waits.", kind="action"),
        LedgerLine(line_id="L3", number=2, text="Bye.", kind="dialogue"),
    ),
)  # fmt: skip


async def here(function: Callable[..., Any], *args: Any, **_how: Any) -> Any:
    return await asyncio.to_thread(function, *args)


def build_here(settings: Settings) -> Service:
    return build(settings, make=made_by_repeating, call=here)


@pytest.fixture
async def service(postgres_url: str) -> AsyncIterator[Harness]:
    async with harness(
        "upscale", build_here, settings=Settings, admin_url=postgres_url, chunk_megapixels=0.0001, preset="ultrafast",
        hour_price=36.0, currency="CHF", min_free_bytes=0,
    ) as running:  # fmt: skip
        yield running


@pytest.fixture
async def job(service: Harness, tmp_path: Path) -> UUID:
    """A job's id, and its film taken in."""
    film = written(
        tmp_path / "film.mp4", [flat([(16 + 7 * number, 128, 128)] * 2, size=16) for number in range(FRAMES)]
    )
    key = f"original/{service.tenant_id}/film"
    await service.blobs.put_file(key, film)
    await service.blobs.put_bytes("derived/scenes.json", SCENES.model_dump_json().encode())
    await service.blobs.put_bytes("derived/ledger.json", LEDGER.model_dump_json().encode())
    video = VideoIngested(
        video_id=VIDEO, sha256="0" * 64, original_key=key, media_key="media", audio_key=None, proxy_key="proxy",
        poster_key="poster", duration_s=FRAMES / 25, width=32, height=16, frames=FRAMES, frame_rate="25/1",
    )  # fmt: skip
    await service.hear(video, subject=VIDEO)
    return uuid4()


def request(*steps: Step, run: int = 1, known: dict[str, str] | None = None, **options: Any) -> JobRequested:
    wanted = JobOptions(upscale=UpscaleOptions(**options), **(known or {}))
    return JobRequested(video_id=VIDEO, script_id=SCRIPT, steps=(*steps, Step.UPSCALE), run=run, options=wanted)


SCENES_FOUND = ScenesDetected(video_id=VIDEO, run=1, key="derived/scenes.json", scenes=3, engine="eyes", seconds=1)
LINES_FOUND = AlignmentReady(
    video_id=VIDEO, script_id=SCRIPT, run=1, key="derived/ledger.json", exports={}, script_matches="yes", coverage=1,
    lines=3, engine="ears", seconds=1,
)  # fmt: skip


async def told(service: Harness, job: UUID, *facts: Fact) -> None:
    for fact in facts:
        await service.hear(fact, subject=VIDEO, job_id=job)


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


async def report_of(service: Harness) -> QualityReport:
    (done,) = service.facts(VideoUpscaled)
    return QualityReport.model_validate_json(await service.blobs.get_bytes(done.qc_key))


@pytest.mark.parametrize("found_first", [True, False], ids=["found first", "asked first"])
async def test_chosen_scenes_are_sharpened_and_the_film_stays_whole(
    service: Harness, job: UUID, found_first: bool
) -> None:
    facts = [SCENES_FOUND, request(Step.SCENES, scenes=(1,))]

    await told(service, job, *(facts if found_first else reversed(facts)))
    await work_off(service)

    report = await report_of(service)
    (done,) = service.facts(VideoUpscaled)
    assert report.passed
    assert (report.frames_out, report.selection) == (FRAMES, ((10, 20),))
    assert (done.frames, done.sharpened_frames) == (FRAMES, 10)


async def test_chosen_lines_are_sharpened_where_their_chosen_take_is_spoken(service: Harness, job: UUID) -> None:
    await told(service, job, request(Step.ALIGNMENT, lines=(1, 2), start=1.0, end=1.04))
    await work_off(service)
    waited = await service.tasks()

    await told(service, job, LINES_FOUND)
    await work_off(service)

    report = await report_of(service)
    assert waited == []
    assert report.selection == ((10, 15), (25, 26))
    assert "nobody says line 2 in the film" in report.warnings


async def test_what_an_earlier_job_found_is_looked_up(service: Harness, job: UUID) -> None:
    known = {"scenes_key": "derived/scenes.json", "ledger_key": "derived/ledger.json"}

    await told(service, job, request(known=known, scenes=(0, 2), lines=(1,), only=True))
    await work_off(service)

    report = await report_of(service)
    assert report.selection == ((0, 15), (20, 30))


@pytest.mark.parametrize(
    ("options", "known", "reason", "words"),
    [
        ({"scenes": (1,)}, {}, "selection_unknown", "ask for the step scenes"),
        ({"scenes": (1,)}, {"scenes_key": "derived/gone.json"}, "selection_unknown", "not stored any more"),
        ({"scenes": (7,)}, {"scenes_key": "derived/scenes.json"}, "empty_range", "it has no scene 7"),
        ({"lines": (2, 9)}, {"ledger_key": "derived/ledger.json"}, "empty_range", "nobody says line 2"),
    ],
)
async def test_what_cannot_be_found_fails_the_step_in_words(
    service: Harness, job: UUID, options: dict[str, Any], known: dict[str, str], reason: str, words: str
) -> None:
    await told(service, job, request(known=known, **options))

    await work_off(service)

    (failed,) = service.facts(StepFailed)
    assert (failed.step, failed.reason, failed.attempts) == (Step.UPSCALE, reason, 1)
    assert words in failed.detail


async def test_scenes_that_are_not_found_fail_the_choice_and_a_retry_waits_for_them_again(
    service: Harness, job: UUID
) -> None:
    lost = StepFailed(video_id=VIDEO, step=Step.SCENES, run=1, reason="broken", detail="", attempts=3)
    await told(service, job, request(Step.SCENES, scenes=(0,)), lost)
    await work_off(service)
    (failed,) = service.facts(StepFailed)

    await told(service, job, request(Step.SCENES, scenes=(0,), run=2))
    await work_off(service)
    before = service.facts(VideoUpscaled)
    await told(service, job, SCENES_FOUND.model_copy(update={"run": 2}))
    await work_off(service)

    assert "the step scenes of this job has failed" in failed.detail
    assert before == []
    assert (await report_of(service)).selection == ((0, 10),)
    assert len(service.facts(StepFailed)) == 1


async def test_an_erased_video_leaves_nothing_of_what_was_heard_of_it(service: Harness, job: UUID) -> None:
    await told(service, job, SCENES_FOUND)

    await service.hear(VideoErased(video_id=VIDEO), subject=VIDEO)
    await told(service, job, LINES_FOUND)
    await service.work_off()

    async with service.database.read(service.tenant_id) as connection:
        assert (await connection.exec_driver_sql("SELECT count(*) FROM findings")).scalar() == 0


async def test_a_report_names_machines_tries_seconds_and_cost_for_programs_and_for_people(
    service: Harness, job: UUID
) -> None:
    await told(service, job, request(start=0.4, end=0.8))
    await work_off(service)

    (done,) = service.facts(VideoUpscaled)
    report = await report_of(service)
    assert done.page_key is not None
    page = (await service.blobs.get_bytes(done.page_key)).decode()
    assert [(chunk.plain, chunk.start_frame, chunk.attempts) for chunk in report.chunks] == [
        (True, 0, 1), (False, 10, 1), (True, 20, 1),
    ]  # fmt: skip
    for chunk in report.chunks:
        assert chunk.cost == pytest.approx(chunk.seconds * 0.01, abs=1e-6)
        assert f">{chunk.machine}</td>" in page
    assert report.currency == "CHF"
    assert report.seconds >= sum(chunk.seconds for chunk in report.chunks)
    assert "All checks passed" in page
    assert page.count("data:image/jpeg;base64,") == 2
    assert "http" not in page
