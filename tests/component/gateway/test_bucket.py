"""Blobs in a bucket: many pieces, nothing left over, and an upload through the whole gateway."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import pytest

from chassis.blobs import BlobBusy, BlobGrowth, Blobs, blobs_at
from gateway.usecases.uploads import growing_key
from support.bucket import a_bucket
from support.bucket_edge import a_bucket_edge
from support.gateway_rig import a_gateway, json_of

TUS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
FILM = bytes(range(256)) * 4000


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with a_bucket_edge() as edge:
        yield edge.url


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


async def overtaken_by(first: BlobGrowth, blobs: Blobs) -> None:
    """A second writer, who keeps what it wrote when the first has done so."""
    async with blobs.grow("k", 5) as second:
        await second.write(b"the second")
        await first.write(b"the first")
        await first.keep()


async def test_a_second_writer_is_refused_and_what_the_first_wrote_stays(blobs: Blobs) -> None:
    async with blobs.grow("k", 0) as growth:
        await growth.write(b"both ")

    async with blobs.grow("k", 5) as first:
        with pytest.raises(BlobBusy):
            await overtaken_by(first, blobs)
        await first.write(b", whole")

    assert await blobs.grown("k") == len(b"both the first, whole")
    await blobs.seal(["k"], "sealed")
    assert await blobs.get_bytes("sealed") == b"both the first, whole"
    assert await keys(blobs.list("")) == ["sealed"]


async def test_a_request_whose_bytes_another_replica_overtook_is_told_so(server: str, postgres_url: str) -> None:
    async with a_gateway(postgres_url, blobs_url=a_bucket()) as gateway:
        client = await gateway.owner()
        said = {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(FILM))}
        url = (await client.post("/v1/uploads/tus", headers=said)).headers["location"]
        me = json_of(await client.get("/v1/me"), 200)
        growing = growing_key(UUID(me["tenant_id"]), UUID(url.rpartition("/")[2]))

        async def overtaken() -> AsyncIterator[bytes]:
            yield FILM[:1000]
            async with gateway.harness.blobs.grow(growing, 0) as another:
                await another.write(FILM[:2000])
            yield FILM[1000:3000]

        refused = await client.patch(url, headers={**TUS, "Upload-Offset": "0"}, content=overtaken())
        offset = (await client.head(url, headers={"Tus-Resumable": "1.0.0"})).headers["upload-offset"]
        rest = await client.patch(url, headers={**TUS, "Upload-Offset": offset}, content=FILM[2000:])

    assert json_of(refused, 423)["type"] == "/problems/upload-locked"
    assert (offset, rest.status_code, rest.headers["upload-offset"]) == ("2000", 204, str(len(FILM)))
