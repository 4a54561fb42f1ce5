"""The walk over all routes, where a stream takes its time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
from fastapi import FastAPI
from starlette.responses import StreamingResponse

from support.route_walk import Asked, ask


async def test_a_stream_that_begins_later_is_waited_for_without_spinning() -> None:
    asked_for_more = 0

    async def beat() -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0.01)
            yield b": beat\n\n"

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def counted() -> Any:
            nonlocal asked_for_more
            asked_for_more += 1
            assert asked_for_more < 100, "it spins"
            return await receive()

        async def later(message: Any) -> None:
            await asyncio.sleep(0.01)
            await send(message)

        await StreamingResponse(beat(), media_type="text/event-stream")(scope, counted, later)

    async with httpx.AsyncClient(base_url="http://gateway") as client:
        answer = await ask(client, cast(FastAPI, app), Asked("GET", "/v1/events", streams=True))

    assert answer.status_code == 200
    assert asked_for_more < 10
