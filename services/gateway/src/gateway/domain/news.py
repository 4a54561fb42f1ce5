"""What a fact means for a job: which step it moves, and which results it leaves."""

from contracts.align import AlignmentReady, AlignmentRevised
from contracts.event import Fact
from contracts.ingest import VideoIngested, VideoRejected
from contracts.steps import Step, StepFailed, StepProgressed
from contracts.transcribe import TranscriptReady
from contracts.upscale import ChunkReady, UpscaleFailed, VideoUpscaled
from contracts.vision import ScenesDetected, WatermarksDetected
from gateway.domain.progress import Advanced, Done, Failed, News

__all__ = ["news_of", "results_of"]

_EXPORT_NAMES = {"srt": "script.srt", "vtt": "script.vtt", "otio": "timeline.otio"}
_STEP_OF: dict[type[Fact], Step] = {
    ScenesDetected: Step.SCENES,
    WatermarksDetected: Step.WATERMARKS,
    TranscriptReady: Step.TRANSCRIPT,
    AlignmentReady: Step.ALIGNMENT,
    VideoUpscaled: Step.UPSCALE,
}


def news_of(fact: Fact) -> News | None:
    """The news a fact holds for a job that waits for it; None for a fact that moves no step."""
    if isinstance(fact, StepProgressed):
        return Advanced(fact.step, _run_of(fact), fact.fraction, fact.message)
    if isinstance(fact, StepFailed):
        return Failed(fact.step, _run_of(fact), fact.reason, fact.detail)
    if isinstance(fact, ChunkReady):
        # Chunks come in any order, so an index says nothing about how many are done.
        return Advanced(Step.UPSCALE, fact.run, None, f"chunk {fact.index + 1} of {fact.chunks} ready")
    if isinstance(fact, UpscaleFailed):
        return Failed(Step.UPSCALE, fact.run, fact.reason, fact.detail)
    if isinstance(fact, VideoIngested):
        return Done(Step.INGEST, None, fact.engine or None, None, fact.seconds or None)
    if isinstance(fact, VideoRejected):
        return Failed(Step.INGEST, None, fact.reason, fact.detail)
    if isinstance(fact, ScenesDetected | WatermarksDetected | TranscriptReady | AlignmentReady | VideoUpscaled):
        return Done(_STEP_OF[type(fact)], fact.run, fact.engine, fact.model_sha256, fact.seconds)
    return None


def _run_of(fact: StepProgressed | StepFailed) -> int | None:
    return None if fact.step is Step.INGEST else fact.run


def results_of(fact: Fact) -> dict[str, str]:
    """The blob key of each result a fact names. A name that ends in ``/`` is a folder of results."""
    if isinstance(fact, ScenesDetected):
        folder, slash, _ = fact.key.rpartition("/")
        return {"scenes.json": fact.key, "keyframes/": f"{folder}{slash}keyframes/"}
    if isinstance(fact, WatermarksDetected):
        return {"watermarks.json": fact.key}
    if isinstance(fact, TranscriptReady):
        return {"transcript.json": fact.key}
    if isinstance(fact, AlignmentReady | AlignmentRevised):
        exports = {_EXPORT_NAMES.get(name, _basename(key)): key for name, key in fact.exports.items()}
        return {"ledger.json": fact.key, **exports}
    if isinstance(fact, VideoUpscaled):
        ending = _basename(fact.rendition_key).rpartition(".")[2]
        page = {"qc.html": fact.page_key} if fact.page_key else {}
        return {f"rendition.{ending}": fact.rendition_key, "qc.json": fact.qc_key, **page}
    return {}


def _basename(key: str) -> str:
    return key.rpartition("/")[2]
