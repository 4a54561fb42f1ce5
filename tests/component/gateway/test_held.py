"""What is held of a video is deleted class by class, by hand or when its time is over: it says so, and proves it."""

import io
import json
import zipfile
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from contracts.documents import Transcript, Word
from contracts.event import Fact
from contracts.gateway import OriginalErased, VideoErased
from contracts.retention import CopiesErased, IntermediatesErased, RenditionsErased, ResultsErased, TranscriptsErased
from contracts.steps import Step, StepFailed
from contracts.transcribe import TranscriptReady
from gateway.domain.access import Role
from gateway.domain.erasures import ANSWERING
from gateway.usecases.back_fill import BackFill
from gateway.usecases.retention import KeepRetention
from support.erasing_rig import OTHERS, answer, indexed, verified
from support.findings_rig import everything_found
from support.gateway_rig import Gateway, a_gateway, an_ingested, json_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
KEEP_ALL = {"videos": None, "scripts": None, "audit": None, "webhook_deliveries": None, "exports": None}
FACTS: dict[str, type[Fact]] = {
    "results": ResultsErased,
    "transcripts": TranscriptsErased,
    "renditions": RenditionsErased,
}
NAMES = {
    "results": {"scenes.json", "keyframes/0000.jpg", "watermarks.json", "ledger.json", "script.srt", "timeline.otio"},
    "transcripts": {"transcript.json"},
    "renditions": {"rendition.mp4", "qc.json"},
}
FOUND = {
    "results": {"scenes", "watermarks", "alignments"},
    "transcripts": {"transcripts"},
    "renditions": {"renditions"},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(postgres_url: str) -> AsyncIterator[Gateway]:
    """One gateway for the whole module: each test has a tenant of its own."""
    async with a_gateway(postgres_url) as running:
        yield running


async def sweep(gateway: Gateway, tenant_id: str) -> int:
    """What the background does."""
    cases = gateway.use_cases
    keep = KeepRetention(
        cases.database, cases.blobs, cases.records_on, cases.videos, cases.erasing.script, cases.erasing.held
    )
    return await keep(UUID(tenant_id))


async def studio(gateway: Gateway, name: str) -> tuple[httpx.AsyncClient, str]:
    """An owner, and their tenant."""
    client = await gateway.owner(name)
    return client, json_of(await client.get("/v1/me"), 200)["tenant_id"]


async def told(gateway: Gateway, tenant_id: str, statement: str, **values: object) -> None:
    """What time alone would bring about."""
    async with gateway.harness.database.begin(UUID(tenant_id)) as work:
        await work.connection.execute(text(statement), values)


async def held(client: httpx.AsyncClient, video_id: str) -> dict[str, dict[str, Any]]:
    items = json_of(await client.get(f"/v1/videos/{video_id}/held"), 200)["items"]
    return {one["kind"]: one for one in items}


async def concluded(gateway: Gateway, client: httpx.AsyncClient, tenant_id: str, erasure: dict[str, Any]) -> Any:
    """The erasure, once everybody who is asked has answered."""
    others = [service for service in erasure["awaited"] if service != "gateway"]
    await answer(gateway, erasure["id"], tenant_id, *others, rows={"things": 1}, blobs={"derived/things": 2})
    await gateway.harness.work_off()
    return json_of(await client.get(f"/v1/erasures/{erasure['id']}"), 200)


async def spoken(gateway: Gateway, client: httpx.AsyncClient, video_id: str, said: str) -> dict[str, Any]:
    """A job that heard this."""
    job = await gateway.job(client, video_id, ["transcript"])
    words = tuple(Word(text=word, start=n, end=n + 0.5, probability=0.9) for n, word in enumerate(said.split()))
    key = f"derived/t/{job['id']}/transcript-1/transcript.json"
    document = Transcript(language="en", duration=60, words=words, segments=(), engine="whisper")
    await gateway.harness.blobs.put_bytes(key, document.model_dump_json().encode())
    ready = TranscriptReady(
        video_id=UUID(video_id), run=1, key=key, audio_key=None, language="en", words=len(words), engine="whisper",
        model_sha256="ab" * 32, seconds=1.0,
    )  # fmt: skip
    await gateway.hear(client, ready, subject=video_id, job=job)
    return job


async def hits(client: httpx.AsyncClient, word: str) -> list[str]:
    return [one["job_id"] for one in json_of(await client.get("/v1/search", params={"q": word}), 200)["items"]]


@pytest.mark.parametrize("kind", ["results", "transcripts", "renditions"])
async def test_what_jobs_found_is_deleted_by_hand_says_that_it_is_gone_and_the_rest_stays(
    gateway: Gateway, kind: str
) -> None:
    client, tenant_id = await studio(gateway, f"deletes {kind}")
    job = await everything_found(gateway, client)
    before = await held(client, job["video_id"])
    results = f"/v1/jobs/{job['id']}/results"

    asked = await client.delete(f"/v1/videos/{job['video_id']}/held/{kind}")
    erasure = json_of(asked, 202)
    again = json_of(await client.delete(f"/v1/videos/{job['video_id']}/held/{kind}"), 202)
    done = await concluded(gateway, client, tenant_id, erasure)
    after = await held(client, job["video_id"])

    fact: Any = gateway.harness.facts(FACTS[kind])[-1]
    assert (fact.video_id, str(fact.erasure_id)) == (UUID(job["video_id"]), erasure["id"])
    assert [str(one) for one in fact.job_ids] == [job["id"]]
    assert set(erasure["awaited"]) == {*ANSWERING[kind], "gateway"}  # type: ignore[index]
    assert asked.headers["location"] == f"/v1/erasures/{erasure['id']}"
    assert (again["id"], done["state"], done["reason"]) == (erasure["id"], "completed", "asked")
    claims = await verified(client, done["receipt"])
    assert claims["erased"] == {"kind": kind, "id": job["video_id"], "jobs": [job["id"]]}
    assert claims["services"]["gateway"]["rows"]["findings"] == before[kind]["count"] == len(FOUND[kind])
    for held_kind, names in NAMES.items():
        for name in names:
            answered = await client.get(f"{results}/{name}")
            assert answered.status_code == (410 if held_kind == kind else 200), name
    for held_kind, paths in FOUND.items():
        for path in paths:
            answered = await client.get(f"/v1/{path}/{job['id']}")
            listed = json_of(await client.get(f"/v1/{path}"), 200)["items"]
            assert (answered.status_code, len(listed)) == ((410, 0) if held_kind == kind else (200, 1)), path
    gone = (await client.get(f"/v1/{min(FOUND[kind])}/{job['id']}")).json()
    assert (gone["type"], gone["rule"], gone["erasure"]) == ("/problems/gone", "asked", f"/v1/erasures/{erasure['id']}")
    assert gone["deleted_at"][:10] in gone["detail"]
    assert gone["deleted_at"].endswith("Z"), "as every other moment"
    listed = {one["name"] for one in json_of(await client.get(results), 200)["items"]}
    assert not listed & NAMES[kind]
    assert listed
    assert (after[kind]["count"], after[kind]["reason"]) == (0, "asked")
    assert {name: one["count"] for name, one in after.items() if name != kind} == {
        name: one["count"] for name, one in before.items() if name != kind
    }
    assert UUID(job["video_id"]) not in gateway.harness.purged, "what speaks of the video stays"


async def test_what_is_asked_of_a_deleted_alignment_is_gone_whichever_way_it_is_asked(gateway: Gateway) -> None:
    client, _ = await studio(gateway, "asks for a ledger")
    job = await everything_found(gateway, client)
    line = next(
        one["line_id"]
        for one in json_of(await client.get(f"/v1/alignments/{job['id']}"), 200)["lines"]
        if one["number"]
    )
    said = {"lines": [{"line_id": line, "confirmed": True}]}
    place, anyhow = f"/v1/alignments/{job['id']}", {"If-Match": "*"}
    json_of(await client.patch(place, json=said, headers=anyhow), 200)

    json_of(await client.delete(f"/v1/videos/{job['video_id']}/held/results"), 202)

    answers = [
        await client.get(place),
        await client.patch(place, json=said, headers=anyhow),
        await client.post(f"{place}/undo", headers=anyhow),
        await client.get(f"{place}/history"),
        await client.get(f"{place}/export", params={"format": "srt"}),
    ]
    assert [one.status_code for one in answers] == [410] * 5
    async with gateway.harness.database.begin(UUID(json_of(await client.get("/v1/me"), 200)["tenant_id"])) as work:
        kept = await work.connection.scalar(text("SELECT count(*) FROM corrections"))
    assert kept == 1, "what people said holds for the next alignment"


async def test_what_jobs_found_goes_job_by_job_when_its_time_is_over(gateway: Gateway) -> None:
    client, tenant_id = await studio(gateway, "keeps for a month")
    video = await gateway.ingested(client)
    old, young, running = [await spoken(gateway, client, video["id"], "once more") for _ in range(3)]
    for job in (old, running):
        statement = "UPDATE findings SET created_at = now() - interval '31 days' WHERE job_id = :job"
        await told(gateway, tenant_id, statement, job=job["id"])
    await told(gateway, tenant_id, "UPDATE jobs SET finished_at = NULL WHERE id = :job", job=running["id"])
    unset = await sweep(gateway, tenant_id)
    json_of(await client.put("/v1/retention", json={**KEEP_ALL, "transcripts": 30}), 200)
    preview = json_of(await client.get("/v1/retention/preview"), 200)["goes"]

    count = await sweep(gateway, tenant_id)
    again = await sweep(gateway, tenant_id)

    assert (unset, count, again) == (0, 1, 0)
    assert [(one["kind"], one["count"]) for one in preview] == [("transcripts", 1)]
    [erasure] = json_of(await client.get("/v1/erasures"), 200)["items"]
    assert (erasure["kind"], erasure["subject_id"], erasure["reason"]) == ("transcripts", video["id"], "retention")
    answers = [await client.get(f"/v1/transcripts/{job['id']}") for job in (old, young, running)]
    assert [one.status_code for one in answers] == [410, 200, 200]
    assert answers[0].json()["rule"] == "retention/transcripts"
    shown = (await held(client, video["id"]))["transcripts"]
    assert (shown["count"], shown["reason"], shown["goes_at"] is not None) == (2, "retention", True)


async def test_a_deleted_transcript_is_not_found_any_more_and_another_one_of_the_video_is(gateway: Gateway) -> None:
    client, tenant_id = await studio(gateway, "searches")
    video = await gateway.ingested(client)
    older = await spoken(gateway, client, video["id"], "corn at our own price")
    newer = await spoken(gateway, client, video["id"], "hunger for bread")
    await indexed(gateway)
    first = await hits(client, "hunger")
    statement = "UPDATE findings SET created_at = now() - interval '31 days' WHERE job_id = :job"
    await told(gateway, tenant_id, statement, job=newer["id"])
    json_of(await client.put("/v1/retention", json={**KEEP_ALL, "transcripts": 30}), 200)

    await sweep(gateway, tenant_id)
    await indexed(gateway)
    left = await hits(client, "hunger"), await hits(client, "corn")
    json_of(await client.delete(f"/v1/videos/{video['id']}/held/transcripts"), 202)
    await BackFill(gateway.harness.database, gateway.use_cases.records_on)(again=True)
    await indexed(gateway)

    assert first == [newer["id"]]
    assert left == ([], [older["id"]])
    assert await hits(client, "corn") == []


async def test_copies_go_when_a_video_was_not_worked_with_for_so_long_and_what_needs_them_is_refused(
    gateway: Gateway,
) -> None:
    client, tenant_id = await studio(gateway, "has old films")
    videos = [await gateway.video(client, content=name) for name in (b"idle", b"used", b"mute")]
    idle, used, mute = videos
    for video in videos:
        audio = None if video is mute else f"derived/t/{video['id']}/audio.wav"
        fact = an_ingested(video["id"]).model_copy(update={"audio_key": audio})
        await gateway.hear(client, fact, subject=video["id"])
        await gateway.harness.blobs.put_bytes(fact.proxy_key, b"a proxy")
        await gateway.harness.blobs.put_bytes(fact.poster_key, b"a poster")
    await told(gateway, tenant_id, "UPDATE videos SET created_at = now() - interval '366 days'")
    await spoken(gateway, client, used["id"], "still of use")
    unset = await sweep(gateway, tenant_id)
    json_of(await client.put("/v1/retention", json={**KEEP_ALL, "copies": 365}), 200)

    count = await sweep(gateway, tenant_id)
    facts = {str(fact.video_id) for fact in gateway.harness.facts(CopiesErased)}
    fact = an_ingested(idle["id"]).model_copy(update={"audio_key": "told again"})
    await gateway.hear(client, fact, subject=idle["id"])
    twin = await gateway.video(client, content=b"idle")

    assert (unset, count, facts) == (0, 2, {idle["id"], mute["id"]})
    answers = {
        name: [(await client.get(f"/v1/videos/{one['id']}/{name}")).status_code for one in videos]
        for name in ("proxy", "poster")
    }
    assert answers == {"proxy": [410, 200, 410], "poster": [200, 200, 200]}
    shown = json_of(await client.get(f"/v1/videos/{idle['id']}"), 200)
    assert (shown["state"], shown["copies_deleted_at"] is not None) == ("ready", True)
    asked = [{"video_id": one["id"], "steps": ["transcript"]} for one in videos]
    refused = [await client.post("/v1/jobs", json=body) for body in asked]
    assert [one.status_code for one in refused] == [409, 202, 202], "who has no sound needs none"
    assert "the sound of this video was deleted on" in refused[0].text
    await gateway.job(client, idle["id"], ["scenes", "upscale"])
    assert twin["duplicate_of"] is None, "it has what the first one has not any more"


async def test_what_jobs_left_goes_a_month_after_the_last_one_ended_and_nothing_else_does(gateway: Gateway) -> None:
    client, tenant_id = await studio(gateway, "says nothing")
    old = await everything_found(gateway, client)
    young = await everything_found(gateway, client)
    video, other = old["video_id"], young["video_id"]
    idle = await gateway.ingested(client)
    for table in ("videos", "scripts", "findings"):
        await told(gateway, tenant_id, f"UPDATE {table} SET created_at = now() - interval '9 years'")
    statement = "UPDATE jobs SET finished_at = now() - make_interval(days => :days) WHERE id = :job"
    for job, days in ((old, 31), (young, 29)):
        await told(gateway, tenant_id, statement, job=job["id"], days=days)
    before = [await held(client, one) for one in (video, other, idle["id"])]

    counts = [await sweep(gateway, tenant_id) for _ in range(2)]
    after = [await held(client, one) for one in (video, other, idle["id"])]

    fact = gateway.harness.facts(IntermediatesErased)[-1]
    assert (str(fact.video_id), [str(one) for one in fact.job_ids]) == (video, [old["id"]])
    assert counts == [1, 0]
    assert [one["kind"] for one in json_of(await client.get("/v1/erasures"), 200)["items"]] == ["intermediates"]
    assert [one["intermediates"]["count"] for one in (*before, *after)] == [1, 1, 0, 0, 1, 0]
    assert (after[0]["intermediates"]["reason"], after[1:]) == ("retention", before[1:])
    kept = [{name: one for name, one in held.items() if name != "intermediates"} for held in (before[0], after[0])]
    assert kept[0] == kept[1]
    again = await gateway.job(client, video, ["scenes"])
    json_of(await client.post(f"/v1/jobs/{again['id']}/cancel"), 202)
    assert (await held(client, video))["intermediates"]["count"] == 2, "a job came that may have left some"


async def test_an_export_outlives_intermediates_and_says_what_of_the_videos_is_gone(gateway: Gateway) -> None:
    client, tenant_id = await studio(gateway, "takes along")
    job = await everything_found(gateway, client)
    first = json_of(await client.post("/v1/exports", json={}), 202)
    await gateway.harness.work_off()
    deleted = json_of(await client.delete(f"/v1/videos/{job['video_id']}/held/intermediates"), 202)
    await concluded(gateway, client, tenant_id, deleted)
    kept = (await client.get(f"/v1/exports/{first['id']}")).status_code
    copies = json_of(await client.delete(f"/v1/videos/{job['video_id']}/held/copies"), 202)
    await concluded(gateway, client, tenant_id, copies)
    ended = (await client.get(f"/v1/exports/{first['id']}")).status_code
    renditions = json_of(await client.delete(f"/v1/videos/{job['video_id']}/held/renditions"), 202)
    await concluded(gateway, client, tenant_id, renditions)

    export = json_of(await client.post("/v1/exports", json={"media": True}), 202)
    await gateway.harness.work_off()
    content = (await client.get(f"/v1/exports/{export['id']}/content")).content

    assert (kept, ended) == (200, 404)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        gone = json.loads(archive.read("manifest.json"))["gone"]
        findings = json.loads(archive.read("findings.json"))
        assert not [name for name in archive.namelist() if "rendition" in name or "proxy" in name]
    assert {(one["kind"], one["video_id"], one["erasure_id"], one["reason"]) for one in gone} == {
        ("intermediates", job["video_id"], deleted["id"], "asked"),
        ("copies", job["video_id"], copies["id"], "asked"),
        ("renditions", job["video_id"], renditions["id"], "asked"),
    }
    [row] = [one for one in findings if one["deleted_at"]]
    assert (row["kind"], row["job_id"], row["erasure_id"]) == ("rendition", job["id"], renditions["id"])


async def test_only_those_who_may_erase_delete_what_they_have_read_and_no_job_needs(gateway: Gateway) -> None:
    client, tenant_id = await studio(gateway, "is careful")
    editor = await gateway.client(await gateway.user(UUID(tenant_id), Role.EDITOR))
    job = await everything_found(gateway, client)
    place = f"/v1/videos/{job['video_id']}/held"
    fresh = await gateway.ingested(client)
    other = await gateway.job(client, job["video_id"], ["scenes"])

    refused = {
        "may not": await editor.delete(f"{place}/transcripts"),
        "needed": await client.delete(f"{place}/transcripts"),
        "unknown class": await client.delete(f"{place}/films"),
        "never any": await client.delete(f"/v1/videos/{fresh['id']}/held/renditions"),
        "no video": await client.delete(f"/v1/videos/{job['id']}/held/renditions"),
    }
    json_of(await client.post(f"/v1/jobs/{other['id']}/cancel"), 202)
    read = await client.get(place)
    json_of(await client.delete(f"{place}/renditions", headers={"If-Match": read.headers["etag"]}), 202)
    late = await client.delete(f"{place}/transcripts", headers={"If-Match": read.headers["etag"]})

    assert {name: one.status_code for name, one in refused.items()} == {
        "may not": 403,
        "needed": 409,
        "unknown class": 422,
        "never any": 404,
        "no video": 404,
    }
    assert refused["needed"].json()["type"] == "/problems/in-use"
    assert late.status_code == 412
    assert (await editor.get(place)).status_code == 200
    lines = json_of(await client.get("/v1/audit", params={"action": "delete_held"}), 200)["items"]
    assert [line["outcome"] for line in lines if line["outcome"] == "done"] == ["done"]
    assert {line["resource_id"] for line in lines if line["outcome"] == "done"} == {job["video_id"]}


async def test_an_original_is_deleted_by_hand_and_the_video_stays(gateway: Gateway) -> None:
    client, tenant_id = await studio(gateway, "has a copy")
    video = await gateway.ingested(client)

    erasure = json_of(await client.delete(f"/v1/videos/{video['id']}/held/originals"), 202)
    done = await concluded(gateway, client, tenant_id, erasure)

    assert gateway.harness.facts(OriginalErased)[-1].video_id == UUID(video["id"])
    assert (erasure["kind"], erasure["reason"], erasure["awaited"]) == ("original", "asked", ["ingest", "gateway"])
    assert (await verified(client, done["receipt"]))["erased"] == {"kind": "original", "id": video["id"]}
    gone = await client.get(f"/v1/videos/{video['id']}/original")
    assert (gone.status_code, gone.json()["rule"]) == (410, "asked")
    assert (await client.get(f"/v1/videos/{video['id']}/proxy")).status_code == 200


async def test_an_alignment_is_not_asked_for_once_more_when_its_transcript_is_deleted(gateway: Gateway) -> None:
    client, tenant_id = await studio(gateway, "tries again")
    video, script = await gateway.ingested(client), await gateway.script(client)
    job = await gateway.job(client, video["id"], ["alignment"], script_id=script["id"])
    failed = StepFailed(video_id=UUID(video["id"]), step=Step.ALIGNMENT, run=1, reason="crashed", detail="", attempts=1)
    ready = TranscriptReady(
        video_id=UUID(video["id"]), run=1, key=f"derived/t/{job['id']}/transcript-1/transcript.json", audio_key=None,
        language="en", words=0, engine="whisper", model_sha256="ab" * 32, seconds=1.0,
    )  # fmt: skip
    for fact in (ready, failed):
        await gateway.hear(client, fact, subject=video["id"], job=job)

    erasure = json_of(await client.delete(f"/v1/videos/{video['id']}/held/transcripts"), 202)
    early = await client.post(f"/v1/jobs/{job['id']}/retry")
    await concluded(gateway, client, tenant_id, erasure)
    refused = await client.post(f"/v1/jobs/{job['id']}/retry")

    assert (early.status_code, early.json()["type"]) == (409, "/problems/in-use")
    assert refused.status_code == 409
    assert "transcript of this job was deleted on" in refused.json()["detail"]


async def test_whoever_has_erased_a_video_has_answered_for_its_parts_too(gateway: Gateway) -> None:
    client, tenant_id = await studio(gateway, "erases it all")
    job = await everything_found(gateway, client)
    part = json_of(await client.delete(f"/v1/videos/{job['video_id']}/held/results"), 202)

    json_of(await client.delete(f"/v1/videos/{job['video_id']}"), 202)
    whole = gateway.harness.facts(VideoErased)[-1].erasure_id
    await answer(gateway, str(whole), tenant_id, *OTHERS, rows={"things": 1})
    await gateway.harness.work_off()

    done = [json_of(await client.get(f"/v1/erasures/{id_}"), 200) for id_ in (part["id"], whole)]
    assert [one["state"] for one in done] == ["completed", "completed"]
    claims = await verified(client, done[0]["receipt"])
    assert set(claims["services"]) == {"vision", "align", "gateway"}
    assert claims["services"]["vision"]["rows"] == {}, "it is counted once"
