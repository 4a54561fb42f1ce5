"""Runners: what they ask, what is looked after, what they are given."""

from dataclasses import dataclass
from typing import Any

from chassis.blobs import Blobs
from chassis.bus import Bus
from chassis.database import Database, UnitOfWork
from chassis.telemetry import traceparent
from contracts.event import Event
from contracts.steps import Step, StepProgressed
from upscale.adapters.addresses import SignedAddresses
from upscale.adapters.postgres import PostgresRecords
from upscale.adapters.postgres_paces import PostgresPaces
from upscale.adapters.postgres_runners import PostgresRunnerRecords
from upscale.adapters.runner_wheel import runner_wheel
from upscale.api.app import RunnerApi, create_app
from upscale.api.bytes import Bytes
from upscale.api.program import Programs
from upscale.ports.runners import Check, Intervals, Offer
from upscale.settings import Settings
from upscale.usecases.claiming import Claims
from upscale.usecases.dispatching import ByPolicy, LeaseDispatcher, PoolDispatcher
from upscale.usecases.failing import PoolFailed, SettleFailure
from upscale.usecases.leasing import Leases
from upscale.usecases.lookout import Lookout
from upscale.usecases.runners import Runners
from upscale.usecases.tending import Tend
from upscale.usecases.verifying import VerifyChunk
from upscale.usecases.vigil import Vigil

__all__ = ["Lending", "lending_of", "records_in"]


@dataclass(frozen=True)
class Lending:
    """All that is there for runners."""

    dispatch: ByPolicy
    verify: VerifyChunk
    pool_failed: PoolFailed
    app: Any
    """None without a secret, and in a worker: runners do not come there."""
    background: tuple[Any, ...]


def records_in(work: UnitOfWork) -> PostgresRecords:
    """What the service remembers, in this transaction."""
    return PostgresRecords(work.connection, work.tenant_id)


def lending_of(settings: Settings, database: Database, bus: Bus, blobs: Blobs, check: Check) -> Lending:
    """The parts, put together."""
    machines, paces, intervals = PostgresRunnerRecords, PostgresPaces, _intervals(settings)
    pool, leases = PoolDispatcher(), LeaseDispatcher(machines, intervals)
    dispatch = ByPolicy(pool, leases, machines, lent=settings.runner_secret is not None)
    lookout = Lookout(database, machines)
    failure = SettleFailure(database, records_in, machines, pool, intervals)
    verify = VerifyChunk(database, records_in, machines, paces, blobs, check, dispatch, failure, lookout)
    app: Any = None
    background: tuple[Any, ...] = ()
    if settings.runner_secret is not None and settings.role != "worker":
        secret = settings.runner_secret.get_secret_value()
        addresses = SignedAddresses(blobs, secret, lifetime_s=settings.runner_url_s)
        vigil = Vigil(intervals)
        known = (database, records_in, machines, paces, blobs, addresses, intervals, lookout, failure, vigil)
        held = Leases(*known, _teller(bus), settings.min_free_bytes)
        api = RunnerApi(Runners(database, machines, intervals), Claims(*known, dispatch), held, intervals)
        bytes_ = Bytes(blobs, addresses, held.may_write, max_bytes=settings.runner_chunk_bytes)
        app = create_app(api, bytes_, Programs(runner_wheel))
        app.state.addresses = addresses
        keeper = Tend(database, machines, paces, failure, intervals, lookout, settings.runner_keep_days, vigil)
        background = (lookout.run, keeper.run)
    return Lending(dispatch, verify, PoolFailed(machines, failure), app, background)


def _intervals(settings: Settings) -> Intervals:
    return Intervals(
        lease_s=settings.runner_lease_s,
        grace_s=settings.runner_grace_s,
        gone_s=max(60.0, 2 * settings.runner_lease_s),
        patience_s=settings.runner_patience_s,
        straggler_s=settings.runner_straggler_s,
        url_s=settings.runner_url_s,
        target_s=settings.target_chunk_seconds,
        tries=settings.runner_tries,
        quarantine_after=settings.runner_quarantine_after,
    )


def _teller(bus: Bus) -> Any:
    async def tell(offer: Offer, fraction: float, message: str) -> None:
        fact = StepProgressed(
            video_id=offer.video_id, step=Step.UPSCALE, run=offer.run, fraction=fraction, message=message
        )
        event = Event[StepProgressed].of(
            fact,
            source=bus.service,
            subject=str(offer.video_id),
            tenant_id=offer.tenant_id,
            job_id=offer.job_id,
            traceparent=traceparent(),
        )
        await bus.tell(event)

    return tell
