"""Who meets whom in the vision service: the only wiring."""

from uuid import UUID

from chassis.blobs import BlobNotFound, blobs_at
from chassis.bus import Bus
from chassis.database import Database, UnitOfWork
from chassis.erasing import FORGET, Eraser
from chassis.erasing.leftovers import DISCARD, DiscardFolders, keep_quiet
from chassis.models import ModelUnavailable
from chassis.run import Service, run
from chassis.work import Call, Workbench, run_in_child
from contracts.event import Event
from contracts.registry import ANNOUNCED_BY
from contracts.steps import StepProgressed
from vision.adapters.looking_in_child import look
from vision.adapters.postgres import PostgresRecords
from vision.adapters.weights import MODELS
from vision.domain.failures import UnreadableVideo
from vision.handlers import register
from vision.ports import Eyes, Look, Tell
from vision.settings import Settings
from vision.usecases import (
    CancelJob,
    ForgetIntermediates,
    ForgetResults,
    ForgetVideo,
    JoinVideoAndJob,
    LookAtVideo,
    SweepUp,
    announce_failures,
)

__all__ = ["build", "main"]

NAME = "vision"


def build(settings: Settings, *, look: Look = look, call: Call = run_in_child) -> Service:
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
        forget=ForgetVideo(_records),
        forget_results=ForgetResults(_records),
        forget_intermediates=ForgetIntermediates(_records),
    )
    look_at = LookAtVideo(
        database=database,
        records=_records,
        blobs=blobs,
        look=look,
        eyes=Eyes(settings.models_dir, settings.cache_dir, settings.threads, settings.longest),
        tell=_teller(bus),
        detector=settings.scene_detector,
    )
    final = (UnreadableVideo, ModelUnavailable, BlobNotFound)
    work.does("look", gives_up_on=final, on_failure=announce_failures)(look_at)
    work.does(DISCARD, on_failure=keep_quiet)(DiscardFolders(blobs))
    eraser = Eraser(database, blobs, bus, announced=(*ANNOUNCED_BY[NAME], *ANNOUNCED_BY["every service"]))
    work.does(FORGET, on_failure=keep_quiet)(SweepUp(blobs, eraser))
    return Service(name=NAME, settings=settings, database=database, bus=bus, work=work, models=MODELS)


def _records(work: UnitOfWork) -> PostgresRecords:
    return PostgresRecords(work.connection, work.tenant_id)


def _teller(bus: Bus) -> Tell:
    async def tell(fact: StepProgressed, tenant_id: UUID, job_id: UUID | None) -> None:
        event = Event[StepProgressed].of(
            fact, source=NAME, subject=str(fact.video_id), tenant_id=tenant_id, job_id=job_id
        )
        await bus.tell(event)

    return tell


def main() -> None:
    """The command line: serve, migrate, models, dlq."""
    run(Settings, build)


if __name__ == "__main__":
    main()
