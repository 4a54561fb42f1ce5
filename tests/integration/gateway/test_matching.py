"""If-Match where two people may edit, If-None-Match where the same is read again."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio

from gateway.api.app import describe
from gateway.api.openapi import operations
from gateway.domain.access import Caller, Role
from support.findings_rig import revised
from support.gateway_rig import Gateway, a_gateway, json_of
from support.route_walk import WALKED, ask, asked_of, someones_things

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
OPERATIONS = {f"{method} {path}": operation for method, path, operation in operations(describe())}
STREAMS = {
    *("GET /v1/events", "GET /v1/jobs/{job_id}/events", "GET /v1/receipts"),
    *("GET /v1/auth/sso/{tenant_id}/{provider_id}", "GET /v1/auth/sso/{tenant_id}/{provider_id}/callback"),
}
"""What nobody can have already, or is to keep: streams, steps of signing in, the receipt of a tenant that is gone."""
ENDS_ALL = {"/v1/tenants/current/erasure", "/v1/auth/revoke"}
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


async def test_every_route_that_edits_takes_if_match_and_says_how_it_refuses() -> None:
    edits = {name for name in OPERATIONS if name.startswith(("PATCH", "PUT"))}

    taking = {
        name: one
        for name, one in OPERATIONS.items()
        for each in one.get("parameters", ())
        if each["name"] == "If-Match"
    }

    assert {name.partition(" ")[2] for name in edits - set(taking)} <= NEVER_SHARED
    assert len(taking) >= 12
    for name, operation in taking.items():
        assert "/problems/changed-meanwhile" in operation["responses"]["412"]["description"], name
        needed = "without it, 428" in str(operation["parameters"])
        assert needed == ("428" in operation["responses"]) == ("/v1/alignments/" in name), name


async def test_what_documents_an_etag_sends_one_and_nothing_else_does(gateway: Gateway) -> None:
    ids = await someones_things(gateway)
    caller = Caller(UUID(ids["user_id"]), UUID(ids["tenant_id"]), Role.OWNER, uuid4())
    client = await gateway.client(caller)
    await revised(gateway, client, json_of(await client.get(f"/v1/jobs/{ids['job_id']}"), 200), 1)
    await a_budget(gateway, client)
    await gateway.harness.work_off()  # the export
    reads = [one for one in WALKED if one[0] == "GET" and f"GET {one[1].path_format}" not in STREAMS]
    writes = [one for one in WALKED if one[0] not in ("GET", "DELETE", "OPTIONS") and one[1].path not in ENDS_ALL]
    read, written = set(), set()

    for method, route in reads:
        name = f"{method} {route.path_format}"
        if "ETag" not in documented(name, 200):
            continue
        asked = asked_of(method, route, ids)
        first = await client.get(asked.url)
        again = await client.get(asked.url, headers={"If-None-Match": f'"other", {first.headers.get("etag")}'})
        other = await client.get(asked.url, headers={"If-None-Match": '"something else"'})
        assert [one.status_code for one in (first, again, other)] == [200, 304, 200], f"{name}: {first.text[:300]}"
        assert (again.content, again.headers["etag"]) == (b"", first.headers["etag"]), name
        assert "cache-control" in first.headers, name
        read.add(name)
    for method, route in [*reads, *writes]:
        name = f"{method} {route.path_format}"
        answer = await ask(client, gateway.app, asked_of(method, route, ids))
        assert ("etag" in answer.headers) == ("ETag" in documented(name, answer.status_code)), f"{name} {answer}"
        written |= {name} if "etag" in answer.headers and method != "GET" else set()

    with_etag = {name for name in OPERATIONS if "ETag" in documented(name, 200)}
    assert {name for name in with_etag if name.startswith("GET")} == read
    assert {name for name in OPERATIONS if name.startswith("GET")} - with_etag == STREAMS
    assert written, "some of what was changed told its new ETag"


def documented(name: str, status: int) -> dict[str, Any]:
    """The headers that the document says an answer has."""
    return dict(OPERATIONS.get(name, {}).get("responses", {}).get(str(status), {}).get("headers", {}))
