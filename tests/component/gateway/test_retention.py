"""Retention: what is over its time is erased like by hand, once, and not while a job needs it."""

from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import text

from contracts.gateway import OriginalErased, ScriptErased, VideoErased
from gateway.domain.access import Role
from gateway.usecases.retention import KeepRetention
from support.erasing_rig import answer, verified
from support.gateway_rig import Gateway, a_gateway, an_ingested, json_of

FOR_EVER = {
    name: None
    for name in (
        *("videos", "originals", "copies", "intermediates", "results", "transcripts", "renditions", "scripts"),
        *("audit", "webhook_deliveries", "exports", "events", "usage"),
    )
}


def the_sweep(gateway: Gateway) -> KeepRetention:
    """What the background does, as another replica would do it."""
    cases = gateway.use_cases
    return KeepRetention(
        cases.database, cases.blobs, cases.records_on, cases.videos, cases.erasing.script, cases.erasing.held
    )


async def made_days_ago(gateway: Gateway, tenant_id: UUID, table: str, id_: str, days: int) -> None:
    async with gateway.harness.database.begin(tenant_id) as work:
        older = text(f"UPDATE {table} SET created_at = now() - make_interval(days => :days) WHERE id = :id")
        await work.connection.execute(older, {"days": days, "id": id_})


async def test_retention_is_set_by_those_who_govern_and_not_over_each_other(gateway: Gateway) -> None:
    tenant_id = await gateway.tenant("studio")
    client = await gateway.client(await gateway.user(tenant_id))
    editor = await gateway.client(await gateway.user(tenant_id, Role.EDITOR))

    first = await client.get("/v1/retention")
    tag = {"If-Match": first.headers["etag"]}
    changed = json_of(
        await client.put("/v1/retention", json={**FOR_EVER, "videos": 90, "audit": 400}, headers=tag), 200
    )
    late = await client.put("/v1/retention", json=FOR_EVER, headers=tag)
    wrong = [
        await client.put("/v1/retention", json={**FOR_EVER, **change})
        for change in ({"videos": 0}, {"audit": 29}, {"scripts": 1.5}, {"films": 3})
    ]

    assert first.json() == {**FOR_EVER, "intermediates": 30, "webhook_deliveries": 30, "exports": 7}
    assert changed == json_of(await client.get("/v1/retention"), 200) == {**FOR_EVER, "videos": 90, "audit": 400}
    assert late.status_code == 412
    assert [answer.status_code for answer in wrong] == [422] * 4
    assert (await editor.put("/v1/retention", json=FOR_EVER)).status_code == 403


async def test_what_is_over_its_time_is_erased_with_facts_and_a_receipt_unless_a_job_needs_it(gateway: Gateway) -> None:
    tenant_id = await gateway.tenant("studio")
    client = await gateway.client(await gateway.user(tenant_id))
    old, needed, young = [await gateway.video(client) for _ in range(3)]
    scripts = [await gateway.script(client) for _ in range(3)]
    steps = ["alignment"]
    job = await gateway.job(client, needed["id"], steps, script_id=scripts[1]["id"])
    for video, script, days in zip((old, needed, young), scripts, (31, 31, 29), strict=True):
        await made_days_ago(gateway, tenant_id, "videos", video["id"], days)
        await made_days_ago(gateway, tenant_id, "scripts", script["id"], days)

    unset = await the_sweep(gateway)(tenant_id)
    json_of(await client.put("/v1/retention", json={**FOR_EVER, "videos": 30, "scripts": 30}), 200)
    await the_sweep(gateway)(tenant_id)
    once = [fact.video_id for fact in gateway.harness.facts(VideoErased)]
    erased = [fact.script_id for fact in gateway.harness.facts(ScriptErased)]
    json_of(await client.post(f"/v1/jobs/{job['id']}/cancel"), 202)
    await the_sweep(gateway)(tenant_id)
    await the_sweep(gateway)(tenant_id)

    assert unset == 0
    assert (once, erased) == ([UUID(old["id"])], [UUID(scripts[0]["id"])])
    found = json_of(await client.get("/v1/erasures"), 200)["items"]
    assert {(one["kind"], one["subject_id"], one["reason"]) for one in found} == {
        ("video", old["id"], "retention"),
        ("video", needed["id"], "retention"),
        ("script", scripts[0]["id"], "retention"),
        ("script", scripts[1]["id"], "retention"),
    }
    assert len(found) == 4, "each once"
    assert json_of(await client.get(f"/v1/videos/{young['id']}"), 200)["state"] == "ingesting"
    assert (await client.get(f"/v1/scripts/{scripts[2]['id']}")).status_code == 200


async def test_while_one_replica_looks_through_a_tenant_another_lets_it_be(gateway: Gateway) -> None:
    tenant_id = await gateway.tenant("studio")
    client = await gateway.client(await gateway.user(tenant_id))
    video = await gateway.video(client)
    await made_days_ago(gateway, tenant_id, "videos", video["id"], 40)
    json_of(await client.put("/v1/retention", json={**FOR_EVER, "videos": 30}), 200)

    async with gateway.harness.database.begin(tenant_id) as work:
        assert await gateway.use_cases.records_on(work.connection).retentions.alone()
        meanwhile = await the_sweep(gateway)(tenant_id)
    afterwards = await the_sweep(gateway)(tenant_id)

    assert (meanwhile, afterwards) == (0, 1)


async def test_the_audit_is_forgotten_when_its_time_is_over(gateway: Gateway, postgres_url: str) -> None:
    tenant_id = await gateway.tenant("studio")
    client = await gateway.client(await gateway.user(tenant_id))
    await gateway.script(client)
    database = str(gateway.harness.service.settings.database_url).rpartition("/")[2]
    admin = await asyncpg.connect(postgres_url, database=database)
    await admin.execute("UPDATE gateway.audit SET at = at - interval '100 days'")
    await admin.close()

    json_of(await client.put("/v1/retention", json={**FOR_EVER, "audit": 101}), 200)
    kept = await the_sweep(gateway)(tenant_id)
    json_of(await client.put("/v1/retention", json={**FOR_EVER, "audit": 99}), 200)
    forgotten = await the_sweep(gateway)(tenant_id)

    assert (kept, forgotten) == (0, 1)
    actions = [line["action"] for line in json_of(await client.get("/v1/audit"), 200)["items"]]
    assert actions == ["change_retention", "change_retention"]


async def test_what_would_go_is_told_before_anything_does(gateway: Gateway) -> None:
    tenant_id = await gateway.tenant("studio")
    client = await gateway.client(await gateway.user(tenant_id))
    old, needed, young = [await gateway.video(client) for _ in range(3)]
    await gateway.job(client, needed["id"])
    for video, days in ((old, 31), (needed, 31), (young, 29)):
        await made_days_ago(gateway, tenant_id, "videos", video["id"], days)
    json_of(await client.put("/v1/retention", json={**FOR_EVER, "scripts": 90}), 200)

    before = json_of(await client.get("/v1/retention/preview"), 200)
    told = json_of(await client.get("/v1/retention/preview", params={"videos": 30}), 200)
    unbounded = await client.get("/v1/retention/preview", params={"audit": 29})
    kept = [json_of(await client.get(f"/v1/videos/{video['id']}"), 200)["state"] for video in (old, needed, young)]
    json_of(await client.put("/v1/retention", json={**FOR_EVER, "videos": 30}), 200)
    await the_sweep(gateway)(tenant_id)

    assert before["goes"] == []
    assert (told["rules"]["videos"], told["rules"]["scripts"]) == (30, 90)
    assert [(one["kind"], one["count"], one["ids"]) for one in told["goes"]] == [("videos", 1, [old["id"]])]
    assert unbounded.status_code == 422
    assert kept == ["ingesting"] * 3
    erased = [one["subject_id"] for one in json_of(await client.get("/v1/erasures"), 200)["items"]]
    assert erased == told["goes"][0]["ids"]


async def test_usage_and_events_are_forgotten_when_their_time_is_over(gateway: Gateway) -> None:
    tenant_id = await gateway.tenant("studio")
    client = await gateway.client(await gateway.user(tenant_id))
    await gateway.ingested(client)
    video = await gateway.video(client)
    await gateway.job(client, video["id"])
    async with gateway.harness.database.begin(tenant_id) as work:
        for older in (
            "INSERT INTO usage_entries (id, key, day, kind, quantity, variant)"
            " SELECT gen_random_uuid(), n::text, current_date - n, 'scenes', 1, '' FROM generate_series(60, 65) n",
            "UPDATE events SET created_at = now() - interval '4 days'",
        ):
            await work.connection.execute(text(older))
    json_of(await client.put("/v1/retention", json={**FOR_EVER, "usage": 62, "events": 3}), 200)
    told = json_of(await client.get("/v1/retention/preview"), 200)["goes"]

    await the_sweep(gateway)(tenant_id)

    assert {one["kind"]: one["count"] for one in told} == {"usage": 3, "events": 2}
    async with gateway.harness.database.begin(tenant_id) as work:
        left = "SELECT current_date - day FROM usage_entries WHERE kind = 'scenes' ORDER BY 1"
        assert list((await work.connection.execute(text(left))).scalars()) == [60, 61, 62]
        assert await work.connection.scalar(text("SELECT count(*) FROM events")) == 0
    assert (await client.get(f"/v1/videos/{video['id']}")).status_code == 200


async def test_the_operator_says_what_holds_for_who_says_nothing_and_how_long_anybody_keeps_what(
    postgres_url: str,
) -> None:
    said: dict[str, Any] = {
        "retention_defaults": {"videos": 30},
        "retention_most": {"audit": 400},
        "retention_least": {"scripts": 10},
    }
    async with a_gateway(postgres_url, **said) as gateway:
        tenant_id = await gateway.tenant("studio")
        client = await gateway.client(await gateway.user(tenant_id))
        video = await gateway.video(client)
        await made_days_ago(gateway, tenant_id, "videos", video["id"], 31)
        cases, policy = gateway.use_cases, gateway.use_cases.erasing.retention._policy
        sweep = KeepRetention(
            cases.database,
            cases.blobs,
            cases.records_on,
            cases.videos,
            cases.erasing.script,
            cases.erasing.held,
            policy,
        )

        first = json_of(await client.get("/v1/retention"), 200)
        changes = ({"audit": 401}, {"scripts": 9}, {"audit": 400, "scripts": 10, "videos": None})
        answers = [await client.put("/v1/retention", json={**FOR_EVER, **change}) for change in changes]
        for_ever = await sweep(tenant_id)
        async with gateway.harness.database.begin(tenant_id) as work:
            await work.connection.execute(text("DELETE FROM retentions"))
        by_default = await sweep(tenant_id)

        assert (first["videos"], first["audit"], first["scripts"]) == (30, 400, None)
        assert [answer.status_code for answer in answers] == [422, 422, 200]
        assert [answer.json()["errors"][0]["field"] for answer in answers[:2]] == ["audit", "scripts"]
        assert "from 1 to 400 days" in answers[0].text
        assert (for_ever, by_default) == (0, 1)


async def test_an_original_goes_and_what_was_made_of_it_stays(gateway: Gateway) -> None:
    tenant_id = await gateway.tenant("studio")
    client = await gateway.client(await gateway.user(tenant_id))
    old, needed = [await gateway.ingested(client) for _ in range(2)]
    script = await gateway.script(client)
    await gateway.job(client, needed["id"])
    for video in (old, needed):
        await made_days_ago(gateway, tenant_id, "videos", video["id"], 91)
    json_of(await client.put("/v1/retention", json={**FOR_EVER, "originals": 90}), 200)

    preview = json_of(await client.get("/v1/retention/preview"), 200)["goes"]
    await the_sweep(gateway)(tenant_id)
    [asked] = gateway.harness.facts(OriginalErased)
    [erasure] = json_of(await client.get("/v1/erasures"), 200)["items"]
    await answer(gateway, erasure["id"], str(tenant_id), "ingest", blobs={"original": 1})
    await gateway.harness.work_off()
    await gateway.hear(client, an_ingested(old["id"]), subject=old["id"])
    again = await the_sweep(gateway)(tenant_id)

    after = json_of(await client.get(f"/v1/videos/{old['id']}"), 200)
    done = json_of(await client.get(f"/v1/erasures/{erasure['id']}"), 200)
    assert [(one["kind"], one["ids"]) for one in preview] == [("originals", [old["id"]])]
    assert (asked.video_id, asked.erasure_id, again) == (UUID(old["id"]), UUID(erasure["id"]), 0)
    assert (after["state"], after["original_deleted_at"] is not None) == ("ready", True)
    assert (done["state"], done["kind"], done["reason"]) == ("completed", "original", "retention")
    claims = await verified(client, done["receipt"])
    assert claims["erased"] == {"kind": "original", "id": old["id"]}
    assert claims["services"]["ingest"]["blobs"] == {"original": 1}
    assert gateway.harness.purged == [], "what speaks of the video stays"
    gone = await client.get(f"/v1/videos/{old['id']}/original")
    assert (gone.status_code, "deleted on" in gone.text) == (410, True)
    assert (await client.get(f"/v1/videos/{old['id']}/proxy")).status_code == 200
    for steps in (["scenes"], ["upscale"], ["watermarks"]):
        refused = await client.post("/v1/jobs", json={"video_id": old["id"], "steps": steps})
        assert (refused.status_code, "deleted on" in refused.text) == (409, True), refused.text
    await gateway.job(client, old["id"], ["transcript", "alignment"], script_id=script["id"])
    async with gateway.harness.database.begin(tenant_id) as work:
        size = await work.connection.scalar(text("SELECT bytes FROM storage_counts"))
    assert size == needed["size_bytes"] + len(b"Hello.\n"), "what is not there takes no room"
    assert (needed["duplicate_of"], (await gateway.video(client))["duplicate_of"]) == (old["id"], needed["id"])
