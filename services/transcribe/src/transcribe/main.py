"""Who meets whom in the transcribe service: the only wiring."""

from chassis.blobs import blobs_at
from chassis.bus import Bus
from chassis.database import Database, UnitOfWork
from chassis.erasing import FORGET, Eraser
from chassis.erasing.leftovers import DISCARD, DiscardFolders, keep_quiet
from chassis.models import ModelUnavailable
from chassis.run import Service, run
from chassis.work import Call, Workbench, run_in_child
from contracts.registry import ANNOUNCED_BY
from transcribe.adapters.failures import RecognizerMissing, UnreadableAudio
from transcribe.adapters.listening import listen, survey
from transcribe.adapters.postgres import PostgresRecords
from transcribe.adapters.weights import model_named
from transcribe.handlers import register
from transcribe.ports import Ears, Listen, Look
from transcribe.settings import Settings
from transcribe.usecases import (
    CancelJob,
    ForgetIntermediates,
    ForgetTranscripts,
    ForgetVideo,
    HearPiece,
    JoinVideoAndJob,
    Scribe,
    StitchPieces,
    TranscribeVideo,
    give_up,
)

__all__ = ["build", "main"]

NAME = "transcribe"
_HOPELESS = (UnreadableAudio, ModelUnavailable, RecognizerMissing)


def build(settings: Settings, *, listen: Listen = listen, look: Look = survey, call: Call = run_in_child) -> Service:
    """The service, ready to serve; nothing is connected yet. Tests bring engines of their own."""
    database = Database(str(settings.database_url), service=NAME)
    bus = Bus(NAME, str(settings.redis_url), database)
    work = Workbench(
        bus,
        database,
        workers=settings.workers,
        lease_s=settings.lease_s,
        tenant_cap=settings.tenant_cap,
        child_env={"OMP_NUM_THREADS": str(settings.threads)},
        call=call,
    )
    blobs = blobs_at(settings.blobs_url)
    register(
        bus,
        JoinVideoAndJob(_records),
        CancelJob(_records),
        ForgetVideo(_records),
        forget_transcripts=ForgetTranscripts(_records),
        forget_intermediates=ForgetIntermediates(_records),
    )
    ears, scribe = _ears(settings), Scribe(_records, blobs, settings.pause_s, settings.longest_segment_s)
    models: dict[str, str] = {"accurate": settings.model_accurate, "fast": settings.model_fast}
    transcribe = TranscribeVideo(database, scribe, listen, look, ears, models, settings.piece_s)
    work.does("transcribe", gives_up_on=_HOPELESS)(transcribe)
    work.does("piece", gives_up_on=_HOPELESS, on_failure=give_up)(HearPiece(database, scribe, listen, ears))
    work.does("stitch", on_failure=give_up)(StitchPieces(database, scribe))
    work.does(DISCARD, on_failure=keep_quiet)(DiscardFolders(blobs))
    eraser = Eraser(database, blobs, bus, announced=(*ANNOUNCED_BY[NAME], *ANNOUNCED_BY["every service"]))
    work.does(FORGET, on_failure=keep_quiet)(eraser)
    return Service(
        name=NAME,
        settings=settings,
        database=database,
        bus=bus,
        work=work,
        models=[model_named(name) for name in dict.fromkeys((settings.model_accurate, settings.model_fast))],
    )


def _records(work: UnitOfWork) -> PostgresRecords:
    return PostgresRecords(work.connection, work.tenant_id)


def _ears(settings: Settings) -> Ears:
    return Ears(
        recognizer=settings.recognizer,
        models_dir=settings.models_dir,
        cache_dir=settings.cache_dir,
        beam=settings.beam,
        threads=settings.threads,
        device=settings.device,
        compute_type=settings.compute_type,
        align_model=settings.align_model,
    )


def main() -> None:
    """The command line: serve, migrate, models."""
    run(Settings, build)


if __name__ == "__main__":
    main()
