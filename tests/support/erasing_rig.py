"""What tests of erasures have in common: the others' answers, receipts as strangers read them, all that is kept."""

from typing import Any, cast
from uuid import UUID

import asyncpg
import httpx
import jwt

from contracts.event import Event
from contracts.traces import TracesErased
from gateway.settings import Settings
from gateway.wiring.search import indexer_of
from support.gateway_rig import Gateway, json_of

__all__ = ["OTHERS", "answer", "everything_kept", "indexed", "verified"]

OTHERS = ("ingest", "transcribe", "align", "vision", "upscale")


async def answer(gateway: Gateway, erasure: str, tenant_id: str, *services: str, **counts: dict[str, int]) -> None:
    """What other services say when they hold nothing any more."""
    for service in services:
        fact = TracesErased(erasure_id=UUID(erasure), **counts)
        event = Event[TracesErased].of(fact, source=service, subject=erasure, tenant_id=UUID(tenant_id))
        assert await gateway.harness.service.bus.deliver(event)


async def verified(client: httpx.AsyncClient, receipt: str) -> dict[str, Any]:
    """What a receipt says, as a stranger reads it who has nothing but our published keys."""
    published = json_of(await client.get("/.well-known/receipt-keys.json"), 200)
    kid = jwt.get_unverified_header(receipt)["kid"]
    (key,) = [jwt.PyJWK(one) for one in published["keys"] if one["kid"] == kid]
    claims: dict[str, Any] = jwt.decode(receipt, key, algorithms=["ES256"], issuer="matchcut")
    return claims


async def everything_kept(gateway: Gateway, postgres_url: str) -> str:
    """Every blob, and every row an administrator sees but those of the audit, the erasures and whose they are."""
    database = str(gateway.harness.service.settings.database_url).rpartition("/")[2]
    admin = await asyncpg.connect(postgres_url, database=database)
    found = []
    for (table,) in await admin.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'gateway'::regnamespace AND relkind = 'r'"
    ):
        if table not in ("audit", "erasures", "erasure_answers", "departed_tenants"):
            for (row,) in await admin.fetch(f'SELECT to_jsonb(t)::text FROM gateway."{table}" t'):
                found.append(f"{table}: {row}")
    await admin.close()
    async for key in gateway.harness.blobs.list(""):
        found.append(f"{key}: {(await gateway.harness.blobs.get_bytes(key))!r}")
    return "\n".join(found)


async def indexed(gateway: Gateway) -> None:
    """Have everything that waits for the search's index put into it."""
    indexer = indexer_of(cast(Settings, gateway.harness.service.settings), gateway.harness.database)
    while await indexer.round():
        pass
