"""All facts, by the service that announces them."""

from contracts import align, gateway, ingest, steps, transcribe, upscale, vision
from contracts.event import Fact

__all__ = ["ANNOUNCED_BY", "FACTS", "SERVICES"]

SERVICES = ("gateway", "ingest", "transcribe", "align", "vision", "upscale")

ANNOUNCED_BY: dict[str, tuple[type[Fact], ...]] = {
    "gateway": (
        gateway.VideoSubmitted,
        gateway.ScriptSubmitted,
        gateway.JobRequested,
        gateway.JobCancelled,
        gateway.VideoErased,
    ),
    "ingest": (ingest.VideoIngested, ingest.VideoRejected),
    "vision": (vision.ScenesDetected, vision.WatermarksDetected),
    "transcribe": (transcribe.TranscriptReady,),
    "align": (align.AlignmentReady,),
    "upscale": (upscale.ChunkReady, upscale.VideoUpscaled, upscale.UpscaleFailed),
    "every service": (steps.StepProgressed, steps.StepFailed),
}

FACTS: dict[str, type[Fact]] = {fact.stream: fact for facts in ANNOUNCED_BY.values() for fact in facts}
"""Every fact by its stream."""
