"""What an operator does by hand: ``bootstrap``, which makes the first tenant and its owner, and ``replace-keys``."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence

from chassis.database import Database
from gateway.adapters.passwords import Argon2Passwords
from gateway.adapters.postgres import PostgresRecords
from gateway.domain.refusals import Refusal
from gateway.settings import Settings
from gateway.usecases.bootstrap import Bootstrap
from gateway.wiring.accounts import key_ring

__all__ = ["bootstrap", "replace_keys"]


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
