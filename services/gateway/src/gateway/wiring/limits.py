"""How fast and how much one may ask, and what it costs."""

from chassis.database import Database
from gateway.adapters.changes import RedisChanges
from gateway.adapters.postgres import PostgresRecords
from gateway.adapters.rates import RedisLimiter
from gateway.adapters.trips import Trips
from gateway.domain.admission import Limits
from gateway.domain.metering import PriceList
from gateway.domain.quotas import Quotas
from gateway.domain.rates import Rate, RateClass, Rates
from gateway.settings import Settings
from gateway.usecases.admission import Admission
from gateway.usecases.budgets import KeepBooks
from gateway.usecases.egress import Egress
from gateway.usecases.notify import Notify

__all__ = ["admission_of", "books_of", "egress_of", "limiter_of", "prices_of", "rates_of"]


def admission_of(settings: Settings) -> Admission:
    """Who may have more."""
    limits = Limits(
        tenant_jobs=settings.max_unfinished_jobs,
        total_jobs=settings.max_unfinished_jobs_of_all,
        retry_after_s=settings.retry_after_s,
    )
    quotas = Quotas(
        jobs=settings.max_unfinished_jobs,
        storage_bytes=settings.max_storage_bytes,
        video_minutes=settings.max_video_minutes,
    )
    return Admission(PostgresRecords, limits, quotas, currency=settings.currency)


def prices_of(settings: Settings) -> PriceList:
    """What work costs from now on."""
    return PriceList(settings.currency, settings.prices)


def books_of(settings: Settings, database: Database, changes: RedisChanges) -> KeepBooks:
    """Who tells of budgets, and counts stored bytes."""
    notify = Notify(PostgresRecords, changes)
    return KeepBooks(database, PostgresRecords, notify, prices_of(settings), every_s=settings.books_s)


def egress_of(settings: Settings, database: Database) -> Egress:
    """Who counts what is sent."""
    return Egress(database, PostgresRecords, prices_of(settings), every_s=settings.books_s)


def limiter_of(settings: Settings, trips: Trips) -> RedisLimiter:
    """Who counts requests. Event streams say something at each heartbeat, and hold their places through three."""
    return RedisLimiter(trips, rates_of(settings), hold_s=max(60.0, 3 * settings.heartbeat_s))


def rates_of(settings: Settings) -> Rates:
    """What is allowed."""
    return Rates(
        {
            RateClass.READS: Rate(settings.rate_reads),
            RateClass.WRITES: Rate(settings.rate_writes),
            RateClass.UPLOADS: Rate(settings.rate_uploads),
            RateClass.RUNNERS: Rate(settings.rate_runners),
            RateClass.SIGN_IN: Rate(settings.rate_sign_in),
            RateClass.STREAMS: Rate(settings.rate_streams, settings.max_streams),
        },
        address_factor=settings.rate_address_factor,
        tenant_streams=settings.max_tenant_streams,
    )
