"""Seals over the audit: a line that is changed, added or taken out by whoever may is noticed."""

import asyncio
from uuid import UUID

import asyncpg
import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gateway.usecases import seals
from support.gateway_rig import Gateway, json_of


async def a_studio(gateway: Gateway, *, scripts: int = 5) -> tuple[httpx.AsyncClient, UUID]:
    tenant_id = await gateway.tenant("studio")
    client = await gateway.client(await gateway.user(tenant_id))
    for _ in range(scripts):
        await gateway.script(client)
    return client, tenant_id


async def said(client: httpx.AsyncClient) -> tuple[str, int, int | None]:
    found = json_of(await client.get("/v1/audit/integrity"), 200)
    return found["state"], found["lines"], found["broken_at"]


async def as_admin(gateway: Gateway, postgres_url: str, statement: str) -> None:
    database = str(gateway.harness.service.settings.database_url).rpartition("/")[2]
    admin = await asyncpg.connect(postgres_url, database=database)
    await admin.execute(statement)
    await admin.close()


async def test_what_was_written_is_sealed_once_and_whole(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "_WINDOW", 2)
    client, tenant_id = await a_studio(gateway)
    seal = gateway.use_cases.audit_seals.seal

    first = await seal(tenant_id)
    again = await seal(tenant_id)
    await gateway.script(client)
    more = await asyncio.gather(*(seal(tenant_id) for _ in range(3)))

    assert (first, again, sum(more)) == (5, 0, 1)
    assert await said(client) == ("whole", 6, None)


async def test_a_transaction_that_is_still_writing_is_waited_for_and_holds_nobody_up(gateway: Gateway) -> None:
    client, tenant_id = await a_studio(gateway, scripts=1)
    seal = gateway.use_cases.audit_seals.seal

    async with gateway.harness.database.begin(tenant_id) as work:
        await work.connection.execute(text("SELECT pg_current_xact_id()"))  # older than what is written meanwhile
        await gateway.script(client)
        early = await seal(tenant_id)
    late = await seal(tenant_id)

    assert (early, late) == (1, 1)
    assert await said(client) == ("whole", 2, None)


THE_FIRST = "id = (SELECT id FROM gateway.audit ORDER BY id LIMIT 1)"


@pytest.mark.parametrize(
    "crime",
    [
        f"UPDATE gateway.audit SET agent = 'somebody else' WHERE {THE_FIRST}",
        f"DELETE FROM gateway.audit WHERE {THE_FIRST}",
        "INSERT INTO gateway.audit SELECT (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid()))).*"
        " FROM gateway.audit a LIMIT 1",
        "UPDATE gateway.audit_seals SET lines = lines - 1",
        "DELETE FROM gateway.audit_seals WHERE position = 1",
    ],
    ids=["changed", "taken out", "added", "a forged seal", "a seal taken out"],
)
async def test_a_crime_of_whoever_may_is_noticed(
    gateway: Gateway, postgres_url: str, crime: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seals, "_WINDOW", 2)
    client, tenant_id = await a_studio(gateway)
    await gateway.use_cases.audit_seals.seal(tenant_id)
    before = await said(client)

    await as_admin(gateway, postgres_url, crime)

    state, _, broken_at = await said(client)
    assert before == ("whole", 5, None)
    assert (state, broken_at) == ("broken", 1)


async def test_what_is_gone_with_its_retention_is_no_crime(gateway: Gateway, postgres_url: str) -> None:
    client, tenant_id = await a_studio(gateway)
    await as_admin(gateway, postgres_url, "UPDATE gateway.audit SET at = at - interval '60 days'")
    await gateway.use_cases.audit_seals.seal(tenant_id)
    rules = {"videos": None, "scripts": None, "audit": 50, "webhook_deliveries": None, "exports": None}
    json_of(await client.put("/v1/retention", json=rules), 200)

    async with gateway.harness.database.begin(tenant_id) as work:
        forgotten = await gateway.use_cases.records_on(work.connection).retentions.forget_audit(days=50)
    found = json_of(await client.get("/v1/audit/integrity"), 200)

    assert forgotten == 5
    assert (found["state"], found["forgotten"], found["lines"]) == ("whole", 1, 0)


async def test_our_role_cannot_change_a_seal(gateway: Gateway) -> None:
    _, tenant_id = await a_studio(gateway)
    await gateway.use_cases.audit_seals.seal(tenant_id)

    async def attempt() -> None:
        async with gateway.harness.database.begin(tenant_id) as work:
            await work.connection.execute(text("DELETE FROM audit_seals"))

    with pytest.raises(DBAPIError, match="permission denied"):
        await attempt()
