"""Where somebody is signed in, and what ends that."""

import asyncio
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from gateway.adapters.postgres import PostgresRecords
from gateway.domain.access import Caller, Role
from gateway.usecases.check_password import CheckPassword
from support.gateway_rig import PASSWORD, Gateway, json_of

EMAIL = "anna@example.org"
NEW = "another good password"


async def anna(gateway: Gateway, role: Role = Role.OWNER) -> Caller:
    return await gateway.user(await gateway.tenant("studio"), role, EMAIL)


async def signed_in(gateway: Gateway, **form: str) -> tuple[httpx.AsyncClient, dict[str, Any]]:
    """A client with the token of a sign-in, and the grant."""
    client = gateway.anonymous()
    wanted = {"grant_type": "password", "username": EMAIL, "password": PASSWORD, **form}
    grant = json_of(await client.post("/v1/auth/token", data=wanted), 200)
    client.headers["Authorization"] = f"Bearer {grant['access_token']}"
    return client, grant


async def refresh(gateway: Gateway, token: str, **form: str) -> httpx.Response:
    wanted = {"grant_type": "refresh_token", "refresh_token": token, **form}
    return await gateway.anonymous().post("/v1/auth/token", data=wanted)


async def works(client: httpx.AsyncClient) -> bool:
    answer = await client.get("/v1/me")
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


async def test_sessions_are_listed_with_where_and_by_what_they_were_begun(gateway: Gateway) -> None:
    await anna(gateway)
    _, _ = await signed_in(gateway)
    client, _ = await signed_in(gateway)

    newest, oldest = json_of(await client.get("/v1/me/sessions"), 200)["items"]

    assert (newest["current"], oldest["current"]) == (True, False)
    assert newest["address"] == "127.0.0.1"
    assert newest["agent"].startswith("python-httpx")


async def test_a_session_that_is_ended_takes_its_access_token_and_its_refresh_token_along(gateway: Gateway) -> None:
    await anna(gateway)
    lost, grant = await signed_in(gateway)
    client, _ = await signed_in(gateway)
    old = json_of(await client.get("/v1/me/sessions"), 200)["items"][1]

    answer = await client.delete(f"/v1/me/sessions/{old['id']}")

    assert answer.status_code == 204
    assert (await works(lost), await works(client)) == (False, True)
    assert (await refresh(gateway, grant["refresh_token"])).status_code == 400
    assert len(json_of(await client.get("/v1/me/sessions"), 200)["items"]) == 1


async def test_signing_out_everywhere_else_leaves_this_session(gateway: Gateway) -> None:
    await anna(gateway)
    others = [(await signed_in(gateway))[0] for _ in range(2)]
    client, _ = await signed_in(gateway)

    assert (await client.delete("/v1/me/sessions")).status_code == 204

    assert [await works(one) for one in (*others, client)] == [False, False, True]


async def test_signing_out_ends_the_session_of_the_token(gateway: Gateway) -> None:
    await anna(gateway)
    client, grant = await signed_in(gateway)

    answer = await client.post("/v1/auth/revoke", data={"token": grant["refresh_token"]})

    assert answer.status_code == 200
    assert not await works(client)
    assert (await refresh(gateway, grant["refresh_token"])).status_code == 400


async def test_signing_out_with_an_unknown_token_is_no_error(gateway: Gateway) -> None:
    for token in ("nonsense", "A" * 64):
        assert (await gateway.anonymous().post("/v1/auth/revoke", data={"token": token})).status_code == 200


async def test_the_second_use_of_a_refresh_token_ends_the_access_tokens_of_its_family_too(gateway: Gateway) -> None:
    await anna(gateway)
    client, grant = await signed_in(gateway)
    renewed = json_of(await refresh(gateway, grant["refresh_token"]), 200)
    client.headers["Authorization"] = f"Bearer {renewed['access_token']}"
    before = await works(client)

    await refresh(gateway, grant["refresh_token"])

    assert (before, await works(client)) == (True, False)


async def test_two_uses_of_a_refresh_token_at_one_moment_end_the_family(gateway: Gateway) -> None:
    await anna(gateway)
    for _ in range(5):
        client, grant = await signed_in(gateway)

        both = await asyncio.gather(*(refresh(gateway, grant["refresh_token"]) for _ in range(2)))

        good = [one.json() for one in both if one.status_code == 200]
        assert sorted(one.status_code for one in both) == [200, 400]
        assert (await refresh(gateway, good[0]["refresh_token"])).status_code == 400
        client.headers["Authorization"] = f"Bearer {good[0]['access_token']}"
        assert not await works(client)


async def test_a_new_password_ends_the_other_sessions_and_not_this_one(gateway: Gateway) -> None:
    await anna(gateway)
    other, grant = await signed_in(gateway)
    client, mine = await signed_in(gateway)

    answer = await client.put("/v1/me/password", json={"current_password": PASSWORD, "new_password": NEW})

    assert answer.status_code == 204
    assert (await works(other), await works(client)) == (False, True)
    assert (await refresh(gateway, grant["refresh_token"])).status_code == 400
    assert (await refresh(gateway, mine["refresh_token"])).status_code == 200
    await signed_in(gateway, password=NEW)


@pytest.mark.parametrize(
    ("current", "new", "field"), [("wrong", NEW, "current_password"), (PASSWORD, "short", "new_password")]
)
async def test_a_password_is_changed_by_who_knows_it_to_one_that_is_long_enough(
    gateway: Gateway, current: str, new: str, field: str
) -> None:
    await anna(gateway)
    client, _ = await signed_in(gateway)

    answer = await client.put("/v1/me/password", json={"current_password": current, "new_password": new})

    assert [error["field"] for error in json_of(answer, 422)["errors"]] == [field]
    await signed_in(gateway)


async def test_who_signs_in_with_the_old_password_while_it_is_changed_gets_nothing(gateway: Gateway) -> None:
    caller = await anna(gateway)
    check = CheckPassword.__call__
    hash_ = await gateway.use_cases.accounts.sign_in._check_password(EMAIL, PASSWORD, address="x")

    async def changed_meanwhile(self: CheckPassword, *args: Any, **kwargs: Any) -> Any:
        user = await check(self, *args, **kwargs)
        async with gateway.harness.database.begin(caller.tenant_id) as work:
            await PostgresRecords(work.connection).people.set_password(caller.user_id, "changed")
        return user

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CheckPassword, "__call__", changed_meanwhile)
        form = {"grant_type": "password", "username": EMAIL, "password": PASSWORD}
        answer = await gateway.anonymous().post("/v1/auth/token", data=form)

    assert hash_ is not None
    assert json_of(answer, 400)["error"] == "invalid_grant"


async def test_a_hash_that_is_out_of_date_is_renewed_when_its_user_signs_in(gateway: Gateway) -> None:
    caller = await anna(gateway)
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    async with gateway.harness.database.begin(caller.tenant_id) as work:
        await PostgresRecords(work.connection).people.set_password(caller.user_id, weak)

    await signed_in(gateway)

    async with gateway.harness.database.read(caller.tenant_id) as connection:
        user = await PostgresRecords(connection).people.user(caller.user_id)
    assert user is not None
    assert user.password_hash is not None
    assert "m=12288,t=3,p=1" in user.password_hash
    await signed_in(gateway)


async def test_a_token_may_be_narrowed_and_stays_so(gateway: Gateway) -> None:
    await anna(gateway)
    client, grant = await signed_in(gateway, scope="jobs:read me:read")

    renewed = json_of(await refresh(gateway, grant["refresh_token"]), 200)
    narrower = json_of(await refresh(gateway, renewed["refresh_token"], scope="me:read"), 200)
    back = json_of(await refresh(gateway, narrower["refresh_token"]), 200)

    assert [one["scope"] for one in (grant, renewed, narrower, back)] == [
        "jobs:read me:read",
        "jobs:read me:read",
        "me:read",
        "jobs:read me:read",
    ]
    assert (await client.get("/v1/jobs")).status_code == 200
    assert (await client.get("/v1/videos")).status_code == 403
    client.headers["Authorization"] = f"Bearer {narrower['access_token']}"
    assert (await client.get("/v1/jobs")).status_code == 403


@pytest.mark.parametrize(("role", "scope"), [(Role.VIEWER, "jobs:write"), (Role.OWNER, "jobs:read everything")])
async def test_a_scope_that_is_unknown_or_not_carried_is_refused(gateway: Gateway, role: Role, scope: str) -> None:
    await anna(gateway, role)
    form = {"grant_type": "password", "username": EMAIL, "password": PASSWORD, "scope": scope}

    answer = await gateway.anonymous().post("/v1/auth/token", data=form)

    assert json_of(answer, 400)["error"] == "invalid_scope"


@pytest.mark.parametrize(
    "request_",
    [
        {"json": {"grant_type": "password"}},
        {"data": {}},
        {"data": {"grant_type": ["password", "password"], "username": EMAIL, "password": PASSWORD}},
        {"data": {"grant_type": "password", "username": EMAIL, "password": "x" * 1025}},
    ],
    ids=["json", "nothing", "twice", "long"],
)
async def test_an_ill_formed_request_for_a_token_is_told_so_in_the_words_of_oauth2(
    gateway: Gateway, request_: dict[str, Any]
) -> None:
    await anna(gateway)

    answer = await gateway.anonymous().post("/v1/auth/token", **request_)

    assert json_of(answer, 400)["error"] == "invalid_request"
    assert answer.headers["content-type"] == "application/json"


async def test_another_users_session_is_not_there_to_be_ended(gateway: Gateway) -> None:
    caller = await anna(gateway)
    client, _ = await signed_in(gateway)
    [session] = json_of(await client.get("/v1/me/sessions"), 200)["items"]
    colleague = await gateway.client(await gateway.user(caller.tenant_id))

    assert (await colleague.delete(f"/v1/me/sessions/{session['id']}")).status_code == 404
    assert await works(client)
