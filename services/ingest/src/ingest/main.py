"""Who meets whom in the ingest service: the only wiring."""

from chassis.blobs import BlobNotFound, blobs_at
from chassis.bus import Bus
from chassis.database import Database, UnitOfWork
from chassis.erasing import FORGET, Eraser
from chassis.erasing.leftovers import keep_quiet
from chassis.run import Service, run
from chassis.work import Call, Workbench, run_in_child
from contracts.registry import ANNOUNCED_BY
from ingest.adapters.postgres import PostgresVideos
from ingest.adapters.taking_in import take_in
from ingest.domain.refusal import Allowance, Limits
from ingest.handlers import register
from ingest.ports import Examine, Terms
from ingest.settings import Settings
from ingest.usecases import (
    DropUpload,
    EraseBlobs,
    ForgetCopies,
    ForgetOriginal,
    ForgetVideo,
    QueueVideo,
    TakeInVideo,
    TookTooLong,
)

__all__ = ["build", "main"]

NAME = "ingest"


def build(settings: Settings, *, examine: Examine = take_in, call: Call = run_in_child) -> Service:
    """The service, ready to serve; nothing is connected yet. Tests bring engines of their own."""
    database = Database(str(settings.database_url), service=NAME)
    bus = Bus(NAME, str(settings.redis_url), database)
    work = Workbench(
        bus,
        database,
        workers=settings.workers,
        lease_s=settings.lease_s,
        tenant_cap=settings.tenant_cap,
        call=call,
    )
    blobs = blobs_at(settings.blobs_url)
    register(bus, QueueVideo(_videos), ForgetVideo(_videos), ForgetOriginal(_videos), ForgetCopies())
    take = TakeInVideo(
        database=database,
        videos=_videos,
        blobs=blobs,
        examine=examine,
        terms=_terms(settings),
        wall_s=settings.wall_s,
    )
    # A decoder that takes its process down will do so again: one more try is for the machine that ran out of memory.
    work.does("take_in", gives_up_on=(TookTooLong, BlobNotFound), tries=2)(take)
    work.does("drop_upload", on_failure=keep_quiet)(DropUpload(blobs))
    eraser = Eraser(database, blobs, bus, announced=(*ANNOUNCED_BY[NAME], *ANNOUNCED_BY["every service"]))
    work.does(FORGET, on_failure=keep_quiet)(EraseBlobs(database, _videos, blobs, eraser))
    return Service(name=NAME, settings=settings, database=database, bus=bus, work=work)


def _videos(work: UnitOfWork) -> PostgresVideos:
    return PostgresVideos(work.connection, work.tenant_id)


def _terms(settings: Settings) -> Terms:
    return Terms(
        limits=Limits(
            max_bytes=settings.max_bytes, max_pixels=settings.max_pixels, max_duration_s=settings.max_duration_s
        ),
        allowance=Allowance(memory_mib=settings.memory_mib, cpu_s=settings.cpu_s),
        proxy_longest=settings.proxy_longest,
    )


def main() -> None:
    """The command line: serve, migrate, models, dlq."""
    run(Settings, build)


if __name__ == "__main__":
    main()
