"""Who meets whom in the upscale service: the only wiring."""

from functools import partial
from pathlib import Path

from chassis.blobs import blobs_at
from chassis.bus import Bus
from chassis.child.runner import KeptChildren
from chassis.database import Database
from chassis.erasing import FORGET, Eraser
from chassis.erasing.leftovers import DISCARD, DiscardFolders, keep_quiet
from chassis.models import ModelUnavailable
from chassis.run import Service, run
from chassis.work import Call, Lane, Workbench, run_in_child
from contracts.registry import ANNOUNCED_BY
from upscale.adapters.child_work import assemble, check_chunk, draw_plan, make_chunk
from upscale.adapters.machine_class import class_of_worker
from upscale.adapters.postgres_paces import PostgresPaces
from upscale.adapters.postgres_runners import PostgresRunnerRecords
from upscale.adapters.weights import MODELS, model_named
from upscale.domain.encoding import Encoding, encoding_for
from upscale.domain.price import Price
from upscale.domain.refusals import Refusal
from upscale.handlers import register
from upscale.ports import Assemble, Draw, EngineMissing, Make, Workshop
from upscale.ports.runners import Check
from upscale.settings import Settings
from upscale.usecases import (
    AssembleRendition,
    CancelJob,
    ForgetIntermediates,
    ForgetRenditions,
    ForgetVideo,
    HearOperators,
    JoinChunks,
    JoinVideoAndJob,
    MakeChunk,
    PlanRendition,
    announce_failure,
)
from upscale.usecases.dispatching import ByPolicy
from upscale.usecases.pacing import ChunkLengths
from upscale.wiring.runners import Lending, lending_of, records_in

__all__ = ["build", "main"]

NAME = "upscale"
_HOPELESS = (Refusal, ModelUnavailable, EngineMissing)
_UNMEASURED_MEGAPIXELS = 8.0
"""Of source, in a chunk, as long as no machine was measured."""


def build(
    settings: Settings,
    *,
    draw: Draw = draw_plan,
    make: Make = make_chunk,
    join: Assemble = assemble,
    check: Check = check_chunk,
    call: Call = run_in_child,
) -> Service:
    """The service, ready to serve; nothing is connected yet. Tests bring engines of their own."""
    database = Database(str(settings.database_url), service=NAME)
    kept = KeptChildren(make)  # torch takes seconds to load, and engines longer; a lean one is there at once
    bus = Bus(NAME, str(settings.redis_url), database)
    work = _workbench(settings, bus, kept if call is run_in_child and settings.engine == "torch" else call)
    blobs = blobs_at(settings.blobs_url)
    machines, lending = PostgresRunnerRecords, lending_of(settings, database, bus, blobs, check)
    register(
        bus,
        JoinVideoAndJob(records_in),
        JoinChunks(records_in, machines),
        CancelJob(records_in, machines),
        ForgetVideo(records_in, machines),
        HearOperators(machines, PostgresPaces),
        forget_renditions=ForgetRenditions(records_in),
        forget_intermediates=ForgetIntermediates(records_in),
    )
    lent, here = lending.dispatch, _workshop(settings)
    lengths = _lengths(settings, database, lent)
    plan = PlanRendition(database, records_in, blobs, draw, _encoding(settings), lengths, machines, lent, here)
    make_one = MakeChunk(database, records_in, blobs, make, here, machines, PostgresPaces, class_of_worker(here))
    join_all = AssembleRendition(database, records_in, blobs, join, _price(settings))
    eraser = Eraser(database, blobs, bus, announced=(*ANNOUNCED_BY[NAME], *ANNOUNCED_BY["every service"]))
    _teach(work, plan, make_one, join_all, lending, DiscardFolders(blobs), eraser)
    return Service(
        name=NAME,
        settings=settings,
        database=database,
        bus=bus,
        work=work,
        app=lending.app,
        models=list(MODELS.values()),
        background=lending.background,
        closing=(kept.close,),
    )


def _workbench(settings: Settings, bus: Bus, call: Call) -> Workbench:
    return Workbench(
        bus,
        bus.database,
        workers=0 if settings.role == "worker" else settings.workers,
        lease_s=settings.lease_s,
        tenant_cap=settings.tenant_cap,
        call=call,
        lanes=_lanes(settings),
    )


def _teach(
    work: Workbench,
    plan: PlanRendition,
    make: MakeChunk,
    join: AssembleRendition,
    lending: Lending,
    discard: DiscardFolders,
    forget: Eraser,
) -> None:
    """What this service's workers can do."""
    work.does("plan", gives_up_on=_HOPELESS, on_failure=announce_failure)(plan)
    work.does("chunk", gives_up_on=_HOPELESS, on_failure=lending.pool_failed)(make)
    work.does("verify", on_failure=lending.verify.gave_up)(lending.verify)
    work.does("assemble", gives_up_on=_HOPELESS, on_failure=announce_failure)(join)
    work.does(DISCARD, on_failure=keep_quiet)(discard)
    work.does(FORGET, on_failure=keep_quiet)(forget)


def _encoding(settings: Settings) -> Encoding:
    """What the operator chose, for jobs that say nothing."""
    begun = Encoding(preset=settings.preset, keyframe_frames=settings.keyframe_frames, container=settings.container)
    return encoding_for(begun, codec=settings.codec, crf=settings.crf, preset=None, container=None)


def _price(settings: Settings) -> Price | None:
    return None if settings.hour_price is None else Price(settings.hour_price, settings.currency)


def _lanes(settings: Settings) -> tuple[Lane, ...]:
    """Chunks go to workers of their own, by the stream ``work.upscale.chunks``, where there are such."""
    if settings.role == "all":
        return ()
    workers = settings.workers if settings.role == "worker" else 0
    return (Lane("chunks", workers=workers, only=frozenset({"chunk"}), ahead=settings.chunks_ahead),)


def _lengths(settings: Settings, database: Database, dispatch: ByPolicy) -> ChunkLengths:
    return ChunkLengths(
        database,
        records_in,
        PostgresPaces,
        dispatch,
        digest_of=partial(_digest_of, models_dir=settings.models_dir),
        target_s=settings.target_chunk_seconds,
        always=settings.chunk_megapixels,
        at_first=_UNMEASURED_MEGAPIXELS,
    )


def _digest_of(model: str, *, models_dir: Path | None) -> str | None:
    """None for one that is not here: who plans says so."""
    try:
        return model_named(model, models_dir=models_dir).sha256
    except Refusal:
        return None


def _workshop(settings: Settings) -> Workshop:
    return Workshop(
        engine=settings.engine,
        precision=settings.precision,
        device=settings.device,
        tile_pixels=settings.tile_pixels,
        threads=settings.threads,
        models_dir=settings.models_dir,
        cache_dir=settings.cache_dir,
        still_codes=settings.still_codes,
    )


def main() -> None:
    """The command line: serve, migrate, models."""
    run(Settings, build)


if __name__ == "__main__":
    main()
