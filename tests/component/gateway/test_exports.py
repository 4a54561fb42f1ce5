"""Exports: everything a tenant has, as the API shows it, in one file that anybody can open and check."""

import hashlib
import io
import json
import tracemalloc
import zipfile
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import insert, text

from contracts.vision import ScenesDetected
from gateway.adapters.postgres.tables.single_sign_on import identity_providers
from gateway.domain.access import Role
from gateway.domain.exports import EXPORTED_ROWS, WITHHELD
from gateway.usecases.retention import KeepRetention
from support.gateway_rig import Gateway, an_ingested, json_of

LISTED = ("users", "api_keys", "webhooks", "videos", "scripts", "jobs", "erasures")
MIB = 1 << 20


PROVIDER: dict[str, Any] = {
    **{name: "x" for name in ("name", "issuer", "client_id", "groups_claim")},
    **{name: ["x"] for name in ("scopes", "email_domains", "return_urls")},
    **{"owners": False, "enabled": True, "group_roles": {}, "sealed_secret": b"a sealed secret"},
}


async def a_studio(gateway: Gateway, name: str = "studio") -> tuple[httpx.AsyncClient, str, dict[str, Any]]:
    """A client of an owner who has one of many things, the id of their tenant, and a job with results."""
    tenant_id = await gateway.tenant(name)
    client = await gateway.client(await gateway.user(tenant_id))
    video = await gateway.ingested(client)
    await gateway.script(client)
    job = await gateway.job(client, video["id"], ["scenes"])
    folder = f"derived/t/{job['id']}/scenes-1"
    found = ScenesDetected(
        video_id=UUID(video["id"]), run=1, key=f"{folder}/scenes.json", scenes=1, engine="x", seconds=1
    )
    await gateway.harness.blobs.put_bytes(found.key, b'{"scenes": []}')
    await gateway.harness.blobs.put_bytes(f"{folder}/keyframes/0000.jpg", b"\xff\xd8")
    await gateway.hear(client, found, subject=video["id"], job=job)
    json_of(await client.post("/v1/api-keys", json={"name": "a", "scopes": ["me:read"]}), 201)
    json_of(await client.post("/v1/webhooks", json={"url": "https://8.8.8.8/", "events": ["job.finished"]}), 201)
    return client, str(tenant_id), job


async def exported(gateway: Gateway, client: httpx.AsyncClient, *, media: bool) -> tuple[dict[str, Any], bytes]:
    export = json_of(await client.post("/v1/exports", json={"media": media}), 202)
    await gateway.harness.work_off()
    export = json_of(await client.get(f"/v1/exports/{export['id']}"), 200)
    assert export["state"] == "ready", export
    return export, (await client.get(export["content_url"])).content


@pytest.mark.parametrize("media", [True, False], ids=["with films", "without films"])
async def test_an_export_holds_what_the_api_shows_and_a_manifest_of_all_of_it(gateway: Gateway, media: bool) -> None:
    client, tenant_id, job = await a_studio(gateway)
    shown = {
        name: json_of(await client.get(f"/v1/{name.replace('_', '-')}", params={"limit": "100"}), 200)["items"]
        for name in LISTED
    }

    export, content = await exported(gateway, client, media=media)

    assert (export["size_bytes"], export["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
        manifest = json.loads(archive.read("manifest.json"))
        for name in LISTED:
            assert json.loads(archive.read(f"{name}.json")) == shown[name], name
        assert {line["action"] for line in json.loads(archive.read("audit.json"))} >= {"submit_script", "request_job"}
        said = {one["name"]: (one["size_bytes"], one["sha256"]) for one in manifest["files"]}
        held = {name: archive.read(name) for name in names - {"manifest.json"}}
        assert said == {name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in held.items()}
    assert (manifest["tenant_id"], manifest["media"]) == (tenant_id, media)
    script, video = shown["scripts"][0], shown["videos"][0]
    assert held[f"scripts/{script['id']}/a.txt"] == b"Hello.\n"
    assert held[f"jobs/{job['id']}/scenes.json"] == b'{"scenes": []}'
    films = {f"videos/{video['id']}/clip.mp4", f"jobs/{job['id']}/keyframes/0000.jpg"}
    assert films & names == (films if media else set())


async def test_it_is_read_in_ranges_by_those_who_may_and_by_no_other_tenant(gateway: Gateway) -> None:
    client, tenant_id, _ = await a_studio(gateway)
    editor = await gateway.client(await gateway.user(UUID(tenant_id), Role.EDITOR))
    stranger = await gateway.owner("stranger")
    asked = json_of(await client.post("/v1/exports", json={}), 202)
    early = await client.get(f"/v1/exports/{asked['id']}/content")
    again = json_of(await client.post("/v1/exports", json={}), 202)
    export, content = await exported(gateway, client, media=False)

    part = await client.get(export["content_url"], headers={"Range": "bytes=10-19"})

    assert (asked["id"], early.status_code) == (again["id"], 404)
    assert (part.status_code, part.content) == (206, content[10:20])
    assert (await editor.get(export["content_url"])).status_code == 403
    assert (await stranger.get(export["content_url"])).status_code == 404
    assert b"somebody" not in content
    query = {"resource_id": export["id"], "outcome": "done"}
    [line, *_] = json_of(await client.get("/v1/audit", params=query), 200)["items"]
    assert line["action"] == "read_export_content"


async def test_a_large_film_takes_no_memory(gateway: Gateway) -> None:
    client = await gateway.owner()
    video = await gateway.video(client)
    await gateway.hear(client, an_ingested(video["id"]), subject=video["id"])
    async with gateway.harness.blobs.writer(f"derived/t/{video['id']}/original") as writer:
        for _ in range(64):
            await writer.write(bytes(MIB))
    export = json_of(await client.post("/v1/exports", json={"media": True}), 202)

    tracemalloc.start()
    await gateway.harness.work_off()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    done = json_of(await client.get(f"/v1/exports/{export['id']}"), 200)
    assert done["size_bytes"] > 64 * MIB
    assert peak < 16 * MIB


async def test_an_erasure_takes_exports_along_and_stops_those_being_made(gateway: Gateway) -> None:
    client, tenant_id, _ = await a_studio(gateway)
    export, _ = await exported(gateway, client, media=False)
    script = await gateway.script(client)
    erasure = json_of(await client.delete(f"/v1/scripts/{script['id']}"), 202)
    running = json_of(await client.post("/v1/exports", json={}), 202)
    conclude: Any = gateway.harness.service.work._skills["conclude"].handler  # type: ignore[union-attr]

    await conclude._end_exports(UUID(tenant_id))
    await gateway.harness.work_off()

    stopped = json_of(await client.get(f"/v1/exports/{running['id']}"), 200)
    assert (stopped["state"], stopped["reason"]) == ("failed", "erasure")
    assert (await client.get(f"/v1/exports/{export['id']}")).status_code == 404
    assert [key async for key in gateway.harness.blobs.list(f"derived/{tenant_id}/exports/")] == []
    assert json_of(await client.get(f"/v1/erasures/{erasure['id']}"), 200)["state"] == "running"


async def test_an_export_is_deleted_when_its_time_is_over(gateway: Gateway) -> None:
    client, tenant_id, _ = await a_studio(gateway)
    export, _ = await exported(gateway, client, media=False)
    cases = gateway.use_cases
    sweep = KeepRetention(
        cases.database, cases.blobs, cases.records_on, cases.videos, cases.erasing.script, cases.erasing.held
    )
    young = await sweep(UUID(tenant_id))
    async with gateway.harness.database.begin(UUID(tenant_id)) as work:
        await work.connection.execute(text("UPDATE exports SET created_at = now() - interval '8 days'"))

    over = await sweep(UUID(tenant_id))

    assert (young, over) == (0, 1)
    assert (await client.get(f"/v1/exports/{export['id']}")).status_code == 404
    assert [key async for key in gateway.harness.blobs.list(f"derived/{tenant_id}/exports/")] == []


async def test_every_table_is_in_an_export_or_named_with_the_reason_why_not(gateway: Gateway) -> None:
    client, _, _ = await a_studio(gateway)
    walled = text(
        "SELECT relname FROM pg_class WHERE relnamespace = 'gateway'::regnamespace AND relkind = 'r' AND relrowsecurity"
    )
    async with gateway.harness.database.begin_untenanted() as connection:
        tables = set((await connection.execute(walled)).scalars())

    _, content = await exported(gateway, client, media=False)

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name.removesuffix(".json") for name in archive.namelist() if "/" not in name} - {"manifest"}
        assert json.loads(archive.read("manifest.json"))["withheld"] == WITHHELD
    assert files & WITHHELD.keys() == set()
    assert files | WITHHELD.keys() == tables
    assert all(WITHHELD.values())


async def test_rows_are_whole_ones_own_and_without_secrets(gateway: Gateway) -> None:
    client, tenant_id, job = await a_studio(gateway)
    _, strange_id, strange_job = await a_studio(gateway, "stranger")
    webhook = json_of(await client.get("/v1/webhooks"), 200)["items"][0]
    json_of(await client.post(f"/v1/webhooks/{webhook['id']}/ping", json={}), 202)
    many = "INSERT INTO events (type, body) SELECT 'job.progressed', n::text FROM generate_series(1, 1100) n"
    async with gateway.harness.database.begin(UUID(tenant_id)) as work:
        await work.connection.execute(insert(identity_providers).values(id=uuid4(), **PROVIDER))
        await work.connection.execute(text(many))
        events = await work.connection.scalar(text("SELECT count(*) FROM events"))

    _, content = await exported(gateway, client, media=False)

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        rows = {name: json.loads(archive.read(f"{name}.json")) for name in EXPORTED_ROWS}
        whole = b"".join(archive.read(name) for name in archive.namelist())
    assert len(rows["events"]) == events > 1100
    assert {row["body"] for row in rows["events"]} >= {str(n) for n in range(1, 1101)}
    assert [row["name"] for row in rows["tenants"]] == ["studio"]
    assert [row["type"] for row in rows["webhook_deliveries"]][-1] == "webhook.ping"
    assert [row["job_id"] for row in rows["findings"]] == [job["id"]]
    assert {row["job_id"] for row in rows["usage_entries"]} >= {job["id"]}
    assert "sealed_secret" not in rows["identity_providers"][0]
    for trace in (strange_id, strange_job["id"], "a sealed secret", b"a sealed secret".hex(), "whsec_"):
        assert trace.encode() not in whole, trace
