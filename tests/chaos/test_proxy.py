"""The proxy of the chaos suite misbehaves exactly as told, or the suite would prove nothing."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest
from typing_extensions import override

from support.chaos_proxy import ChaosProxy

Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_open: list[asyncio.StreamWriter] = []


class _Echo(asyncio.Protocol):
    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    @override
    def data_received(self, data: bytes) -> None:
        self._transport.write(data)


@pytest.fixture
async def proxy() -> AsyncIterator[ChaosProxy]:
    """In front of a server that says everything back."""
    server = await asyncio.get_running_loop().create_server(_Echo, "127.0.0.1", 0)
    async with ChaosProxy("127.0.0.1", server.sockets[0].getsockname()[1]) as proxy:
        yield proxy
        while _open:
            _open.pop().close()
    server.close()


async def opened(proxy: ChaosProxy) -> Wire:
    wire = await asyncio.open_connection("127.0.0.1", proxy.port)
    _open.append(wire[1])
    return wire


async def connected(proxy: ChaosProxy) -> Wire:
    wire = await opened(proxy)
    assert await said_back(wire, b"hello") == b"hello"
    return wire


async def said_back(wire: Wire, piece: bytes) -> bytes:
    wire[1].write(piece)
    async with asyncio.timeout(10):
        return await wire[0].readexactly(len(piece))


async def test_every_byte_passes_in_order(proxy: ChaosProxy) -> None:
    wire = await connected(proxy)
    much = bytes(range(256)) * 20_000

    answer = await said_back(wire, much)

    assert answer == much
    assert proxy.passed_bytes >= 2 * len(much)


async def test_what_comes_while_the_server_is_being_connected_keeps_its_order(proxy: ChaosProxy) -> None:
    reader, writer = await opened(proxy)
    pieces = [index.to_bytes(1, "big") for index in range(200)]

    for piece in pieces:  # one each turn of the loop, so one falls on every step of connecting
        writer.write(piece)
        await asyncio.sleep(0)

    async with asyncio.timeout(10):
        answer = await reader.readexactly(len(pieces))
    assert answer == b"".join(pieces)


async def test_delayed_data_arrives_later_and_in_order(proxy: ChaosProxy) -> None:
    wire = await connected(proxy)
    loop = asyncio.get_running_loop()
    proxy.delay_s = 0.15
    began = loop.time()

    answer = await said_back(wire, b"one two three")

    assert answer == b"one two three"
    assert loop.time() - began >= 0.29


async def test_a_cut_connection_is_reset_and_the_next_one_works(proxy: ChaosProxy) -> None:
    wire = await connected(proxy)

    assert proxy.cut() == 1

    with pytest.raises(ConnectionResetError):
        await wire[0].read(1)
    await connected(proxy)


async def test_a_half_closed_connection_takes_data_and_gives_none(proxy: ChaosProxy) -> None:
    wire = await connected(proxy)

    proxy.half_close()

    assert await wire[0].read() == b""
    wire[1].write(b"still here")
    await wire[1].drain()
    assert proxy.connections == 1


async def test_a_black_hole_says_nothing_and_lets_go_when_healed(proxy: ChaosProxy) -> None:
    wire = await connected(proxy)
    proxy.black_hole = True
    wire[1].write(b"is anybody there")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await wire[0].read(1)

    proxy.heal()

    with pytest.raises(ConnectionResetError):
        await wire[0].read(1)
    await connected(proxy)


async def test_refused_connections_are_reset_at_once(proxy: ChaosProxy) -> None:
    proxy.refuses = True

    reader, _ = await opened(proxy)

    with pytest.raises(ConnectionResetError):
        await reader.read(1)
