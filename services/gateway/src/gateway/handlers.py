"""What wakes us: every fact of the other services. Our own we know."""

from chassis.bus import Bus
from chassis.database import UnitOfWork
from contracts.align import AlignmentReady, AlignmentRevised
from contracts.event import Event
from contracts.ingest import VideoIngested, VideoRejected
from contracts.runners import RunnerChanged
from contracts.steps import StepFailed, StepProgressed
from contracts.traces import TracesErased
from contracts.transcribe import TranscriptReady
from contracts.upscale import ChunkReady, UpscaleFailed, VideoUpscaled
from contracts.vision import ScenesDetected, WatermarksDetected
from gateway.usecases.erasures import HearAnswers
from gateway.usecases.follow import FollowFacts
from gateway.usecases.follow_revisions import FollowRevisions
from gateway.usecases.indexing import NoteDocuments
from gateway.usecases.runners import FollowRunners

__all__ = ["register"]


def register(
    bus: Bus,
    follow: FollowFacts,
    revised: FollowRevisions,
    hear: HearAnswers,
    note: NoteDocuments,
    runners: FollowRunners,
) -> None:
    """Follow each fact: late, repeated and stray ones are told apart by the domain, not here."""
    bus.on(VideoIngested)(follow)
    bus.on(VideoRejected)(follow)
    bus.on(ScenesDetected)(follow)
    bus.on(WatermarksDetected)(follow)
    bus.on(AlignmentReady)(follow)
    bus.on(ChunkReady)(follow)
    bus.on(VideoUpscaled)(follow)
    bus.on(UpscaleFailed)(follow)
    bus.on(StepProgressed)(follow)
    bus.on(StepFailed)(follow)
    bus.on(AlignmentRevised)(revised)
    bus.on(TracesErased)(hear)
    bus.on(RunnerChanged)(runners)

    @bus.on(TranscriptReady)
    async def on_transcript_ready(event: Event[TranscriptReady], work: UnitOfWork) -> None:
        await follow(event, work)
        if event.jobid is not None:
            await note.transcript(work, job_id=event.jobid, key=event.data.key)
