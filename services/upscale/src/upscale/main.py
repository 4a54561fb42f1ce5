"""Who meets whom in the upscale service: the only wiring."""

from chassis.blobs import blobs_at
from chassis.bus import Bus
from chassis.database import Database, UnitOfWork
from chassis.erasing import FORGET, Eraser
from chassis.models import ModelUnavailable
from chassis.run import Service, run
from chassis.work import Call, Workbench, run_in_child
from contracts.registry import ANNOUNCED_BY
from upscale.adapters.child_work import assemble, draw_plan, make_chunk
from upscale.adapters.postgres import PostgresRecords
from upscale.adapters.weights import MODELS
from upscale.domain.plan import Encoding
from upscale.domain.refusals import Refusal
from upscale.handlers import register
from upscale.ports import Assemble, Draw, EngineMissing, Make, Workshop
from upscale.settings import Settings
from upscale.usecases import (
    AssembleRendition,
    CancelJob,
    EraseBlobs,
    ForgetVideo,
    JoinChunks,
    JoinVideoAndJob,
    MakeChunk,
    PlanRendition,
    announce_failure,
    keep_quiet,
)

__all__ = ["build", "main"]

NAME = "upscale"
_HOPELESS = (Refusal, ModelUnavailable, EngineMissing)


def build(
    settings: Settings,
    *,
    draw: Draw = draw_plan,
    make: Make = make_chunk,
    join: Assemble = assemble,
    call: Call = run_in_child,
) -> Service:
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
    register(bus, JoinVideoAndJob(_records), JoinChunks(_records), CancelJob(_records), ForgetVideo(_records))
    encoding = Encoding(preset=settings.preset, keyframe_frames=settings.keyframe_frames)
    plan_rendition = PlanRendition(database, _records, blobs, draw, encoding, settings.chunk_megapixels)
    make_one = MakeChunk(database, _records, blobs, make, _workshop(settings))
    join_all = AssembleRendition(database, _records, blobs, join)
    work.does("plan", gives_up_on=_HOPELESS, on_failure=announce_failure)(plan_rendition)
    work.does("chunk", gives_up_on=_HOPELESS, on_failure=announce_failure)(make_one)
    work.does("assemble", gives_up_on=_HOPELESS, on_failure=announce_failure)(join_all)
    work.does("erase", on_failure=keep_quiet)(EraseBlobs(blobs))
    eraser = Eraser(database, blobs, bus, announced=(*ANNOUNCED_BY[NAME], *ANNOUNCED_BY["every service"]))
    work.does(FORGET, on_failure=keep_quiet)(eraser)
    return Service(name=NAME, settings=settings, database=database, bus=bus, work=work, models=list(MODELS.values()))


def _records(work: UnitOfWork) -> PostgresRecords:
    return PostgresRecords(work.connection, work.tenant_id)


def _workshop(settings: Settings) -> Workshop:
    return Workshop(
        engine=settings.engine,
        precision=settings.precision,
        device=settings.device,
        tile_pixels=settings.tile_pixels,
        threads=settings.threads,
        models_dir=settings.models_dir,
        cache_dir=settings.cache_dir,
    )


def main() -> None:
    """The command line: serve, migrate, models."""
    run(Settings, build)


if __name__ == "__main__":
    main()
