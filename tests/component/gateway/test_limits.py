"""How much may be asked for at once, and what becomes of what nobody comes back for."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text, update

from contracts.gateway import JobRequested
from contracts.steps import Step, StepFailed
from contracts.vision import ScenesDetected
from gateway.adapters.passwords import Argon2Passwords
from gateway.adapters.postgres import PostgresRecords
from gateway.adapters.postgres.tables import idempotency_keys, job_counts, scripts, uploads
from gateway.domain.library import Script
from gateway.usecases.bootstrap import Bootstrap
from gateway.usecases.scripts import Scripts
from gateway.usecases.sweep import Sweep, Swept
from support.gateway_rig import Gateway, a_gateway, json_of
from support.small_disk import fill, small_disk


@pytest.fixture
async def narrow(postgres_url: str) -> AsyncIterator[Gateway]:
    """A gateway that takes three jobs of a tenant, and five of all."""
    async with a_gateway(postgres_url, max_unfinished_jobs=3, max_unfinished_jobs_of_all=5, retry_after_s=7) as gateway:
        yield gateway


async def ask(client: Any, video: dict[str, Any], key: str | None = None) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return await client.post("/v1/jobs", json={"video_id": video["id"], "steps": ["scenes"]}, headers=headers)


def scenes(video: dict[str, Any]) -> ScenesDetected:
    return ScenesDetected(video_id=video["id"], run=1, key="derived/t/j/s.json", scenes=1, engine="e", seconds=1.0)


async def test_past_its_quota_a_tenant_is_told_when_to_ask_again(narrow: Gateway) -> None:
    client = await narrow.owner()
    video = await narrow.ingested(client)

    answers = [await ask(client, video) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    refused = json_of(answers[-1], 429)
    assert (refused["type"], answers[-1].headers["content-type"]) == (
        "/problems/quota-exceeded",
        "application/problem+json",
    )
    assert "3 of your jobs are unfinished and 3 may be" in refused["detail"]
    assert 7 <= int(answers[-1].headers["retry-after"]) <= 14
    assert len(narrow.harness.facts(JobRequested)) == 3


async def test_jobs_asked_for_at_once_cannot_share_the_last_places(narrow: Gateway) -> None:
    client = await narrow.owner()
    video = await narrow.ingested(client)

    answers = await asyncio.gather(*(ask(client, video) for _ in range(10)))

    assert sorted(answer.status_code for answer in answers) == [202] * 3 + [429] * 7
    assert len(narrow.harness.facts(JobRequested)) == 3


async def test_the_bound_over_all_tenants_holds_when_they_ask_at_once(narrow: Gateway) -> None:
    clients = [await narrow.owner(f"studio {n}") for n in range(4)]
    videos = [await narrow.ingested(client) for client in clients]

    answers = await asyncio.gather(
        *(ask(client, video) for _ in range(2) for client, video in zip(clients, videos, strict=True))
    )

    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) == 8 - 5
    assert {json_of(answer, 429)["type"] for answer in refused} == {"/problems/busy"}


@pytest.mark.parametrize("how", ["succeeded", "failed", "cancelled"])
async def test_a_job_that_has_ended_makes_place_for_another(narrow: Gateway, how: str) -> None:
    client = await narrow.owner()
    video = await narrow.ingested(client)
    jobs = [json_of(await ask(client, video), 202) for _ in range(3)]
    full = await ask(client, video)

    if how == "succeeded":
        await narrow.hear(client, scenes(video), subject=video["id"], job=jobs[1])
    elif how == "failed":
        failed = StepFailed(video_id=video["id"], step=Step.SCENES, run=1, reason="r", detail="d", attempts=1)
        await narrow.hear(client, failed, subject=video["id"], job=jobs[1])
    else:
        await client.post(f"/v1/jobs/{jobs[1]['id']}/cancel")
    answers = [await ask(client, video) for _ in range(2)]

    assert (full.status_code, [answer.status_code for answer in answers]) == (429, [202, 429])


async def test_a_retried_job_needs_a_place_again(narrow: Gateway) -> None:
    client = await narrow.owner()
    video = await narrow.ingested(client)
    job = json_of(await ask(client, video), 202)
    failed = StepFailed(video_id=video["id"], step=Step.SCENES, run=1, reason="r", detail="d", attempts=1)
    await narrow.hear(client, failed, subject=video["id"], job=job)
    others = [json_of(await ask(client, video), 202) for _ in range(3)]

    refused = await client.post(f"/v1/jobs/{job['id']}/retry")
    await client.post(f"/v1/jobs/{others[0]['id']}/cancel")
    retried = await client.post(f"/v1/jobs/{job['id']}/retry")
    full = await ask(client, video)

    assert [answer.status_code for answer in (refused, retried, full)] == [429, 202, 429]


async def test_repeating_an_accepted_request_is_never_refused_for_the_quota(narrow: Gateway) -> None:
    client = await narrow.owner()
    video = await narrow.ingested(client)
    accepted = [await ask(client, video, f"key {n}".replace(" ", "-")) for n in range(3)]

    repeated = [await ask(client, video, f"key-{n}") for n in range(3)]
    refused = await ask(client, video, "key-3")
    await client.post(f"/v1/jobs/{accepted[0].json()['id']}/cancel")
    now = await ask(client, video, "key-3")

    assert [answer.content for answer in repeated] == [answer.content for answer in accepted]
    assert (refused.status_code, now.status_code) == (429, 202), "a refused key may come again"


async def test_the_count_is_what_a_count_would_say_whatever_happened(narrow: Gateway) -> None:
    client = await narrow.owner()
    video = await narrow.ingested(client)
    for round_ in range(3):
        jobs = [json_of(await ask(client, video), 202) for _ in range(3)]
        await asyncio.gather(
            narrow.hear(client, scenes(video), subject=video["id"], job=jobs[0]),
            client.post(f"/v1/jobs/{jobs[0]['id']}/cancel"),
            client.post(f"/v1/jobs/{jobs[1]['id']}/cancel"),
            narrow.hear(client, scenes(video), subject=video["id"], job=jobs[2]),
        )
        if round_ == 2:
            await ask(client, video)

    async with narrow.harness.database.begin_untenanted() as connection:
        counted = await connection.scalar(select(func.sum(job_counts.c.unfinished)))

    assert counted == 1
    await client.delete(f"/v1/videos/{video['id']}")
    async with narrow.harness.database.begin_untenanted() as connection:
        assert await connection.scalar(select(func.sum(job_counts.c.unfinished))) == 0


def a_sweep(gateway: Gateway, *, batch: int = 200) -> Sweep:
    return Sweep(
        gateway.harness.database,
        gateway.harness.blobs,
        PostgresRecords,
        upload_lifetime_s=3600,
        delivery_lifetime_s=3600,
        event_lifetime_s=3600,
        most_events=1000,
        every_s=1,
        batch=batch,
    )


async def age(gateway: Gateway, client: Any, table: Any, *, hours: int) -> None:
    tenant_id = UUID(json_of(await client.get("/v1/me"), 200)["tenant_id"])
    async with gateway.harness.database.begin(tenant_id) as work:
        older = table.c.created_at - text(f"interval '{hours} hours'")
        await work.connection.execute(update(table).values(created_at=older))


async def test_the_sweep_removes_abandoned_uploads_of_every_tenant_with_their_bytes(gateway: Gateway) -> None:
    clients = [await gateway.owner(f"studio {n}") for n in range(2)]
    for client in clients:
        for content in (b"one", b"two", None):
            upload = json_of(await client.post("/v1/uploads", json={"filename": "a.mp4"}), 201)
            if content:
                await client.put(upload["content_url"], content=content)
        await gateway.video(client, b"a film")
        await age(gateway, client, uploads, hours=2)
    fresh = json_of(await clients[0].post("/v1/uploads", json={"filename": "b.mp4"}), 201)
    before = [key async for key in gateway.harness.blobs.list("")]

    swept = await a_sweep(gateway, batch=2)()

    left = [key async for key in gateway.harness.blobs.list("")]
    assert (len(before), len(left)) == (6, 2), "the films that became videos stay"
    assert swept == Swept(uploads=6)
    assert (await clients[0].get(f"/v1/uploads/{fresh['id']}")).status_code == 200
    assert await a_sweep(gateway)() == Swept()


async def test_an_upload_whose_removal_was_cut_short_is_removed_by_the_sweep(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await gateway.owner()
    upload = json_of(await client.post("/v1/uploads", json={"filename": "a.mp4"}), 201)
    await client.put(upload["content_url"], content=b"bytes")

    async def die(*_: object) -> int:
        raise ConnectionError("the disk went away")

    with monkeypatch.context() as patched:
        patched.setattr("chassis.blobs._local.LocalBlobs.delete_prefix", die)
        cut_short = await client.delete(f"/v1/uploads/{upload['id']}")
    gone = await client.get(f"/v1/uploads/{upload['id']}")
    used = await client.post("/v1/videos", json={"upload_id": upload["id"]})
    swept = await a_sweep(gateway)()

    assert (cut_short.status_code, gone.status_code, used.status_code) == (503, 404, 404)
    assert swept == Swept(uploads=1)
    assert [key async for key in gateway.harness.blobs.list("")] == []


async def test_the_text_of_a_script_that_was_never_recorded_is_removed_by_the_sweep(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await gateway.owner()
    kept = json_of(await client.post("/v1/scripts", json={"filename": "a.txt", "text": "ANNA\nYes."}), 201)

    async def die(*_: object) -> None:
        raise ConnectionError("nothing answers any more")

    with monkeypatch.context() as patched:
        patched.setattr("gateway.usecases.scripts.Scripts.submit", die)
        patched.setattr("gateway.usecases.scripts.Scripts.discard", die)
        cut_short = await client.post("/v1/scripts", json={"filename": "b.txt", "text": "BEN\nNo."})
    listed = json_of(await client.get("/v1/scripts"), 200)["items"]
    too_early = await a_sweep(gateway)()
    await age(gateway, client, scripts, hours=2)
    swept = await a_sweep(gateway, batch=1)()

    assert cut_short.status_code == 503
    assert [script["id"] for script in listed] == [kept["id"]]
    assert (too_early, swept) == (Swept(), Swept(scripts=1))
    assert [key.rpartition("/")[2] async for key in gateway.harness.blobs.list("")] == [kept["id"]]
    assert (await client.get(f"/v1/scripts/{kept['id']}/content")).text == "ANNA\nYes."


async def test_a_script_that_was_swept_before_it_was_recorded_is_not_accepted(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await gateway.owner()
    store = Scripts.store

    async def store_slowly(*args: Any, **given: Any) -> Script:
        script = await store(*args, **given)
        await age(gateway, client, scripts, hours=2)
        await a_sweep(gateway)()
        return script

    monkeypatch.setattr(Scripts, "store", store_slowly)
    answer = await client.post("/v1/scripts", json={"filename": "a.txt", "text": "ANNA\nYes."})

    assert answer.status_code == 503
    assert [key async for key in gateway.harness.blobs.list("")] == []


async def test_the_sweep_forgets_answers_that_are_older_than_a_day(gateway: Gateway) -> None:
    client = await gateway.owner()
    for n in range(5):
        await client.post("/v1/uploads", json={"filename": "a.mp4"}, headers={"Idempotency-Key": f"old-{n}"})
    await age(gateway, client, idempotency_keys, hours=25)
    other = await gateway.owner("other")
    await other.post("/v1/uploads", json={"filename": "a.mp4"}, headers={"Idempotency-Key": "new"})

    swept = await a_sweep(gateway, batch=2)()
    repeated = await other.post("/v1/uploads", json={"filename": "a.mp4"}, headers={"Idempotency-Key": "new"})

    assert swept.replies == 5
    assert repeated.headers["idempotency-replayed"] == "true"


async def test_tenants_are_listed_to_the_sweep_and_to_nobody_else(gateway: Gateway) -> None:
    tenant_ids = {await gateway.tenant("one"), await gateway.tenant("two")}

    async with gateway.harness.database.read(uuid4()) as connection:
        people = PostgresRecords(connection).people
        listed = [*await people.tenant_ids(after=None, limit=1)]
        listed += await people.tenant_ids(after=listed[0], limit=10)
        afterwards = (await connection.execute(text("SELECT count(*) FROM tenants"))).scalar()

    assert set(listed) == tenant_ids
    assert afterwards == 0


async def test_a_tenant_that_is_bootstrapped_by_several_at_once_is_made_once(gateway: Gateway) -> None:
    ensure = Bootstrap(gateway.harness.database, PostgresRecords, Argon2Passwords())

    made = await asyncio.gather(
        *(ensure(tenant="studio", email="Owner@example.org", password="a good password") for _ in range(5))
    )

    assert len(set(made)) == 1


async def test_an_upload_without_room_is_refused_and_accepted_once_there_is_room(
    postgres_url: str, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk") as disk:
        async with a_gateway(postgres_url, blobs_url=f"file://{disk}/blobs", min_free_bytes=0) as gateway:
            client = await gateway.owner()
            upload = json_of(await client.post("/v1/uploads", json={"filename": "a.mp4"}), 201)
            ballast = fill(disk)

            refused = await client.put(upload["content_url"], content=bytes(500_000))
            script = await client.post("/v1/scripts", json={"filename": "a.txt", "text": "x" * 300_000})
            left = [path for path in disk.rglob("*") if path.is_file()]
            still = json_of(await client.get(f"/v1/uploads/{upload['id']}"), 200)
            ballast.unlink()
            received = json_of(await client.put(upload["content_url"], content=bytes(500_000)), 200)

    assert json_of(refused, 507)["type"] == json_of(script, 507)["type"] == "/problems/storage-full"
    assert left == [ballast]
    assert (still["state"], received["state"]) == ("waiting", "received")


async def test_an_upload_that_would_leave_too_little_room_is_refused_before_it_is_read(postgres_url: str) -> None:
    async with a_gateway(postgres_url, min_free_bytes=10**18) as gateway:
        client = await gateway.owner()
        upload = json_of(await client.post("/v1/uploads", json={"filename": "a.mp4"}), 201)

        async def unread() -> AsyncIterator[bytes]:
            raise AssertionError("nobody should ask for the bytes")
            yield b""

        refused = await client.put(upload["content_url"], content=unread())

    assert json_of(refused, 507)["type"] == "/problems/storage-full"
