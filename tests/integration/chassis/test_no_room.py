"""A disk that is full and a Redis at its maxmemory: said plainly, and over as soon as there is room, without hands."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from chassis._failures import is_outage, reason_of
from chassis.blobs import LocalBlobs, StorageFull
from chassis.bus._names import dead_letters
from chassis.work import Task
from support.chassis_running import Toy, until
from support.chassis_toy import Poked, note
from support.small_disk import fill, small_disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk") as disk:
        yield disk


def files_on(disk: Path) -> list[str]:
    return sorted(str(path.relative_to(disk)) for path in disk.rglob("*") if path.is_file())


@pytest.mark.parametrize("how", ["put_bytes", "put_file", "copy", "writer"])
async def test_a_blob_without_room_leaves_nothing_and_may_come_again(disk: Path, tmp_path: Path, how: str) -> None:
    blobs = LocalBlobs(disk / "blobs")
    content = bytes(500_000)
    (tmp_path / "file").write_bytes(content)
    await blobs.put_bytes("there", content)
    ballast = fill(disk)

    async def store() -> None:
        if how == "put_bytes":
            await blobs.put_bytes("a/blob", content)
        elif how == "put_file":
            await blobs.put_file("a/blob", tmp_path / "file")
        elif how == "copy":
            await blobs.copy("there", "a/blob")
        else:
            async with blobs.writer("a/blob") as writer:
                for _ in range(5):
                    await writer.write(content[:100_000])

    with pytest.raises(StorageFull, match="no room is left for blobs") as caught:
        await store()
    left = files_on(disk)
    free = await blobs.free_bytes()
    ballast.unlink()
    await store()

    assert left == ["ballast", "blobs/there"]
    assert free is not None
    assert free < 500_000
    assert (is_outage(caught.value), reason_of(caught.value)) == (True, "storage_full")
    assert await blobs.get_bytes("a/blob") == content


async def test_a_task_waits_for_room_without_losing_a_try(toy: Toy, disk: Path) -> None:
    blobs, refused = LocalBlobs(disk / "blobs"), asyncio.Event()
    assert toy.service.work is not None

    @toy.service.work.does("store", tries=2)
    async def store(task: Task) -> None:
        try:
            await blobs.put_bytes("result", bytes(500_000))
        except StorageFull:
            if task.attempt == 1 and (await toy.task("big")).detail is not None:
                refused.set()
            raise
        async with task.finish() as unit:
            await note(unit, f"stored at attempt {task.attempt}")

    ballast = fill(disk)
    async with toy.running():
        await toy.enqueue("big", kind="store")
        async with asyncio.timeout(60):
            await refused.wait()  # the second time at the latest
        ballast.unlink()
        await until(lambda: in_state(toy, "big", "done"), timeout_s=60)

    assert await toy.notes() == ["stored at attempt 1"]
    assert await toy.announced("step.failed.v1") == []


async def test_what_a_killed_writer_left_is_removed_and_what_is_being_written_is_not(tmp_path: Path) -> None:
    import os

    blobs = LocalBlobs(tmp_path)
    orphan, young = tmp_path / ".incoming" / "orphan", tmp_path / ".incoming" / "young"
    async with blobs.writer("living") as writer:
        await writer.write(b"bytes")
        [living] = (tmp_path / ".incoming").iterdir()
        orphan.write_bytes(b"half a film")
        young.write_bytes(b"just opened")
        for path in (living, orphan):
            os.utime(path, (1, 1))
        removed = await blobs.forget_unfinished()

    assert removed == 1
    assert not orphan.exists()
    assert young.exists()
    assert await blobs.get_bytes("living") == b"bytes"


async def test_readiness_tells_of_a_full_disk_and_stays_ready(toy: Toy, unused_port: int) -> None:
    await toy.process("serve", TOY_HTTP_PORT=str(unused_port), TOY_MIN_FREE_BYTES=str(10**18))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{unused_port}", timeout=10) as client:
        await until(lambda: answers(client, "/readyz"), timeout_s=30)

        ready = (await client.get("/readyz")).json()
        await until(lambda: says(client, "chassis_redis_up 1.0", "chassis_postgresql_up 1.0"), timeout_s=30)
        metrics = (await client.get("/metrics")).text

    assert ready["ready"] is True
    assert "bytes are free for blobs" in ready["warnings"]["blobs"]
    assert "redis" not in ready["warnings"]
    for gauge in ("blobs_free_bytes", "redis_memory_bytes", "redis_memory_limit_bytes", "tasks_oldest_queued_seconds"):
        assert f"\nchassis_{gauge} " in metrics
    assert "\nchassis_redis_memory_bytes 0.0\n" not in metrics


@asynccontextmanager
async def full(redis: Any) -> AsyncIterator[None]:
    """Redis at its maxmemory: it refuses every write that would need more."""
    await redis.config_set("maxmemory-policy", "noeviction")
    await redis.config_set("maxmemory", "1")
    try:
        yield
    finally:
        await redis.config_set("maxmemory", "0")


async def test_a_redis_at_maxmemory_delays_what_is_accepted_and_loses_none_of_it(toy: Toy) -> None:
    async with toy.running():
        await toy.enqueue("running", payload={"seconds": 2})
        await until(lambda: in_state(toy, "running", "running"))

        async with full(toy.redis):
            for n in range(20):
                await toy.announce(Poked(note=f"fact {n}", work={"run": 1} if n % 5 == 0 else None))
            await until(lambda: in_state(toy, "running", "done"), timeout_s=30)
            await toy.enqueue("queued")
            notes_while_full = await toy.notes()
            unsent = await toy.unsent()
        await until(lambda: all_done(toy), timeout_s=60)
        notes = await toy.notes()

    assert notes_while_full == ["running: played at attempt 1"], "what runs goes on, what is announced waits"
    assert unsent >= 20
    assert sorted(note for note in notes if note.startswith("fact") and ":" not in note) == sorted(
        f"fact {n}" for n in range(20)
    )
    assert len(notes) == len(set(notes)) == 1 + 20 + 4 + 1
    assert await toy.redis.xlen(dead_letters(Poked.stream, "toy")) == 0
    assert await toy.announced("step.failed.v1") == []


async def test_readiness_tells_of_a_redis_at_maxmemory(toy: Toy, unused_port: int) -> None:
    await toy.process("serve", TOY_HTTP_PORT=str(unused_port))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{unused_port}", timeout=10) as client:
        await until(lambda: answers(client, "/readyz"), timeout_s=30)
        async with full(toy.redis):
            told = (await client.get("/readyz")).json()
            await toy.announce(Poked(note="waiting"))
            await until(lambda: says(client, "chassis_outbox_unsent 1.0"), timeout_s=30)
        await until(lambda: says(client, "chassis_outbox_unsent 0.0"), timeout_s=30)
        afterwards = (await client.get("/readyz")).json()

    assert told["ready"] is True
    assert "of the 1 bytes of its maxmemory" in told["warnings"]["redis"], json.dumps(told)
    assert "redis" not in afterwards["warnings"]


async def all_done(toy: Toy) -> bool:
    return len(await toy.notes()) >= 26


async def in_state(toy: Toy, key: str, state: str) -> bool:
    return bool((await toy.task(key)).state == state)


async def answers(client: httpx.AsyncClient, path: str) -> bool:
    try:
        return (await client.get(path)).status_code == 200
    except httpx.TransportError:
        return False


async def says(client: httpx.AsyncClient, *lines: str) -> bool:
    text = (await client.get("/metrics")).text
    return all(line in text.splitlines() for line in lines)
