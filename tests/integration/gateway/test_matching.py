"""If-Match where two people may edit, If-None-Match where the same is read again."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from gateway.api.app import routes
from support.gateway_rig import Gateway, a_gateway, json_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(postgres_url: str) -> AsyncIterator[Gateway]:
    async with a_gateway(postgres_url, outbound_networks=["127.0.0.0/8"], currency="EUR") as running:
        yield running


async def an_owner(gateway: Gateway) -> httpx.AsyncClient:
    return await gateway.owner(f"studio {uuid4()}")


async def a_user(gateway: Gateway, client: httpx.AsyncClient) -> str:
    wanted = {"email": f"{uuid4()}@example.org", "role": "viewer"}
    return f"/v1/users/{json_of(await client.post('/v1/users', json=wanted), 201)['user']['id']}"


async def a_webhook(gateway: Gateway, client: httpx.AsyncClient) -> str:
    wanted = {"url": f"https://127.0.0.1/{uuid4()}", "events": ["job.finished"]}
    return f"/v1/webhooks/{json_of(await client.post('/v1/webhooks', json=wanted), 201)['id']}"


async def the_tenant(gateway: Gateway, client: httpx.AsyncClient) -> str:
    return f"/v1/tenants/{json_of(await client.get('/v1/me'), 200)['tenant_id']}"


async def a_budget(gateway: Gateway, client: httpx.AsyncClient) -> str:
    json_of(await client.put("/v1/budget", json={"amount": "5"}), 200)
    return "/v1/budget"


EDITABLE: list[tuple[Any, str, dict[str, Any], dict[str, Any]]] = [
    (a_user, "PATCH", {"role": "editor"}, {"disabled": True}),
    (a_webhook, "PATCH", {"description": "one"}, {"description": "two"}),
    (the_tenant, "PATCH", {"name": f"one {uuid4()}"}, {"name": f"two {uuid4()}"}),
    (a_budget, "PUT", {"amount": "6"}, {"amount": "7"}),
]
NEVER_SHARED = {"/v1/me/password", "/v1/uploads/{upload_id}/content", "/v1/uploads/tus/{upload_id}"}
"""What only one person can change, or only once."""


@pytest.mark.parametrize(("thing", "method", "one", "two"), EDITABLE)
async def test_of_two_people_who_edit_the_second_is_told(
    gateway: Gateway, thing: Any, method: str, one: dict[str, Any], two: dict[str, Any]
) -> None:
    client = await an_owner(gateway)
    path = await thing(gateway, client)
    read = await client.get(path)
    tag = {"If-Match": read.headers["etag"]}

    first = await client.request(method, path, json=one, headers=tag)
    second = await client.request(method, path, json=two, headers=tag)
    weak = await client.request(method, path, json=two, headers={"If-Match": f"W/{first.headers['etag']}"})
    after = await client.get(path)
    third = await client.request(method, path, json=two, headers={"If-Match": f'"x", {after.headers["etag"]}'})
    any_ = await client.request(method, path, json=one, headers={"If-Match": "*"})

    assert [answer.status_code for answer in (first, second, weak, third, any_)] == [200, 412, 412, 200, 200]
    assert json_of(second, 412)["type"] == "/problems/changed-meanwhile"
    assert first.headers["etag"] == after.headers["etag"], "who has changed it knows what it is now"
    assert after.json() == first.json()


@pytest.mark.parametrize("thing", [a_user, a_webhook, a_budget])
async def test_what_somebody_else_has_changed_is_not_removed_unseen(gateway: Gateway, thing: Any) -> None:
    client = await an_owner(gateway)
    path = await thing(gateway, client)

    stale = await client.delete(path, headers={"If-Match": '"what it was once"'})
    there = await client.get(path)
    removed = await client.delete(path, headers={"If-Match": there.headers["etag"]})

    assert [answer.status_code for answer in (stale, there, removed)] == [412, 200, 204]


async def test_every_route_that_edits_takes_if_match() -> None:
    edits = {(method, route.path) for route in routes() for method in {"PATCH", "PUT"} & set(route.methods or ())}

    taking = {
        (method, route.path)
        for route in routes()
        for method in route.methods or ()
        for one in (route.dependant, *route.dependant.dependencies)
        if any(header.alias.lower() == "if-match" for header in one.header_params)
    }

    assert {path for method, path in edits - taking} <= NEVER_SHARED
    assert len(taking) >= 7


async def test_what_was_read_before_is_not_sent_again(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    video = await gateway.ingested(client)
    job = await gateway.job(client, video["id"])
    paths = [
        *("/v1/me", "/v1/me/sessions", "/v1/users", "/v1/api-keys", "/v1/webhooks", "/v1/scripts", "/v1/usage"),
        *("/v1/videos", f"/v1/videos/{video['id']}", "/v1/jobs", f"/v1/jobs/{job['id']}", "/v1/usage/standing"),
        *(await a_user(gateway, client), await a_webhook(gateway, client), await the_tenant(gateway, client)),
        await a_budget(gateway, client),
    ]

    for path in paths:
        first = await client.get(path)
        again = await client.get(path, headers={"If-None-Match": first.headers["etag"]})
        other = await client.get(path, headers={"If-None-Match": '"something else"'})
        assert (first.status_code, again.status_code, other.status_code) == (200, 304, 200), path
        assert (again.content, again.headers["etag"]) == (b"", first.headers["etag"])
