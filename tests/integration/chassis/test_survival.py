"""What a service does when servers, neighbours or parts of it fail."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from sqlalchemy.engine import make_url

import chassis.bus._reader
from chassis.bus._reader import SubscriberLost
from chassis.run._serve import serve
from support.chassis_running import Toy, until
from support.chassis_toy import TENANT, Poked, build

pytestmark = pytest.mark.servers


async def noted(toy: Toy, count: int) -> bool:
    return len(await toy.notes()) == count


async def test_dropped_connections_to_both_servers_are_survived(toy: Toy) -> None:
    database = make_url(str(toy.settings.database_url)).database
    async with toy.running():
        await toy.announce(Poked(note="before", work={"run": 1}))
        await until(lambda: noted(toy, 2))

        admin = await asyncpg.connect(toy.admin_url)
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND usename = 'toy'", database
        )
        await admin.close()
        await toy.redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await toy.announce(Poked(note="after", work={"run": 1}))
        await until(lambda: noted(toy, 4), timeout_s=20)

    assert set(await toy.notes()) == {
        "before",
        "before: played at attempt 1",
        "after",
        "after: played at attempt 1",
    }


async def test_two_replicas_do_each_thing_once(toy: Toy) -> None:
    other = Toy(build(toy.settings), toy.settings, toy.redis, toy.admin_url)
    async with toy.running(), _follower(other):
        for number in range(6):
            await toy.announce(Poked(note=f"{number}", work={"run": 1}))
        await until(lambda: noted(toy, 12), timeout_s=20)

    assert len(set(await toy.notes())) == 12


def _follower(toy: Toy) -> "_Follower":
    return _Follower(toy)


class _Follower:
    """A replica that does not lead: it reads and works, and starts without waiting for the lock."""

    def __init__(self, toy: Toy) -> None:
        self._toy = toy
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> None:
        from chassis.database._signals import Signals

        signals = Signals(str(self._toy.settings.database_url), service="toy")
        work = self._toy.service.work
        assert work is not None
        self._signals = asyncio.create_task(signals.run())
        self._tasks = [
            asyncio.create_task(self._toy.service.bus.run(self._stop)),
            asyncio.create_task(work.run(self._stop, signals, grace_s=5)),
        ]

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await asyncio.gather(*self._tasks)
        self._signals.cancel()
        await asyncio.gather(self._signals, return_exceptions=True)
        await self._toy.service.bus.close()
        await self._toy.service.database.close()


async def test_a_subscriber_that_cannot_be_brought_back_ends_the_bus(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chassis.bus._reader, "_REVIVALS", 0)
    reading = asyncio.create_task(toy.service.bus.run(asyncio.Event()))
    await until(lambda: reads(toy))

    await toy.redis.xgroup_destroy(Poked.stream, "toy")

    with pytest.raises(SubscriberLost):
        await asyncio.wait_for(reading, 10)


async def test_liveness_follows_the_reads(toy: Toy) -> None:
    noticed = chassis.bus._reader._NoticedConnection
    async with toy.running():
        noticed.last_poll = 0.0

        polled = await until(lambda: polls(noticed))
        noticed.last_poll = 0.0
        ailment = toy.service.bus.ailing()

    assert polled < 3
    assert ailment is not None
    assert "last asked for facts" in ailment


async def polls(noticed: Any) -> bool:
    return bool(noticed.last_poll > 0)


async def reads(toy: Toy) -> bool:
    return toy.service.bus.ailing() is None


async def test_a_lost_part_ends_the_process_with_an_exit_code(toy: Toy) -> None:
    async def breaks() -> None:
        await asyncio.sleep(0.2)
        raise RuntimeError("a part is lost")

    code = await asyncio.wait_for(serve(replace(toy.service, background=[breaks])), 15)

    assert code == 1


async def test_probes_and_metrics_are_served(toy: Toy, unused_port: int) -> None:
    process = await toy.process("serve", TOY_HTTP_PORT=str(unused_port))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{unused_port}") as client:
        await until(lambda: answers(client, "/readyz"), timeout_s=20)
        health = await client.get("/healthz")
        metrics = await client.get("/metrics")
        nowhere = await client.get("/nowhere")
    process.terminate()

    assert await process.wait() == 0
    assert health.json()["alive"]
    assert "chassis_outbox_unsent 0.0" in metrics.text
    assert nowhere.status_code == 404


async def answers(client: httpx.AsyncClient, path: str) -> bool:
    try:
        return (await client.get(path)).status_code == 200
    except httpx.TransportError:
        return False


async def test_the_command_line_shows_and_replays_dead_letters(toy: Toy) -> None:
    async with toy.running():
        await toy.announce(Poked(note="hopeless"), tenant_id=TENANT)
        await until(lambda: has_letters(toy))

    listed = json.loads(await output(toy, "dlq", "list", "--json"))["letters"]
    shown = await output(toy, "dlq", "show", listed[0]["id"])
    replayed = await output(toy, "dlq", "replay", "--all")

    assert listed[0]["reason"] == "hopeless"
    assert "the toy is beyond repair" in shown
    assert "1 replayed" in replayed
    assert not await has_letters(toy)


async def has_letters(toy: Toy) -> bool:
    return bool([letter async for letter in toy.service.bus.dead_letters().list()])


async def output(toy: Toy, *arguments: str) -> str:
    process = await toy.process(*arguments)
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


async def test_a_service_that_is_not_configured_says_what_is_missing(toy: Toy, tmp_path: Path) -> None:
    process = await toy.process("serve", TOY_REDIS_URL="not an address", TOY_HTTP_PORT="many")

    assert await process.wait() == 2
