"""Who meets whom: the only wiring. Also ``bootstrap``, which makes the first tenant and its owner."""

import argparse
import asyncio
import json
import ssl
import sys
from collections.abc import Sequence
from datetime import timedelta

from chassis.blobs import blobs_at
from chassis.bus import Bus
from chassis.database import Database
from chassis.run import Service, run
from gateway import handlers
from gateway.adapters.changes import RedisChanges, TellingDatabase
from gateway.adapters.messenger import GuardedDestinations, SigningMessenger
from gateway.adapters.outbound import Outbound, Resolve, system_resolver
from gateway.adapters.passwords import Argon2Passwords
from gateway.adapters.postgres import PostgresRecords
from gateway.adapters.postgres.delivery_queue import PostgresDeliveryQueue
from gateway.adapters.revocations import RedisRevocations
from gateway.adapters.sealing import FernetSeal
from gateway.adapters.signatures import SealedKeys
from gateway.adapters.signing_keys import KeyRing, Rotation
from gateway.adapters.tally import Tally
from gateway.adapters.tokens import SignedTokens
from gateway.api import Accounts, UseCases, create_app
from gateway.domain.admission import Limits
from gateway.domain.destinations import OutboundRules
from gateway.domain.refusals import Refusal
from gateway.settings import Settings
from gateway.usecases.api_keys import ApiKeys, Recognize
from gateway.usecases.bootstrap import Bootstrap
from gateway.usecases.check_password import CheckPassword
from gateway.usecases.courier import Courier, CourierTerms
from gateway.usecases.follow import FollowFacts
from gateway.usecases.jobs import Jobs
from gateway.usecases.notify import Notify
from gateway.usecases.results import Results
from gateway.usecases.scripts import Scripts
from gateway.usecases.sessions import Sessions
from gateway.usecases.sign_in import Lifetimes, SignIn
from gateway.usecases.sweep import Sweep
from gateway.usecases.tenants import Tenants
from gateway.usecases.uploads import Uploads
from gateway.usecases.users import Users
from gateway.usecases.videos import Videos
from gateway.usecases.webhooks import Webhooks

__all__ = ["bootstrap", "build", "courier_of", "key_ring", "main", "replace_keys", "rules_of"]


def build(
    settings: Settings, *, resolve: Resolve = system_resolver, ssl_context: ssl.SSLContext | None = None
) -> Service:
    """The whole service, not yet running. Tests bring names and certificates of their own."""
    changes = RedisChanges(str(settings.redis_url))
    database = TellingDatabase(str(settings.database_url), service="gateway", changes=changes)
    bus = Bus("gateway", str(settings.redis_url), database)
    outbound = Outbound(rules_of(settings), resolve=resolve, ssl_context=ssl_context)
    handlers.register(bus, FollowFacts(PostgresRecords, changes, Notify(PostgresRecords)))
    keys = key_ring(settings, database)
    revocations = RedisRevocations(database, str(settings.redis_url))
    app = create_app(
        _use_cases(settings, database, changes, _accounts(settings, database, keys, revocations), outbound),
        max_body_bytes=settings.max_body_bytes,
        cors_origins=settings.cors_origins,
    )
    sweep = Sweep(
        database,
        blobs_at(settings.blobs_url),
        PostgresRecords,
        upload_lifetime_s=settings.upload_lifetime_s,
        delivery_lifetime_s=settings.webhook_keep_s,
        every_s=settings.sweep_s,
    )
    return Service(
        name="gateway",
        settings=settings,
        database=database,
        bus=bus,
        work=None,
        app=app,
        background=(
            *(changes.run, sweep.run, Tally(database).run, keys.run, revocations.run),
            courier_of(settings, database, outbound).run,
        ),
    )


def key_ring(settings: Settings, database: Database) -> KeyRing:
    """The keys that sign access tokens."""
    rotation = Rotation(
        serves=timedelta(seconds=settings.signing_key_s),
        notice=timedelta(seconds=settings.signing_key_notice_s),
        token_lifetime=timedelta(seconds=settings.access_token_s),
    )
    return KeyRing(database, FernetSeal(settings.secret.get_secret_value()), rotation)


def _accounts(settings: Settings, database: Database, keys: KeyRing, revocations: RedisRevocations) -> Accounts:
    tokens, passwords = SignedTokens(keys, issuer=settings.issuer), Argon2Passwords()
    lifetimes = Lifetimes(access_s=settings.access_token_s, refresh_s=settings.refresh_token_s)
    check = CheckPassword(database, PostgresRecords, passwords)
    sessions = Sessions(database, PostgresRecords, check, passwords, revocations, lifetimes)
    return Accounts(
        tokens=tokens,
        seal=FernetSeal(settings.secret.get_secret_value()),
        recognize=Recognize(database, PostgresRecords, tokens, revocations),
        sign_in=SignIn(database, PostgresRecords, check, tokens, revocations, lifetimes),
        sessions=sessions,
        users=Users(database, PostgresRecords, passwords, sessions, invitation_s=settings.invitation_s),
        api_keys=ApiKeys(database, PostgresRecords),
        tenants=Tenants(database, PostgresRecords),
    )


def rules_of(settings: Settings) -> OutboundRules:
    """Where we may connect to for customers."""
    return OutboundRules(
        ports=settings.outbound_ports, allow_http=settings.outbound_http, networks=settings.outbound_networks
    )


def _webhook_keys(settings: Settings) -> SealedKeys:
    return SealedKeys(FernetSeal(settings.secret.get_secret_value()))


def courier_of(settings: Settings, database: Database, outbound: Outbound) -> Courier:
    """Who carries messages to webhooks."""
    return Courier(
        database,
        PostgresRecords,
        PostgresDeliveryQueue(slots=settings.webhook_slots),
        SigningMessenger(outbound, _webhook_keys(settings), timeout_s=settings.webhook_timeout_s),
        Notify(PostgresRecords),
        CourierTerms(
            slots=settings.webhook_slots,
            per_webhook=settings.webhook_concurrency,
            lease_s=settings.webhook_timeout_s + settings.lease_s,
            poll_s=settings.webhook_poll_s,
            disable_after=timedelta(seconds=settings.webhook_disable_after_s),
        ),
    )


def _use_cases(
    settings: Settings, database: Database, changes: RedisChanges, accounts: Accounts, outbound: Outbound
) -> UseCases:
    blobs, notify = blobs_at(settings.blobs_url), Notify(PostgresRecords)
    return UseCases(
        database=database,
        records_on=PostgresRecords,
        blobs=blobs,
        accounts=accounts,
        uploads=Uploads(
            database,
            blobs,
            PostgresRecords,
            max_bytes=settings.max_upload_bytes,
            min_free_bytes=settings.min_free_bytes,
        ),
        videos=Videos(database, blobs, PostgresRecords, changes, notify),
        scripts=Scripts(database, blobs, PostgresRecords, max_bytes=settings.max_script_bytes),
        jobs=Jobs(
            database,
            PostgresRecords,
            changes,
            notify,
            Limits(
                tenant_jobs=settings.max_unfinished_jobs,
                total_jobs=settings.max_unfinished_jobs_of_all,
                retry_after_s=settings.retry_after_s,
            ),
        ),
        results=Results(database, blobs, PostgresRecords),
        webhooks=Webhooks(
            database,
            PostgresRecords,
            GuardedDestinations(outbound),
            SealedKeys(accounts.seal),
            most=settings.max_webhooks,
        ),
        heartbeat_s=settings.heartbeat_s,
        poll_s=settings.poll_s,
    )


def bootstrap(settings: Settings, arguments: Sequence[str]) -> int:
    """Make sure of the first tenant and its owner; the password comes on standard input, never as an argument."""
    parser = argparse.ArgumentParser(prog="python -m gateway.main bootstrap", description=bootstrap.__doc__)
    parser.add_argument("--tenant", required=True, help="the tenant's name")
    parser.add_argument("--email", required=True, help="the owner's address, to sign in with")
    parser.add_argument("--password-stdin", action="store_true", required=True, help="read the password from stdin")
    parser.add_argument("--json", action="store_true", help="print the ids as JSON")
    asked = parser.parse_args(arguments)
    password = sys.stdin.readline().rstrip("\r\n")
    try:
        ids = asyncio.run(_bootstrap(settings, asked.tenant, asked.email, password))
    except Refusal as refusal:
        sys.stderr.write(f"{refusal.detail}\n")
        return 2
    said = json.dumps(ids) if asked.json else f"tenant {ids['tenant_id']}, owner {ids['user_id']}"
    sys.stdout.write(f"{said}\n")
    return 0


async def _bootstrap(settings: Settings, tenant: str, email: str, password: str) -> dict[str, str]:
    database = Database(str(settings.database_url), service="gateway")
    try:
        ensure = Bootstrap(database, PostgresRecords, Argon2Passwords())
        tenant_id, user_id = await ensure(tenant=tenant, email=email, password=password)
    finally:
        await database.close()
    return {"tenant_id": str(tenant_id), "user_id": str(user_id)}


def replace_keys(settings: Settings, arguments: Sequence[str]) -> int:
    """Throw away the keys that sign access tokens, after one was stolen; everybody's next request needs a new token."""
    parser = argparse.ArgumentParser(prog="python -m gateway.main replace-keys", description=replace_keys.__doc__)
    parser.parse_args(arguments)
    thrown = asyncio.run(_replace_keys(settings))
    sys.stdout.write(f"{thrown} keys thrown away; replicas notice within a minute\n")
    return 0


async def _replace_keys(settings: Settings) -> int:
    database = Database(str(settings.database_url), service="gateway")
    try:
        return await key_ring(settings, database).replace()
    finally:
        await database.close()


def main() -> None:
    """Run what the command line asks for."""
    run(Settings, build, commands={"bootstrap": bootstrap, "replace-keys": replace_keys})


if __name__ == "__main__":
    main()
