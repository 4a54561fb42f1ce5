"""The monkey: faults drawn from a seed, done to the house one after the other, and how each one was lived through."""

import asyncio
import os
import random
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import httpx
import psutil
from redis.asyncio import Redis

from contracts.registry import SERVICES
from support.chaos_books import connected
from support.chaos_house import House, problem_of

__all__ = ["KINDS", "Done", "Fault", "Monkey", "schedule"]

_DECK = {
    "kill": 6,
    "kill every replica": 1,
    "terminate": 2,
    "stop": 2,
    "kill Redis": 1,
    "stop Redis": 1,
    "flush Redis": 1,
    "kill PostgreSQL": 1,
    "kill a child": 1,
    "stop a child": 1,
    "delay": 1,
    "cut": 2,
    "half-close": 1,
    "black hole": 1,
}
KINDS = tuple(_DECK)
"""What can happen; each as often in every deck of the schedule as the table says."""
_WORKING = tuple(service for service in SERVICES if service != "gateway")


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong."""

    number: int
    kind: str
    pause_s: float
    """From the end of the one before."""
    hold_s: float
    """How long it lasts, where it lasts."""
    service: str
    letter: str
    server: str
    overlaps: bool
    """Whether the next one comes before this one is over."""


@dataclass
class Done:
    """A fault that happened."""

    fault: Fault
    target: str
    affected: tuple[str, ...]
    began: datetime
    ended: datetime | None = None
    held: int = 0
    """Tasks that ran in the process when it was killed or stopped."""
    taken_over_s: list[float] = field(default_factory=list)
    """Seconds until each of them was in other hands, or had ended, from the beginning of the fault."""


def schedule(seed: int, *, lease_s: float, replicas: int) -> Iterator[Fault]:
    """Faults without end, decided by the seed alone: deck after deck, each shuffled."""
    rng = random.Random(f"{seed}/schedule")
    number = 0
    while True:
        deck = [kind for kind, count in _DECK.items() for _ in range(count)]
        rng.shuffle(deck)
        for kind in deck:
            number += 1
            yield Fault(
                number=number,
                kind=kind,
                pause_s=rng.uniform(1.0, 7.0),
                hold_s=lease_s * rng.uniform(1.1, 1.8) if kind != "delay" else rng.uniform(1, 4),
                service=rng.choice(_WORKING if "child" in kind else SERVICES),
                letter=rng.choice("abcdef"[:replicas]),
                server=rng.choice(("postgres", "redis")),
                overlaps=rng.random() < 0.15,
            )


class Monkey:
    """Does the faults of a schedule until told to rest."""

    def __init__(self, house: House, faults: Iterator[Fault]) -> None:
        self._house = house
        self._faults = faults
        self._resting = asyncio.Event()
        self._locks = {"postgres": asyncio.Lock(), "redis": asyncio.Lock()}
        self._watches: set[asyncio.Task[None]] = set()
        self.done: list[Done] = []
        self.starts_s: list[float] = []
        """How long a service without any replica took until one was ready again."""
        self.skipped = 0
        """Faults that found nobody to happen to: no child was at work."""

    def rest(self) -> None:
        """No more faults; those that last end soon."""
        self._resting.set()

    async def run(self) -> None:
        """Go on until ``rest``; returns when every fault is over."""
        under_way: set[asyncio.Task[None]] = set()
        for fault in self._faults:
            await self._pause(fault.pause_s)
            if self._resting.is_set():
                break
            doing = asyncio.create_task(self._do(fault))
            under_way.add(doing)
            if not fault.overlaps:
                await asyncio.gather(*under_way)
                under_way.clear()
        await asyncio.gather(*under_way)
        for proxy in self._house.proxies:
            proxy.heal()
        await asyncio.gather(*self._watches)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._resting.wait()

    async def _do(self, fault: Fault) -> None:
        done = Done(fault, "", SERVICES, datetime.now(UTC))
        verb = {
            "kill": self._kill,
            "kill every replica": self._kill_all,
            "terminate": self._terminate,
            "stop": self._stop,
            "kill Redis": self._kill_redis,
            "stop Redis": self._stop_redis,
            "flush Redis": self._flush,
            "kill PostgreSQL": self._kill_postgres,
            "kill a child": self._child,
            "stop a child": self._child,
        }.get(fault.kind, self._trouble_the_line)
        print(
            f"         fault {fault.number}: {fault.kind} ({fault.service}-{fault.letter}, {fault.server})", flush=True
        )
        if await verb(fault, done):
            done.ended = done.ended or datetime.now(UTC)
            self.done.append(done)
        else:
            self.skipped += 1

    async def _kill(self, fault: Fault, done: Done) -> bool:
        replica = next(one for one in self._house.of(fault.service) if one.letter == fault.letter)
        done.target, done.affected = replica.name, (fault.service,)
        await self._note_held(done, replica.pid)
        done.began = datetime.now(UTC)
        replica.send(signal.SIGKILL)
        if not any(other.pid for other in self._house.of(fault.service) if other is not replica):
            await self._until_served(fault.service)
        return True

    async def _kill_all(self, fault: Fault, done: Done) -> bool:
        done.target, done.affected = fault.service, (fault.service,)
        done.began = datetime.now(UTC)
        for replica in self._house.of(fault.service):
            replica.send(signal.SIGKILL)
        await self._until_served(fault.service)
        return True

    async def _until_served(self, service: str) -> None:
        """No replica lives, so the fault lasts: until the first of them says that it is ready again."""
        began = asyncio.get_running_loop().time()
        async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
            while asyncio.get_running_loop().time() - began < 60:
                await asyncio.sleep(0.1)
                for replica in self._house.of(service):
                    if await problem_of(client, replica) is None:
                        self.starts_s.append(round(asyncio.get_running_loop().time() - began, 2))
                        return

    async def _terminate(self, fault: Fault, done: Done) -> bool:
        replica = next(one for one in self._house.of(fault.service) if one.letter == fault.letter)
        done.target, done.affected = replica.name, (fault.service,)
        done.ended = done.began
        replica.send(signal.SIGTERM)
        return True

    async def _stop(self, fault: Fault, done: Done) -> bool:
        replica = next(one for one in self._house.of(fault.service) if one.letter == fault.letter)
        done.target, done.affected = replica.name, (fault.service,)
        await self._note_held(done, replica.pid)
        done.began = datetime.now(UTC)
        replica.send(signal.SIGSTOP)
        await self._pause(fault.hold_s)
        replica.send(signal.SIGCONT)
        return True

    async def _kill_redis(self, fault: Fault, done: Done) -> bool:
        done.target = "Redis"
        async with self._locks["redis"]:
            await self._house.kill_redis()
        return True

    async def _stop_redis(self, fault: Fault, done: Done) -> bool:
        done.target = "Redis"
        async with self._locks["redis"]:
            pid = self._house.servers.redis.pid
            assert pid is not None
            os.kill(pid, signal.SIGSTOP)
            await self._pause(fault.hold_s)
            os.kill(pid, signal.SIGCONT)
        return True

    async def _kill_postgres(self, fault: Fault, done: Done) -> bool:
        done.target = "PostgreSQL"
        async with self._locks["postgres"]:
            await self._house.kill_postgres()
        return True

    async def _flush(self, fault: Fault, done: Done) -> bool:
        done.target = "Redis"
        async with self._locks["redis"], Redis.from_url(self._house.servers.redis_url) as redis:
            done.ended = done.began = datetime.now(UTC)
            await redis.flushall()
        return True

    async def _child(self, fault: Fault, done: Done) -> bool:
        """Kill or stop a process that does a task, of whichever service has one just now."""
        order = sorted(self._house.replicas, key=lambda one: one.service != fault.service)
        for replica in order:
            for child in replica.children():
                done.target, done.affected = f"a child of {replica.name}", (replica.service,)
                done.began = datetime.now(UTC)
                with suppress(psutil.Error):
                    if fault.kind == "kill a child":
                        child.kill()
                    else:
                        child.suspend()
                        await self._pause(fault.hold_s)
                        child.resume()
                return True
        return False

    async def _trouble_the_line(self, fault: Fault, done: Done) -> bool:
        """Something happens between replicas ``b`` and one server."""
        house = self._house
        proxy = house.postgres_proxy if fault.server == "postgres" else house.redis_proxy
        assert proxy is not None
        done.target = f"the line to {'PostgreSQL' if fault.server == 'postgres' else 'Redis'}"
        match fault.kind:
            case "delay":
                proxy.delay_s = 0.08
                await self._pause(fault.hold_s)
                proxy.delay_s = 0.0
            case "cut":
                proxy.cut()
            case "half-close":
                proxy.half_close()
            case _:
                proxy.black_hole = True
                await self._pause(fault.hold_s)
                proxy.heal()
        return True

    async def _note_held(self, done: Done, pid: int | None) -> None:
        """Which tasks the process holds; and see, beside all else, how soon each is in other hands."""
        service = done.affected[0]
        if pid is None or service == "gateway":
            return
        query = f"SELECT id, token FROM {service}.tasks WHERE state = 'running' AND worker LIKE $1"
        with suppress(
            OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError
        ):
            async with connected(self._house.servers.postgres_url) as connection:
                held = [(row["id"], row["token"]) for row in await connection.fetch(query, f"%-{pid}-%", timeout=5)]
            done.held = len(held)
            if held:
                watch = asyncio.create_task(self._watch(done, service, dict(held)))
                self._watches.add(watch)
                watch.add_done_callback(self._watches.discard)

    async def _watch(self, done: Done, service: str, held: dict[UUID, int]) -> None:
        query = f"SELECT id, token, state FROM {service}.tasks WHERE id = ANY($1)"
        loop = asyncio.get_running_loop()
        began = loop.time()
        while held and loop.time() - began < 120:
            await asyncio.sleep(0.1)
            with suppress(
                OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError
            ):
                async with connected(self._house.servers.postgres_url) as connection:
                    found = await connection.fetch(query, list(held), timeout=5)
                for row in found:
                    moved = row["token"] != held[row["id"]] or row["state"] != "running"
                    if moved and row["state"] not in ("queued", "dispatched"):
                        del held[row["id"]]
                        done.taken_over_s.append(round(loop.time() - began, 2))
