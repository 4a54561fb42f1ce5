"""Who meets whom in the align service: the only wiring."""

from align.adapters.failures import UnusableSound
from align.adapters.film import align_film, revise_film
from align.adapters.postgres import PostgresRecords
from align.adapters.reviews import PostgresReviews
from align.adapters.weights import MODELS
from align.domain.script import EmptyScript, UnreadableScript
from align.handlers import register
from align.ports import AlignFilm, Tools
from align.settings import Settings
from align.usecases import (
    AlignScript,
    CancelJob,
    ForgetResults,
    ForgetScript,
    ForgetTranscripts,
    ForgetVideo,
    HearCorrections,
    Join,
    ReviseAlignment,
    UnknownScript,
)
from chassis.blobs import BlobNotFound, blobs_at
from chassis.bus import Bus
from chassis.database import Database, UnitOfWork
from chassis.erasing import FORGET, Eraser
from chassis.erasing.leftovers import DISCARD, DiscardFolders, keep_quiet
from chassis.models import ModelUnavailable
from chassis.run import Service, run
from chassis.work import Call, Workbench, run_in_child
from contracts.registry import ANNOUNCED_BY

__all__ = ["build", "main"]

NAME = "align"


def build(settings: Settings, *, align: AlignFilm = align_film, call: Call = run_in_child) -> Service:
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
    register(
        bus,
        Join(_records),
        CancelJob(_records),
        HearCorrections(_records, _reviews),
        forget=ForgetVideo(_records),
        forget_script=ForgetScript(_records),
        forget_results=ForgetResults(_records),
        forget_transcripts=ForgetTranscripts(_records),
    )
    tools = Tools(models_dir=settings.models_dir, cache_dir=settings.cache_dir, threads=settings.threads)
    hopeless = (UnreadableScript, EmptyScript, UnusableSound, UnknownScript, ModelUnavailable, BlobNotFound)
    work.does("align", gives_up_on=hopeless)(AlignScript(database, _records, _reviews, blobs, align, tools))
    revise = ReviseAlignment(database, _records, _reviews, blobs, revise_film)
    work.does("revise", gives_up_on=(BlobNotFound,), on_failure=keep_quiet)(revise)
    work.does(DISCARD, on_failure=keep_quiet)(DiscardFolders(blobs))
    eraser = Eraser(database, blobs, bus, announced=(*ANNOUNCED_BY[NAME], *ANNOUNCED_BY["every service"]))
    work.does(FORGET, on_failure=keep_quiet)(eraser)
    return Service(name=NAME, settings=settings, database=database, bus=bus, work=work, models=MODELS)


def _records(work: UnitOfWork) -> PostgresRecords:
    return PostgresRecords(work.connection, work.tenant_id)


def _reviews(work: UnitOfWork) -> PostgresReviews:
    return PostgresReviews(work.connection, work.tenant_id)


def main() -> None:
    """The command line: serve, migrate, models."""
    run(Settings, build)


if __name__ == "__main__":
    main()
