"""Lists stay stable while new things arrive: every list of the OpenAPI document, with an insert between its pages."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from contracts import uuid7
from contracts.transcribe import TranscriptReady
from contracts.upscale import VideoUpscaled
from contracts.vision import ScenesDetected, WatermarksDetected
from gateway.adapters.postgres.tables.single_sign_on import identity_providers
from gateway.api.app import routes
from support.findings_rig import a_ledger, a_picture, aligned
from support.gateway_rig import Gateway, a_gateway, json_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
COMMON = {"run": 1, "key": "derived/t/j/x.json", "engine": "e", "seconds": 1.0}
Insert = Callable[[], Awaitable[object]]
"""Puts one thing more into a list."""
Kind = Callable[[Gateway, httpx.AsyncClient], Awaitable[tuple[str, Insert]]]
"""Makes the place for a list; returns its path, and how to put things in."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(postgres_url: str) -> AsyncIterator[Gateway]:
    async with a_gateway(postgres_url, outbound_networks=["127.0.0.0/8"]) as running:
        yield running


def by_posting(path: str, body: Callable[[], dict[str, Any]]) -> Kind:
    """A list that a POST to its own path adds to."""

    async def kind(_: Gateway, client: httpx.AsyncClient) -> tuple[str, Insert]:
        async def insert() -> object:
            return json_of(await client.post(path, json=body()), 201)

        return path, insert

    return kind


def a_webhook() -> dict[str, Any]:
    return {"url": f"https://127.0.0.1/{uuid4()}", "events": ["job.finished"]}


async def videos(gateway: Gateway, client: httpx.AsyncClient) -> tuple[str, Insert]:
    return "/v1/videos", lambda: gateway.video(client)


async def jobs(gateway: Gateway, client: httpx.AsyncClient) -> tuple[str, Insert]:
    video = await gateway.video(client)
    return "/v1/jobs", lambda: gateway.job(client, video["id"])


async def deliveries(_: Gateway, client: httpx.AsyncClient) -> tuple[str, Insert]:
    webhook = json_of(await client.post("/v1/webhooks", json=a_webhook()), 201)
    path = f"/v1/webhooks/{webhook['id']}"
    return f"{path}/deliveries", lambda: client.post(f"{path}/ping")


async def audit(_: Gateway, client: httpx.AsyncClient) -> tuple[str, Insert]:
    return "/v1/audit", lambda: client.post("/v1/uploads", json={"filename": "a.mp4"})


def found_by(path: str, step: str, fact_of: Callable[[dict[str, Any]], Any]) -> Kind:
    """A list of what jobs found."""

    async def kind(gateway: Gateway, client: httpx.AsyncClient) -> tuple[str, Insert]:
        video = await gateway.ingested(client)

        async def insert() -> None:
            job = await gateway.job(client, video["id"], [step])
            await gateway.hear(client, fact_of({**COMMON, "video_id": video["id"]}), subject=video["id"], job=job)

        return path, insert

    return kind


async def alignments(gateway: Gateway, client: httpx.AsyncClient) -> tuple[str, Insert]:
    video, script = await gateway.ingested(client), await gateway.script(client)

    async def insert() -> None:
        job = await gateway.job(client, video["id"], ["alignment"], script_id=script["id"])
        await aligned(gateway, client, job, a_ledger())

    return "/v1/alignments", insert


async def history(gateway: Gateway, client: httpx.AsyncClient) -> tuple[str, Insert]:
    _, align = await alignments(gateway, client)
    await align()
    [alignment] = json_of(await client.get("/v1/alignments"), 200)["items"]
    path = f"/v1/alignments/{alignment['id']}"

    async def insert() -> object:
        body = {"lines": [{"line_id": "L03", "note": str(uuid4())}]}
        return json_of(await client.patch(path, json=body, headers={"If-Match": "*"}), 200)

    return f"{path}/history", insert


async def logos(_: Gateway, client: httpx.AsyncClient) -> tuple[str, Insert]:
    widths = iter(range(16, 1000))

    async def insert() -> object:
        picture, headers = a_picture(size=(next(widths), 16)), {"Content-Type": "image/png"}
        answer = await client.post("/v1/logos", params={"name": "mark"}, content=picture, headers=headers)
        return json_of(answer, 201)

    return "/v1/logos", insert


async def erasures(gateway: Gateway, client: httpx.AsyncClient) -> tuple[str, Insert]:
    async def insert() -> object:
        return await client.delete(f"/v1/scripts/{(await gateway.script(client))['id']}")

    return "/v1/erasures", insert


async def exports(gateway: Gateway, client: httpx.AsyncClient) -> tuple[str, Insert]:
    tenant_id = UUID(json_of(await client.get("/v1/me"), 200)["tenant_id"])

    async def insert() -> None:
        json_of(await client.post("/v1/exports", json={"media": False}), 202)
        async with gateway.harness.database.begin(tenant_id) as work:  # there is one under way at a time
            await work.connection.execute(text("UPDATE exports SET state = 'failed'"))

    return "/v1/exports", insert


async def providers(gateway: Gateway, client: httpx.AsyncClient) -> tuple[str, Insert]:
    tenant_id = UUID(json_of(await client.get("/v1/me"), 200)["tenant_id"])

    async def insert() -> None:  # straight into the table: over the API each would have to answer
        values = {
            **{"id": uuid7(), "name": str(uuid4()), "issuer": f"https://{uuid4()}.example", "client_id": "c"},
            **{"scopes": ["openid"], "groups_claim": "groups", "group_roles": [], "email_domains": []},
            **{"return_urls": [], "owners": False, "enabled": True},
        }
        async with gateway.harness.database.begin(tenant_id) as work:
            await work.connection.execute(identity_providers.insert().values(values))

    return "/v1/identity-providers", insert


KINDS: dict[str, Kind] = {
    "/v1/users": by_posting("/v1/users", lambda: {"email": f"{uuid4()}@example.org", "role": "viewer"}),
    "/v1/api-keys": by_posting("/v1/api-keys", lambda: {"name": "k", "scopes": ["me:read"]}),
    "/v1/videos": videos,
    "/v1/scripts": by_posting("/v1/scripts", lambda: {"filename": "a.txt", "text": "Hello."}),
    "/v1/jobs": jobs,
    "/v1/webhooks": by_posting("/v1/webhooks", a_webhook),
    "/v1/webhooks/{webhook_id}/deliveries": deliveries,
    "/v1/audit": audit,
    "/v1/erasures": erasures,
    "/v1/exports": exports,
    "/v1/identity-providers": providers,
    "/v1/logos": logos,
    "/v1/runners": by_posting("/v1/runners", lambda: {"labels": ["t4"]}),
    "/v1/scenes": found_by("/v1/scenes", "scenes", lambda known: ScenesDetected(**known, scenes=1)),
    "/v1/watermarks": found_by("/v1/watermarks", "watermarks", lambda known: WatermarksDetected(**known, marks=0)),
    "/v1/transcripts": found_by(
        "/v1/transcripts",
        "transcript",
        lambda known: TranscriptReady(**known, audio_key=None, language="en", words=1, model_sha256="0" * 64),
    ),
    "/v1/renditions": found_by(
        "/v1/renditions",
        "upscale",
        lambda known: VideoUpscaled(
            **known,
            rendition_key="r.mp4",
            qc_key="qc.json",
            width=8,
            height=8,
            frames=1,
            passed=True,
            model_sha256="0" * 64,
        ),
    ),
    "/v1/alignments": alignments,
    "/v1/alignments/{alignment_id}/history": history,
}
"""How to put something into each list that comes in pages. A new list needs a line here, and then it is tested."""


RANKED = {"/v1/search"}
"""Not the newest but the best comes first: how its pages stay stable is tested beside it, in test_search.py."""


def paged() -> list[str]:
    """Every route that takes a cursor."""
    return sorted(
        {
            route.path
            for route in routes()
            for one in route.dependant.dependencies
            if any(query.alias == "cursor" for query in one.query_params)
        }
    )


async def test_every_list_that_comes_in_pages_is_tested() -> None:
    assert set(paged()) == {*KINDS, *RANKED}


async def ids(client: httpx.AsyncClient, path: str, **query: str) -> tuple[list[str], str | None]:
    found = json_of(await client.get(path, params=query), 200)
    return [item["id"] for item in found["items"]], found["next_cursor"]


@pytest.mark.parametrize("route", sorted(KINDS))
async def test_nothing_is_missed_or_seen_twice_though_things_arrive_between_the_pages(
    gateway: Gateway, route: str
) -> None:
    client = await gateway.owner(f"studio {uuid4()}")
    path, insert = await KINDS[route](gateway, client)
    for _ in range(6):
        await insert()

    seen, cursor = await ids(client, path, limit="2")
    everything, _ = await ids(client, path, limit="100")
    there = everything[everything.index(seen[0]) :]  # reading the audit is written down there too
    while cursor is not None:
        await insert()
        more, cursor = await ids(client, path, limit="2", cursor=cursor)
        seen += more
    newest, _ = await ids(client, path, limit="1")

    assert seen == there, "newest first, and just what was there when the first page was read"
    assert len(seen) >= 6
    assert newest[0] not in everything, "something did arrive"
