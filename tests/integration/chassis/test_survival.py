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
from sqlalchemy.exc import DBAPIError

import chassis.bus._reader
from chassis.bus._intake import Intake
from chassis.bus._reader import SubscriberLost
from chassis.run._serve import serve
from support.bus_looking import a_replica, put, reading
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
        await until(lambda: announced(toy, "after"), timeout_s=20)
        await until(lambda: noted(toy, 4), timeout_s=20)

    assert set(await toy.notes()) == {
        "before",
        "before: played at attempt 1",
        "after",
        "after: played at attempt 1",
    }


async def announced(toy: Toy, note: str) -> bool:
    """Whether it could be: who asks in the very moment in which a connection ends is refused, and asks again."""
    try:
        await toy.announce(Poked(note=note, work={"run": 1}))
    except (DBAPIError, ConnectionError):
        return False
    return True


async def test_two_replicas_do_each_thing_once(toy: Toy) -> None:
    async with toy.running(), a_replica(toy):
        for number in range(6):
            await toy.announce(Poked(note=f"{number}", work={"run": 1}))
        await until(lambda: noted(toy, 12), timeout_s=20)

    assert len(set(await toy.notes())) == 12


async def test_a_subscriber_that_ends_for_a_reason_nobody_foresaw_ends_the_bus(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = asyncio.create_task(toy.service.bus.run(asyncio.Event()))
    await until(lambda: reads(toy))

    async def breaks(*_: object) -> None:
        raise RuntimeError("not foreseen")

    monkeypatch.setattr(Intake, "_take", breaks)
    await put(toy, "x")

    with pytest.raises(RuntimeError, match="not foreseen"):
        await asyncio.wait_for(bus, 10)


async def test_a_redis_that_never_answers_ends_the_bus(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chassis.bus._reader, "_BOOT_S", 0.1)
    lost = build(toy.settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}))

    with pytest.raises(SubscriberLost):
        await asyncio.wait_for(lost.bus.run(asyncio.Event()), 20)
    await lost.bus.close()


async def test_liveness_follows_the_reads_of_each_bus_by_itself(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    idle = build(toy.settings)
    async with reading(toy):
        alive, not_running = toy.service.bus.ailing(), idle.bus.ailing()
        toy.service.bus.patience_s = -1000.0
        monkeypatch.setattr(chassis.bus._reader, "_SILENCE_S", -1.0)
        silent = toy.service.bus.ailing()
    stopped = toy.service.bus.ailing()
    await idle.close()

    assert alive is None
    assert not_running == "the bus has not started"
    assert silent is not None
    assert "last asked for facts" in silent
    assert stopped == "the bus has stopped"


@pytest.mark.parametrize("hangs", ["the reader", "PostgreSQL"])
async def test_a_reader_that_hangs_ends_the_bus_unless_postgresql_does(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, hangs: str
) -> None:
    asked: list[str] = []
    ping = toy.service.database.ping

    async def hang(*_: object) -> None:
        await asyncio.sleep(3600)

    async def no_answer() -> None:
        asked.append("ping")
        raise TimeoutError

    monkeypatch.setattr(Intake, "run", hang)
    monkeypatch.setattr(chassis.bus._reader, "_WATCH_S", 0.05)
    monkeypatch.setattr(chassis.bus._reader, "_SILENCE_S", 0.3)
    monkeypatch.setattr(chassis.bus._reader, "_AILING_S", 0.3)
    toy.service.bus.patience_s = -1000.0
    if hangs == "PostgreSQL":
        monkeypatch.setattr(toy.service.database, "ping", no_answer)

    running = asyncio.create_task(toy.service.bus.run(asyncio.Event()))
    await until(lambda: ended_or_asked(running, asked, 20))
    ended = running.done()
    monkeypatch.setattr(toy.service.database, "ping", ping)

    with pytest.raises(SubscriberLost, match="last asked for facts"):
        await asyncio.wait_for(running, 30)  # once PostgreSQL answers, it is the reader's own fault
    assert ended == (hangs == "the reader")


async def test_a_batch_that_takes_long_hangs_nowhere_while_each_of_its_facts_is_soon_handled(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chassis.bus._reader, "_SILENCE_S", 7.0)
    toy.service.bus.patience_s = -9.0  # so that the seven seconds count; nobody is cut off for it
    real = toy.service.bus._handle
    seen: list[str | None] = []

    async def patient(*args: Any) -> None:
        toy.service.bus.patience_s = 60.0
        await real(*args)
        toy.service.bus.patience_s = -9.0
        seen.append(toy.service.bus.ailing())

    monkeypatch.setattr(toy.service.bus, "_handle", patient)
    await put(toy, *("dawdle 1" for _ in range(9)))

    async with reading(toy):
        await until(lambda: noted(toy, 9))

    assert set(seen) == {None}


async def ended_or_asked(running: asyncio.Task[None], asked: list[str], times: int) -> bool:
    return running.done() or len(asked) >= times


async def reads(toy: Toy) -> bool:
    return toy.service.bus.ailing() is None


@pytest.mark.parametrize("error", [RuntimeError("a part is lost"), asyncio.CancelledError()], ids=["fails", "vanishes"])
async def test_a_lost_part_ends_the_process_with_an_exit_code(toy: Toy, error: BaseException) -> None:
    async def breaks() -> None:
        await asyncio.sleep(0.2)
        raise error

    code = await asyncio.wait_for(serve(replace(toy.service, background=[breaks])), 60)

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
