"""Quotas: bytes, jobs and minutes of a tenant, set by the operator, and no last piece that two can have."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from contracts.ingest import RejectionReason, VideoRejected
from gateway.adapters.postgres.tables import scripts, storage_counts, uploads, videos
from gateway.domain.metering import UsageKind
from gateway.main import main
from gateway.settings import Settings
from support.gateway_rig import Gateway, a_gateway, an_ingested, json_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(postgres_url: str) -> AsyncIterator[Gateway]:
    """A gateway that takes a thousand bytes of each tenant, and ten minutes a month."""
    async with a_gateway(postgres_url, max_storage_bytes=1000, max_video_minutes=10) as running:
        yield running


async def an_owner(gateway: Gateway) -> httpx.AsyncClient:
    return await gateway.owner(f"studio {uuid4()}")


async def standing(client: httpx.AsyncClient) -> dict[str, Any]:
    return json_of(await client.get("/v1/usage/standing"), 200)


async def stored(client: httpx.AsyncClient) -> int:
    return int((await standing(client))["storage_bytes"]["used"])


async def announce(client: httpx.AsyncClient, size: int | None = None) -> httpx.Response:
    return await client.post("/v1/uploads", json={"filename": "a.mp4", "size_bytes": size})


def slug(answer: httpx.Response, status: int) -> str:
    return str(json_of(answer, status)["type"]).rpartition("/")[2]


async def test_past_its_bytes_a_tenant_is_refused_until_something_goes(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    film = await gateway.video(client, b"x" * 600)

    refused = await announce(client, 401)
    script = await client.post("/v1/scripts", json={"filename": "a.txt", "text": "x" * 401})
    fits = await announce(client, 400)
    await client.delete(f"/v1/uploads/{json_of(fits, 201)['id']}")
    left = await stored(client)
    await client.delete(f"/v1/videos/{film['id']}")
    accepted = await announce(client, 1000)

    assert (slug(refused, 403), slug(script, 403)) == ("storage-quota-exceeded", "storage-quota-exceeded")
    assert "1001 bytes of yours would be stored and 1000 may be" in refused.json()["detail"]
    assert (left, accepted.status_code) == (600, 201)
    assert await stored(client) == 1000


async def test_of_two_who_take_the_last_bytes_at_once_one_gets_them(gateway: Gateway) -> None:
    client = await an_owner(gateway)

    answers = await asyncio.gather(*(announce(client, 600) for _ in range(6)))

    assert sorted(answer.status_code for answer in answers) == [201] + [403] * 5
    assert await stored(client) == 600


async def test_bytes_that_were_not_announced_are_counted_when_they_are_here(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    places = [json_of(await announce(client), 201) for _ in range(3)]

    sent = await asyncio.gather(*(client.put(place["content_url"], content=b"x" * 600) for place in places))
    known_too_large = await client.put(json_of(await announce(client), 201)["content_url"], content=b"x" * 401)

    assert sorted(answer.status_code for answer in sent) == [200, 403, 403]
    assert slug(known_too_large, 403) == "storage-quota-exceeded"
    assert await stored(client) == 600
    kept = [key async for key in gateway.harness.blobs.list("")]
    assert sum(place["id"] in key for key in kept for place in places) == 1, "what was refused is gone"


async def test_a_rejected_or_repeated_request_takes_no_room(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    body = {"filename": "a.mp4", "size_bytes": 700}
    headers = {"Idempotency-Key": "once"}

    answers = [await client.post("/v1/uploads", json=body, headers=headers) for _ in range(3)]
    refused = [await announce(client, 700) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201] * 3
    assert {answer.status_code for answer in refused} == {403}
    assert await stored(client) == 700


async def test_a_length_that_is_told_late_is_bounded_when_it_is_told(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    tus = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
    deferred = {"Tus-Resumable": "1.0.0", "Upload-Defer-Length": "1"}
    made = [await client.post("/v1/uploads/tus", headers=deferred) for _ in range(2)]

    first = await client.patch(made[0].headers["location"], content=b"x" * 10, headers={**tus, "Upload-Length": "600"})
    second = await client.patch(made[1].headers["location"], content=b"x" * 10, headers={**tus, "Upload-Length": "401"})

    assert [answer.status_code for answer in (*made, first)] == [201, 201, 204]
    assert slug(second, 403) == "storage-quota-exceeded"
    assert await stored(client) == 600


async def test_parts_that_are_joined_are_not_counted_twice(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    tus = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
    parts = []
    for _ in range(2):
        headers = {**tus, "Upload-Length": "400", "Upload-Concat": "partial"}
        made = await client.post("/v1/uploads/tus", headers=headers, content=b"x" * 400)
        parts.append(made.headers["location"])

    joined = await client.post(
        "/v1/uploads/tus", headers={"Tus-Resumable": "1.0.0", "Upload-Concat": f"final;{' '.join(parts)}"}
    )
    await gateway.harness.work_off()

    assert joined.status_code == 201, joined.text
    assert await stored(client) == 800


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("announce"), st.integers(0, 400)),
        st.tuples(st.just("send"), st.integers(0, 400)),
        st.tuples(st.just("film"), st.integers(1, 400)),
        st.tuples(st.just("script"), st.integers(1, 400)),
        st.tuples(st.sampled_from(["drop", "erase"]), st.just(0)),
    ),
    max_size=8,
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=OPERATIONS)
async def test_the_count_is_what_counting_would_say_whatever_happened(
    gateway: Gateway, operations: list[tuple[str, int]]
) -> None:
    client = await an_owner(gateway)
    waiting: list[str] = []
    films: list[str] = []

    for what, size in operations:
        if what == "announce" and (made := await announce(client, size)).status_code == 201:
            waiting.append(made.json()["id"])
        elif what == "send" and (made := await announce(client)).status_code == 201:
            await client.put(made.json()["content_url"], content=b"x" * size)
            waiting.append(made.json()["id"])
        elif what == "film" and await stored(client) + size <= 1000:
            films.append((await gateway.video(client, b"x" * size))["id"])
        elif what == "script":
            await client.post("/v1/scripts", json={"filename": "a.txt", "text": "x" * size})
        elif what == "drop" and waiting:
            await client.delete(f"/v1/uploads/{waiting.pop()}")
        elif what == "erase" and films:
            await client.delete(f"/v1/videos/{films.pop()}")

    counted, found = await both_counts(gateway, client)
    assert counted == found <= 1000


async def both_counts(gateway: Gateway, client: httpx.AsyncClient) -> tuple[int, int]:
    me = json_of(await client.get("/v1/me"), 200)
    async with gateway.harness.database.read(UUID(me["tenant_id"])) as connection:
        waiting = func.coalesce(uploads.c.size_bytes, uploads.c.expected_bytes, 0)
        sums = [
            select(func.coalesce(func.sum(waiting), 0)).where(uploads.c.state != "used"),
            select(func.coalesce(func.sum(videos.c.size_bytes), 0)),
            select(func.coalesce(func.sum(scripts.c.size_bytes), 0)),
        ]
        found = [int(await connection.scalar(query) or 0) for query in sums]
        counted = int(await connection.scalar(select(storage_counts.c.bytes)) or 0)
    return counted, sum(found)


async def test_past_its_minutes_a_tenant_hands_in_no_more_films(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    long = an_ingested((await gateway.video(client))["id"]).model_copy(update={"duration_s": 9.5 * 60})
    await gateway.hear(client, long, subject=str(long.video_id))
    places = [json_of(await announce(client), 201) for _ in range(3)]
    for place in places:
        await client.put(place["content_url"], content=b"x")

    made = await asyncio.gather(*(client.post("/v1/videos", json={"upload_id": one["id"]}) for one in places))
    refused = next(answer for answer in made if answer.status_code == 403)
    waiting = next(place for place, answer in zip(places, made, strict=True) if answer.status_code == 403)
    film = next(answer.json() for answer in made if answer.status_code == 201)
    rejected = VideoRejected(video_id=film["id"], reason=RejectionReason.EMPTY, detail="nothing")
    await gateway.hear(client, rejected, subject=film["id"])
    again = await client.post("/v1/videos", json={"upload_id": waiting["id"]})

    assert sorted(answer.status_code for answer in made) == [201, 403, 403], "one under way is one minute"
    assert slug(refused, 403) == "minutes-quota-exceeded"
    assert "9.50 minutes of video came in this month, 1 videos are being taken in" in refused.json()["detail"]
    assert again.status_code == 201, "a film that was turned away has used none"
    assert (await standing(client))["video_minutes"] == {"used": "9.50", "limit": 10}


async def test_erasing_a_film_gives_no_minutes_back(gateway: Gateway) -> None:
    client = await an_owner(gateway)
    video = await gateway.ingested(client)

    await client.delete(f"/v1/videos/{video['id']}")

    assert (await standing(client))["video_minutes"]["used"] == "0.088333"
    report = json_of(await client.get("/v1/usage"), 200)
    assert [line["kind"] for line in report["items"]] == [UsageKind.INGESTED_MINUTES]


def run_limits(gateway: Gateway, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    known = cast(Settings, gateway.harness.service.settings)
    monkeypatch.setenv("GATEWAY_DATABASE_URL", str(known.database_url))
    monkeypatch.setenv("GATEWAY_REDIS_URL", str(known.redis_url))
    monkeypatch.setenv("GATEWAY_BLOBS_URL", known.blobs_url)
    monkeypatch.setenv("GATEWAY_HTTP_PORT", "0")
    monkeypatch.setenv("GATEWAY_SECRET", "a secret of the rig")
    monkeypatch.setattr("sys.argv", ["gateway", "limits", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


async def test_an_operator_sets_what_one_tenant_may_have(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"studio {uuid4()}"
    client, other = await gateway.owner(name), await an_owner(gateway)
    video = await gateway.ingested(client)
    tell = asyncio.to_thread

    before = await tell(run_limits, gateway, monkeypatch, "--tenant", name, "--json")
    capsys.readouterr()
    code = await tell(
        run_limits, gateway, monkeypatch, "--tenant", name, "--jobs", "1", "--storage-bytes", "5000000000",
        "--video-minutes", "unlimited", "--json",
    )  # fmt: skip
    said = json.loads(capsys.readouterr().out)
    jobs = [await client.post("/v1/jobs", json={"video_id": video["id"], "steps": ["scenes"]}) for _ in range(2)]
    large = await announce(client, 4_000_000_000)
    shown = await standing(client)
    back = await tell(run_limits, gateway, monkeypatch, "--tenant", name, "--jobs", "default")
    job = await client.post("/v1/jobs", json={"video_id": video["id"], "steps": ["scenes"]})
    unknown = await tell(run_limits, gateway, monkeypatch, "--tenant", "nobody", "--jobs", "1")

    assert (before, code, back, unknown) == (0, 0, 0, 2)
    assert said == {"jobs": 1, "storage_bytes": 5_000_000_000, "video_minutes": "unlimited"}
    assert [answer.status_code for answer in (*jobs, large, job)] == [202, 429, 201, 202]
    assert (shown["jobs"], shown["video_minutes"]["limit"]) == ({"used": 1, "limit": 1}, None)
    assert (await standing(other))["storage_bytes"]["limit"] == 1000, "nobody else is meant"
