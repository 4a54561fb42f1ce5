"""Bytes that go straight to the bucket, by Google's protocol, and are checked like all others when they are there."""

import hashlib
import io
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import requests
from google.resumable_media import RetryStrategy
from google.resumable_media.requests import ResumableUpload

from gateway.usecases.sweep import Sweep
from support.bucket import a_bucket
from support.bucket_edge import BucketEdge, a_bucket_edge
from support.gateway_rig import Gateway, a_gateway, json_of

KB = 1024
FILM = bytes(range(256)) * 3600  # 900 KiB
DIGEST = hashlib.sha256(FILM).hexdigest()
TYPE = "application/octet-stream"


@pytest.fixture(scope="module")
def server() -> Iterator[BucketEdge]:
    with a_bucket_edge() as edge:
        yield edge


@pytest.fixture
def edge(server: BucketEdge) -> BucketEdge:
    for seen in (server.sessions, server.puts, server.told, server.breaks, server.cancelled):
        seen.clear()
    return server


@pytest.fixture
async def gateway(edge: BucketEdge, postgres_url: str) -> AsyncIterator[Gateway]:
    async with a_gateway(postgres_url, blobs_url=a_bucket(), max_upload_bytes=1_000_000) as gateway:
        yield gateway


async def announced(client: httpx.AsyncClient, **said: Any) -> dict[str, Any]:
    body = {"filename": "film.mp4", "size_bytes": len(FILM), "direct": True, **said}
    return json_of(await client.post("/v1/uploads", json=body), 201)


def put(upload: dict[str, Any], content: bytes = FILM) -> requests.Response:
    """All bytes at once, as the answer says."""
    return requests.put(upload["direct"]["url"], data=content, headers=upload["direct"]["headers"], timeout=30)


def googles(upload: dict[str, Any]) -> Any:
    """Google's own client of sessions, as another process would have it that was told the address."""
    sending: Any = ResumableUpload(upload["direct"]["url"], 512 * KB, checksum=None)  # type: ignore[no-untyped-call]
    sending._retry_strategy = RetryStrategy(max_retries=0)  # type: ignore[no-untyped-call]
    sending._resumable_url, sending._stream, sending._total_bytes = upload["direct"]["url"], io.BytesIO(FILM), len(FILM)
    sending._content_type = TYPE
    return sending


async def stored(gateway: Gateway) -> list[str]:
    return [key async for key in gateway.harness.blobs.list("")]


async def state_of(gateway: Gateway, client: httpx.AsyncClient, upload: dict[str, Any]) -> dict[str, Any]:
    """The upload, once all work is done."""
    await gateway.harness.work_off()
    return json_of(await client.get(f"/v1/uploads/{upload['id']}"), 200)


async def test_bytes_that_went_to_the_bucket_become_a_video(gateway: Gateway, edge: BucketEdge) -> None:
    client = await gateway.owner()
    answer = await client.post(
        "/v1/uploads",
        json={"filename": "film.mp4", "size_bytes": len(FILM), "sha256": DIGEST, "direct": True},
        headers={"Origin": "https://studio.example"},
    )
    upload = json_of(answer, 201)

    assert put(upload).status_code == 200
    completed = json_of(await client.post(upload["direct"]["complete_url"]), 202)
    video = json_of(await client.post("/v1/videos", json={"source": upload["id"]}), 201)
    await gateway.harness.work_off()
    video = json_of(await client.get(f"/v1/videos/{video['id']}"), 200)

    assert (video["state"], video["sha256"]) == ("ingesting", DIGEST)
    assert (completed["state"], completed["direct"]) == ("checking", None)
    assert (edge.only().origin, edge.only().length) == ("https://studio.example", len(FILM))
    assert answer.headers["cache-control"] == "no-store"
    assert [await gateway.harness.blobs.get_bytes(key) for key in await stored(gateway)] == [FILM]


async def test_googles_own_client_goes_on_where_a_connection_broke(gateway: Gateway, edge: BucketEdge) -> None:
    client = await gateway.owner()
    upload = await announced(client, sha256=DIGEST)
    edge.breaks = [300 * KB]

    with requests.Session() as session:
        with pytest.raises(requests.ConnectionError):
            googles(upload).transmit_next_chunk(session, timeout=30)
        sending = googles(upload)
        sending._invalid = True  # as after a failure it saw itself; this one knows of nothing but the address
        sending.recover(session)
        recovered = sending.bytes_uploaded
        while not sending.finished:
            sending.transmit_next_chunk(session, timeout=30)
    json_of(await client.post(upload["direct"]["complete_url"]), 202)
    later = await state_of(gateway, client, upload)

    assert recovered == 256 * KB
    assert [said for said, _ in edge.puts] == [
        "bytes 0-524287/921600",
        "bytes */*",
        "bytes 262144-786431/921600",
        "bytes 786432-921599/921600",
    ]
    assert (later["state"], later["sha256"], later["size_bytes"]) == ("received", DIGEST, len(FILM))


async def test_a_bucket_is_not_asked_where_there_is_none(postgres_url: str) -> None:
    async with a_gateway(postgres_url) as gateway:
        client = await gateway.owner()

        answer = await client.post("/v1/uploads", json={"filename": "a", "size_bytes": 1, "direct": True})

    problem = json_of(answer, 409)
    assert (problem["type"], problem["errors"][0]["field"]) == ("/problems/direct-upload-unavailable", "direct")


async def test_an_upload_to_the_bucket_says_how_long_it_is(gateway: Gateway, edge: BucketEdge) -> None:
    client = await gateway.owner()

    answer = await client.post("/v1/uploads", json={"filename": "a", "direct": True})
    larger = await client.post("/v1/uploads", json={"filename": "a", "size_bytes": 1_000_001, "direct": True})

    assert json_of(answer, 422)["errors"][0]["field"] == "size_bytes"
    assert json_of(larger, 413)["errors"][0]["field"] == "size_bytes"
    assert edge.sessions == {}


async def test_nothing_is_complete_before_it_is_there(gateway: Gateway) -> None:
    client = await gateway.owner()
    upload = await announced(client)

    early = await client.post(upload["direct"]["complete_url"])
    put(upload)
    first = json_of(await client.post(upload["direct"]["complete_url"]), 202)
    await gateway.harness.work_off()
    again = json_of(await client.post(upload["direct"]["complete_url"]), 202)

    assert json_of(early, 409)["type"] == "/problems/upload-conflict"
    assert (first["state"], again["state"], again["sha256"]) == ("checking", "received", DIGEST)


@pytest.mark.parametrize("announcing", [{"sha256": "0" * 64}, {"size_bytes": len(FILM) + 1}])
async def test_other_bytes_than_the_announced_are_refused(
    gateway: Gateway, edge: BucketEdge, announcing: dict[str, Any]
) -> None:
    client = await gateway.owner()
    upload = await announced(client, **announcing)
    edge.only().length = None  # a bucket that holds nobody to what was said: we look for ourselves
    put(upload)
    json_of(await client.post(upload["direct"]["complete_url"]), 202)

    later = await state_of(gateway, client, upload)
    video = await client.post("/v1/videos", json={"source": upload["id"]})

    assert (later["state"], later["failure"]["reason"]) == ("failed", "checksum_mismatch")
    assert video.status_code == 409


async def test_the_bucket_takes_no_more_than_was_announced(gateway: Gateway) -> None:
    upload = await announced(await gateway.owner(), size_bytes=1000)

    assert put(upload).status_code == 400
    assert await stored(gateway) == []


async def test_what_is_checked_cannot_be_sent_again_otherwise(gateway: Gateway, edge: BucketEdge) -> None:
    client = await gateway.owner()
    upload = await announced(client)
    put(upload)
    json_of(await client.post(upload["direct"]["complete_url"]), 202)
    await gateway.harness.work_off()

    put(upload, bytes(len(FILM)))

    [key] = await stored(gateway)
    assert await gateway.harness.blobs.get_bytes(key) == FILM


async def test_room_is_taken_when_it_is_announced_and_given_back_when_it_is_removed(
    edge: BucketEdge, postgres_url: str
) -> None:
    async with a_gateway(postgres_url, blobs_url=a_bucket(), max_storage_bytes=len(FILM) + 10) as gateway:
        client = await gateway.owner()
        upload = await announced(client)

        refused = await client.post("/v1/uploads", json={"filename": "a", "size_bytes": 11, "direct": True})
        removed = await client.delete(f"/v1/uploads/{upload['id']}")
        again = await client.post("/v1/uploads", json={"filename": "a", "size_bytes": 11, "direct": True})

    assert json_of(refused, 403)["type"] == "/problems/storage-quota-exceeded"
    assert (removed.status_code, again.status_code) == (204, 201)
    assert len(edge.sessions) == 1, "nobody was given an address for what was refused"


async def test_what_was_removed_can_be_sent_by_nobody(gateway: Gateway, edge: BucketEdge) -> None:
    client = await gateway.owner()
    upload = await announced(client)

    assert (await client.delete(f"/v1/uploads/{upload['id']}")).status_code == 204

    assert put(upload).status_code == 404
    assert [name.endswith(f"{upload['id']}/content") for name in edge.cancelled] == [True]
    assert await stored(gateway) == []


async def test_bytes_that_come_after_their_upload_expired_are_swept(edge: BucketEdge, postgres_url: str) -> None:
    async with a_gateway(postgres_url, blobs_url=a_bucket(), upload_lifetime_s=1) as gateway:
        client = await gateway.owner()
        upload = await announced(client)
        me = json_of(await client.get("/v1/me"), 200)
        async with gateway.harness.database.begin(me["tenant_id"]) as work:
            for change in ("uploads SET created_at", "transfers SET touched_at"):
                await work.connection.exec_driver_sql(f"UPDATE {change} = now() - interval '1 hour'")

        expired = await sweep_of(gateway)()
        put(upload)
        late = await stored(gateway)
        swept = await sweep_of(gateway)()

        assert (expired.uploads, swept.strays) == (1, 1)
        assert (len(late), await stored(gateway)) == (1, [])
        assert (await client.post(upload["direct"]["complete_url"])).status_code == 404


async def test_the_same_request_again_gets_the_same_address(gateway: Gateway, edge: BucketEdge) -> None:
    client = await gateway.owner()
    body = {"filename": "film.mp4", "size_bytes": len(FILM), "direct": True}

    first, second = [
        json_of(await client.post("/v1/uploads", json=body, headers={"Idempotency-Key": "once"}), 201) for _ in range(2)
    ]

    assert first == second
    assert len(edge.sessions) == 1, "the address nobody was told of is good for nothing"


async def test_the_address_is_told_once_and_kept_nowhere_in_clear(gateway: Gateway) -> None:
    client = await gateway.owner()
    body = {"filename": "film.mp4", "size_bytes": len(FILM), "direct": True}
    upload = json_of(await client.post("/v1/uploads", json=body, headers={"Idempotency-Key": "once"}), 201)
    me = json_of(await client.get("/v1/me"), 200)
    secret = upload["direct"]["url"].rpartition("upload_id=")[2]

    async with gateway.harness.database.begin(me["tenant_id"]) as work:
        rows = [
            str((await work.connection.exec_driver_sql(f"SELECT * FROM {table}")).all())
            for table in ("transfers", "uploads", "idempotency_keys", "audit", "outbox")
        ]

    assert json_of(await client.get(f"/v1/uploads/{upload['id']}"), 200)["direct"] is None
    assert not [row for row in rows if secret in row]


async def test_nobody_completes_or_reaches_what_is_another_tenants(gateway: Gateway, edge: BucketEdge) -> None:
    mine, theirs = await gateway.owner("one"), await gateway.owner("two")
    upload = await announced(mine, filename="../../other-tenant/film.mp4")
    put(upload)

    answers = [
        await theirs.post(f"/v1/uploads/{upload['id']}/complete"),
        await theirs.delete(f"/v1/uploads/{upload['id']}"),
        await theirs.post("/v1/videos", json={"source": upload["id"]}),
    ]

    me = json_of(await mine.get("/v1/me"), 200)
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert edge.only().name.endswith(f"scratch/{me['tenant_id']}/uploads/{upload['id']}/content")


def sweep_of(gateway: Gateway) -> Sweep:
    """The sweep that the service runs every few minutes."""
    owners = [getattr(run, "__self__", None) for run in gateway.harness.service.background]
    [sweep] = [owner for owner in owners if isinstance(owner, Sweep)]
    return sweep
