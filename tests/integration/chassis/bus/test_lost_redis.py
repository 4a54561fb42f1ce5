"""Redis forgets, fills up, restarts, becomes a replica, or the connection breaks at the worst moment."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from chassis.bus import _scripts
from support.bus_looking import (
    all_noted,
    begun,
    has_letters,
    letters,
    noted,
    nothing_in_hand,
    pending,
    put,
    reading,
)
from support.chassis_running import Toy, a_toy, until
from support.chassis_toy import Poked
from support.cutting_proxy import CuttingProxy
from support.redis_variants import Server, Variant, a_server

pytestmark = pytest.mark.servers


def sha(script: str) -> bytes:
    """What a client calls the script by."""
    return hashlib.sha1(script.encode()).hexdigest().encode()


STEPS: dict[str, Callable[[CuttingProxy], None]] = {
    "the answer that brings the fact": lambda proxy: proxy.lose_push(b"__data__"),
    "the request to read": lambda proxy: proxy.lose_request(b"XREADGROUP", 2),
    "the fence": lambda proxy: proxy.lose_request(sha(_scripts.HOLD), 2),
    "the fence's answer": lambda proxy: proxy.lose_answer(sha(_scripts.HOLD), 2),
    "the retry": lambda proxy: proxy.lose_request(sha(_scripts.SETTLE), 2),
    "the retry's answer": lambda proxy: proxy.lose_answer(sha(_scripts.SETTLE)),
    "the return of the retry": lambda proxy: proxy.lose_request(sha(_scripts.ADD_DUE), 2),
    "the return's answer": lambda proxy: proxy.lose_answer(sha(_scripts.ADD_DUE), 2),
    "the acknowledgement": lambda proxy: proxy.lose_request(b"XACK", 5),
    "the acknowledgement's answer": lambda proxy: proxy.lose_answer(b"XACK", 5),
    "the relay's entry": lambda proxy: proxy.lose_request(b"XADD", 2),
    "the relay's answer": lambda proxy: proxy.lose_answer(b"XADD", 5),
    "the relay's mark": lambda proxy: proxy.lose_request(b"outbox:toy", 3),
}


@pytest.mark.parametrize("lose", STEPS.values(), ids=STEPS.keys())
async def test_a_connection_lost_at_any_step_loses_and_doubles_nothing(
    far_toy: Toy, redis_proxy: CuttingProxy, lose: Callable[[CuttingProxy], None]
) -> None:
    async with far_toy.running():
        lose(redis_proxy)
        await far_toy.announce(Poked(note="plain"))
        await far_toy.announce(Poked(note="stumble 1"))
        await all_noted(far_toy, 2, timeout_s=40)
        await until(lambda: lost(redis_proxy), timeout_s=20)
        await far_toy.announce(Poked(note="afterwards"))
        await all_noted(far_toy, 3, timeout_s=40)

    assert sorted(await far_toy.notes()) == ["afterwards", "plain", "stumble 1"]
    assert await letters(far_toy) == []


async def lost(redis_proxy: CuttingProxy) -> bool:
    return not redis_proxy.waits


async def test_a_redis_out_of_reach_while_a_handler_runs_costs_nothing(far_toy: Toy, redis_proxy: CuttingProxy) -> None:
    async with reading(far_toy):
        await put(far_toy, "dawdle 1")
        await until(lambda: begun("dawdle 1"))
        redis_proxy.shut()
        await until(lambda: noted(far_toy, 1))
        redis_proxy.reopen()
        await put(far_toy, "afterwards")
        await all_noted(far_toy, 2, timeout_s=30)

    assert await letters(far_toy) == []


async def test_killed_connections_are_made_again(toy: Toy) -> None:
    async with toy.running():
        for number in range(3):
            await toy.redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            await toy.announce(Poked(note=str(number)))
            await all_noted(toy, number + 1)

    assert await toy.notes() == ["0", "1", "2"]


async def destroy_the_group(toy: Toy) -> None:
    await toy.redis.xgroup_destroy(Poked.stream, "toy")


async def delete_the_stream(toy: Toy) -> None:
    await toy.redis.delete(Poked.stream)


async def flush(toy: Toy) -> None:
    await toy.redis.flushall()


@pytest.mark.parametrize("forget", [destroy_the_group, delete_the_stream, flush])
async def test_a_lost_group_is_made_again_and_what_comes_next_is_heard(toy: Toy, forget: Any) -> None:
    async with toy.running():
        await toy.announce(Poked(note="before"))
        await all_noted(toy, 1)

        await forget(toy)
        await toy.announce(Poked(note="while gone"))
        await all_noted(toy, 2)

    assert await toy.notes() == ["before", "while gone"]


@pytest.mark.parametrize("forget", [destroy_the_group, flush])
async def test_redis_forgets_while_a_handler_runs(toy: Toy, forget: Any) -> None:
    async with toy.running():
        await toy.announce(Poked(note="dawdle 0.7"))
        await until(lambda: begun("dawdle 0.7"))

        await forget(toy)
        await all_noted(toy, 1)
        await toy.announce(Poked(note="afterwards"))
        await all_noted(toy, 2)

    assert await toy.notes() == ["dawdle 0.7", "afterwards"]


async def test_what_was_sent_and_not_heard_when_redis_was_flushed_is_sent_again(toy: Toy) -> None:
    await toy.announce(Poked(note="one"))
    await toy.relay()
    await toy.redis.flushall()

    async with toy.running():
        await all_noted(toy, 1)

    assert await toy.notes() == ["one"]


async def test_a_retry_that_redis_forgot_is_made_all_the_same(toy: Toy) -> None:
    toy.service.bus.base_s = 60
    async with toy.running():
        await toy.announce(Poked(note="stumble 1"))
        await until(lambda: delayed(toy))
        toy.service.bus.base_s = 0.05

        await toy.redis.flushall()
        await all_noted(toy, 1)

    assert await toy.notes() == ["stumble 1"]


async def delayed(toy: Toy) -> bool:
    return bool(await toy.redis.zcard(f"{{{Poked.stream}}}:toy:delayed"))


@asynccontextmanager
async def a_toy_of_its_own(
    variant: Variant, postgres_url: str, folder: Path, *, durable: bool = False
) -> AsyncIterator[tuple[Toy, Server]]:
    """With a Redis that may be killed."""
    with a_server(variant, folder / "server", durable=durable) as server:
        async with a_toy(postgres_url, server.database(5), folder) as toy:
            yield toy, server


@pytest.mark.parametrize("durable", [True, False], ids=["with its file", "with nothing"])
async def test_a_killed_redis_that_comes_back_loses_and_doubles_nothing(
    variant: Variant, postgres_url: str, tmp_path: Path, durable: bool
) -> None:
    async with a_toy_of_its_own(variant, postgres_url, tmp_path, durable=durable) as (toy, server), toy.running():
        for number in range(30):
            await toy.announce(Poked(note=f"{number}"))
        await until(lambda: some_noted(toy))
        await asyncio.to_thread(server.kill)
        for number in range(30, 40):
            await toy.announce(Poked(note=f"{number}"))
        await asyncio.to_thread(server.start, port=server.port)
        await all_noted(toy, 40, timeout_s=40)

        assert await letters(toy) == []


async def some_noted(toy: Toy) -> bool:
    return bool(await toy.notes())


async def test_a_redis_that_became_a_replica_is_waited_for_in_peace(
    variant: Variant, postgres_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with a_toy_of_its_own(variant, postgres_url, tmp_path) as (toy, server), toy.running():
        await toy.announce(Poked(note="before"))
        await all_noted(toy, 1)
        await toy.redis.execute_command("REPLICAOF", "127.0.0.1", str(server.port))
        await toy.announce(Poked(note="meanwhile"))
        await asyncio.sleep(3)
        asked = await commands(toy)
        await asyncio.sleep(1)
        asked = await commands(toy) - asked
        await toy.redis.execute_command("REPLICAOF", "NO", "ONE")
        await all_noted(toy, 2, timeout_s=30)

        said = capsys.readouterr()
        assert asked < 200  # a hot loop makes thousands
        assert (said.out + said.err).count("\n") < 400


async def commands(toy: Toy) -> int:
    return int((await toy.redis.info("stats"))["total_commands_processed"])


async def test_a_full_redis_is_waited_for_and_recovers_by_itself(
    variant: Variant, postgres_url: str, tmp_path: Path
) -> None:
    async with a_toy_of_its_own(variant, postgres_url, tmp_path) as (toy, _), toy.running():
        await toy.announce(Poked(note="dawdle 1"))
        await toy.announce(Poked(note="stumble 1"))
        await until(lambda: some_in_hand(toy))
        await toy.redis.config_set("maxmemory", 1)  # less than it holds already
        for number in range(5):
            await toy.announce(Poked(note=f"{number}"))
        await until(lambda: noted(toy, 1))
        await asyncio.sleep(2.5)
        unsent = await toy.unsent()
        await toy.redis.config_set("maxmemory", 0)
        await all_noted(toy, 7, timeout_s=40)

        assert unsent >= 5
        assert await toy.redis.xlen(Poked.stream) < 12  # 7 and what was tried again, not every batch that was refused
        assert await letters(toy) == []


async def some_in_hand(toy: Toy) -> bool:
    return bool(await pending(toy))


async def test_a_full_redis_is_trimmed_all_the_same(variant: Variant, postgres_url: str, tmp_path: Path) -> None:
    async with a_toy_of_its_own(variant, postgres_url, tmp_path) as (toy, _):
        toy.service.bus.keep_s, toy.service.bus.tidy_s = 0, 0.2
        toy.service.bus.base_s = 0.3
        await put(toy, "stumble 2", *(str(number) for number in range(20)))
        async with toy.running():
            await until(lambda: delayed(toy))
            await toy.redis.config_set("maxmemory", 1)
            await until(lambda: trimmed(toy))
            await toy.redis.config_set("maxmemory", 0)
            await all_noted(toy, 21)


async def trimmed(toy: Toy) -> bool:
    return int(await toy.redis.xlen(Poked.stream)) <= 1


async def test_a_database_that_is_away_burns_no_try(toy: Toy) -> None:
    toy.service.bus.tries = 1
    async with reading(toy):
        broken = toy.service.database._engine.sync_engine
        real = broken.dialect.connect
        broken.dialect.connect = refuse  # type: ignore[method-assign]
        await toy.service.database.close()
        await put(toy, "while it is away", "and another")
        await until(lambda: some_in_hand(toy))
        await asyncio.sleep(1)
        broken.dialect.connect = real  # type: ignore[method-assign]
        await all_noted(toy, 2)

    assert not await has_letters(toy, 1)
    assert await nothing_in_hand(toy)


def refuse(*_: object, **__: object) -> Any:
    raise ConnectionRefusedError("nobody listens")
