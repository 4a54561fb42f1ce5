"""Blobs in a bucket: many pieces, nothing left over, and an upload through the whole gateway."""

import hashlib
from collections.abc import AsyncIterator, Iterator

import pytest

from chassis.blobs import Blobs, blobs_at
from support.bucket import a_bucket, a_bucket_server
from support.gateway_rig import a_gateway, json_of

TUS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
FILM = bytes(range(256)) * 4000


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with a_bucket_server() as url:
        yield url


@pytest.fixture
def blobs(server: str) -> Blobs:
    return blobs_at(a_bucket())


async def keys(names: AsyncIterator[str]) -> list[str]:
    return [name async for name in names]


async def test_more_pieces_than_one_request_joins_stay_in_order(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chassis.blobs._gcs_calls._PIECE", 10)
    content = bytes(range(250)) * 3

    async with blobs.grow("k", 0) as growth:
        await growth.write(content[:400])
        await growth.keep()
        await growth.write(content[400:])
    async with blobs.writer("written") as writer:
        await writer.write(content)
    await blobs.seal(["k"], "sealed")

    assert await blobs.get_bytes("sealed") == await blobs.get_bytes("written") == content
    assert writer.sha256 == hashlib.sha256(content).hexdigest()
    assert await keys(blobs.list("")) == ["sealed", "written"]


async def test_nothing_of_a_folder_is_left_in_the_bucket(blobs: Blobs) -> None:
    async with blobs.grow("d/k", 0) as growth:
        await growth.write(b"bytes")
    await blobs.put_bytes("d/e", b"x")

    assert await blobs.delete_prefix("d/") == 2
    assert (await keys(blobs.list("")), await keys(blobs.list_growing("")), await blobs.grown("d/k")) == ([], [], 0)


async def test_an_upload_in_pieces_becomes_a_video_when_blobs_are_in_a_bucket(server: str, postgres_url: str) -> None:
    async with a_gateway(postgres_url, blobs_url=a_bucket()) as gateway:
        client = await gateway.owner()
        said = {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(FILM))}
        url = (await client.post("/v1/uploads/tus", headers=said)).headers["location"]
        for offset, until in ((0, 500_000), (500_000, len(FILM))):
            headers = {**TUS, "Upload-Offset": str(offset)}
            assert (await client.patch(url, headers=headers, content=FILM[offset:until])).status_code == 204

        await gateway.harness.work_off()
        video = json_of(await client.post("/v1/videos", json={"source": url.rpartition("/")[2]}), 201)
        stored = await keys(gateway.harness.blobs.list(""))

        assert (video["state"], video["sha256"]) == ("ingesting", hashlib.sha256(FILM).hexdigest())
        assert [await gateway.harness.blobs.get_bytes(key) for key in stored] == [FILM]
