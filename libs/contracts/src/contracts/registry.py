"""All facts, by the service that announces them."""

from contracts import align, gateway, ingest, retention, runners, steps, traces, transcribe, upscale, vision
from contracts.event import Fact

__all__ = ["ANNOUNCED_BY", "FACTS", "HEARD_BY", "SERVICES"]

SERVICES = ("gateway", "ingest", "transcribe", "align", "vision", "upscale")

ANNOUNCED_BY: dict[str, tuple[type[Fact], ...]] = {
    "gateway": (
        gateway.VideoSubmitted,
        gateway.ScriptSubmitted,
        gateway.JobRequested,
        gateway.JobCancelled,
        gateway.VideoErased,
        gateway.AlignmentCorrected,
        gateway.OriginalErased,
        retention.CopiesErased,
        retention.IntermediatesErased,
        retention.ResultsErased,
        retention.TranscriptsErased,
        retention.RenditionsErased,
        gateway.ScriptErased,
        gateway.TenantErased,
        runners.RunnerInvited,
        runners.RunnerRevoked,
        runners.RunnerReleased,
        runners.RunnerRotated,
        runners.RunnerSteered,
        runners.BudgetChanged,
    ),
    "ingest": (ingest.VideoIngested, ingest.VideoRejected),
    "vision": (vision.ScenesDetected, vision.WatermarksDetected),
    "transcribe": (transcribe.TranscriptReady,),
    "align": (align.AlignmentReady, align.AlignmentRevised),
    "upscale": (upscale.ChunkReady, upscale.VideoUpscaled, upscale.UpscaleFailed, runners.RunnerChanged),
    "every service": (steps.StepProgressed, steps.StepFailed, traces.TracesErased),
}

FACTS: dict[str, type[Fact]] = {fact.stream: fact for facts in ANNOUNCED_BY.values() for fact in facts}
"""Every fact by its stream."""

HEARD_BY: dict[str, tuple[str, ...]] = {
    "video.submitted.v1": ("ingest",),
    "script.submitted.v1": ("align",),
    "job.requested.v1": ("transcribe", "align", "vision", "upscale"),
    "job.cancelled.v1": ("transcribe", "align", "vision", "upscale"),
    "video.erased.v1": ("ingest", "transcribe", "align", "vision", "upscale"),
    "original.erased.v1": ("ingest",),
    "copies.erased.v1": ("ingest",),
    "intermediates.erased.v1": ("transcribe", "vision", "upscale"),
    "results.erased.v1": ("vision", "align"),
    "transcripts.erased.v1": ("transcribe", "align"),
    "renditions.erased.v1": ("upscale",),
    "script.erased.v1": ("align",),
    "tenant.erased.v1": ("ingest", "transcribe", "align", "vision", "upscale"),
    "traces.erased.v1": ("gateway",),
    "video.ingested.v1": ("gateway", "transcribe", "align", "vision", "upscale"),
    "video.rejected.v1": ("gateway",),
    "scenes.detected.v1": ("gateway", "align", "upscale"),
    "watermarks.detected.v1": ("gateway",),
    "transcript.ready.v1": ("gateway", "align"),
    "alignment.ready.v1": ("gateway", "upscale"),
    "alignment.corrected.v1": ("align",),
    "alignment.revised.v1": ("gateway",),
    "chunk.ready.v1": ("gateway", "upscale"),
    "video.upscaled.v1": ("gateway",),
    "upscale.failed.v1": ("gateway",),
    "runner.invited.v1": ("upscale",),
    "runner.revoked.v1": ("upscale",),
    "runner.released.v1": ("upscale",),
    "runner.rotated.v1": ("upscale",),
    "runner.steered.v1": ("upscale",),
    "runner.changed.v1": ("gateway",),
    "budget.changed.v1": ("upscale",),
    "step.progressed.v1": ("gateway",),
    "step.failed.v1": ("gateway", "align", "upscale"),
}
"""Who wakes on which fact. A test compares this with the handlers."""
