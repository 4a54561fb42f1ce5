"""Ways in that were tried by people who had some rights and wanted more."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select

from gateway.adapters.postgres.tables import sessions
from gateway.domain.access import Role
from gateway.usecases import watching
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
