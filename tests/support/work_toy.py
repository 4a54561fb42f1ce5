"""More kinds of task for the toy service, and replicas of it: for the tests of long work."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text

from chassis._endings import end
from chassis.database._signals import Signals
from chassis.run import Service
from chassis.work import Task, Workbench
from chassis.work._dispatcher import Dispatcher
from chassis.work._store import TaskStore
from chassis.work._stream import WorkStream
from support import chassis_toy
from support.chassis_running import Toy
from support.chassis_toy import TENANT, Noted, Settings, note

SUBJECT = "11111111-1111-4111-8111-111111111111"


def build(settings: Settings) -> Service:
    """The toy service with the kinds of task below."""
    service = chassis_toy.build(settings)
    assert service.work is not None
    teach(service.work)
    return service


def teach(work: Workbench) -> None:
    """Kinds that act inside the service's own process."""

    @work.does("note", tries=3)
    async def say(task: Task) -> None:
        """Takes its time if asked to, and notes that it was done."""
        await asyncio.sleep(task.payload.get("seconds", 0) if task.attempt == 1 else 0)
        await _finish(task)

    @work.does("block", tries=3)
    async def block(task: Task) -> None:
        """Holds up the whole process at its first attempt."""
        Path(task.payload["mark"]).write_text(str(os.getpid()))  # noqa: ASYNC240 (blocking is what it is for)
        if task.attempt == 1:
            time.sleep(task.payload["seconds"])  # noqa: ASYNC251
        await _finish(task)

    @work.does("kill", tries=2)
    async def kill(_: Task) -> None:
        """Takes its process with it, each time."""
        os.kill(os.getpid(), signal.SIGKILL)


async def _finish(task: Task) -> None:
    async with task.finish() as unit:
        await note(unit, f"{task.key} at attempt {task.attempt}")
        await unit.announce(Noted(note=task.key), subject=task.subject, job_id=task.job_id)


async def put(
    toy: Toy,
    key: str,
    *,
    kind: str = "note",
    tenant_id: UUID = TENANT,
    priority: Literal["urgent", "normal", "bulk"] = "normal",
    job_id: UUID | None = None,
    **payload: Any,
) -> None:
    """Put a task in the toy's queue."""
    async with toy.service.database.begin(tenant_id) as unit:
        given = {"run": 1, **payload}
        await unit.enqueue(
            step="transcript", kind=kind, key=key, subject=SUBJECT, payload=given, priority=priority, job_id=job_id
        )


async def states(toy: Toy) -> dict[str, str]:
    """The state of each task by its key."""
    async with toy.service.database.begin_untenanted() as connection:
        return {key: state for key, state in await connection.execute(text("SELECT key, state FROM tasks"))}


async def all_ended(toy: Toy) -> bool:
    """Whether nothing is queued or in flight."""
    return not set((await states(toy)).values()) & {"queued", "dispatched", "running"}


async def in_state(toy: Toy, key: str, *wanted: str) -> bool:
    """Whether the task is in one of these states."""
    return (await states(toy)).get(key) in wanted


@dataclass
class Replica:
    """A running one."""

    service: Service
    signals: Signals
    stop: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def replica(
    toy: Toy, *, service: Service | None = None, grace_s: float = 0.2, silent_s: float = 5.0, settings: Any = None
) -> AsyncIterator[Replica]:
    """The toy's workbench at work in this process: its own one, or another that is built for the purpose."""
    fresh = service is None
    service = service or build(settings or toy.settings)
    assert service.work is not None
    signals = Signals(str(service.settings.database_url), service="toy", silent_s=silent_s)
    running = Replica(service, signals)
    listening = asyncio.create_task(signals.run())
    working = asyncio.create_task(service.work.run(running.stop, signals, grace_s=grace_s))
    try:
        yield running
    finally:
        running.stop.set()
        try:
            await working
        finally:
            await end(listening)
            if fresh:
                await service.close()


def a_dispatcher(toy: Toy, *, tenant_cap: int | None = None, lease_s: float = 30.0, signals: Any = None) -> Dispatcher:
    """One that a test leads round by round, beside whatever else there is."""
    return Dispatcher(
        toy.service.database,
        TaskStore("toy", lease_s=lease_s),
        WorkStream(toy.redis, service="toy", consumer="dispatcher"),
        signals or Signals(str(toy.settings.database_url), service="toy"),
        lease_s=lease_s,
        tenant_cap=tenant_cap,
        backlog=1,
        keep_days=30,
    )


async def process(toy: Toy, **more: str) -> asyncio.subprocess.Process:
    """A replica as a process of its own, with the kinds of task above; killed at the end of the test."""
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "support.work_toy_main",
        "serve",
        env=toy.environment(**more),
        stdout=asyncio.subprocess.DEVNULL,
    )
    toy.processes.append(started)
    return started


async def exists(path: Path) -> bool:
    """Whether something was written there."""
    return await asyncio.to_thread(lambda: path.exists() and bool(path.read_text()))


def alive(pid: int) -> bool:
    """Whether the process runs, or could."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def gone(pid: int) -> bool:
    """Whether the process has ended."""
    return not alive(pid)
