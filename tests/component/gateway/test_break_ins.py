"""Ways in that were tried by people who had some rights and wanted more."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select
from starlette.types import Message, Receive, Scope, Send

from gateway.adapters.postgres.tables import sessions
from gateway.adapters.postgres.tables.audit import audit
from gateway.api import arriving, edge
from gateway.domain.access import Role
from gateway.usecases import uploads as receiving
from gateway.usecases import watching
from gateway.usecases.sweep import Sweep
from gateway.usecases.upkeep import Upkeep
from support.findings_rig import a_picture
from support.gateway_rig import PASSWORD, Gateway, a_gateway, json_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {**TUS, "Content-Type": "application/offset+octet-stream"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(postgres_url: str) -> AsyncIterator[Gateway]:
    """One gateway for all tests here, which takes a thousand bytes of each tenant."""
    async with a_gateway(postgres_url, max_storage_bytes=1000, poll_s=0.02, heartbeat_s=0.1) as running:
        yield running


async def a_studio(gateway: Gateway) -> UUID:
    return await gateway.tenant(f"studio {uuid4()}")


def a_sweep(gateway: Gateway) -> Sweep:
    return Sweep(
        gateway.harness.database,
        gateway.harness.blobs,
        gateway.use_cases.records_on,
        upload_lifetime_s=3600,
        delivery_lifetime_s=3600,
        event_lifetime_s=3600,
        most_events=1000,
        every_s=1,
    )


async def test_an_invitation_an_admin_holds_opens_no_account_that_became_an_owners(gateway: Gateway) -> None:
    tenant = await a_studio(gateway)
    owner = await gateway.client(await gateway.user(tenant, Role.OWNER))
    admin = await gateway.client(await gateway.user(tenant, Role.ADMIN))
    editor = await gateway.user(tenant, Role.EDITOR)
    invitation = json_of(await admin.post(f"/v1/users/{editor.user_id}/invitation"), 201)["invitation"]

    json_of(await owner.patch(f"/v1/users/{editor.user_id}", json={"role": "owner"}), 200)
    taken = await gateway.anonymous().post(
        "/v1/auth/accept-invitation", json={"invitation": invitation, "password": "of the admin's choice"}
    )

    assert taken.status_code == 400
    assert taken.json()["type"] == "/problems/invalid-grant"


async def test_a_program_that_watches_a_job_is_shown_nothing_more_once_its_user_may_not(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "ASKED_EVERY_S", 0.0)
    tenant = await a_studio(gateway)
    owner, admin = await gateway.client(await gateway.user(tenant)), await gateway.user(tenant, Role.ADMIN)
    wanted = {"name": "watcher", "scopes": ["jobs:read"]}
    key = json_of(await (await gateway.client(admin)).post("/v1/api-keys", json=wanted), 201)["secret"]
    job = await gateway.job(owner, (await gateway.video(owner))["id"])
    program = gateway.anonymous()
    program.headers["Authorization"] = f"Bearer {key}"

    stream = asyncio.create_task(program.get(f"/v1/jobs/{job['id']}/events"))
    await until_somebody_watches(gateway)
    json_of(await owner.patch(f"/v1/users/{admin.user_id}", json={"role": "runner"}), 200)
    async with asyncio.timeout(10):
        told = await stream

    assert (told.status_code, told.text.count("event: job")) == (200, 1)


async def until_somebody_watches(gateway: Gateway) -> None:
    """Return once a job is watched through this replica."""
    changes: Any = gateway.use_cases.jobs._changes
    async with asyncio.timeout(10):
        while not changes.listeners:  # noqa: ASYNC110 (who begins to watch tells nobody)
            await asyncio.sleep(0.01)


async def test_bytes_of_an_upload_whose_length_is_never_told_find_no_room_beyond_the_quota(gateway: Gateway) -> None:
    client = await gateway.client(await gateway.user(await a_studio(gateway)))

    async def deferred() -> str:
        made = await client.post("/v1/uploads/tus", headers={**TUS, "Upload-Defer-Length": "1"})
        assert made.status_code == 201, made.text
        return str(made.headers["location"])

    async def send(to: str, size: int, offset: int = 0) -> httpx.Response:
        return await client.patch(to, content=b"x" * size, headers={**PIECE, "Upload-Offset": str(offset)})

    first, second = await deferred(), await deferred()
    fits, grows = await send(first, 600), await send(first, 300, 600)
    beyond, small = await send(second, 500), await send(second, 100)
    more = await send(second, 1, 100)

    assert (fits.status_code, grows.status_code) == (204, 204)
    assert json_of(beyond, 403)["type"] == "/problems/storage-quota-exceeded"
    assert (small.status_code, more.status_code) == (204, 403)


async def test_pictures_find_no_room_beyond_the_quota(gateway: Gateway) -> None:
    client = await gateway.client(await gateway.user(await a_studio(gateway)))
    json_of(await client.post("/v1/scripts", json={"filename": "a.txt", "text": "x" * 999}), 201)

    refused = await client.post("/v1/logos", content=a_picture(), headers={"Content-Type": "image/png"})

    assert json_of(refused, 403)["type"] == "/problems/storage-quota-exceeded"
    assert json_of(await client.get("/v1/usage/standing"), 200)["storage_bytes"]["used"] == 999


async def test_callers_by_ipv4_are_told_apart_where_we_listen_by_ipv6(gateway: Gateway) -> None:
    caller = await gateway.user(await a_studio(gateway), email=f"{uuid4()}@example.org")
    email = json_of(await (await gateway.client(caller)).get("/v1/me"), 200)["email"]
    transport = httpx.ASGITransport(gateway.app, client=("::ffff:203.0.113.7", 4711))
    form = {"grant_type": "password", "username": email, "password": PASSWORD}

    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        json_of(await client.post("/v1/auth/token", data=form), 200)

    async with gateway.harness.database.read(caller.tenant_id) as connection:
        query = select(sessions.c.address).where(sessions.c.user_id == caller.user_id)
        assert list((await connection.execute(query)).scalars()) == ["203.0.113.7"]


async def test_the_line_about_a_wrong_password_takes_no_time_by_which_accounts_could_be_told(gateway: Gateway) -> None:
    caller = await gateway.user(await a_studio(gateway), email=f"{uuid4()}@example.org")
    email = json_of(await (await gateway.client(caller)).get("/v1/me"), 200)["email"]
    noted_at_the_answer: list[int] = []

    async def noted() -> int:
        async with gateway.harness.database.read(caller.tenant_id) as connection:
            return len((await connection.execute(select(audit).where(audit.c.outcome == "refused"))).all())

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_and_look(message: Message) -> None:
            await send(message)
            noted_at_the_answer.append(await noted())

        await gateway.app(scope, receive, send_and_look)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(watched), base_url="http://gateway") as client:
        form = {"grant_type": "password", "username": email, "password": "a guess"}
        refused = await client.post("/v1/auth/token", data=form)

    assert refused.status_code == 400
    assert noted_at_the_answer == [0, 0]
    assert await noted() == 1


@pytest.mark.parametrize("path", ["/v1/auth/token", "/v1/scripts", "content"])
async def test_whoever_goes_silent_in_the_middle_of_a_request_is_not_waited_for(
    gateway: Gateway, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "IDLE_S", 0.1)
    monkeypatch.setattr(arriving, "_IDLE_S", 0.1)
    monkeypatch.setattr(arriving, "_TICK_S", 0.05)
    client = await gateway.client(await gateway.user(await a_studio(gateway)))
    kind = "application/x-www-form-urlencoded" if path == "/v1/auth/token" else "application/json"
    upload = json_of(await client.post("/v1/uploads", json={"filename": "a.mp4", "size_bytes": 10}), 201)

    async def half() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    put = path == "content"
    to, method = (upload["content_url"], "PUT") if put else (path, "POST")
    async with asyncio.timeout(20):
        answer = await client.request(method, to, content=half(), headers={"Content-Type": kind})

    assert json_of(answer, 408)["type"] == "/problems/request-timeout"
    left = [key async for key in gateway.harness.blobs.list("scratch/") if upload["id"] in key]
    assert not left


async def test_a_tenant_that_cannot_be_looked_after_keeps_no_other_one_waiting(gateway: Gateway) -> None:
    tenants = {await a_studio(gateway) for _ in range(3)}
    looked_after: list[UUID] = []

    async def chore(tenant_id: UUID) -> int:
        looked_after.append(tenant_id)
        if tenant_id == min(tenants):
            raise ValueError("what this tenant has cannot be read")
        return 1

    upkeep = Upkeep(gateway.use_cases.database, gateway.use_cases.records_on, [chore], every_s=60.0)
    with pytest.raises(ValueError, match="cannot be read"):
        await upkeep()

    assert tenants <= set(looked_after)


async def test_after_a_restore_nobody_goes_on_whose_session_was_ended_since(gateway: Gateway) -> None:
    caller = await gateway.user(await a_studio(gateway), email=f"{uuid4()}@example.org")
    email = json_of(await (await gateway.client(caller)).get("/v1/me"), 200)["email"]
    form = {"grant_type": "password", "username": email, "password": PASSWORD}
    grant = json_of(await gateway.anonymous().post("/v1/auth/token", data=form), 200)
    runbook = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
    [statements] = re.findall(r"```sql\n(.*?)```", runbook, re.DOTALL)

    async with gateway.harness.database.begin(caller.tenant_id) as work:
        for statement in statements.strip().splitlines():
            await work.connection.exec_driver_sql(statement)
    refresh = {"grant_type": "refresh_token", "refresh_token": grant["refresh_token"]}
    renewed = await gateway.anonymous().post("/v1/auth/token", data=refresh)

    assert (renewed.status_code, renewed.json()["error"]) == (400, "invalid_grant")


async def test_a_tenant_that_cannot_be_swept_keeps_no_other_one_waiting(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenants = sorted([await a_studio(gateway) for _ in range(3)])
    swept: list[UUID] = []

    async def forget(_: Sweep, tenant_id: UUID) -> int:
        swept.append(tenant_id)
        if tenant_id == tenants[0]:
            raise ValueError("what this tenant has cannot be read")
        return 1

    monkeypatch.setattr(Sweep, "_forget_replies", forget)
    blobs = gateway.harness.blobs
    await blobs.put_bytes(f"scratch/{tenants[0]}/uploads/{uuid4()}/content", b"a stray")
    with pytest.raises(ValueError, match="cannot be read"):
        await a_sweep(gateway)()

    assert set(tenants) <= set(swept)
    assert [key async for key in blobs.list(f"scratch/{tenants[0]}/")] == [], "strays go all the same"


async def test_of_requests_that_send_one_upload_side_by_side_only_the_newest_goes_on(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "_LOOK_BYTES", 0)
    client = await gateway.client(await gateway.user(await a_studio(gateway)))
    upload = json_of(await client.post("/v1/uploads", json={"filename": "a.mp4", "size_bytes": 300}), 201)
    held = [asyncio.Event() for _ in range(3)]
    begun = [asyncio.Event() for _ in range(3)]

    async def most_of_it(number: int) -> AsyncIterator[bytes]:
        yield b"x" * 299
        begun[number].set()
        await held[number].wait()
        yield b"x"

    puts = []
    for number in range(3):
        puts.append(asyncio.create_task(client.put(upload["content_url"], content=most_of_it(number))))
        await begun[number].wait()
    first = [await asyncio.wait_for(put, 20) for put in puts[:2]]
    held[2].set()
    last = await puts[2]

    assert [json_of(answer, 409)["type"] for answer in first] == ["/problems/upload-conflict"] * 2
    assert json_of(last, 200)["state"] == "received"
    kept = [key async for key in gateway.harness.blobs.list("scratch/") if upload["id"] in key]
    assert len(kept) == 1
