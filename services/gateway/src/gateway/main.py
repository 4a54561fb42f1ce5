"""Who meets whom: the only wiring, with its parts in ``wiring/``."""

import ssl

from chassis.blobs import Blobs, blobs_at
from chassis.bus import Bus
from chassis.database import Database
from chassis.run import Service, run
from gateway import handlers
from gateway.adapters.changes import RedisChanges
from gateway.adapters.outbound import Outbound, Resolve, system_resolver
from gateway.adapters.postgres import PostgresRecords
from gateway.adapters.rates import RedisLimiter
from gateway.adapters.revocations import RedisRevocations
from gateway.adapters.tally import Tally
from gateway.adapters.trips import Trips
from gateway.adapters.witnessing import WitnessedDatabase
from gateway.api import Accounts, Erasing, UseCases, create_app
from gateway.api.runner_door import RunnerDoor
from gateway.settings import Settings
from gateway.usecases.audit import AuditLog
from gateway.usecases.egress import Egress
from gateway.usecases.erasures import HearAnswers
from gateway.usecases.estimates import Estimates
from gateway.usecases.follow import FollowFacts
from gateway.usecases.follow_revisions import FollowRevisions
from gateway.usecases.indexing import NoteDocuments
from gateway.usecases.jobs import Jobs
from gateway.usecases.live import Live
from gateway.usecases.meter import Meter
from gateway.usecases.notify import Notify
from gateway.usecases.results import Results
from gateway.usecases.runners import FollowRunners, Runners
from gateway.usecases.scripts import Scripts
from gateway.usecases.seals import AuditSeals
from gateway.usecases.search import Search
from gateway.usecases.sweep import Sweep
from gateway.usecases.usage import Usage
from gateway.usecases.videos import Videos
from gateway.wiring.accounts import accounts_of, key_ring
from gateway.wiring.commands import bootstrap, replace_keys
from gateway.wiring.erasing import erasing_of, policy_of, upkeep_of, workbench_of
from gateway.wiring.intake import Intake, intake_of, work_on
from gateway.wiring.library import library_of
from gateway.wiring.limits import admission_of, books_of, egress_of, limiter_of, prices_of
from gateway.wiring.quota_command import limits
from gateway.wiring.search import index_search, indexer_of
from gateway.wiring.webhooks import courier_of, rules_of, webhooks_of

__all__ = ["build", "main"]


def build(
    settings: Settings, *, resolve: Resolve = system_resolver, ssl_context: ssl.SSLContext | None = None
) -> Service:
    """The whole service, not yet running. Tests bring names and certificates of their own."""
    changes = RedisChanges(str(settings.redis_url))
    database = WitnessedDatabase(str(settings.database_url), service="gateway", changes=changes)
    bus = Bus("gateway", str(settings.redis_url), database)
    outbound = Outbound(rules_of(settings), resolve=resolve, ssl_context=ssl_context)
    follow = FollowFacts(PostgresRecords, changes, Notify(PostgresRecords, changes), Meter(prices_of(settings)))
    revised, note = FollowRevisions(PostgresRecords), NoteDocuments(PostgresRecords)
    handlers.register(bus, follow, revised, HearAnswers(PostgresRecords), note, FollowRunners(PostgresRecords))
    keys = key_ring(settings, database)
    trips = Trips(str(settings.redis_url))
    revocations = RedisRevocations(database, str(settings.redis_url), trips=trips)
    accounts = accounts_of(settings, database, keys, revocations, outbound)
    erasing = erasing_of(settings, database, keys, accounts, revocations, changes)
    blobs = blobs_at(settings.blobs_url)
    intake = intake_of(settings, database, blobs, changes, outbound)
    limiter, egress = limiter_of(settings, trips), egress_of(settings, database)
    use_cases = _use_cases(settings, database, changes, accounts, erasing, intake, blobs, outbound, limiter, egress)
    door = RunnerDoor(settings.upscale_url)
    app = create_app(
        use_cases, max_body_bytes=settings.max_body_bytes, cors_origins=settings.cors_origins, runner_door=door
    )
    sweep = Sweep(
        database,
        blobs,
        PostgresRecords,
        upload_lifetime_s=settings.upload_lifetime_s,
        delivery_lifetime_s=settings.webhook_keep_s,
        event_lifetime_s=settings.events_keep_s,
        most_events=settings.max_events,
        every_s=settings.sweep_s,
    )
    return Service(
        name="gateway",
        settings=settings,
        database=database,
        bus=bus,
        work=work_on(workbench_of(settings, database, bus, use_cases, changes), intake),
        app=app,
        background=(
            *(changes.run, sweep.run, Tally(database).run, keys.run, revocations.run),
            *(courier_of(settings, database, outbound, changes).run, indexer_of(settings, database).run),
            upkeep_of(settings, database, use_cases).run,
            *(books_of(settings, database, changes).run, egress.run),
        ),
        closing=(egress.close, changes.close, revocations.close, intake.objects.close, door.close),
    )


def _use_cases(
    settings: Settings,
    database: Database,
    changes: RedisChanges,
    accounts: Accounts,
    erasing: Erasing,
    intake: Intake,
    blobs: Blobs,
    outbound: Outbound,
    limiter: RedisLimiter,
    egress: Egress,
) -> UseCases:
    notify, admission = Notify(PostgresRecords, changes), admission_of(settings)
    estimates = Estimates(PostgresRecords, prices_of(settings))
    results = Results(database, blobs, PostgresRecords)
    return UseCases(
        database=database,
        records_on=PostgresRecords,
        blobs=blobs,
        accounts=accounts,
        uploads=intake.uploads,
        tus=intake.tus,
        imports=intake.imports,
        direct=intake.direct,
        videos=Videos(database, blobs, PostgresRecords, changes, notify, admission),
        scripts=Scripts(
            database,
            blobs,
            PostgresRecords,
            NoteDocuments(PostgresRecords),
            admission,
            max_bytes=settings.max_script_bytes,
        ),
        jobs=Jobs(database, PostgresRecords, changes, notify, admission, estimates),
        results=results,
        library=library_of(settings, database, blobs, results),
        search=Search(database, PostgresRecords),
        live=Live(database, PostgresRecords, changes, heartbeat_s=settings.heartbeat_s, poll_s=settings.poll_s),
        webhooks=webhooks_of(settings, database, outbound),
        audit=AuditLog(database, PostgresRecords),
        audit_seals=AuditSeals(database, PostgresRecords, policy_of(settings)),
        erasing=erasing,
        egress=egress,
        usage=Usage(database, PostgresRecords, admission, notify, currency=settings.currency),
        estimates=estimates,
        runners=Runners(database, PostgresRecords, pool_tenant=settings.pool_tenant),
        limiter=limiter,
        heartbeat_s=settings.heartbeat_s,
        poll_s=settings.poll_s,
    )


def main() -> None:
    """Run what the command line asks for."""
    commands = {"bootstrap": bootstrap, "replace-keys": replace_keys, "index-search": index_search, "limits": limits}
    run(Settings, build, commands=commands)


if __name__ == "__main__":
    main()
