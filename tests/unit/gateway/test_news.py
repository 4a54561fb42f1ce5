"""What each fact means for a job."""

from typing import Any
from uuid import uuid4

import pytest

from contracts.align import AlignmentReady, AlignmentRevised
from contracts.event import Fact
from contracts.gateway import VideoErased
from contracts.ingest import RejectionReason, VideoRejected
from contracts.registry import ANNOUNCED_BY, FACTS
from contracts.runners import RunnerChanged
from contracts.steps import Step, StepFailed, StepProgressed
from contracts.traces import TracesErased
from contracts.upscale import ChunkReady, VideoUpscaled
from contracts.vision import ScenesDetected
from gateway.domain.news import news_of, results_of
from gateway.domain.progress import Advanced, Done, Failed

VIDEO = uuid4()
MOVES_NO_STEP = {AlignmentRevised, RunnerChanged, TracesErased}
OTHERS = [
    fact
    for service, facts in ANNOUNCED_BY.items()
    for fact in facts
    if service != "gateway" and fact not in MOVES_NO_STEP
]


@pytest.mark.parametrize("fact", OTHERS, ids=lambda fact: fact.stream)
def test_every_fact_of_another_service_is_news(fact: type[Fact]) -> None:
    from gateway.domain import news

    hints = news_of.__code__.co_names + tuple(kind.__name__ for kind in news._STEP_OF)

    assert fact.__name__ in hints
    assert FACTS[fact.stream] is fact


def test_our_own_facts_are_no_news() -> None:
    assert news_of(VideoErased(video_id=VIDEO)) is None


def test_progress_belongs_to_a_run_except_for_ingest() -> None:
    scenes = StepProgressed(video_id=VIDEO, step=Step.SCENES, run=2, fraction=0.25, message="frame 5 of 20")
    ingest = StepFailed(video_id=VIDEO, step=Step.INGEST, run=1, reason="disk_full", detail="no room")

    assert news_of(scenes) == Advanced(Step.SCENES, 2, 0.25, "frame 5 of 20")
    assert news_of(ingest) == Failed(Step.INGEST, None, "disk_full", "no room")


def test_a_chunk_says_that_upscaling_works_and_not_how_far_it_is() -> None:
    chunk = ChunkReady(video_id=VIDEO, run=1, index=3, chunks=9, key="k", frames=10, sha256="0" * 64)

    assert news_of(chunk) == Advanced(Step.UPSCALE, 1, None, "chunk 4 of 9 ready")


def test_a_rejection_keeps_its_typed_reason() -> None:
    rejected = VideoRejected(video_id=VIDEO, reason=RejectionReason.NO_VIDEO, detail="sound only")

    assert news_of(rejected) == Failed(Step.INGEST, None, "no_video", "sound only")


def test_scenes_bring_their_document_and_the_folder_of_key_frames() -> None:
    scenes = ScenesDetected(
        video_id=VIDEO, run=1, key="derived/t/j/scenes-1/scenes.json", scenes=3, engine="transnet", seconds=1.5
    )

    assert news_of(scenes) == Done(Step.SCENES, 1, "transnet", None, 1.5)
    assert results_of(scenes) == {
        "scenes.json": "derived/t/j/scenes-1/scenes.json",
        "keyframes/": "derived/t/j/scenes-1/keyframes/",
    }


def test_exports_have_the_names_people_know_them_by() -> None:
    ready = AlignmentReady(
        video_id=VIDEO,
        script_id=VIDEO,
        run=1,
        key="d/ledger.json",
        exports={"srt": "d/x.srt", "vtt": "d/x.vtt", "otio": "d/x.otio", "fcpxml": "d/cut.fcpxml"},
        script_matches="yes",
        coverage=1.0,
        lines=3,
        engine="dp",
        seconds=1.0,
    )

    assert results_of(ready) == {
        "ledger.json": "d/ledger.json",
        "script.srt": "d/x.srt",
        "script.vtt": "d/x.vtt",
        "timeline.otio": "d/x.otio",
        "cut.fcpxml": "d/cut.fcpxml",
    }


def test_a_rendition_is_named_after_its_container() -> None:
    upscaled = VideoUpscaled(
        video_id=VIDEO,
        run=1,
        rendition_key="d/rendition.mkv",
        qc_key="d/qc.json",
        width=2,
        height=2,
        frames=1,
        passed=True,
        engine="e",
        model_sha256="0" * 64,
        seconds=1.0,
    )

    assert results_of(upscaled) == {"rendition.mkv": "d/rendition.mkv", "qc.json": "d/qc.json"}


def test_a_rendition_s_page_for_people_is_a_result_too() -> None:
    common: dict[str, Any] = {
        "width": 2,
        "height": 2,
        "frames": 1,
        "passed": True,
        "engine": "e",
        "model_sha256": "0" * 64,
    }
    upscaled = VideoUpscaled(
        video_id=VIDEO, run=1, rendition_key="d/r.mp4", qc_key="d/qc.json", page_key="d/qc.html", seconds=1.0, **common
    )

    assert results_of(upscaled)["qc.html"] == "d/qc.html"
