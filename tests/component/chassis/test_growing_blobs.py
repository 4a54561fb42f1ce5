"""Blobs that come in pieces, over days and from several processes: asked of each store."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from chassis.blobs import BlobBusy, BlobNotFound, Blobs, LocalBlobs, StorageFull, WrongOffset, blobs_at
from chassis.testing import MemoryBlobs
from support.bucket import a_bucket, a_bucket_server
from support.small_disk import fill, small_disk


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with a_bucket_server() as url:
        yield url


@pytest.fixture(params=["local", "memory", "bucket"])
def blobs(request: pytest.FixtureRequest, server: str, tmp_path: Path) -> Blobs:
    if request.param == "bucket":
        return blobs_at(a_bucket())
    return LocalBlobs(tmp_path / "blobs") if request.param == "local" else MemoryBlobs()


async def append(blobs: Blobs, key: str, offset: int, *pieces: bytes) -> None:
    async with blobs.grow(key, offset) as growth:
        for piece in pieces:
            await growth.write(piece)


async def keys(names: AsyncIterator[str]) -> list[str]:
    return [name async for name in names]


def files_under(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_pieces_become_a_blob_when_they_are_sealed(blobs: Blobs) -> None:
    await append(blobs, "a/b", 0, b"one ", b"two ")
    await append(blobs, "a/b", 8, b"three")

    before = (await blobs.grown("a/b"), await keys(blobs.list("")), await keys(blobs.list_growing("a/")))
    await blobs.seal(["a/b"], "a/whole")

    assert before == (13, [], ["a/b"])
    assert await blobs.get_bytes("a/whole") == b"one two three"
    assert (await blobs.grown("a/b"), await keys(blobs.list_growing(""))) == (0, [])


async def test_what_was_kept_stays_and_what_was_not_is_as_if_it_had_never_come(blobs: Blobs) -> None:
    async def break_off() -> None:
        async with blobs.grow("k", 0) as growth:
            await growth.write(b"kept")
            await growth.keep()
            await growth.write(b" and not kept")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await break_off()
    grown = await blobs.grown("k")
    await append(blobs, "k", 4, b"!")
    await blobs.seal(["k"], "whole")

    assert grown == 4
    assert await blobs.get_bytes("whole") == b"kept!"


@pytest.mark.parametrize("offset", [0, 3, 6])
async def test_nobody_goes_on_anywhere_but_at_the_end(blobs: Blobs, offset: int) -> None:
    await append(blobs, "k", 0, b"12345")

    with pytest.raises(WrongOffset) as caught:
        await append(blobs, "k", offset, b"x")

    assert caught.value.grown == 5
    assert await blobs.grown("k") == 5


async def test_what_is_not_there_cannot_be_gone_on_with_or_sealed(blobs: Blobs) -> None:
    with pytest.raises(WrongOffset):
        await append(blobs, "never", 1, b"x")
    with pytest.raises(BlobNotFound):
        await blobs.seal(["never"], "whole")

    assert await keys(blobs.list_growing("")) == []


@pytest.mark.parametrize("blobs", ["local", "memory"], indirect=True)
async def test_two_do_not_write_at_once(blobs: Blobs) -> None:
    async with blobs.grow("k", 0) as growth:
        await growth.write(b"first")
        with pytest.raises(BlobBusy):
            await append(blobs, "k", 0, b"second")

    assert await blobs.grown("k") == 5


async def test_several_are_joined_in_order_and_stay(blobs: Blobs) -> None:
    for name, content in (("1", b"aa"), ("2", b"b"), ("3", b"ccc")):
        await append(blobs, f"parts/{name}", 0, content)

    await blobs.seal(["parts/2", "parts/3", "parts/1"], "whole")

    assert await blobs.get_bytes("whole") == b"bcccaa"
    assert await keys(blobs.list_growing("")) == ["parts/1", "parts/2", "parts/3"]


async def test_sealing_again_does_nothing(blobs: Blobs) -> None:
    await append(blobs, "k", 0, b"bytes")
    await blobs.seal(["k"], "whole")

    await blobs.seal(["k"], "whole")

    assert await blobs.get_bytes("whole") == b"bytes"


@pytest.mark.parametrize("blobs", ["local", "memory"], indirect=True)
async def test_a_folder_goes_with_what_grows_in_it_and_who_writes_then_writes_to_nowhere(
    blobs: Blobs, tmp_path: Path
) -> None:
    await append(blobs, "d/2", 0, b"x")
    await append(blobs, "e/1", 0, b"stays")

    async with blobs.grow("d/1", 0) as growth:
        await growth.write(b"gone ")
        count = await blobs.delete_prefix("d/")
        await growth.write(b"too")
    await blobs.delete("e/1")

    assert count == 2
    assert await keys(blobs.list_growing("")) == []
    assert files_under(tmp_path) == []


async def test_a_killed_writer_leaves_what_it_kept_and_no_lock(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    program = (
        "import asyncio, os, signal, sys\n"
        "from pathlib import Path\n"
        "from chassis.blobs import LocalBlobs\n"
        "async def main():\n"
        "    async with LocalBlobs(Path(sys.argv[1])).grow('k', 0) as growth:\n"
        "        await growth.write(b'kept')\n"
        "        await growth.keep()\n"
        "        await growth.write(b'not kept')\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )

    killed = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program, str(tmp_path)], check=False)
    grown = await blobs.grown("k")
    await append(blobs, "k", grown, b"!")
    await blobs.seal(["k"], "whole")

    assert (killed.returncode, grown) == (-9, 4)
    assert await blobs.get_bytes("whole") == b"kept!"


async def test_a_sealing_that_died_halfway_is_ended_by_the_next(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    await append(blobs, "k", 0, b"bytes")
    os.replace(tmp_path / ".growing/bytes/k", tmp_path / "whole")

    await blobs.seal(["k"], "whole")

    assert await blobs.get_bytes("whole") == b"bytes"
    assert files_under(tmp_path) == [tmp_path / "whole"]


async def test_a_disk_that_fills_up_is_called_so_and_what_was_kept_stays(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        blobs = LocalBlobs(disk / "blobs")
        await append(blobs, "k", 0, b"x" * 100_000)
        ballast = fill(disk)

        with pytest.raises(StorageFull, match="no room is left for blobs"):
            await append(blobs, "k", 100_000, bytes(500_000))
        ballast.unlink()
        await append(blobs, "k", 100_000, bytes(500_000))

        assert await blobs.grown("k") == 600_000
