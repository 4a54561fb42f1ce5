"""What every blob store promises, asked of each of them."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chassis.blobs import BlobNotFound, Blobs, InvalidKey, LocalBlobs, UnknownBlobStore, blobs_at
from chassis.testing import MemoryBlobs
from support.bucket import a_bucket, a_bucket_server

BAD_KEYS = [
    "",
    "/etc/passwd",
    "../secret",
    "a/../../secret",
    "a/..",
    "a//b",
    "a/",
    "./a",
    "a/./b",
    ".incoming/x",
    "a\\..\\b",
    "a\x00b",
    "a\nb",
    "a\u202eb",
    "x" * 1000,
    "a/" + "x" * 250,
]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with a_bucket_server() as url:
        yield url


@pytest.fixture(params=["local", "memory", "bucket"])
def blobs(request: pytest.FixtureRequest, server: str, tmp_path: Path) -> Blobs:
    if request.param == "bucket":
        return blobs_at(a_bucket())
    return LocalBlobs(tmp_path / "blobs") if request.param == "local" else MemoryBlobs()


async def everything(blobs: Blobs, key: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([piece async for piece in blobs.read(key, start, end)])


async def keys(blobs: Blobs, prefix: str) -> list[str]:
    return [key async for key in blobs.list(prefix)]


def files_under(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_what_was_put_is_got(blobs: Blobs, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"from a file")

    await blobs.put_bytes("a/b.txt", b"first")
    await blobs.put_bytes("a/b.txt", b"second")
    await blobs.put_file("a/c", file)

    assert await blobs.get_bytes("a/b.txt") == b"second"
    assert await everything(blobs, "a/c") == b"from a file"


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, None, b"0123456789"), (3, None, b"3456789"), (2, 5, b"234"), (8, 99, b"89"), (5, 5, b""), (20, None, b"")],
)
async def test_a_range_is_read_from_start_up_to_end(blobs: Blobs, start: int, end: int | None, expected: bytes) -> None:
    await blobs.put_bytes("k", b"0123456789")

    assert await everything(blobs, "k", start, end) == expected


async def test_a_large_blob_comes_in_pieces(blobs: Blobs) -> None:
    data = bytes(range(256)) * 12_000
    await blobs.put_bytes("large", data)

    pieces = [piece async for piece in blobs.read("large", 7)]

    assert b"".join(pieces) == data[7:]
    assert len(pieces) > 1


async def test_the_etag_changes_with_the_bytes(blobs: Blobs) -> None:
    await blobs.put_bytes("k", b"one")
    before = await blobs.stat("k")

    await blobs.put_bytes("k", b"three")
    after = await blobs.stat("k")

    assert (before.size, after.size) == (3, 5)
    assert before.etag != after.etag
    assert after.modified >= before.modified


async def test_a_written_blob_appears_whole_at_the_end(blobs: Blobs) -> None:
    async with blobs.writer("w") as writer:
        await writer.write(b"hello ")
        await writer.write(b"world")
        assert await keys(blobs, "") == []
        assert writer.size == 11
        assert writer.sha256 == hashlib.sha256(b"hello world").hexdigest()

    assert await blobs.get_bytes("w") == b"hello world"


async def test_a_writer_that_fails_leaves_nothing(blobs: Blobs, tmp_path: Path) -> None:
    async def fail() -> None:
        async with blobs.writer("w") as writer:
            await writer.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()

    assert await keys(blobs, "") == []
    assert files_under(tmp_path) == []


async def test_a_local_path_holds_the_bytes(blobs: Blobs) -> None:
    await blobs.put_bytes("dir/name.json", b"{}")

    async with blobs.local("dir/name.json") as path:
        assert path.name == "name.json"
        assert path.read_bytes() == b"{}"


async def test_a_copy_outlives_its_source(blobs: Blobs) -> None:
    await blobs.put_bytes("a", b"data")

    await blobs.copy("a", "deep/er/b")
    await blobs.delete("a")

    assert await blobs.get_bytes("deep/er/b") == b"data"


async def test_deleting_what_is_missing_is_fine(blobs: Blobs) -> None:
    await blobs.delete("never/was")


async def test_a_prefix_lists_and_deletes_its_folder_only(blobs: Blobs) -> None:
    for key in ("d/1/a", "d/1/b/c", "d/10/a", "e/1"):
        await blobs.put_bytes(key, b"x")

    listed = await keys(blobs, "d/1")
    count = await blobs.delete_prefix("d/1/")

    assert listed == ["d/1/a", "d/1/b/c", "d/10/a"]
    assert count == 2
    assert await keys(blobs, "") == ["d/10/a", "e/1"]


async def test_a_prefix_without_its_slash_deletes_nothing(blobs: Blobs) -> None:
    await blobs.put_bytes("d/10/a", b"x")

    with pytest.raises(ValueError, match="slash"):
        await blobs.delete_prefix("d/1")

    assert await keys(blobs, "") == ["d/10/a"]


async def test_reading_what_is_missing_says_so(blobs: Blobs) -> None:
    await blobs.put_bytes("folder/file", b"x")

    for key in ("missing", "folder", "folder/file/below"):
        with pytest.raises(BlobNotFound):
            await blobs.get_bytes(key)
        with pytest.raises(BlobNotFound):
            await blobs.stat(key)
        with pytest.raises(BlobNotFound):
            await everything(blobs, key)
        with pytest.raises(BlobNotFound):
            await blobs.copy(key, "elsewhere")
        with pytest.raises(BlobNotFound):
            async with blobs.local(key):
                pass


@pytest.mark.parametrize("key", BAD_KEYS)
async def test_a_bad_key_is_refused_by_every_method(blobs: Blobs, tmp_path: Path, key: str) -> None:
    async def write() -> None:
        async with blobs.writer(key):
            pass

    async def local() -> None:
        async with blobs.local(key):
            pass

    calls: list[Callable[[], object]] = [
        lambda: blobs.put_bytes(key, b""),
        lambda: blobs.put_file(key, Path(__file__)),
        lambda: blobs.get_bytes(key),
        lambda: blobs.stat(key),
        lambda: everything(blobs, key),
        lambda: blobs.copy(key, "a"),
        lambda: blobs.copy("a", key),
        lambda: blobs.delete(key),
        write,
        local,
    ]

    for call in calls:
        with pytest.raises((InvalidKey, BlobNotFound)) as refusal:
            await call()  # type: ignore[misc]
        assert refusal.type is InvalidKey or "'a'" in str(refusal.value)
    assert files_under(tmp_path) == []


def test_a_store_is_picked_by_its_address(tmp_path: Path) -> None:
    store = blobs_at(f"file://{tmp_path}")

    assert isinstance(store, LocalBlobs)
    for bad in ("s3://bucket", "file:relative", "/plain/path", "file://host/path"):
        with pytest.raises(UnknownBlobStore):
            blobs_at(bad)
