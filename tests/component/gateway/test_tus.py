"""Uploads in pieces, by tus 1.0.0: what the protocol says, header by header."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import update

from contracts.gateway import VideoSubmitted
from gateway.adapters.postgres.tables import transfers
from gateway.domain.access import Role
from support.gateway_rig import Gateway, json_of

TUS = "/v1/uploads/tus"
PIECES = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
FILM = bytes(range(256)) * 400
DIGEST = hashlib.sha256(FILM).hexdigest()


def coded(value: str | bytes) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def checksum(algorithm: str, content: bytes) -> str:
    return f"{algorithm} {coded(hashlib.new(algorithm, content, usedforsecurity=False).digest())}"


async def create(
    client: httpx.AsyncClient, length: int | None = len(FILM), content: bytes = b"", **headers: str
) -> str:
    """The address of a new upload."""
    said = {"Tus-Resumable": "1.0.0", **{name.replace("_", "-"): value for name, value in headers.items()}}
    if length is not None:
        said["Upload-Length"] = str(length)
    if content:
        said |= PIECES
    answer = await client.post(TUS, headers=said, content=content)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


async def send(client: httpx.AsyncClient, url: str, offset: int, content: Any, **headers: str) -> httpx.Response:
    said = {
        **PIECES,
        "Upload-Offset": str(offset),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return await client.patch(url, headers=said, content=content)


async def head(client: httpx.AsyncClient, url: str) -> httpx.Response:
    return await client.head(url, headers={"Tus-Resumable": "1.0.0"})


async def offset_of(client: httpx.AsyncClient, url: str) -> int:
    return int((await head(client, url)).headers["upload-offset"])


def id_of(url: str) -> str:
    return url.rpartition("/")[2]


async def upload_at(client: httpx.AsyncClient, url: str) -> dict[str, Any]:
    return json_of(await client.get(f"/v1/uploads/{id_of(url)}"), 200)


def files_of(gateway: Gateway) -> list[Path]:
    folder = Path(gateway.harness.service.settings.blobs_url.removeprefix("file://"))
    return [path for path in folder.rglob("*") if path.is_file()]


async def age(gateway: Gateway, client: httpx.AsyncClient, **by: float) -> None:
    """Let all uploads in pieces of this tenant have been left alone for so long."""
    me = json_of(await client.get("/v1/me"), 200)
    async with gateway.harness.database.begin(me["tenant_id"]) as work:
        await work.connection.execute(update(transfers).values(touched_at=datetime.now(UTC) - timedelta(**by)))


async def test_what_we_speak_is_told_to_whoever_asks(gateway: Gateway) -> None:
    answer = await gateway.anonymous().options(TUS)

    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert answer.headers["tus-max-size"] == "1000000"
    assert answer.headers["tus-checksum-algorithm"] == "sha1,sha256,md5"
    assert set(answer.headers["tus-extension"].split(",")) == {
        *("creation", "creation-with-upload", "creation-defer-length", "expiration"),
        *("checksum", "termination", "concatenation"),
    }


async def test_pieces_become_an_upload_and_then_a_video(gateway: Gateway) -> None:
    client = await gateway.owner()
    url = await create(client, Upload_Metadata=f"filename {coded('a film.mp4')},note {coded('x')},flag")

    first = await send(client, url, 0, FILM[:60_000])
    between = await head(client, url)
    last = await send(client, url, 60_000, FILM[60_000:])
    checking = await upload_at(client, url)
    await gateway.harness.work_off()
    received = await upload_at(client, url)
    video = json_of(await client.post("/v1/videos", json={"source": received["id"]}), 201)

    assert [(one.status_code, one.headers["upload-offset"]) for one in (first, last)] == [
        (204, "60000"),
        (204, "102400"),
    ]
    assert (between.headers["upload-offset"], between.headers["upload-length"]) == ("60000", "102400")
    assert between.headers["upload-metadata"] == f"filename {coded('a film.mp4')},note {coded('x')},flag"
    assert between.headers["cache-control"] == "no-store"
    assert (checking["state"], received["state"]) == ("checking", "received")
    assert (received["filename"], received["size_bytes"], received["sha256"]) == ("a film.mp4", len(FILM), DIGEST)
    assert (video["state"], video["title"], video["sha256"]) == ("ingesting", "a film", DIGEST)
    [fact] = gateway.harness.facts(VideoSubmitted)
    assert await gateway.harness.blobs.get_bytes(fact.upload_key) == FILM


async def test_a_video_may_be_asked_for_while_its_bytes_are_still_being_added_up(gateway: Gateway) -> None:
    client = await gateway.owner()
    url = await create(client, content=FILM)

    early = json_of(await client.post("/v1/videos", json={"upload_id": id_of(url)}), 201)
    job = await gateway.job(client, early["id"])
    said_early = gateway.harness.facts(VideoSubmitted)
    await gateway.harness.work_off()
    later = json_of(await client.get(f"/v1/videos/{early['id']}"), 200)

    assert (early["state"], early["sha256"], early["size_bytes"]) == ("importing", None, None)
    assert (later["state"], later["sha256"], later["size_bytes"]) == ("ingesting", DIGEST, len(FILM))
    assert (said_early, job["state"]) == ([], "queued")
    [fact] = gateway.harness.facts(VideoSubmitted)
    assert (str(fact.video_id), fact.sha256) == (early["id"], DIGEST)


async def test_the_first_piece_may_come_with_the_creation(gateway: Gateway) -> None:
    client = await gateway.owner()
    headers = {**PIECES, "Upload-Length": str(len(FILM)), "Upload-Checksum": checksum("sha256", FILM[:1000])}

    answer = await client.post(TUS, headers=headers, content=FILM[:1000])

    assert (answer.status_code, answer.headers["upload-offset"]) == (201, "1000")
    assert await offset_of(client, answer.headers["location"]) == 1000


async def test_the_length_may_be_told_later_and_once(gateway: Gateway) -> None:
    client = await gateway.owner()
    url = await create(client, None, Upload_Defer_Length="1")
    deferred = await head(client, url)
    await send(client, url, 0, FILM[:10])

    too_short = await send(client, url, 10, b"", Upload_Length="9")
    told = await send(client, url, 10, FILM[10:20], Upload_Length=str(len(FILM)))
    other = await send(client, url, 20, b"x", Upload_Length="30")

    assert deferred.headers["upload-defer-length"] == "1"
    assert "upload-length" not in deferred.headers
    assert [one.status_code for one in (too_short, told, other)] == [400, 204, 400]
    assert (await head(client, url)).headers["upload-length"] == str(len(FILM))


async def test_an_upload_of_nothing_is_whole_at_once(gateway: Gateway) -> None:
    client = await gateway.owner()

    url = await create(client, 0)
    await gateway.harness.work_off()

    assert (await upload_at(client, url))["state"] == "received"
    assert await offset_of(client, url) == 0


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
async def test_a_piece_with_another_checksum_is_dropped(gateway: Gateway, algorithm: str) -> None:
    client = await gateway.owner()
    url = await create(client)
    await send(client, url, 0, FILM[:100])

    wrong = await send(client, url, 100, FILM[100:200], Upload_Checksum=checksum(algorithm, b"other bytes"))
    after = await offset_of(client, url)
    right = await send(client, url, 100, FILM[100:], Upload_Checksum=checksum(algorithm, FILM[100:]))
    await gateway.harness.work_off()

    assert json_of(wrong, 460)["type"] == "/problems/chunk-mismatch"
    assert (after, right.status_code) == (100, 204)
    assert (await upload_at(client, url))["sha256"] == DIGEST


@pytest.mark.parametrize(
    "header", ["crc32 AAAAAA==", "sha1", "sha1 !", f"sha1 {coded(b'short')}", "", f"SHA1 {coded(bytes(20))}"]
)
async def test_a_checksum_we_cannot_check_is_refused(gateway: Gateway, header: str) -> None:
    client = await gateway.owner()
    url = await create(client)

    answer = await send(client, url, 0, FILM, Upload_Checksum=header)

    assert json_of(answer, 400)["type"] == "/problems/bad-tus-header"
    assert await offset_of(client, url) == 0


async def test_bytes_go_on_where_the_last_ones_ended_and_nowhere_else(gateway: Gateway) -> None:
    client = await gateway.owner()
    url = await create(client)
    await send(client, url, 0, FILM[:100])

    answers = [await send(client, url, offset, b"x") for offset in (0, 99, 101)]

    assert {json_of(answer, 409)["type"] for answer in answers} == {"/problems/wrong-offset"}
    assert await offset_of(client, url) == 100


async def test_no_more_bytes_are_taken_than_were_announced_or_are_allowed(gateway: Gateway) -> None:
    client = await gateway.owner()
    small, open_end = await create(client, 100), await create(client, None, Upload_Defer_Length="1")

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(50_000)

    said = await send(client, small, 0, bytes(101))
    streamed = await send(client, small, 0, endless())
    over = await send(client, open_end, 0, endless())
    announced = await client.post(TUS, headers={"Tus-Resumable": "1.0.0", "Upload-Length": "1000001"})

    assert {one.status_code for one in (said, streamed, over, announced)} == {413}
    assert await offset_of(client, small) <= 100


@pytest.mark.parametrize("version", [None, "0.2.2", "1.0.1"])
async def test_another_version_of_tus_is_not_spoken(gateway: Gateway, version: str | None) -> None:
    client = await gateway.owner()
    url = await create(client)
    headers = {**({} if version is None else {"Tus-Resumable": version}), "Upload-Length": "1", "Upload-Offset": "0"}

    answers = [
        await client.post(TUS, headers=headers),
        await client.head(url, headers=headers),
        await client.patch(url, headers=headers),
        await client.delete(url, headers=headers),
    ]

    assert {answer.status_code for answer in answers} == {412}
    assert {answer.headers["tus-version"] for answer in answers} == {"1.0.0"}
    assert {answer.headers["tus-resumable"] for answer in answers} == {"1.0.0"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Upload-Length": "-1"},
        {"Upload-Length": "1e3"},
        {"Upload-Length": "9" * 19},
        {"Upload-Length": "10", "Upload-Defer-Length": "1"},
        {"Upload-Defer-Length": "2"},
        {"Upload-Length": "10", "Upload-Metadata": "filename !"},
        {"Upload-Length": "10", "Upload-Metadata": "a YQ==,a Yg=="},
        {"Upload-Length": "10", "Upload-Metadata": f"sha256 {coded('abc')}"},
        {"Upload-Length": "10", "Upload-Concat": "whole"},
        {"Upload-Length": "10", "Upload-Concat": f"final;{TUS}/{uuid4()}"},
        {"Upload-Concat": "final;"},
        {"Upload-Concat": "final;/v1/videos/" + str(uuid4())},
    ],
)
async def test_a_creation_that_makes_no_sense_is_refused(gateway: Gateway, headers: dict[str, str]) -> None:
    client = await gateway.owner()

    answer = await client.post(TUS, headers={"Tus-Resumable": "1.0.0", **headers})

    assert json_of(answer, 400)["type"] == "/problems/bad-tus-header"
    assert answer.headers["tus-resumable"] == "1.0.0"


async def test_bytes_of_another_type_are_not_taken(gateway: Gateway) -> None:
    client = await gateway.owner()
    url = await create(client)

    patched = await client.patch(url, headers={"Tus-Resumable": "1.0.0", "Upload-Offset": "0"}, content=FILM)
    created = await client.post(TUS, headers={"Tus-Resumable": "1.0.0", "Upload-Length": "5"}, content=b"bytes")

    assert (patched.status_code, created.status_code) == (415, 415)
    assert await offset_of(client, url) == 0


async def test_parts_sent_side_by_side_are_joined_in_the_order_asked_for(gateway: Gateway) -> None:
    client = await gateway.owner()
    cuts = (FILM[:30_000], FILM[30_000:30_001], b"", FILM[30_001:])
    parts = await asyncio.gather(*(create(client, len(cut), cut, Upload_Concat="partial") for cut in cuts))
    urls = " ".join(f"https://matchcut.example{part}" for part in parts)

    final = await create(client, None, Upload_Concat=f"final;{urls}", Upload_Metadata=f"filename {coded('b.mp4')}")
    joining = await head(client, final)
    await gateway.harness.work_off()
    joined = await head(client, final)

    assert "upload-offset" not in joining.headers
    assert joined.headers["upload-offset"] == joined.headers["upload-length"] == str(len(FILM))
    assert joined.headers["upload-concat"].startswith("final;")
    assert (await upload_at(client, final))["sha256"] == DIGEST
    assert (await send(client, final, len(FILM), b"x")).status_code == 403
    assert {(await head(client, part)).status_code for part in parts if part != parts[2]} == {404}


async def test_only_whole_parts_of_ones_own_are_joined(gateway: Gateway) -> None:
    client, stranger = await gateway.owner(), await gateway.owner("stranger")
    half = await create(client, 100, bytes(50), Upload_Concat="partial")
    whole = await create(client, 10, bytes(10), Upload_Concat="partial")
    no_part = await create(client, 10, bytes(5))

    async def join(by: httpx.AsyncClient, *urls: str) -> int:
        headers = {"Tus-Resumable": "1.0.0", "Upload-Concat": f"final;{' '.join(urls)}"}
        return (await by.post(TUS, headers=headers)).status_code

    assert await join(client, half, whole) == 409
    assert await join(client, no_part) == 409
    assert await join(client, whole, whole) == 404
    assert await join(client, f"{TUS}/{uuid4()}") == 404
    assert await join(stranger, whole) == 404
    assert (await head(client, whole)).headers["upload-concat"] == "partial"


async def test_a_part_is_no_upload_a_video_can_be_made_of(gateway: Gateway) -> None:
    client = await gateway.owner()
    part = await create(client, len(FILM), FILM, Upload_Concat="partial")

    assert (await client.post("/v1/videos", json={"source": id_of(part)})).status_code == 409


async def test_an_upload_that_is_ended_leaves_nothing_behind(gateway: Gateway) -> None:
    client = await gateway.owner()
    half, whole = await create(client, content=FILM[:100]), await create(client, content=FILM)

    ended = [await client.delete(url, headers={"Tus-Resumable": "1.0.0"}) for url in (half, whole)]
    await gateway.harness.work_off()

    assert [answer.status_code for answer in ended] == [204, 204]
    assert {(await head(client, url)).status_code for url in (half, whole)} == {404}
    assert files_of(gateway) == []


async def test_an_upload_that_is_ended_while_its_bytes_come_leaves_nothing_behind(gateway: Gateway) -> None:
    client = await gateway.owner()
    url = await create(client)

    async def ended_halfway() -> AsyncIterator[bytes]:
        yield FILM[:1000]
        assert (await client.delete(url, headers={"Tus-Resumable": "1.0.0"})).status_code == 204
        yield FILM[1000:]

    answer = await send(client, url, 0, ended_halfway())

    assert answer.status_code == 404
    assert files_of(gateway) == []


async def test_a_connection_that_breaks_leaves_what_came(gateway: Gateway) -> None:
    client = await gateway.owner()
    url = await create(client)

    async def broken(content: bytes, **headers: str) -> None:
        messages: list[dict[str, Any]] = [
            {"type": "http.request", "body": content, "more_body": True},
            {"type": "http.disconnect"},
        ]
        said = {**PIECES, **headers, "Authorization": client.headers["authorization"]}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "PATCH",
            "scheme": "http",
            "path": url,
            "raw_path": url.encode(),
            "query_string": b"",
            "headers": [(name.lower().encode(), value.encode()) for name, value in said.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
        }

        async def receive() -> dict[str, Any]:
            return messages.pop(0)

        async def ignore(_: Any) -> None:
            pass

        await gateway.app(scope, receive, ignore)

    await broken(FILM[:5000], **{"Upload-Offset": "0"})
    kept = await offset_of(client, url)
    await broken(FILM[5000:6000], **{"Upload-Offset": "5000", "Upload-Checksum": checksum("sha1", FILM[5000:])})
    unproven = await offset_of(client, url)
    await send(client, url, 5000, FILM[5000:])
    await gateway.harness.work_off()

    assert (kept, unproven) == (5000, 5000)
    assert (await upload_at(client, url))["sha256"] == DIGEST


async def test_a_request_that_hangs_makes_way_for_the_next(gateway: Gateway) -> None:
    client = await gateway.owner()
    url = await create(client)
    some_came, never = asyncio.Event(), asyncio.Event()

    async def hanging() -> AsyncIterator[bytes]:
        yield FILM[:1000]
        some_came.set()
        await never.wait()

    hung = asyncio.create_task(send(client, url, 0, hanging()))
    await some_came.wait()
    early = await send(client, url, 0, b"x")
    left = await hung
    again = await send(client, url, await offset_of(client, url), FILM[1000:])

    assert left.status_code == 423
    assert left.headers["retry-after"]
    assert (early.status_code, again.status_code) == (409, 204), "what the first one brought is kept"
    await gateway.harness.work_off()
    assert (await upload_at(client, url))["sha256"] == DIGEST


async def test_of_two_requests_at_once_one_brings_its_bytes(gateway: Gateway) -> None:
    client = await gateway.owner()
    url = await create(client)

    answers = await asyncio.gather(*(send(client, url, 0, FILM) for _ in range(4)))
    await gateway.harness.work_off()

    assert {answer.status_code for answer in answers} <= {204, 409, 423}
    assert (await upload_at(client, url))["sha256"] == DIGEST


async def test_whoever_received_the_last_byte_may_die_before_saying_so(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await gateway.owner()
    url = await create(client)

    async def away(*_: object, **__: object) -> bool:
        raise ConnectionRefusedError("nobody listens")

    with monkeypatch.context() as patched:
        patched.setattr("gateway.adapters.postgres.library.PostgresUploads.whole", away)
        unsaid = await send(client, url, 0, FILM)
    asked = await head(client, url)
    await gateway.harness.work_off()

    assert (unsaid.status_code, asked.headers["upload-offset"]) == (503, str(len(FILM)))
    assert (await upload_at(client, url))["sha256"] == DIGEST


async def test_an_upload_left_alone_expires_and_one_that_moves_does_not(gateway: Gateway) -> None:
    client = await gateway.owner()
    left, moving = await create(client, content=FILM[:10]), await create(client, content=FILM[:10])
    told = parsedate_to_datetime((await head(client, left)).headers["upload-expires"])
    await age(gateway, client, days=2)

    refused = await send(client, left, 10, b"x")
    await age(gateway, client, hours=23)
    moved = await send(client, moving, 10, FILM[10:20])

    assert timedelta(hours=23) < told - datetime.now(UTC) <= timedelta(days=1)
    assert json_of(refused, 410)["type"] == "/problems/upload-expired"
    assert parsedate_to_datetime(moved.headers["upload-expires"]) > datetime.now(UTC) + timedelta(hours=23)


async def test_bytes_that_are_not_the_announced_ones_fail_the_upload_and_its_video(gateway: Gateway) -> None:
    client = await gateway.owner()
    metadata = f"sha256 {coded('0' * 64)}"
    unused, used = [await create(client, content=FILM, Upload_Metadata=metadata) for _ in range(2)]
    video = json_of(await client.post("/v1/videos", json={"source": id_of(used)}), 201)
    job = await gateway.job(client, video["id"])

    await gateway.harness.work_off()

    failed = await upload_at(client, unused)
    assert (failed["state"], failed["failure"]["reason"]) == ("failed", "checksum_mismatch")
    assert (await client.post("/v1/videos", json={"source": id_of(unused)})).status_code == 409
    rejected = json_of(await client.get(f"/v1/videos/{video['id']}"), 200)
    assert (rejected["state"], rejected["rejection"]["reason"]) == ("rejected", "checksum_mismatch")
    assert json_of(await client.get(f"/v1/jobs/{job['id']}"), 200)["state"] == "failed"


async def test_a_video_erased_before_its_bytes_were_added_up_leaves_none(gateway: Gateway) -> None:
    client = await gateway.owner()
    url = await create(client, content=FILM)
    video = json_of(await client.post("/v1/videos", json={"source": id_of(url)}), 201)

    json_of(await client.delete(f"/v1/videos/{video['id']}"), 202)
    await gateway.harness.work_off()

    assert files_of(gateway) == []
    assert gateway.harness.facts(VideoSubmitted) == []


async def test_a_creation_may_be_repeated_with_its_key(gateway: Gateway) -> None:
    client = await gateway.owner()

    first = await create(client, content=FILM[:10], Idempotency_Key="one")
    again = await create(client, content=FILM[:10], Idempotency_Key="one")
    other = await client.post(TUS, headers={"Tus-Resumable": "1.0.0", "Upload-Length": "5", "Idempotency-Key": "one"})

    assert first == again
    assert await offset_of(client, first) == 10
    assert json_of(other, 422)["type"] == "/problems/idempotency-key-reused"


async def test_clients_that_know_only_post_say_what_they_mean_in_a_header(gateway: Gateway) -> None:
    client = await gateway.owner()
    url = await create(client)
    override = {**PIECES, "Upload-Offset": "0"}

    patched = await client.post(url, headers={**override, "X-HTTP-Method-Override": "PATCH"}, content=FILM[:10])
    deleted = await client.post(url, headers={"Tus-Resumable": "1.0.0", "X-HTTP-Method-Override": "DELETE"})

    assert (patched.status_code, patched.headers["upload-offset"]) == (204, "10")
    assert deleted.status_code == 204


async def test_an_override_does_not_lead_past_the_rights(gateway: Gateway) -> None:
    tenant_id = await gateway.tenant("studio")
    url = await create(await gateway.client(await gateway.user(tenant_id)))
    viewer = await gateway.client(await gateway.user(tenant_id, Role.VIEWER))

    answer = await viewer.post(url, headers={"Tus-Resumable": "1.0.0", "X-HTTP-Method-Override": "DELETE"})

    assert answer.status_code == 403
