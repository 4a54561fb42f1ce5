"""Signing in, staying signed in, and being thrown out."""

import asyncio
import base64
import json
import time
from dataclasses import replace
from typing import Any, cast

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.adapters.passwords import Argon2Passwords
from gateway.adapters.postgres import PostgresRecords
from gateway.domain.access import RIGHTS_OF, Right, Role
from gateway.domain.refusals import InvalidRequest
from gateway.usecases.bootstrap import Bootstrap
from gateway.usecases.sign_in import Lifetimes
from support.gateway_rig import PASSWORD, Gateway, a_mint, json_of

EMAIL = "anna@example.org"


async def sign_in(client: httpx.AsyncClient, *, email: str = EMAIL, password: str = PASSWORD) -> httpx.Response:
    form = {"grant_type": "password", "username": email, "password": password}
    return await client.post("/v1/auth/token", data=form)


async def refresh(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post("/v1/auth/token", data={"grant_type": "refresh_token", "refresh_token": token})


async def test_a_password_buys_tokens_that_say_who_i_am(gateway: Gateway) -> None:
    caller = await gateway.user(await gateway.tenant("studio"), Role.EDITOR, EMAIL)
    client = gateway.anonymous()

    answer = await sign_in(client, email="Anna@Example.org")
    grant = json_of(answer, 200)
    me = json_of(await client.get("/v1/me", headers={"Authorization": f"Bearer {grant['access_token']}"}), 200)

    assert (grant["token_type"], grant["expires_in"]) == ("bearer", 900)
    assert answer.headers["cache-control"] == "no-store"
    assert me == {
        "id": str(caller.user_id),
        "email": EMAIL,
        "role": "editor",
        "tenant_id": str(caller.tenant_id),
        "tenant": "studio",
        "rights": sorted(RIGHTS_OF[Role.EDITOR]),
    }
    assert grant["scope"] == " ".join(sorted(RIGHTS_OF[Role.EDITOR]))


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password", "username": EMAIL, "password": "wrong"}, "invalid_grant"),
        ({"grant_type": "password", "username": "nobody@example.org", "password": PASSWORD}, "invalid_grant"),
        ({"grant_type": "password", "username": EMAIL}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "nonsense"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "ünsinn"}, "invalid_grant"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "implicit"}, "unsupported_grant_type"),
    ],
)
async def test_a_refused_grant_says_what_oauth2_calls_it(gateway: Gateway, form: dict[str, str], error: str) -> None:
    await gateway.user(await gateway.tenant("studio"), email=EMAIL)

    answer = await gateway.anonymous().post("/v1/auth/token", data=form)

    problem = json_of(answer, 400)
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("application/json", "no-store")
    assert problem["error"] == error
    assert problem["error_description"] == problem["detail"]
    assert problem["type"] == "/problems/invalid-grant"


async def test_a_refresh_token_is_good_once_and_its_second_use_ends_the_family(gateway: Gateway) -> None:
    await gateway.user(await gateway.tenant("studio"), email=EMAIL)
    client = gateway.anonymous()
    first = json_of(await sign_in(client), 200)["refresh_token"]

    second = json_of(await refresh(client, first), 200)["refresh_token"]
    third = json_of(await refresh(client, second), 200)["refresh_token"]
    stolen = await refresh(client, first)
    after = await refresh(client, third)

    assert len({first, second, third}) == 3
    assert (stolen.status_code, after.status_code) == (400, 400)


async def test_a_successor_handed_out_while_its_family_ends_is_worthless_too(gateway: Gateway) -> None:
    caller = await gateway.user(await gateway.tenant("studio"), email=EMAIL)
    client = gateway.anonymous()
    first = json_of(await sign_in(client), 200)["refresh_token"]
    second = json_of(await refresh(client, first), 200)["refresh_token"]

    async with gateway.harness.database.begin(caller.tenant_id) as work:
        renewed = await gateway.use_cases.accounts.sign_in._rotate(PostgresRecords(work.connection), second)
        stolen = asyncio.create_task(refresh(client, first))
        await asyncio.sleep(0.3)  # it waits for our commit
    answer = await stolen

    assert isinstance(renewed, tuple)
    assert answer.status_code == 400
    assert (await refresh(client, renewed[2])).status_code == 400


async def test_another_sign_in_survives_the_end_of_a_family(gateway: Gateway) -> None:
    await gateway.user(await gateway.tenant("studio"), email=EMAIL)
    client = gateway.anonymous()
    laptop = json_of(await sign_in(client), 200)["refresh_token"]
    phone = json_of(await sign_in(client), 200)["refresh_token"]

    await refresh(client, laptop)
    await refresh(client, laptop)

    assert (await refresh(client, phone)).status_code == 200


async def test_an_expired_refresh_token_is_refused(gateway: Gateway) -> None:
    await gateway.user(await gateway.tenant("studio"), email=EMAIL)
    client = gateway.anonymous()
    gateway.use_cases.accounts.sign_in._lifetimes = Lifetimes(access_s=900, refresh_s=0)
    token = json_of(await sign_in(client), 200)["refresh_token"]

    assert (await refresh(client, token)).status_code == 400


async def test_refresh_tokens_are_kept_as_hashes_only(gateway: Gateway) -> None:
    caller = await gateway.user(await gateway.tenant("studio"), email=EMAIL)
    token = json_of(await sign_in(gateway.anonymous()), 200)["refresh_token"]

    async with gateway.harness.database.read(caller.tenant_id) as connection:
        rows = (await connection.exec_driver_sql("SELECT * FROM refresh_tokens")).all()

    assert len(rows) == 1
    assert token not in str(rows)


def forged(claims: dict[str, Any], **header: Any) -> str:
    return jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), algorithm="ES256", headers=header)


async def test_a_token_that_is_not_ours_opens_nothing(gateway: Gateway) -> None:
    caller = await gateway.user(await gateway.tenant("studio"))
    tokens = gateway.use_cases.accounts.tokens
    good = await tokens.issue(caller, lifetime_s=900)
    kid = jwt.get_unverified_header(good)["kid"]
    claims = jwt.decode(good, options={"verify_signature": False})
    head, _, signature = good.split(".")
    promoted = base64.urlsafe_b64encode(json.dumps({**claims, "role": "admin"}).encode()).decode().rstrip("=")
    public = json_of(await gateway.anonymous().get("/.well-known/jwks.json"), 200)["keys"][0]
    bad = {
        "expired": await tokens.issue(caller, lifetime_s=-1),
        "another key": forged(claims, kid=kid),
        "an unknown key": forged(claims, kid="unknown"),
        "no key": forged(claims),
        "changed": f"{head}.{promoted}.{signature}",
        "unsigned": jwt.encode(claims, None, algorithm="none", headers={"kid": kid}),  # type: ignore[arg-type]
        "signed with the public key": jwt.encode(claims, public["x"] * 2, algorithm="HS256", headers={"kid": kid}),
        "another issuer": await a_mint(gateway, issuer="else").issue(caller, lifetime_s=900),
        "another audience": await a_mint(gateway, audience="x").issue(caller, lifetime_s=900),
        "of no session": await tokens.issue(replace(caller, session_id=None), lifetime_s=900),
        "a right we do not have": await tokens.issue(
            replace(caller, scopes=frozenset([cast(Right, "all")])), lifetime_s=900
        ),
        "nonsense": "nonsense",
        "empty": "",
    }

    for what, token in bad.items():
        answer = await gateway.anonymous().get("/v1/me", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, what
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_our_tokens_can_be_verified_with_the_published_keys_by_anybody(gateway: Gateway) -> None:
    caller = await gateway.user(await gateway.tenant("studio"))
    token = await gateway.use_cases.accounts.tokens.issue(caller, lifetime_s=60)
    keys = jwt.PyJWKSet.from_dict(json_of(await gateway.anonymous().get("/.well-known/jwks.json"), 200))

    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, audience="matchcut", issuer="matchcut")

    assert claims["sub"] == str(caller.user_id)
    assert claims["exp"] - time.time() <= 60


async def test_the_published_keys_are_public_ones(gateway: Gateway) -> None:
    [key] = json_of(await gateway.anonymous().get("/.well-known/jwks.json"), 200)["keys"]

    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}


async def test_replicas_and_restarts_share_the_keys(gateway: Gateway) -> None:
    caller = await gateway.user(await gateway.tenant("studio"))
    other = a_mint(gateway)

    token = await gateway.use_cases.accounts.tokens.issue(caller, lifetime_s=60)

    assert await other.read(token) == caller


async def test_setting_up_twice_changes_nothing_and_a_new_password_ends_old_sessions(gateway: Gateway) -> None:
    ensure = Bootstrap(gateway.harness.database, PostgresRecords, Argon2Passwords())
    client = gateway.anonymous()

    first = await ensure(tenant="studio", email=EMAIL, password=PASSWORD)
    again = await ensure(tenant="studio", email=EMAIL, password=PASSWORD)
    token = json_of(await sign_in(client), 200)["refresh_token"]
    changed = await ensure(tenant="studio", email=EMAIL, password="another good one")

    assert first == again == changed
    assert (await refresh(client, token)).status_code == 400
    assert (await sign_in(client)).status_code == 400
    assert (await sign_in(client, password="another good one")).status_code == 200


async def test_setting_up_adds_an_owner_to_a_tenant_that_exists_and_never_moves_one(gateway: Gateway) -> None:
    ensure = Bootstrap(gateway.harness.database, PostgresRecords, Argon2Passwords())
    tenant_id, _ = await ensure(tenant="studio", email=EMAIL, password=PASSWORD)

    second, _ = await ensure(tenant="studio", email="bert@example.org", password=PASSWORD)

    assert second == tenant_id
    with pytest.raises(InvalidRequest):
        await ensure(tenant="another", email=EMAIL, password=PASSWORD)
    with pytest.raises(InvalidRequest):
        await ensure(tenant="studio", email=EMAIL, password="short")
