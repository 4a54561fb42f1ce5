"""What jobs found, as things of their own: listed, read by their id or their job's, with links that lead somewhere."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from contracts.documents import Scenes
from contracts.gateway import JobRequested
from support.findings_rig import MOVIE, everything_found
from support.gateway_rig import Gateway, a_gateway, json_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(postgres_url: str) -> AsyncIterator[Gateway]:
    """One gateway for all tests here: each brings a tenant of its own."""
    async with a_gateway(postgres_url) as running:
        yield running


async def somebody(gateway: Gateway) -> httpx.AsyncClient:
    """A client of the owner of a new tenant."""
    return await gateway.owner(f"studio {uuid4()}")


KINDS = ("scenes", "transcripts", "alignments", "watermarks", "renditions")


async def test_each_finding_is_listed_and_read_by_its_id_and_by_its_jobs(gateway: Gateway) -> None:
    client = await somebody(gateway)
    job = await everything_found(gateway, client)

    for kind in KINDS:
        [item] = json_of(await client.get(f"/v1/{kind}"), 200)["items"]
        own = await client.get(item["url"])
        by_job = await client.get(f"/v1/{kind}/{job['id']}")
        stored = await client.get(item["content_url"], headers={"Range": "bytes=0-3"})

        assert (item["job_id"], item["video_id"], item["run"]) == (job["id"], job["video_id"], 1)
        assert item["id"] not in (job["id"], job["video_id"])
        assert json_of(own, 200)["id"] == item["id"]
        assert own.content == by_job.content
        assert stored.status_code == 206


async def test_lists_say_what_one_chooses_by(gateway: Gateway) -> None:
    client = await somebody(gateway)
    job = await everything_found(gateway, client)

    items = {kind: json_of(await client.get(f"/v1/{kind}"), 200)["items"][0] for kind in KINDS}

    assert items["scenes"]["count"] == 2
    assert (items["transcripts"]["language"], items["transcripts"]["word_count"]) == ("en", 0)
    assert (items["alignments"]["script_matches"], items["alignments"]["line_count"]) == ("yes", 3)
    assert items["alignments"]["script_id"] == job["script_id"]
    assert items["alignments"]["exports"] == ["json", "otio", "srt", "vtt"]
    assert items["watermarks"]["count"] == 0
    assert (items["renditions"]["width"], items["renditions"]["passed"]) == (2560, True)


async def test_lists_are_narrowed_and_paged(gateway: Gateway) -> None:
    client = await somebody(gateway)
    jobs = [await everything_found(gateway, client) for _ in range(3)]
    [newest, middle, oldest] = json_of(await client.get("/v1/transcripts"), 200)["items"]

    async def listed(**query: Any) -> list[str]:
        page = json_of(await client.get("/v1/transcripts", params=query), 200)
        return [item["job_id"] for item in page["items"]]

    page = json_of(await client.get("/v1/transcripts", params={"limit": 2}), 200)
    await everything_found(gateway, client)
    rest = json_of(await client.get("/v1/transcripts", params={"limit": 2, "cursor": page["next_cursor"]}), 200)

    assert [item["job_id"] for item in page["items"]] == [jobs[2]["id"], jobs[1]["id"]]
    assert ([item["id"] for item in rest["items"]], rest["next_cursor"]) == ([oldest["id"]], None)
    assert await listed(video_id=jobs[0]["video_id"]) == [jobs[0]["id"]]
    assert await listed(job_id=jobs[1]["id"]) == [jobs[1]["id"]]
    assert await listed(created_from=middle["created_at"], created_before=newest["created_at"]) == [jobs[1]["id"]]
    assert await listed(video_id=jobs[0]["video_id"], job_id=jobs[1]["id"]) == []


async def test_scenes_link_to_their_key_frames(gateway: Gateway) -> None:
    client = await somebody(gateway)
    job = await everything_found(gateway, client)

    scenes = json_of(await client.get(f"/v1/scenes/{job['id']}"), 200)

    assert [scene["index"] for scene in Scenes.model_validate(scenes).model_dump()["scenes"]] == [0, 1]
    for number, scene in enumerate(scenes["scenes"]):
        picture = await client.get(scene["keyframe"])
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")
        assert picture.content == b"\xff\xd8" + bytes([number])
        assert scene["keyframe"].startswith(f"/v1/scenes/{scenes['id']}/keyframes/")
    missing = await client.get(f"/v1/scenes/{scenes['id']}/keyframes/0009.jpg")
    strange = await client.get(f"/v1/scenes/{scenes['id']}/keyframes/scenes.json")
    assert (missing.status_code, strange.status_code) == (404, 422)


async def test_a_rendition_has_its_quality_report_and_its_bytes(gateway: Gateway) -> None:
    client = await somebody(gateway)
    job = await everything_found(gateway, client)

    report = json_of(await client.get(f"/v1/renditions/{job['id']}"), 200)
    part = await client.get(report["content_url"], headers={"Range": "bytes=256-511"})

    assert (report["pts_equal"], report["frames_out"], report["model"]) == (True, 10, "animevideov3")
    assert report["content_url"] == f"/v1/renditions/{report['id']}/content"
    assert (part.status_code, part.content, part.headers["content-type"]) == (206, MOVIE[256:512], "video/mp4")


async def test_what_a_client_has_of_a_finding_is_not_sent_again(gateway: Gateway) -> None:
    client = await somebody(gateway)
    job = await everything_found(gateway, client)

    for kind in KINDS:
        etag = (await client.get(f"/v1/{kind}/{job['id']}")).headers["etag"]
        same = await client.get(f"/v1/{kind}/{job['id']}", headers={"If-None-Match": etag})
        other = await client.get(f"/v1/{kind}/{job['id']}", headers={"If-None-Match": '"other"'})

        assert (same.status_code, same.content, other.status_code) == (304, b"", 200)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_step_that_is_not_done_has_no_finding_yet_and_a_strange_id_never(gateway: Gateway, kind: str) -> None:
    client = await somebody(gateway)
    video = await gateway.ingested(client)
    job = await gateway.job(client, video["id"])

    pending = await client.get(f"/v1/{kind}/{job['id']}")
    never = await client.get(f"/v1/{kind}/{video['id']}")

    assert json_of(pending, 404)["type"] == "/problems/not-ready"
    assert json_of(never, 404)["type"] == "/problems/not-found"


async def test_an_erased_video_takes_what_was_found_in_it_along(gateway: Gateway) -> None:
    client = await somebody(gateway)
    job = await everything_found(gateway, client)

    json_of(await client.delete(f"/v1/videos/{job['video_id']}"), 202)

    for kind in KINDS:
        assert json_of(await client.get(f"/v1/{kind}"), 200)["items"] == []
        assert (await client.get(f"/v1/{kind}/{job['id']}")).status_code == 404


async def test_scenes_and_lines_that_were_found_can_be_chosen_for_upscaling(gateway: Gateway) -> None:
    client = await somebody(gateway)
    job = await everything_found(gateway, client)
    chosen = {"upscale": {"scenes": [0], "lines": [1], "ranges": [{"start": 1, "end": 2}, {"start": 4}]}}

    asked = await gateway.job(client, job["video_id"], ["upscale"], script_id=job["script_id"], options=chosen)

    requested = gateway.harness.facts(JobRequested)[-1].options
    assert requested.scenes_key is not None
    assert requested.scenes_key.endswith("scenes.json")
    assert requested.ledger_key is not None
    assert requested.ledger_key.endswith(".json")
    assert "key" not in str(asked["options"])
    assert asked["options"]["upscale"]["scenes"] == [0]
    assert [choice["start"] for choice in asked["options"]["upscale"]["ranges"]] == [1, 4]


@pytest.mark.parametrize(("choice", "step"), [("scenes", "scenes"), ("lines", "alignment")])
async def test_what_nobody_has_found_cannot_be_chosen_unless_the_job_looks_for_it(
    gateway: Gateway, choice: str, step: str
) -> None:
    client = await somebody(gateway)
    video, script = await gateway.ingested(client), await gateway.script(client)
    wanted = {"video_id": video["id"], "script_id": script["id"], "options": {"upscale": {choice: [1]}}}

    refused = json_of(await client.post("/v1/jobs", json={**wanted, "steps": ["upscale"]}), 422)
    accepted = await client.post("/v1/jobs", json={**wanted, "steps": ["upscale", step]})

    assert [error["field"] for error in refused["errors"]] == [f"options.upscale.{choice}"]
    assert f"ask for the step {step}" in refused["detail"] + str(refused["errors"])
    assert accepted.status_code == 202
