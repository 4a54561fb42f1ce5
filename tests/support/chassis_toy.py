"""A service small enough to be read at once, for the tests of the chassis."""

import asyncio
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from pydantic_settings import SettingsConfigDict
from sqlalchemy import BigInteger, Column, Identity, MetaData, Table, Text, Uuid, insert

from chassis.bus import Bus
from chassis.database import Database, UnitOfWork
from chassis.run import Service, ServiceSettings
from chassis.work import Task, Workbench
from contracts import Event, Fact
from support.chassis_play import Hopeless, play

VERSIONS = Path(__file__).with_name("chassis_toy_versions")

notes = Table(
    "notes",
    MetaData(),
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("tenant_id", Uuid, nullable=False),
    Column("text", Text, nullable=False),
)


class Poked(Fact):
    stream: ClassVar[str] = "toy.poked.v1"

    note: str = ""
    work: dict[str, Any] | None = None
    """Payload of a task to enqueue."""


class Noted(Fact):
    stream: ClassVar[str] = "toy.noted.v1"

    note: str


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="TOY_", frozen=True)


def build(settings: Settings, *, tries: int = 3, base_s: float = 0.05) -> Service:
    database = Database(str(settings.database_url), service="toy")
    bus = Bus(
        "toy", str(settings.redis_url), database, lease_s=settings.lease_s, tries=tries, base_s=base_s, grace_s=0.5
    )
    work = Workbench(
        bus,
        database,
        workers=settings.workers,
        lease_s=settings.lease_s,
        tenant_cap=settings.tenant_cap,
        base_s=base_s,
    )
    register(bus, work)
    return Service("toy", settings, database, bus, work)


def register(bus: Bus, work: Workbench) -> None:
    @bus.on(Poked, gives_up_on=(Hopeless,))
    async def on_poked(event: Event[Poked], unit: UnitOfWork) -> None:
        poked = event.data
        await note(unit, poked.note)
        await unit.announce(Noted(note=poked.note), subject=event.subject, job_id=event.jobid)
        if poked.work is not None:
            await unit.enqueue(
                step="transcript",
                kind="act",
                key=poked.note,
                subject=event.subject,
                payload=poked.work,
                job_id=event.jobid,
            )
        if poked.note.startswith("fail"):
            raise RuntimeError("the toy is broken")
        if poked.note == "hopeless":
            raise Hopeless("the toy is beyond repair")
        await act_up(poked.note, event.id)

    @work.does("act", gives_up_on=(Hopeless,), tries=3)
    async def act(task: Task) -> None:
        result = await task.run(play, task.payload, task.attempt)
        async with task.finish() as unit:
            await note(unit, f"{task.key}: {result}")
            await unit.announce(Noted(note=task.key), subject=task.subject, job_id=task.job_id)


async def act_up(note: str, event_id: UUID) -> None:
    """``<verb> <number>``: what the handler does besides, after it has written."""
    verb, _, number = note.partition(" ")
    acting.append(note)
    if verb == "dawdle":
        await asyncio.sleep(float(number or 30))
    if verb == "block":
        time.sleep(float(number))  # noqa: ASYNC251 (that nothing else runs meanwhile is the point)
    if verb == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if verb == "vanish":
        raise asyncio.CancelledError
    if verb == "stumble":
        _stumbles[event_id] += 1
        if _stumbles[event_id] <= int(number):
            raise RuntimeError("the toy stumbles")


_stumbles: Counter[UUID] = Counter()
acting: list[str] = []
"""Notes whose handlers were begun in this process, one for each time."""


async def note(unit: UnitOfWork, text: str) -> None:
    await unit.connection.execute(insert(notes).values(tenant_id=unit.tenant_id, text=text))


TENANT = UUID("01890000-0000-7000-8000-000000000001")
OTHER_TENANT = UUID("01890000-0000-7000-8000-000000000002")
