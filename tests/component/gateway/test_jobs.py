"""A job from the wish to the last fact."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from contracts.align import AlignmentReady
from contracts.documents import Ledger
from contracts.gateway import JobCancelled, JobRequested, ScriptSubmitted, VideoErased, VideoSubmitted
from contracts.ingest import RejectionReason, VideoRejected
from contracts.steps import Step, StepFailed, StepProgressed
from contracts.transcribe import TranscriptReady
from contracts.vision import ScenesDetected
from gateway.adapters.postgres.tables import jobs, uploads, videos
from support.findings_rig import a_ledger
from support.gateway_rig import Gateway, an_ingested, json_of

UNREAL = "00000000-0000-7000-8000-000000000000"


def scenes(video_id: str, run: int = 1) -> ScenesDetected:
    return ScenesDetected(
        video_id=UUID(video_id),
        run=run,
        key=f"derived/t/j/scenes-{run}/scenes.json",
        scenes=2,
        engine="transnet",
        model_sha256="ab" * 32,
        seconds=1.5,
    )


def transcript(video_id: str, run: int = 1) -> TranscriptReady:
    return TranscriptReady(
        video_id=UUID(video_id),
        run=run,
        key=f"derived/t/j/transcript-{run}/transcript.json",
        audio_key=None,
        language="en",
        words=3,
        engine="whisper",
        model_sha256="cd" * 32,
        seconds=2.0,
    )


def failure(video_id: str, step: Step, run: int = 1) -> StepFailed:
    return StepFailed(video_id=UUID(video_id), step=step, run=run, reason="tries_exhausted", detail="it broke")


async def read(client: httpx.AsyncClient, job: dict[str, Any]) -> dict[str, Any]:
    return json_of(await client.get(f"/v1/jobs/{job['id']}"), 200)


def step_of(job: dict[str, Any], step: str) -> dict[str, Any]:
    [found] = [one for one in job["steps"] if one["step"] == step]
    return dict(found)


async def test_what_is_asked_for_is_announced_with_the_commit(gateway: Gateway) -> None:
    client = await gateway.owner()

    video = await gateway.video(client, title="Take 3", passthrough="order-1")
    script = await gateway.script(client)
    options = {"language": "en", "upscale": {"scale": 3, "start": 1, "end": 2}}
    job = await gateway.job(
        client, video["id"], ["upscale", "alignment"], script_id=script["id"], options=options, passthrough="j"
    )

    assert (video["state"], video["title"], video["passthrough"]) == ("ingesting", "Take 3", "order-1")
    [submitted], [handed_in], [requested] = (
        gateway.harness.facts(kind) for kind in (VideoSubmitted, ScriptSubmitted, JobRequested)
    )
    assert (str(submitted.video_id), submitted.filename, submitted.size_bytes) == (video["id"], "clip.mp4", 6)
    assert await gateway.harness.blobs.get_bytes(submitted.upload_key) == b"a film"
    assert await gateway.harness.blobs.get_bytes(handed_in.key) == b"Hello.\n"
    assert requested.steps == (Step.TRANSCRIPT, Step.ALIGNMENT, Step.UPSCALE)
    assert requested.script_key == handed_in.key
    assert (requested.options.upscale.scale, requested.options.language, requested.run) == (3, "en", 1)
    assert str(gateway.harness.announced[-1].jobid) == job["id"]
    assert [one["step"] for one in job["steps"]] == ["ingest", "transcript", "alignment", "upscale"]
    assert (job["state"], job["fraction"], job["passthrough"], job["error"]) == ("queued", 0, "j", None)


async def test_facts_move_the_job_until_it_has_succeeded(gateway: Gateway) -> None:
    client = await gateway.owner()
    video = await gateway.video(client)
    job = await gateway.job(client, video["id"])
    progress = StepProgressed(video_id=UUID(video["id"]), step=Step.SCENES, run=1, fraction=0.5, message="half")

    await gateway.hear(client, an_ingested(video["id"]), subject=video["id"])
    after_ingest = await read(client, job)
    await gateway.hear(client, progress, subject=video["id"], job=job)
    halfway = await read(client, job)
    await gateway.hear(client, scenes(video["id"]), subject=video["id"], job=job)
    done = await read(client, job)

    assert (after_ingest["state"], step_of(after_ingest, "ingest")["state"]) == ("running", "succeeded")
    assert step_of(halfway, "scenes") | {"state": "running", "fraction": 0.5, "message": "half"} == step_of(
        halfway, "scenes"
    )
    assert 0 < after_ingest["fraction"] < halfway["fraction"] < done["fraction"] == 1
    assert (done["state"], step_of(done, "scenes")["engine"]) == ("succeeded", "transnet")
    assert done["finished_at"] is not None


async def test_a_job_on_a_video_that_is_ready_begins_after_ingest(gateway: Gateway) -> None:
    client = await gateway.owner()
    video = await gateway.ingested(client)

    job = await gateway.job(client, video["id"])

    assert (video["state"], video["media"]["frames"]) == ("ready", 132)
    assert step_of(job, "ingest")["state"] == "succeeded"


async def test_a_late_repeated_or_strange_fact_changes_nothing(gateway: Gateway) -> None:
    client = await gateway.owner()
    video = await gateway.ingested(client)
    job = await gateway.job(client, video["id"])
    await gateway.hear(client, scenes(video["id"]), subject=video["id"], job=job)
    done = await read(client, job)
    late = StepProgressed(video_id=UUID(video["id"]), step=Step.SCENES, run=1, fraction=0.1)

    for fact in (late, scenes(video["id"]), scenes(video["id"], run=9), failure(video["id"], Step.SCENES)):
        await gateway.hear(client, fact, subject=video["id"], job=job)
    await gateway.hear(client, scenes(video["id"]), subject=video["id"], job={"id": UNREAL})
    await gateway.hear(client, an_ingested(UNREAL), subject=UNREAL)
    await gateway.hear(client, scenes(video["id"]), subject=video["id"])

    assert await read(client, job) == done


async def test_a_rejected_video_fails_its_jobs_with_the_typed_reason_and_takes_no_more(gateway: Gateway) -> None:
    client = await gateway.owner()
    video = await gateway.video(client)
    job = await gateway.job(client, video["id"], ["scenes", "transcript"])
    rejected = VideoRejected(video_id=UUID(video["id"]), reason=RejectionReason.NO_VIDEO, detail="sound only")

    await gateway.hear(client, rejected, subject=video["id"])
    failed = await read(client, job)
    more = await client.post("/v1/jobs", json={"video_id": video["id"], "steps": ["scenes"]})
    again = await client.post(f"/v1/jobs/{job['id']}/retry")

    assert failed["state"] == "failed"
    assert {one["reason"] for one in failed["steps"]} == {"no_video"}
    assert failed["error"] == {"step": "ingest", "reason": "no_video", "detail": "sound only"}
    assert json_of(await client.get(f"/v1/videos/{video['id']}"), 200)["rejection"] == {
        "reason": "no_video",
        "detail": "sound only",
    }
    assert (json_of(more, 409)["type"], again.status_code) == ("/problems/video-unusable", 409)


async def test_only_the_failed_steps_are_done_again(gateway: Gateway) -> None:
    client = await gateway.owner()
    video, script = await gateway.ingested(client), await gateway.script(client)
    job = await gateway.job(client, video["id"], ["scenes", "alignment"], script_id=script["id"])
    await gateway.hear(client, scenes(video["id"]), subject=video["id"], job=job)
    await gateway.hear(client, failure(video["id"], Step.TRANSCRIPT), subject=video["id"], job=job)
    failed = await read(client, job)

    retried = json_of(await client.post(f"/v1/jobs/{job['id']}/retry"), 202)
    await gateway.hear(client, transcript(video["id"], run=1), subject=video["id"], job=job)
    unmoved = await read(client, job)
    await gateway.hear(client, transcript(video["id"], run=2), subject=video["id"], job=job)
    moved = await read(client, job)

    assert (failed["state"], step_of(failed, "alignment")["reason"]) == ("failed", "transcript_failed")
    assert (retried["state"], retried["run"], retried["finished_at"]) == ("running", 2, None)
    assert [(one["step"], one["state"], one["run"]) for one in retried["steps"]] == [
        ("ingest", "succeeded", 1),
        ("scenes", "succeeded", 1),
        ("transcript", "queued", 2),
        ("alignment", "queued", 2),
    ]
    assert gateway.harness.facts(JobRequested)[-1].steps == (Step.TRANSCRIPT, Step.ALIGNMENT)
    assert gateway.harness.facts(JobRequested)[-1].run == 2
    assert gateway.harness.facts(JobRequested)[-1].script_key == gateway.harness.facts(ScriptSubmitted)[-1].key
    assert unmoved == retried
    assert step_of(moved, "transcript")["state"] == "succeeded"


async def test_a_job_without_failures_is_not_retried(gateway: Gateway) -> None:
    client = await gateway.owner()
    job = await gateway.job(client, (await gateway.ingested(client))["id"])

    refused = await client.post(f"/v1/jobs/{job['id']}/retry")

    assert json_of(refused, 409)["type"] == "/problems/nothing-to-retry"


async def test_a_step_that_failed_for_ingests_sake_is_retried_once_the_video_is_there(gateway: Gateway) -> None:
    client = await gateway.owner()
    video = await gateway.video(client)
    job = await gateway.job(client, video["id"])
    await gateway.hear(client, failure(video["id"], Step.INGEST), subject=video["id"])
    await gateway.hear(client, an_ingested(video["id"]), subject=video["id"])  # a dead letter was replayed

    retried = json_of(await client.post(f"/v1/jobs/{job['id']}/retry"), 202)

    assert json_of(await client.get(f"/v1/videos/{video['id']}"), 200)["state"] == "ready"
    assert [one["state"] for one in retried["steps"]] == ["succeeded", "queued"]
    assert gateway.harness.facts(JobRequested)[-1].steps == (Step.SCENES,)


async def test_a_cancelled_job_says_so_once_and_stays_cancelled(gateway: Gateway) -> None:
    client = await gateway.owner()
    video = await gateway.ingested(client)
    job = await gateway.job(client, video["id"])

    cancelled = json_of(await client.post(f"/v1/jobs/{job['id']}/cancel"), 202)
    twice = json_of(await client.post(f"/v1/jobs/{job['id']}/cancel"), 202)
    await gateway.hear(client, scenes(video["id"]), subject=video["id"], job=job)
    later = await read(client, job)

    assert (cancelled["state"], step_of(cancelled, "ingest")["state"]) == ("cancelled", "succeeded")
    assert cancelled == twice == later
    assert len(gateway.harness.facts(JobCancelled)) == 1
    assert json_of(await client.get(f"/v1/jobs/{job['id']}/results"), 200)["items"] != []  # media.json of the video


async def test_a_finished_job_cannot_be_cancelled(gateway: Gateway) -> None:
    client = await gateway.owner()
    video = await gateway.ingested(client)
    job = await gateway.job(client, video["id"])
    await gateway.hear(client, scenes(video["id"]), subject=video["id"], job=job)

    refused = await client.post(f"/v1/jobs/{job['id']}/cancel")

    assert json_of(refused, 409)["type"] == "/problems/job-finished"


async def test_an_erased_video_stops_its_jobs_and_leaves_only_a_stone(gateway: Gateway) -> None:
    client = await gateway.owner()
    video = await gateway.ingested(client)
    done = await gateway.job(client, video["id"])
    await gateway.hear(client, scenes(video["id"]), subject=video["id"], job=done)
    running = await gateway.job(client, video["id"])

    erased = json_of(await client.delete(f"/v1/videos/{video['id']}"), 202)
    json_of(await client.delete(f"/v1/videos/{video['id']}"), 202)
    await gateway.hear(client, an_ingested(video["id"]), subject=video["id"])
    await gateway.hear(client, scenes(video["id"]), subject=video["id"], job=running)

    assert (erased["state"], erased["title"], erased["filename"], erased["media"]) == ("erased", "", "", None)
    assert json_of(await client.get(f"/v1/videos/{video['id']}"), 200)["state"] == "erased"
    assert json_of(await client.get("/v1/videos"), 200)["items"] == []
    assert len(gateway.harness.facts(VideoErased)) == 1
    assert (await read(client, running))["state"] == "cancelled"
    for job in (done, running):
        assert json_of(await client.get(f"/v1/jobs/{job['id']}/results"), 200)["items"] == []
    assert (await client.get(f"/v1/videos/{video['id']}/original")).status_code == 404
    uploads = f"scratch/{gateway.harness.announced[0].tenantid}/"
    assert [key async for key in gateway.harness.blobs.list(uploads)] == []
    assert (await client.post("/v1/jobs", json={"video_id": video["id"], "steps": ["scenes"]})).status_code == 409


async def test_no_row_remembers_the_name_or_the_bytes_of_an_erased_video(gateway: Gateway) -> None:
    client = await gateway.owner()
    video = await gateway.ingested(client)
    job = await gateway.job(client, video["id"], passthrough="order-1")
    await gateway.hear(client, scenes(video["id"]), subject=video["id"], job=job)
    before = await rows_of(gateway)

    json_of(await client.delete(f"/v1/videos/{video['id']}"), 202)
    after = await rows_of(gateway)

    for trace in ("clip.mp4", video["sha256"], "order-1", "scenes.json"):
        assert trace in before
        assert trace not in after


async def rows_of(gateway: Gateway) -> str:
    """All that the tenant's library holds, straight from the tables."""
    async with gateway.harness.database.read(gateway.harness.announced[0].tenantid) as connection:
        return str([(await connection.execute(table.select())).all() for table in (uploads, videos, jobs)])


async def test_an_alignment_needs_a_script(gateway: Gateway) -> None:
    client = await gateway.owner()
    video = await gateway.ingested(client)
    wanted = {"video_id": video["id"], "steps": ["alignment"]}

    without = json_of(await client.post("/v1/jobs", json=wanted), 422)
    unknown = json_of(await client.post("/v1/jobs", json={**wanted, "script_id": str(uuid4())}), 404)

    assert [error["field"] for error in without["errors"] + unknown["errors"]] == ["script_id", "script_id"]


async def test_an_alignment_brings_its_exports(gateway: Gateway) -> None:
    client = await gateway.owner()
    video, script = await gateway.ingested(client), await gateway.script(client)
    job = await gateway.job(client, video["id"], ["alignment"], script_id=script["id"])
    folder = f"derived/t/{job['id']}/alignment-1"
    for name in ("ledger.json", "script.srt", "script.vtt", "timeline.otio"):
        await gateway.harness.blobs.put_bytes(f"{folder}/{name}", a_ledger().model_dump_json().encode())
    ready = AlignmentReady(
        video_id=UUID(video["id"]),
        script_id=UUID(script["id"]),
        run=1,
        key=f"{folder}/ledger.json",
        exports={"srt": f"{folder}/script.srt", "vtt": f"{folder}/script.vtt", "otio": f"{folder}/timeline.otio"},
        script_matches="yes",
        coverage=1.0,
        lines=1,
        engine="dp",
        seconds=1.0,
    )

    await gateway.hear(client, ready, subject=video["id"], job=job)
    items = json_of(await client.get(f"/v1/jobs/{job['id']}/results"), 200)["items"]

    assert [(item["name"], item["content_type"]) for item in items] == [
        ("ledger.json", "application/json"),
        ("media.json", "application/json"),
        ("script.srt", "application/x-subrip"),
        ("script.vtt", "text/vtt"),
        ("timeline.otio", "application/json"),
    ]
    alignment = json_of(await client.get(f"/v1/alignments/{job['id']}"), 200)
    assert Ledger.model_validate(alignment) == a_ledger()


async def test_a_post_with_the_same_key_is_done_once(gateway: Gateway) -> None:
    client = await gateway.owner()
    video = await gateway.ingested(client)
    wanted = {"video_id": video["id"], "steps": ["scenes"]}
    key = {"Idempotency-Key": "order-4711"}

    first = await client.post("/v1/jobs", json=wanted, headers=key)
    again = await client.post("/v1/jobs", json=wanted, headers=key)
    other = await client.post("/v1/jobs", json={**wanted, "priority": "bulk"}, headers=key)
    elsewhere = await client.post("/v1/uploads", json={"filename": "a"}, headers=key)

    assert (first.status_code, again.status_code, first.content) == (202, 202, again.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert json_of(other, 422)["type"] == "/problems/idempotency-key-reused"
    assert elsewhere.status_code == 422
    assert len(gateway.harness.facts(JobRequested)) == 1


async def test_a_refused_request_does_not_use_up_its_key(gateway: Gateway) -> None:
    client = await gateway.owner()
    upload = json_of(await client.post("/v1/uploads", json={"filename": "a.mp4"}), 201)
    key = {"Idempotency-Key": "k"}

    early = await client.post("/v1/videos", json={"upload_id": upload["id"]}, headers=key)
    await client.put(upload["content_url"], content=b"a film")
    later = await client.post("/v1/videos", json={"upload_id": upload["id"]}, headers=key)

    assert (early.status_code, later.status_code) == (409, 201)


async def test_a_repeated_script_leaves_one_text(gateway: Gateway) -> None:
    client = await gateway.owner()
    wanted, key = {"filename": "a.fountain", "text": "Hello."}, {"Idempotency-Key": "k"}

    first = json_of(await client.post("/v1/scripts", json=wanted, headers=key), 201)
    again = json_of(await client.post("/v1/scripts", json=wanted, headers=key), 201)

    assert first == again
    assert first["format"] == "fountain"
    assert len([key async for key in gateway.harness.blobs.list("original/")]) == 1
    assert (await client.get(f"/v1/scripts/{first['id']}/content")).text == "Hello."
    assert json_of(await client.get(f"/v1/scripts/{first['id']}"), 200) == first


@pytest.mark.parametrize("kind", ["videos", "scripts", "jobs"])
async def test_lists_come_in_pages_newest_first(gateway: Gateway, kind: str) -> None:
    client = await gateway.owner()
    made = []
    for _ in range(5):
        if kind == "scripts":
            made.append((await gateway.script(client))["id"])
            continue
        video = await gateway.video(client)
        made.append(video["id"] if kind == "videos" else (await gateway.job(client, video["id"]))["id"])

    seen, cursor = [], None
    for _ in range(3):
        page = json_of(
            await client.get(f"/v1/{kind}", params={"limit": 2, "cursor": cursor} if cursor else {"limit": 2}), 200
        )
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]

    assert seen == list(reversed(made))
    assert cursor is None


async def test_jobs_are_listed_by_state_video_and_time(gateway: Gateway) -> None:
    client = await gateway.owner()
    first, second = await gateway.ingested(client), await gateway.video(client)
    done, going, queued, stopped = [await gateway.job(client, video["id"]) for video in (first, first, second, first)]
    await gateway.hear(client, scenes(first["id"]), subject=first["id"], job=done)
    json_of(await client.post(f"/v1/jobs/{stopped['id']}/cancel"), 202)

    async def listed(**query: str) -> list[str]:
        items = json_of(await client.get("/v1/jobs", params=query), 200)["items"]
        return [item["id"] for item in items]

    assert await listed(state="succeeded") == [done["id"]]
    assert await listed(state="running") == [going["id"]]
    assert await listed(state="queued") == [queued["id"]]
    assert await listed(state="cancelled") == [stopped["id"]]
    assert await listed(state="failed") == []
    assert await listed(video_id=first["id"]) == [stopped["id"], going["id"], done["id"]]
    assert await listed(video_id=first["id"], state="running", limit="1") == [going["id"]]
    assert await listed(created_from=going["created_at"]) == [stopped["id"], queued["id"], going["id"]]
    assert await listed(created_from=going["created_at"], created_before=stopped["created_at"]) == [
        queued["id"],
        going["id"],
    ]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"state": "done"}, "state"),
        ({"video_id": "x"}, "video_id"),
        ({"created_from": "2026-01-01T00:00:00"}, "created_from"),
        ({"created_before": "0001-01-01T00:00:00+14:00"}, "created_before"),
    ],
)
async def test_a_filter_that_makes_no_sense_is_named(gateway: Gateway, query: dict[str, str], field: str) -> None:
    client = await gateway.owner()

    problem = json_of(await client.get("/v1/jobs", params=query), 422)

    assert [error["field"] for error in problem["errors"]] == [field]


async def test_a_job_shows_what_was_chosen_for_it(gateway: Gateway) -> None:
    client = await gateway.owner()
    video = await gateway.ingested(client)
    options = {"language": "de", "scene_detector": "fast", "upscale": {"scale": 3}}

    job = await gateway.job(client, video["id"], ["scenes", "upscale"], options=options, priority="urgent")

    shown = await read(client, job)
    assert shown["priority"] == "urgent"
    assert (shown["options"]["language"], shown["options"]["scene_detector"]) == ("de", "fast")
    assert shown["options"]["upscale"]["scale"] == 3
    assert "crf" not in shown["options"]["upscale"]  # left open: the operator's choice


async def test_of_the_failed_steps_one_may_be_done_again_alone(gateway: Gateway) -> None:
    client = await gateway.owner()
    video = await gateway.ingested(client)
    job = await gateway.job(client, video["id"], ["scenes", "watermarks", "upscale"])
    await gateway.hear(client, scenes(video["id"]), subject=video["id"], job=job)
    for step in (Step.WATERMARKS, Step.UPSCALE):
        await gateway.hear(client, failure(video["id"], step), subject=video["id"], job=job)

    unfailed = await client.post(f"/v1/jobs/{job['id']}/retry", json={"steps": ["scenes"]})
    retried = json_of(await client.post(f"/v1/jobs/{job['id']}/retry", json={"steps": ["upscale"]}), 202)

    assert json_of(unfailed, 409)["type"] == "/problems/nothing-to-retry"
    assert [(one["step"], one["state"], one["run"]) for one in retried["steps"]] == [
        ("ingest", "succeeded", 1),
        ("scenes", "succeeded", 1),
        ("watermarks", "failed", 1),
        ("upscale", "queued", 2),
    ]
    assert gateway.harness.facts(JobRequested)[-1].steps == (Step.UPSCALE,)
