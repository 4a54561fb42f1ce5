"""A service that is killed in the middle of its work leaves no files behind once it is back."""

import asyncio
from pathlib import Path

import pytest

from support.chassis_running import Toy, until
from support.chassis_toy import Poked

pytestmark = pytest.mark.servers


async def test_what_a_killed_service_was_working_on_is_deleted_when_it_is_back(toy: Toy, tmp_path: Path) -> None:
    scratch, marks = tmp_path / "scratch", tmp_path / "marks"
    settings = {"TOY_SCRATCH_DIR": str(scratch), "TOY_LEASE_S": "1"}
    await toy.announce(Poked(note="x", work={"run": 1, "seconds": 60, "marks": str(marks)}))
    first = await toy.process("serve", **settings)
    await until(lambda: exists(marks))
    working_on = list(scratch.glob("toy-scratch-*/child-*"))

    first.kill()
    await first.wait()
    second = await toy.process("serve", **settings)
    await until(lambda: done(toy))
    second.terminate()
    await second.wait()

    assert len(working_on) == 1
    assert list(scratch.iterdir()) == []


async def exists(path: Path) -> bool:
    return await asyncio.to_thread(path.exists)


async def done(toy: Toy) -> bool:
    return len(await toy.notes()) == 2
