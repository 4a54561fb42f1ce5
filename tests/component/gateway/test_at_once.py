"""What happens at the same moment: requests, facts and replicas that meet."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from contracts.gateway import JobCancelled, JobRequested
from contracts.vision import ScenesDetected, WatermarksDetected
from gateway.adapters.changes import RedisChanges
from support.gateway_rig import Gateway, a_mint, json_of


def scenes(video_id: str) -> ScenesDetected:
    return ScenesDetected(video_id=UUID(video_id), run=1, key="derived/t/j/s.json", scenes=1, engine="e", seconds=1.0)


def watermarks(video_id: str) -> WatermarksDetected:
    return WatermarksDetected(video_id=UUID(video_id), run=1, key="derived/t/j/w.json", marks=0, engine="e", seconds=1)


async def test_requests_with_one_key_at_once_are_one_request(gateway: Gateway) -> None:
    client = await gateway.owner()
    video = await gateway.ingested(client)
    wanted = {"video_id": video["id"], "steps": ["scenes"]}

    answers = await asyncio.gather(
        *(client.post("/v1/jobs", json=wanted, headers={"Idempotency-Key": "k"}) for _ in range(6))
    )

    assert {(answer.status_code, answer.content) for answer in answers} == {(202, answers[0].content)}
    assert sorted(answer.headers.get("idempotency-replayed", "") for answer in answers) == ["", *["true"] * 5]
    assert len(gateway.harness.facts(JobRequested)) == 1


async def test_the_last_two_steps_may_end_at_once(gateway: Gateway) -> None:
    client = await gateway.owner()
    video = await gateway.ingested(client)
    jobs = [await gateway.job(client, video["id"], ["scenes", "watermarks"]) for _ in range(5)]

    await asyncio.gather(
        *(
            gateway.hear(client, fact, subject=video["id"], job=job)
            for job in jobs
            for fact in (scenes(video["id"]), watermarks(video["id"]))
        )
    )

    for job in jobs:
        ended = json_of(await client.get(f"/v1/jobs/{job['id']}"), 200)
        assert (ended["state"], ended["fraction"], ended["finished_at"] is not None) == ("succeeded", 1, True)


async def test_a_cancellation_and_a_success_at_once_leave_one_of_them(gateway: Gateway) -> None:
    client = await gateway.owner()
    video = await gateway.ingested(client)
    jobs = [await gateway.job(client, video["id"]) for _ in range(5)]
    cancelled = 0

    for job in jobs:
        answer, _ = await asyncio.gather(
            client.post(f"/v1/jobs/{job['id']}/cancel"),
            gateway.hear(client, scenes(video["id"]), subject=video["id"], job=job),
        )
        state = json_of(await client.get(f"/v1/jobs/{job['id']}"), 200)["state"]
        assert (answer.status_code, state) in {(202, "cancelled"), (409, "succeeded")}
        cancelled += answer.status_code == 202

    assert len(gateway.harness.facts(JobCancelled)) == cancelled


async def test_replicas_that_start_at_once_agree_on_one_key(gateway: Gateway) -> None:
    replicas = [a_mint(gateway) for _ in range(5)]

    published = await asyncio.gather(*(replica.public_keys() for replica in replicas))

    assert len(published[0]["keys"]) == 1
    assert all(keys == published[0] for keys in published)


async def test_what_changes_while_a_client_begins_to_watch_is_told(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await gateway.owner()
    job = await gateway.job(client, (await gateway.ingested(client))["id"])
    listen = RedisChanges.listen

    @asynccontextmanager
    async def cancelled_just_before(changes: RedisChanges, job_id: UUID) -> AsyncIterator[Any]:
        json_of(await client.post(f"/v1/jobs/{job_id}/cancel"), 202)
        async with listen(changes, job_id) as bell:
            yield bell

    monkeypatch.setattr(RedisChanges, "listen", cancelled_just_before)
    monkeypatch.setattr(RedisChanges, "reliable", True)  # nobody polls
    async with asyncio.timeout(5):
        watched = await client.get(f"/v1/jobs/{job['id']}/events")

    told = [json.loads(line[6:]) for line in watched.text.splitlines() if line.startswith("data: ")]
    assert [one["state"] for one in told] == ["cancelled"]
