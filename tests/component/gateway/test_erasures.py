"""Erasures: every service is asked, those that are silent again, and what is left in the end is a receipt."""

import asyncio
import json
from datetime import timedelta
from uuid import UUID, uuid4

import jwt
import pytest
from sqlalchemy import text

from contracts.event import Fact
from contracts.gateway import JobOptions, OriginalErased, ScriptErased, TenantErased, VideoErased
from contracts.registry import HEARD_BY
from contracts.retention import CopiesErased, IntermediatesErased, RenditionsErased, ResultsErased, TranscriptsErased
from contracts.steps import Step
from gateway.domain.access import Role
from gateway.domain.erasures import ANSWERING, Kind
from gateway.usecases.jobs import JobOrder
from support.erasing_rig import OTHERS, answer, everything_kept, indexed, verified
from support.findings_rig import a_ledger, aligned
from support.gateway_rig import Gateway, an_ingested, json_of

CANARY = "the raven himself is hoarse"


def test_whoever_hears_of_an_erasure_is_waited_for_and_nobody_else() -> None:
    facts: dict[Kind, type[Fact]] = {
        "video": VideoErased,
        "original": OriginalErased,
        "copies": CopiesErased,
        "intermediates": IntermediatesErased,
        "results": ResultsErased,
        "transcripts": TranscriptsErased,
        "renditions": RenditionsErased,
        "script": ScriptErased,
        "tenant": TenantErased,
    }

    asked = {kind: set(HEARD_BY[fact.stream]) for kind, fact in facts.items()}
    assert asked | {"user": set()} == ANSWERING


async def test_a_video_is_erased_when_every_service_has_said_so_and_a_receipt_proves_it(
    gateway: Gateway, postgres_url: str
) -> None:
    client = await gateway.owner()
    me = json_of(await client.get("/v1/me"), 200)
    video = await gateway.video(client, title="a secret title", passthrough="order-4711")
    await gateway.hear(client, an_ingested(video["id"]), subject=video["id"])
    once = {"Idempotency-Key": "k"}
    body = {"video_id": video["id"], "steps": ["scenes"]}
    job = json_of(await client.post("/v1/jobs", json=body, headers=once), 202)

    erased = await client.delete(f"/v1/videos/{video['id']}")
    erasure = json_of(await client.get(erased.headers["location"]), 200)
    (asked,) = gateway.harness.facts(VideoErased)
    await answer(gateway, erasure["id"], me["tenant_id"], *OTHERS[:-1], rows={"requests": 1})
    waiting = json_of(await client.get(erased.headers["location"]), 200)
    await gateway.harness.work_off()
    still = json_of(await client.get(f"/v1/videos/{video['id']}"), 200)
    await answer(gateway, erasure["id"], me["tenant_id"], "upscale", blobs={"derived/upscale": 2, "scratch/upscale": 5})
    await gateway.harness.work_off()
    done = json_of(await client.get(erased.headers["location"]), 200)

    assert (asked.erasure_id, asked.job_ids) == (UUID(erasure["id"]), (UUID(job["id"]),))
    assert (erasure["state"], erasure["receipt"], erasure["subject_id"]) == ("running", None, video["id"])
    assert erasure["awaited"] == [*sorted(OTHERS), "gateway"]
    assert waiting["awaited"] == ["upscale", "gateway"]
    assert still["state"] == "erased"
    assert (done["state"], done["awaited"]) == ("completed", [])
    claims = await verified(gateway.anonymous(), done["receipt"])
    assert claims["erased"] == {"kind": "video", "id": video["id"]}
    assert (claims["jti"], claims["tenant"], claims["reason"]) == (erasure["id"], me["tenant_id"], "asked")
    assert set(claims["services"]) == {*OTHERS, "gateway"}
    assert claims["services"]["align"]["rows"] == {"requests": 1}
    assert claims["services"]["upscale"]["blobs"] == {"derived/upscale": 2, "scratch/upscale": 5}
    assert claims["services"]["gateway"]["rows"] == {
        "events": 4,
        "idempotency_keys": 1,
        "jobs": 1,
        "outbox": 3,
        "uploads": 1,
        "videos": 1,
    }
    assert (await client.get(f"/v1/videos/{video['id']}")).status_code == 404
    assert (await client.get(f"/v1/jobs/{job['id']}")).status_code == 404
    kept = await everything_kept(gateway, postgres_url)
    for trace in (video["id"], job["id"], "a secret title", "order-4711", video["sha256"]):
        assert trace not in kept, trace
    assert gateway.harness.purged == [UUID(video["id"])]


async def test_a_receipt_is_no_token_and_is_verified_after_its_key_has_retired(gateway: Gateway) -> None:
    client = await gateway.owner()
    me = json_of(await client.get("/v1/me"), 200)
    script = await gateway.script(client)
    asked = await client.delete(f"/v1/scripts/{script['id']}")
    erasure = json_of(asked, 202)
    assert asked.headers["location"] == f"/v1/erasures/{erasure['id']}"
    await answer(gateway, erasure["id"], me["tenant_id"], "align")
    await gateway.harness.work_off()
    receipt = json_of(await client.get(f"/v1/erasures/{erasure['id']}"), 200)["receipt"]

    refused = await gateway.anonymous().get("/v1/me", headers={"Authorization": f"Bearer {receipt}"})
    await gateway.use_cases.accounts.tokens._keys.replace()  # type: ignore[attr-defined]
    known = json_of(await gateway.anonymous().get("/.well-known/jwks.json"), 200)["keys"]

    assert refused.status_code == 401
    assert jwt.get_unverified_header(receipt)["kid"] not in {key["kid"] for key in known}
    assert (await verified(gateway.anonymous(), receipt))["erased"]["id"] == script["id"]
    header, claims, signature = receipt.split(".")
    forged = json.dumps({**jwt.decode(receipt, options={"verify_signature": False}), "tenant": "another"})
    fake = ".".join([header, jwt.utils.base64url_encode(forged.encode()).decode(), signature])
    with pytest.raises(jwt.InvalidSignatureError):
        await verified(gateway.anonymous(), fake)
    assert "owner" not in str(jwt.decode(receipt, options={"verify_signature": False})), claims


async def test_a_script_goes_with_what_was_aligned_with_it_and_whoever_waits_is_told(
    gateway: Gateway, postgres_url: str
) -> None:
    client = await gateway.owner()
    me = json_of(await client.get("/v1/me"), 200)
    body = {"filename": "raven.txt", "text": CANARY}
    script = json_of(await client.post("/v1/scripts", json=body, headers={"Idempotency-Key": "s"}), 201)
    video = await gateway.ingested(client)
    job = await gateway.job(client, video["id"], ["transcript", "alignment"], script_id=script["id"])

    erasure = json_of(await client.delete(f"/v1/scripts/{script['id']}"), 202)
    after = json_of(await client.get(f"/v1/jobs/{job['id']}"), 200)
    await answer(gateway, erasure["id"], me["tenant_id"], "align", rows={"lines": 1})
    await relayed(gateway)
    await gateway.harness.work_off()
    done = json_of(await client.get(f"/v1/erasures/{erasure['id']}"), 200)

    assert (await client.get(f"/v1/scripts/{script['id']}")).status_code == 404
    assert (await client.delete(f"/v1/scripts/{script['id']}")).status_code == 404
    states = {step["step"]: (step["state"], step["reason"]) for step in after["steps"]}
    assert states["alignment"] == ("failed", "script_erased")
    assert states["transcript"] == ("queued", None)
    assert after["script_id"] is None
    assert done["state"] == "completed"
    services = (await verified(client, done["receipt"]))["services"]
    assert services["gateway"]["blobs"] == {"original/scripts": 1}
    assert services["align"]["rows"] == {"lines": 1}
    kept = await everything_kept(gateway, postgres_url)
    for trace in (script["id"], CANARY, "raven.txt", script["sha256"]):
        assert trace not in kept, trace


async def relayed(gateway: Gateway) -> None:
    """As if all that was announced had been sent."""
    async with gateway.harness.database.begin_untenanted() as connection:
        await connection.execute(text("UPDATE outbox SET sent_batch = 1, sent_at = now() WHERE sent_batch IS NULL"))


async def test_what_asks_for_the_other_steps_of_a_job_gets_through_though_its_script_is_erased(
    gateway: Gateway,
) -> None:
    client = await gateway.owner()
    me, script = json_of(await client.get("/v1/me"), 200), await gateway.script(client)
    video = await gateway.ingested(client)
    await gateway.job(client, video["id"], ["transcript", "alignment"], script_id=script["id"])
    erasure = json_of(await client.delete(f"/v1/scripts/{script['id']}"), 202)
    await answer(gateway, erasure["id"], me["tenant_id"], "align")

    await gateway.harness.work_off()

    done = json_of(await client.get(f"/v1/erasures/{erasure['id']}"), 200)
    async with gateway.harness.database.begin_untenanted() as connection:
        unsent = (await connection.execute(text("SELECT stream, body FROM outbox WHERE sent_batch IS NULL"))).all()
    assert done["state"] == "completed"
    assert [row.stream for row in unsent if script["id"] in row.body] == ["job.requested.v1"]


async def test_an_alignment_that_arrives_after_its_script_was_erased_is_nobodys_result(gateway: Gateway) -> None:
    client = await gateway.owner()
    video, script = await gateway.ingested(client), await gateway.script(client)
    job = await gateway.job(client, video["id"], ["transcript", "alignment"], script_id=script["id"])
    json_of(await client.delete(f"/v1/scripts/{script['id']}"), 202)

    await aligned(gateway, client, job, a_ledger())

    after = json_of(await client.get(f"/v1/jobs/{job['id']}"), 200)
    assert [step["state"] for step in after["steps"] if step["step"] == "alignment"] == ["failed"]
    assert (await client.get(f"/v1/alignments/{job['id']}")).status_code == 404
    assert (await client.get(f"/v1/jobs/{job['id']}/results/ledger.json")).status_code == 404
    assert (await client.post(f"/v1/jobs/{job['id']}/retry", json={})).status_code == 409


async def test_a_job_that_is_asked_for_while_its_script_is_erased_comes_before_it_or_not_at_all(
    gateway: Gateway,
) -> None:
    client = await gateway.owner()
    me, video = json_of(await client.get("/v1/me"), 200), await gateway.ingested(client)
    first, second = await gateway.script(client), await gateway.script(client)
    steps = (Step.TRANSCRIPT, Step.ALIGNMENT)
    order = JobOrder(UUID(video["id"]), UUID(first["id"]), steps, JobOptions())
    body = {"video_id": video["id"], "script_id": second["id"], "steps": ["transcript", "alignment"]}

    async with gateway.harness.database.begin(UUID(me["tenant_id"])) as work:
        before = await gateway.use_cases.jobs.request(work, order)
        erasing = asyncio.create_task(client.delete(f"/v1/scripts/{first['id']}"))
        await asyncio.sleep(0.3)
    async with gateway.harness.database.begin(UUID(me["tenant_id"])) as work:
        await gateway.use_cases.erasing.script.erase(work, UUID(second["id"]))
        asking = asyncio.create_task(client.post("/v1/jobs", json=body))
        erasing_again = asyncio.create_task(client.delete(f"/v1/scripts/{second['id']}"))
        await asyncio.sleep(0.3)

    assert (await erasing).status_code == 202
    assert json_of(await client.get(f"/v1/jobs/{before.id}"), 200)["script_id"] is None
    assert (await asking).status_code == 404
    assert (await erasing_again).status_code == 404, "one script, one erasure"


async def test_a_user_leaves_no_trace_but_an_id_in_the_audit(gateway: Gateway, postgres_url: str) -> None:
    tenant_id = await gateway.tenant("studio")
    client = await gateway.client(await gateway.user(tenant_id))
    invited = json_of(await client.post("/v1/users", json={"email": "leaves@example.org", "role": "editor"}), 201)
    user_id = invited["user"]["id"]

    gone = await client.delete(f"/v1/users/{user_id}")
    await gateway.harness.work_off()
    done = json_of(await client.get(gone.headers["location"]), 200)

    assert (gone.status_code, done["state"], done["kind"]) == (204, "completed", "user")
    kept = await everything_kept(gateway, postgres_url)
    assert user_id not in kept
    assert "leaves@example.org" not in kept
    assert "leaves@example.org" not in str(await verified(client, done["receipt"]))
    found = json_of(await client.get("/v1/audit", params={"resource_id": user_id}), 200)["items"]
    assert [line["action"] for line in found] == ["remove_user", "invite_user"]
    assert "leaves" not in str(found)


async def test_a_tenant_is_erased_by_its_owner_who_says_its_name(gateway: Gateway, postgres_url: str) -> None:
    tenant_id = await gateway.tenant("Studio North")
    owner = await gateway.user(tenant_id)
    client = await gateway.client(owner)
    admin = await gateway.client(await gateway.user(tenant_id, Role.ADMIN))
    bystander = await gateway.owner("Studio South")
    await gateway.script(bystander)
    video = await gateway.video(client)
    await gateway.job(client, video["id"])
    script = json_of(await client.post("/v1/scripts", json={"filename": "a.txt", "text": CANARY}), 201)
    await indexed(gateway)
    before = await everything_kept(gateway, postgres_url)

    by_an_admin = await admin.post("/v1/tenants/current/erasure", json={"name": "Studio North"})
    misnamed = await client.post("/v1/tenants/current/erasure", json={"name": "Studio South"})
    begun = json_of(await client.post("/v1/tenants/current/erasure", json={"name": "Studio North"}), 202)
    again = await client.post("/v1/tenants/current/erasure", json={"name": "Studio North"})
    erasure = begun["erasure"]["id"]
    early = await gateway.anonymous().get("/v1/receipts", headers={"Receipt-Token": begun["receipt_token"]})
    await answer(gateway, erasure, str(tenant_id), *OTHERS, rows={"videos": 1})
    await gateway.harness.work_off()
    receipt = await gateway.anonymous().get("/v1/receipts", headers={"Receipt-Token": begun["receipt_token"]})

    assert (by_an_admin.status_code, misnamed.status_code, again.status_code) == (403, 422, 422)
    assert CANARY in before
    assert '"word": "raven"' in before
    assert early.status_code == 404
    claims = await verified(gateway.anonymous(), receipt.text)
    assert claims["erased"] == {"kind": "tenant", "id": str(tenant_id)}
    assert claims["services"]["gateway"]["rows"]["videos"] == 1
    kept = await everything_kept(gateway, postgres_url)
    for trace in (str(tenant_id), video["id"], script["id"], CANARY, str(owner.user_id), "Studio North", "raven"):
        assert trace not in kept, trace
    assert "Studio South" in kept
    assert len(json_of(await bystander.get("/v1/scripts"), 200)["items"]) == 1


async def test_who_stays_silent_is_asked_again_and_answers_add_up(gateway: Gateway) -> None:
    client = await gateway.owner()
    me = json_of(await client.get("/v1/me"), 200)
    tenant_id = UUID(me["tenant_id"])
    video = await gateway.video(client)
    location = (await client.delete(f"/v1/videos/{video['id']}")).headers["location"]
    erasure = json_of(await client.get(location), 200)
    erasures = gateway.use_cases.erasing.erasures

    early = await erasures.ask_again(tenant_id)
    erasures._patience = timedelta(0)
    asked = await erasures.ask_again(tenant_id)
    await answer(gateway, erasure["id"], me["tenant_id"], "align", "align", rows={"steps": 2})
    found = json_of(await client.get(location), 200)

    assert (early, asked) == (0, 1)
    facts = gateway.harness.facts(VideoErased)
    assert [fact.erasure_id for fact in facts] == [UUID(erasure["id"])] * 2
    assert facts[0] == facts[1]
    assert [one["rows"] for one in found["answers"]] == [{"steps": 4}]
    assert found["state"] == "running"


async def test_an_answer_to_no_erasure_or_to_another_tenants_changes_nothing(gateway: Gateway) -> None:
    client = await gateway.owner()
    video = await gateway.video(client)
    location = (await client.delete(f"/v1/videos/{video['id']}")).headers["location"]
    erasure = json_of(await client.get(location), 200)

    await answer(gateway, str(uuid4()), json_of(await client.get("/v1/me"), 200)["tenant_id"], "align")
    await answer(gateway, erasure["id"], str(uuid4()), *OTHERS)

    assert json_of(await client.get(location), 200) == erasure
