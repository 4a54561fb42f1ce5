"""What an erasure leaves is looked after too: the audit until its time is over, a conclusion until it is made."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from contracts.gateway import AlignmentCorrected
from gateway.adapters.tally import ERASURES_OLDEST, ERASURES_WAITING, Tally
from gateway.domain.access import Caller, Role
from gateway.usecases.conclude_erasure import ConcludeErasure
from gateway.usecases.live import Live, Opened, Told, Wanted
from gateway.usecases.retention import KeepRetention
from gateway.usecases.upkeep import Chore, Upkeep
from support.erasing_rig import OTHERS, answer, everything_kept, verified
from support.findings_rig import a_ledger, aligned
from support.gateway_rig import Gateway, a_gateway, json_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
FOR_EVER = {"videos": None, "scripts": None, "audit": None, "webhook_deliveries": None, "exports": None}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(postgres_url: str) -> AsyncIterator[Gateway]:
    """One gateway for the whole module: each test has tenants of its own."""
    async with a_gateway(postgres_url, poll_s=0.02, heartbeat_s=0.2) as running:
        yield running


def upkeep(gateway: Gateway) -> Upkeep:
    """What the background does, as another replica would do it, and without patience."""
    cases = gateway.use_cases
    keep = KeepRetention(
        cases.database, cases.blobs, cases.records_on, cases.videos, cases.erasing.script, cases.erasing.held
    )
    cases.erasing.erasures._patience = timedelta(0)
    chores: list[Chore] = [cases.audit_seals.seal, cases.erasing.erasures.ask_again, keep]
    return Upkeep(cases.database, cases.records_on, chores, every_s=60.0)


async def as_admin(gateway: Gateway, postgres_url: str, statement: str, *values: object) -> list[Any]:
    """What only who administers the database can do."""
    database = str(gateway.harness.service.settings.database_url).rpartition("/")[2]
    admin = await asyncpg.connect(postgres_url, database=database)
    try:
        return list(await admin.fetch(statement, *values))
    finally:
        await admin.close()


async def leaving(gateway: Gateway, name: str, *, audit_days: int | None) -> tuple[UUID, dict[str, Any]]:
    """A tenant whose erasure every other service has answered, and that erasure."""
    tenant_id = await gateway.tenant(name)
    client = await gateway.client(await gateway.user(tenant_id))
    await gateway.script(client)
    json_of(await client.put("/v1/retention", json={**FOR_EVER, "audit": audit_days, "videos": 90}), 200)
    begun = json_of(await client.post("/v1/tenants/current/erasure", json={"name": name}), 202)
    await answer(gateway, begun["erasure"]["id"], str(tenant_id), *OTHERS)
    return tenant_id, begun


async def receipt_of(gateway: Gateway, begun: dict[str, Any]) -> httpx.Response:
    return await gateway.anonymous().get("/v1/receipts", headers={"Receipt-Token": begun["receipt_token"]})


async def audit_lines(gateway: Gateway, postgres_url: str, tenant_id: UUID) -> int:
    [[count]] = await as_admin(
        gateway, postgres_url, "SELECT count(*) FROM gateway.audit WHERE tenant_id = $1", tenant_id
    )
    return int(count)


async def test_the_audit_of_a_tenant_that_is_no_more_is_forgotten_when_its_time_is_over(
    gateway: Gateway, postgres_url: str
) -> None:
    tenant_id, begun = await leaving(gateway, "Leaves a year", audit_days=365)
    stays, _ = await leaving(gateway, "Leaves for ever", audit_days=None)
    await gateway.harness.work_off()

    await upkeep(gateway)()
    young = await audit_lines(gateway, postgres_url, tenant_id)
    await as_admin(gateway, postgres_url, "UPDATE gateway.audit SET at = at - interval '366 days'")
    await upkeep(gateway)()
    old = await audit_lines(gateway, postgres_url, tenant_id)
    departed = await as_admin(gateway, postgres_url, "SELECT tenant_id FROM gateway.departed_tenants")

    assert (await receipt_of(gateway, begun)).status_code == 200
    assert (young, old) == (3, 0)
    assert await audit_lines(gateway, postgres_url, stays) == 3, "nobody said that it should go"
    assert [row[0] for row in departed] == [stays], "nobody looks after what is not there"
    kept = await as_admin(gateway, postgres_url, "SELECT kind FROM gateway.retentions WHERE tenant_id = $1", stays)
    assert [row[0] for row in kept] == ["audit"]


async def test_a_tenants_erasure_that_fails_after_its_rows_are_gone_is_concluded_and_its_receipt_is_whole(
    gateway: Gateway, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant_id, begun = await leaving(gateway, "Fails once", audit_days=30)
    bus, purge = gateway.harness.service.bus, gateway.harness.service.bus._purger

    async def broken(*_: object) -> int:
        raise RuntimeError("something nobody thought of")

    monkeypatch.setattr(bus, "_purger", broken)
    await gateway.harness.work_off()
    early = await receipt_of(gateway, begun)
    gone = await as_admin(gateway, postgres_url, "SELECT FROM gateway.tenants WHERE tenant_id = $1", tenant_id)
    monkeypatch.setattr(bus, "_purger", purge)
    await upkeep(gateway)()
    await gateway.harness.work_off()
    receipt = await receipt_of(gateway, begun)

    assert (early.status_code, gone) == (404, [])
    claims = await verified(gateway.anonymous(), receipt.text)
    ours = claims["services"]["gateway"]
    assert (ours["rows"]["scripts"], ours["rows"]["users"], ours["rows"]["tenants"]) == (1, 1, 1)
    assert ours["blobs"] == {"original": 1}
    [left] = await as_admin(
        gateway, postgres_url, "SELECT count(*) FROM gateway.tasks WHERE tenant_id = $1 AND state <> 'done'", tenant_id
    )
    assert left[0] == 0


async def test_a_user_who_worked_here_leaves_what_they_said_and_no_trace_of_who_they_were(
    gateway: Gateway, postgres_url: str
) -> None:
    tenant_id = await gateway.tenant("Has editors")
    client = await gateway.client(await gateway.user(tenant_id))
    editor = await gateway.user(tenant_id, Role.ADMIN)
    theirs = await gateway.client(editor)
    video, script = await gateway.ingested(theirs), await gateway.script(theirs)
    job = await gateway.job(theirs, video["id"], ["transcript", "alignment"], script_id=script["id"])
    await aligned(gateway, client, job, a_ledger())
    read = await theirs.get(f"/v1/alignments/{job['id']}")
    line = next(one["line_id"] for one in read.json()["lines"] if one["number"])
    lines = {"lines": [{"line_id": line, "confirmed": True, "note": "fine"}]}
    tag = {"If-Match": read.headers["etag"]}
    json_of(await theirs.patch(f"/v1/alignments/{job['id']}", json=lines, headers=tag), 200)
    json_of(await theirs.post(f"/v1/alignments/{job['id']}/undo", headers={"If-Match": "*"}), 200)
    json_of(await theirs.patch(f"/v1/alignments/{job['id']}", json=lines, headers={"If-Match": "*"}), 200)
    json_of(await theirs.post("/v1/exports", json={}), 202)
    json_of(await theirs.post("/v1/api-keys", json={"name": "a", "scopes": ["me:read"]}), 201)
    told = gateway.harness.facts(AlignmentCorrected)
    await gateway.harness.work_off()
    before = await everything_kept(gateway, postgres_url)

    gone = await client.delete(f"/v1/users/{editor.user_id}")
    await gateway.harness.work_off()

    done = json_of(await client.get(gone.headers["location"]), 200)
    kept = await everything_kept(gateway, postgres_url)
    after = json_of(await client.get(f"/v1/alignments/{job['id']}"), 200)
    assert str(editor.user_id) in before
    assert done["state"] == "completed"
    assert str(editor.user_id) not in kept
    assert [(one["note"], one["by"]) for one in after["corrections"]] == [("fine", str(UUID(int=0)))]
    assert [change.by for fact in told for change in fact.changes] == [None] * 3, "nobody else is told who"


async def replies(gateway: Gateway, tenant_id: UUID) -> list[str]:
    async with gateway.harness.database.begin(tenant_id) as work:
        return list((await work.connection.execute(text("SELECT key FROM idempotency_keys ORDER BY key"))).scalars())


async def test_of_the_first_answers_those_go_that_were_given_to_a_user_or_speak_of_one(gateway: Gateway) -> None:
    tenant_id = await gateway.tenant("Repeats itself")
    client = await gateway.client(await gateway.user(tenant_id))

    async def asked(by: httpx.AsyncClient, key: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return json_of(await by.post(path, json=body, headers={"Idempotency-Key": key}), 201)

    leaves = await asked(client, "invites-who-leaves", "/v1/users", {"email": "l@example.org", "role": "editor"})
    await asked(client, "invites-who-stays", "/v1/users", {"email": "s@example.org", "role": "editor"})
    await asked(client, "a-script", "/v1/scripts", {"filename": "a.txt", "text": "Hello."})
    user_id = UUID(leaves["user"]["id"])
    own = await gateway.client(Caller(user_id, tenant_id, Role.EDITOR, UUID(int=1)))
    await asked(own, "asked-by-who-leaves", "/v1/scripts", {"filename": "b.txt", "text": "Hello."})

    await client.delete(f"/v1/users/{user_id}")
    await gateway.harness.work_off()

    assert await replies(gateway, tenant_id) == ["a-script", "invites-who-stays"]


async def test_an_event_that_speaks_of_something_erased_is_not_told_from_memory_either(gateway: Gateway) -> None:
    tenant_id = await gateway.tenant("Is watched")
    caller = await gateway.user(tenant_id)
    client = await gateway.client(caller)
    cases = gateway.use_cases
    live = Live(cases.database, cases.records_on, cases.live._changes, heartbeat_s=0.2, poll_s=0.02)
    video, script = await gateway.ingested(client), await gateway.script(client)
    await gateway.job(client, video["id"], ["alignment"], script_id=script["id"])

    async def allowed() -> None:
        return None

    async with aclosing(live.watch(caller, after=0, wanted=Wanted(), allowed=allowed)) as watching:
        first = await anext(watching)
        erasure = json_of(await client.delete(f"/v1/scripts/{script['id']}"), 202)
        await answer(gateway, erasure["id"], str(tenant_id), "align")
        await gateway.harness.work_off()
        feed = live._feeds[tenant_id]
        async with asyncio.timeout(30):
            while script["id"] in str(feed.events) or not feed.erased:
                await feed.moved.wait()
        told = [one async for one in _until(watching, feed.last)]

    assert first == Opened(0)
    assert told
    assert script["id"] not in str(told)


async def _until(watching: Any, last: int) -> AsyncIterator[Told]:
    async for one in watching:
        if isinstance(one, Told):
            assert json.loads(one.event.body)
            yield one
        if one.event.position >= last if isinstance(one, Told) else one.position >= last:
            return


async def test_the_token_of_a_receipt_stands_in_no_address(gateway: Gateway) -> None:
    document = json_of(await gateway.anonymous().get("/openapi.json"), 200)

    paths = [path for path in document["paths"] if "receipt" in path]
    without = await gateway.anonymous().get("/v1/receipts")

    assert sorted(paths) == ["/.well-known/receipt-keys.json", "/v1/receipts"]
    assert without.status_code == 422


async def test_erasures_that_wait_are_counted_over_all_tenants_and_seen_by_none_of_them(
    gateway: Gateway, postgres_url: str
) -> None:
    await as_admin(gateway, postgres_url, "UPDATE gateway.erasures SET state = 'completed'")
    clients = [await gateway.owner("waits in vain"), await gateway.owner("waits as well")]
    for client in clients:
        script = await gateway.script(client)
        json_of(await client.delete(f"/v1/scripts/{script['id']}"), 202)
    older = (
        "UPDATE gateway.erasures SET requested_at = now() - interval '2 hours' WHERE id IN (SELECT min(id::text)::uuid"
    )
    await as_admin(gateway, postgres_url, older + " FROM gateway.erasures WHERE state = 'running')")

    await Tally(gateway.harness.database)()
    async with gateway.harness.database.begin_untenanted() as connection:
        seen = await connection.scalar(text("SELECT count(*) FROM erasures"))

    assert ERASURES_WAITING._value.get() == 2
    assert 7200 <= ERASURES_OLDEST._value.get() < 7300
    assert seen == 0


async def test_a_video_that_was_the_first_of_its_bytes_is_forgotten_by_those_that_came_after_it(
    gateway: Gateway, postgres_url: str
) -> None:
    tenant_id = await gateway.tenant("Sends it again")
    client = await gateway.client(await gateway.user(tenant_id))
    first, second, turned_away = [await gateway.video(client) for _ in range(3)]
    rejection = json.dumps({"reason": "duplicate", "detail": f"the video {first['id']} has the same bytes"})
    async with gateway.harness.database.begin(tenant_id) as work:
        rejected = text("UPDATE videos SET state = 'rejected', rejection = CAST(:why AS jsonb) WHERE id = :id")
        await work.connection.execute(rejected, {"why": rejection, "id": turned_away["id"]})

    erased = await client.delete(f"/v1/videos/{first['id']}")
    erasure = json_of(await client.get(erased.headers["location"]), 200)
    await answer(gateway, erasure["id"], str(tenant_id), *OTHERS)
    await gateway.harness.work_off()

    after = [json_of(await client.get(f"/v1/videos/{one['id']}"), 200) for one in (second, turned_away)]
    assert [one["duplicate_of"] for one in (second, turned_away)] == [first["id"]] * 2
    assert [one["duplicate_of"] for one in after] == [None] * 2
    assert after[1]["rejection"]["reason"] == "duplicate"
    assert first["id"] not in await everything_kept(gateway, postgres_url)


async def test_what_was_deleted_before_a_conclusion_died_is_in_the_receipt(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await gateway.client(await gateway.user(await gateway.tenant("Dies in between")))
    me = json_of(await client.get("/v1/me"), 200)
    script = await gateway.script(client)
    export = json_of(await client.post("/v1/exports", json={"media": False}), 202)
    await gateway.harness.work_off()
    assert json_of(await client.get(f"/v1/exports/{export['id']}"), 200)["state"] == "ready"
    erasure = json_of(await client.delete(f"/v1/scripts/{script['id']}"), 202)
    await answer(gateway, erasure["id"], me["tenant_id"], "align")

    async def die(*_: object) -> None:
        raise ConnectionError("killed, after the files and before the rows")

    with monkeypatch.context() as patched:
        patched.setattr(ConcludeErasure, "_delete_rows", die)
        await gateway.harness.work_off()
    left = [key async for key in gateway.harness.blobs.list("") if me["tenant_id"] in key]
    await upkeep(gateway)()
    await gateway.harness.work_off()
    done = json_of(await client.get(f"/v1/erasures/{erasure['id']}"), 200)

    assert left == []
    assert done["state"] == "completed"
    claims = await verified(gateway.anonymous(), done["receipt"])
    assert claims["services"]["gateway"]["blobs"] == {"original/scripts": 1, "derived/exports": 1}
