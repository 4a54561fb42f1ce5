"""What docs/decisions/0008 says of FastStream: its applications can publish to our streams and subscribe to them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from faststream.redis import RedisBroker, StreamSub

from chassis.database._unit import envelope_of
from support.chassis_running import Toy, a_toy, until
from support.chassis_toy import TENANT, Noted, Poked


@pytest.fixture
async def toy(postgres_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Toy]:
    async with a_toy(postgres_url, redis_url, tmp_path) as made:
        yield made


async def test_a_faststream_application_speaks_to_our_services_and_hears_them(toy: Toy) -> None:
    heard: asyncio.Queue[Any] = asyncio.Queue()
    broker = RedisBroker(str(toy.settings.redis_url))

    @broker.subscriber(stream=StreamSub(Noted.stream, group="guest", consumer="guest-1", last_id="0"))
    async def on_noted(event: dict[str, Any]) -> None:
        heard.put_nowait(event)

    poke = envelope_of(Poked).of(Poked(note="from a guest"), source="guest", subject="guest", tenant_id=TENANT)

    async with broker, toy.running():
        await broker.start()
        await broker.publish(poke.model_dump_json(), stream=Poked.stream)
        answer = await asyncio.wait_for(heard.get(), 30)
        await until(lambda: toy.notes())

    assert answer["data"] == {"note": "from a guest"}
    assert await toy.notes() == ["from a guest"]
