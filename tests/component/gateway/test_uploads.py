"""Bytes on their way in."""

import errno
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from gateway.domain.access import Caller
from gateway.domain.library import Upload
from gateway.usecases.uploads import Uploads
from support.gateway_rig import Gateway, json_of

FILM = bytes(range(256)) * 1000
DIGEST = hashlib.sha256(FILM).hexdigest()


async def pieces(content: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def blobs_of(gateway: Gateway) -> list[str]:
    return [key async for key in gateway.harness.blobs.list("")]


def files_under(blobs_url: str) -> list[Path]:
    return [path for path in Path(blobs_url.removeprefix("file://")).rglob("*") if path.is_file()]


async def test_bytes_are_stored_as_they_come_and_hashed_on_the_way(gateway: Gateway) -> None:
    client = await gateway.owner()
    wanted = {"filename": "a film.mp4", "size_bytes": len(FILM), "sha256": DIGEST}

    upload = json_of(await client.post("/v1/uploads", json=wanted), 201)
    received = json_of(await client.put(upload["content_url"], content=pieces(FILM)), 200)
    read = json_of(await client.get(f"/v1/uploads/{upload['id']}"), 200)

    assert (upload["state"], upload["max_bytes"]) == ("waiting", len(FILM))
    assert received == read
    assert (received["state"], received["size_bytes"], received["sha256"]) == ("received", len(FILM), DIGEST)
    [key] = await blobs_of(gateway)
    assert await gateway.harness.blobs.get_bytes(key) == FILM


async def test_an_upload_over_the_limit_is_refused_when_announced_and_when_sent(gateway: Gateway) -> None:
    client = await gateway.owner()
    too_many = b"x" * 1_000_001
    read = 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal read
        async for piece in pieces(too_many * 3):
            read += len(piece)
            yield piece

    announced = await client.post("/v1/uploads", json={"filename": "a.mp4", "size_bytes": 1_000_001})
    upload = json_of(await client.post("/v1/uploads", json={"filename": "a.mp4"}), 201)
    sized = await client.put(upload["content_url"], content=too_many)
    streamed = await client.put(upload["content_url"], content=counted())

    assert {announced.status_code, sized.status_code, streamed.status_code} == {413}
    assert read < 1_100_000, "it stops early"
    assert await blobs_of(gateway) == []
    assert json_of(await client.get(f"/v1/uploads/{upload['id']}"), 200)["state"] == "waiting"


@pytest.mark.parametrize(
    ("promised", "status"),
    [({"sha256": "0" * 64}, 422), ({"size_bytes": len(FILM) + 1}, 422), ({"size_bytes": len(FILM) - 1}, 413)],
)
async def test_other_bytes_than_promised_are_refused_and_may_be_sent_again(
    gateway: Gateway, promised: dict[str, Any], status: int
) -> None:
    client = await gateway.owner()
    upload = json_of(await client.post("/v1/uploads", json={"filename": "a.mp4", **promised}), 201)

    refused = [
        await client.put(upload["content_url"], content=FILM),
        await client.put(upload["content_url"], content=pieces(FILM)),
    ]

    assert {answer.status_code for answer in refused} == {status}
    assert await blobs_of(gateway) == []
    assert json_of(await client.get(f"/v1/uploads/{upload['id']}"), 200)["state"] == "waiting"


async def test_bytes_are_received_once(gateway: Gateway) -> None:
    client = await gateway.owner()
    upload = json_of(await client.post("/v1/uploads", json={"filename": "a.mp4"}), 201)
    json_of(await client.put(upload["content_url"], content=FILM), 200)

    again = await client.put(upload["content_url"], content=b"other bytes")

    assert json_of(again, 409)["type"] == "/problems/upload-conflict"
    assert len(await blobs_of(gateway)) == 1


async def test_a_full_disk_is_said_plainly(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await gateway.owner()
    upload = json_of(await client.post("/v1/uploads", json={"filename": "a.mp4"}), 201)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("chassis.blobs._local_files.LocalWriter._append", full)
    answer = await client.put(upload["content_url"], content=FILM)

    assert json_of(answer, 507)["type"] == "/problems/storage-full"
    assert await blobs_of(gateway) == []


async def test_a_client_that_hangs_up_leaves_nothing_behind(gateway: Gateway) -> None:
    client = await gateway.owner()
    upload = json_of(await client.post("/v1/uploads", json={"filename": "a.mp4"}), 201)
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": FILM, "more_body": True},
        {"type": "http.disconnect"},
    ]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "PUT",
        "scheme": "http",
        "path": upload["content_url"],
        "raw_path": upload["content_url"].encode(),
        "query_string": b"",
        "headers": [(b"authorization", client.headers["authorization"].encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        pass

    await gateway.app(scope, receive, send)

    assert await blobs_of(gateway) == []
    assert files_under(gateway.harness.service.settings.blobs_url) == []
    assert json_of(await client.get(f"/v1/uploads/{upload['id']}"), 200)["state"] == "waiting"


async def test_an_upload_that_no_video_uses_can_be_deleted_with_its_bytes(gateway: Gateway) -> None:
    client = await gateway.owner()
    upload = json_of(await client.post("/v1/uploads", json={"filename": "a.mp4"}), 201)
    json_of(await client.put(upload["content_url"], content=FILM), 200)

    deleted = await client.delete(f"/v1/uploads/{upload['id']}")

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert await blobs_of(gateway) == []
    assert (await client.get(f"/v1/uploads/{upload['id']}")).status_code == 404


async def test_an_upload_deleted_while_its_bytes_come_leaves_none_behind(gateway: Gateway) -> None:
    client = await gateway.owner()
    upload = json_of(await client.post("/v1/uploads", json={"filename": "a.mp4"}), 201)

    async def deleted_halfway() -> AsyncIterator[bytes]:
        yield FILM[:1000]
        assert (await client.delete(f"/v1/uploads/{upload['id']}")).status_code == 204
        yield FILM[1000:]

    sent = await client.put(upload["content_url"], content=deleted_halfway())

    assert json_of(sent, 404)["type"] == "/problems/not-found"
    assert await blobs_of(gateway) == []


async def test_an_upload_whose_bytes_came_while_it_was_being_deleted_leaves_none_behind(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await gateway.owner()
    upload = json_of(await client.post("/v1/uploads", json={"filename": "a.mp4"}), 201)
    look = Uploads.get

    async def look_and_then_they_come(uploads: Uploads, caller: Caller, upload_id: UUID) -> Upload:
        found = await look(uploads, caller, upload_id)
        monkeypatch.setattr(Uploads, "get", look)
        json_of(await client.put(upload["content_url"], content=FILM), 200)
        return found

    monkeypatch.setattr(Uploads, "get", look_and_then_they_come)
    deleted = await client.delete(f"/v1/uploads/{upload['id']}")

    assert deleted.status_code == 204
    assert await blobs_of(gateway) == []


async def test_bytes_that_could_not_be_recorded_go_with_their_upload(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await gateway.owner()
    upload = json_of(await client.post("/v1/uploads", json={"filename": "a.mp4"}), 201)

    async def away(*_: object, **__: object) -> bool:
        raise ConnectionRefusedError("nobody listens")

    with monkeypatch.context() as patched:
        patched.setattr("gateway.adapters.postgres.library.PostgresUploads.receive", away)
        unrecorded = await client.put(upload["content_url"], content=FILM)
    again = await client.put(upload["content_url"], content=FILM)
    deleted = await client.delete(f"/v1/uploads/{upload['id']}")

    assert (unrecorded.status_code, again.status_code, deleted.status_code) == (503, 200, 204)
    assert await blobs_of(gateway) == []


async def test_an_upload_a_video_uses_cannot_be_deleted_or_used_again(gateway: Gateway) -> None:
    client = await gateway.owner()
    upload = json_of(await client.post("/v1/uploads", json={"filename": "a.mp4"}), 201)
    early = await client.post("/v1/videos", json={"upload_id": upload["id"]})
    json_of(await client.put(upload["content_url"], content=FILM), 200)
    json_of(await client.post("/v1/videos", json={"upload_id": upload["id"]}), 201)

    twice = await client.post("/v1/videos", json={"upload_id": upload["id"]})
    deleted = await client.delete(f"/v1/uploads/{upload['id']}")
    unknown = await client.post("/v1/videos", json={"upload_id": str(uuid4())})

    assert (early.status_code, twice.status_code, deleted.status_code, unknown.status_code) == (409, 409, 409, 404)
