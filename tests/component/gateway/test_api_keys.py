"""Keys for programs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, update

from gateway.adapters.postgres.tables import api_keys, idempotency_keys
from gateway.domain.access import Role
from support.gateway_rig import Gateway, json_of

SCOPES = ["jobs:read", "me:read"]


def program(gateway: Gateway, secret: str) -> httpx.AsyncClient:
    client = gateway.anonymous()
    client.headers["Authorization"] = f"Bearer {secret}"
    return client


async def made(client: httpx.AsyncClient, **wanted: Any) -> dict[str, Any]:
    return json_of(await client.post("/v1/api-keys", json={"name": "farm", "scopes": SCOPES, **wanted}), 201)


async def test_a_key_does_what_its_scopes_say_and_nothing_else(gateway: Gateway) -> None:
    owner = await gateway.owner()
    key = await made(owner)
    client = program(gateway, key["secret"])

    me = json_of(await client.get("/v1/me"), 200)

    assert me["rights"] == SCOPES
    assert (await client.get("/v1/jobs")).status_code == 200
    assert (await client.get("/v1/videos")).status_code == 403
    assert (await client.post("/v1/uploads", json={"filename": "a"})).status_code == 403


async def test_a_secret_is_shown_once_and_kept_by_its_hash(gateway: Gateway) -> None:
    caller = await gateway.user(await gateway.tenant("studio"))
    owner = await gateway.client(caller)

    answer = await owner.post(
        "/v1/api-keys", json={"name": "farm", "scopes": SCOPES}, headers={"Idempotency-Key": "once"}
    )
    key = json_of(answer, 201)

    listed = (await owner.get("/v1/api-keys")).text + (await owner.get(f"/v1/api-keys/{key['api_key']['id']}")).text
    async with gateway.harness.database.read(caller.tenant_id) as connection:
        kept = str((await connection.execute(api_keys.select())).all())
        kept += str((await connection.execute(idempotency_keys.select())).all())
    assert answer.headers["cache-control"] == "no-store"
    assert key["secret"].startswith(key["api_key"]["prefix"])
    assert key["secret"] not in listed + kept
    assert key["secret"].partition("_")[2] not in kept


async def test_a_repeated_request_gets_the_same_secret_and_makes_no_second_key(gateway: Gateway) -> None:
    owner = await gateway.owner()
    wanted = {"json": {"name": "farm", "scopes": SCOPES}, "headers": {"Idempotency-Key": "once"}}

    first = await owner.post("/v1/api-keys", **wanted)  # type: ignore[arg-type]
    second = await owner.post("/v1/api-keys", **wanted)  # type: ignore[arg-type]

    assert json_of(first, 201) == json_of(second, 201)
    assert second.headers["idempotency-replayed"] == "true"
    assert len(json_of(await owner.get("/v1/api-keys"), 200)["items"]) == 1


async def test_a_revoked_key_is_worthless_at_once_and_for_good(gateway: Gateway) -> None:
    owner = await gateway.owner()
    key = await made(owner)
    client = program(gateway, key["secret"])
    before = await client.get("/v1/me")

    revoked = [(await owner.delete(f"/v1/api-keys/{key['api_key']['id']}")).status_code for _ in range(2)]

    after = await client.get("/v1/me")
    [listed] = json_of(await owner.get("/v1/api-keys"), 200)["items"]
    assert (before.status_code, revoked, after.status_code) == (200, [204, 204], 401)
    assert listed["state"] == "revoked"


async def test_a_key_expires(gateway: Gateway) -> None:
    caller = await gateway.user(await gateway.tenant("studio"))
    owner = await gateway.client(caller)
    key = await made(owner, expires_at=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    client = program(gateway, key["secret"])
    before = await client.get("/v1/me")

    async with gateway.harness.database.begin(caller.tenant_id) as work:
        await work.connection.execute(update(api_keys).values(expires_at=func.now()))

    assert (before.status_code, (await client.get("/v1/me")).status_code) == (200, 401)
    assert json_of(await owner.get("/v1/api-keys"), 200)["items"][0]["state"] == "expired"


async def test_when_a_key_was_used_last_is_told(gateway: Gateway) -> None:
    owner = await gateway.owner()
    key = await made(owner)
    place = f"/v1/api-keys/{key['api_key']['id']}"
    unused = json_of(await owner.get(place), 200)["used_at"]

    await program(gateway, key["secret"]).get("/v1/me")
    first = json_of(await owner.get(place), 200)["used_at"]
    await program(gateway, key["secret"]).get("/v1/me")

    assert unused is None
    assert first is not None
    assert json_of(await owner.get(place), 200)["used_at"] == first, "a request is not a write"


async def test_nobody_gives_away_what_they_do_not_have(gateway: Gateway) -> None:
    owner = await gateway.owner()
    keeper = program(gateway, (await made(owner, scopes=["api-keys:write", "me:read"]))["secret"])

    more = await keeper.post("/v1/api-keys", json={"name": "more", "scopes": ["videos:erase"]})
    same = await keeper.post("/v1/api-keys", json={"name": "same", "scopes": ["me:read"]})

    assert (more.status_code, same.status_code) == (403, 201)


async def test_a_key_loses_what_its_user_loses(gateway: Gateway) -> None:
    tenant_id = await gateway.tenant("studio")
    owner = await gateway.client(await gateway.user(tenant_id))
    admin = await gateway.user(tenant_id, Role.ADMIN)
    key = await made(await gateway.client(admin), scopes=["videos:erase", "videos:read"])
    client = program(gateway, key["secret"])
    seen = []

    for change in ({}, {"role": "viewer"}, {"disabled": True}):
        json_of(await owner.patch(f"/v1/users/{admin.user_id}", json=change), 200)
        read = await client.get("/v1/videos")
        erase = await client.delete("/v1/videos/019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77")
        seen.append((read.status_code, erase.status_code))

    assert seen == [(200, 404), (200, 403), (401, 401)]


async def test_a_key_can_neither_change_a_password_nor_be_refreshed(gateway: Gateway) -> None:
    owner = await gateway.owner()
    key = await made(owner, scopes=["me:write"])
    client = program(gateway, key["secret"])

    password = await client.put("/v1/me/password", json={"current_password": "x", "new_password": "x" * 9})
    grant = await client.post("/v1/auth/token", data={"grant_type": "refresh_token", "refresh_token": key["secret"]})

    assert (password.status_code, grant.status_code) == (403, 400)


@pytest.mark.parametrize(
    "wanted",
    [
        {"scopes": []},
        {"scopes": ["everything"]},
        {"name": ""},
        {"expires_at": "2020-01-01T00:00:00Z"},
        {"expires_at": "2099-01-01T00:00:00"},
    ],
    ids=str,
)
async def test_a_key_that_makes_no_sense_is_not_made(gateway: Gateway, wanted: dict[str, Any]) -> None:
    owner = await gateway.owner()

    answer = await owner.post("/v1/api-keys", json={"name": "farm", "scopes": SCOPES, **wanted})

    [error] = json_of(answer, 422)["errors"]
    assert error["field"].split(".")[0] == next(iter(wanted))


@pytest.mark.parametrize(
    "secret", ["mck_", "mck_00000000_", "mck_00000000_" + "A" * 64, "mck_ünsinn", "mck_" + "%" * 80]
)
async def test_a_key_that_is_not_ours_opens_nothing(gateway: Gateway, secret: str) -> None:
    answer = await gateway.anonymous().get("/v1/me", headers=[(b"Authorization", f"Bearer {secret}".encode())])

    assert answer.status_code == 401
