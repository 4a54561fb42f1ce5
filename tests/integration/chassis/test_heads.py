"""What a server takes for the head of a request."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from chassis.run import _heads
from chassis.run._heads import MOST_HEAD_BYTES, PatientHttp

ASK = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
CLOSE = b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"


async def told(scope: Any, receive: Any, send: Any) -> None:
    size = len(await Request(scope, receive).body())
    await PlainTextResponse(f"{size}")(scope, receive, send)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    parser: dict[str, Any] = {"http": PatientHttp, "h11_max_incomplete_event_size": MOST_HEAD_BYTES}
    server = uvicorn.Server(uvicorn.Config(told, port=0, lifespan="off", log_level="critical", **parser))
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(30):
        while not server.started:  # noqa: ASYNC110 (it tells nobody)
            await asyncio.sleep(0.02)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


async def answered(port: int, *parts: bytes) -> bytes:
    """What comes back until the server closes the connection, which it is asked to or does in anger."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = asyncio.create_task(reader.read(-1))
    try:
        async with asyncio.timeout(30):
            for part in parts:
                writer.write(part)
                await asyncio.sleep(0.01)
            return await answer
    finally:
        writer.close()


@pytest.mark.parametrize("endless", [b"GET /", b"GET / HTTP/1.1\r\nX: ", b"GET / HTTP/1.1\r\nA: b\r\n"])
async def test_a_head_that_does_not_end_is_refused_before_it_fills_the_memory(port: int, endless: bytes) -> None:
    piece = b"A: b\r\n" if endless.endswith(b"\n") else b"xxxxxx"

    answer = await answered(port, endless, *[piece * 3000] * 5)

    assert answer.startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\nX: ", ASK + b"GET /"], ids=["nothing", "half", "a second half"]
)
async def test_whoever_does_not_come_to_the_end_of_a_head_is_hung_up_on(
    port: int, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_heads, "LONGEST_HEAD_S", 0.1)

    answer = await answered(port, *([sent, b" "] if sent else []))

    assert answer.endswith(b"0" if sent.startswith(ASK) else b"")
    assert answer.count(b"HTTP/1.1 200") == sent.count(ASK)


async def test_a_long_head_that_ends_is_answered(port: int) -> None:
    long = b"GET / HTTP/1.1\r\nHost: here\r\nX: " + b"x" * (MOST_HEAD_BYTES - 100)

    answer = await answered(port, long, b"\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200")


async def test_bodies_and_many_requests_on_one_connection_count_as_no_head(port: int) -> None:
    size = 3 * MOST_HEAD_BYTES
    body = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n" % size
    many = 2 * MOST_HEAD_BYTES // len(ASK)

    answer = await answered(port, body, b"x" * size, ASK, ASK * many, CLOSE)

    assert answer.count(b"HTTP/1.1 200") == many + 3
    assert str(size).encode() in answer
