"""A TCP proxy that can misbehave: for tests of what a service does when its server is far, silent or gone.

    async with ChaosProxy("127.0.0.1", 5432) as proxy:
        connect(port=proxy.port)
        proxy.delay_s = 0.05      # every piece of data, each way, arrives so much later and in order
        proxy.cut()               # reset every open connection; new ones are let through
        proxy.half_close()        # each server "stops talking": clients see the end of data, and may still send
        proxy.black_hole = True   # nothing passes either way, and nobody is told; new connections are accepted
        proxy.refuses = True      # new connections are reset at once
        proxy.heal()              # all of it over; what fell into the hole stays lost, so its connections are reset

It never changes or reorders a byte. All methods belong to the event loop that started it.
"""

import asyncio
import socket
import struct
from collections import deque
from contextlib import suppress
from types import TracebackType
from typing import Self, cast

from typing_extensions import override

__all__ = ["ChaosProxy", "Link"]

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on with no patience: closing sends RST, as a crashed machine's kernel does."""


class ChaosProxy:
    """Listens on a free port of 127.0.0.1 and passes everything on to ``host:port``, unless told otherwise."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._target_port = port
        self._server: asyncio.Server | None = None
        self._links: set[Link] = set()
        self.delay_s = 0.0
        self.black_hole = False
        self.refuses = False
        self.passed_bytes = 0
        """How much was passed on so far, both ways."""

    @property
    def port(self) -> int:
        """Where clients connect."""
        assert self._server is not None, "started first"
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def connections(self) -> int:
        """How many clients are connected now."""
        return len(self._links)

    async def start(self) -> None:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Client(self), "127.0.0.1", 0)

    async def close(self) -> None:
        """Stop listening and reset what is connected."""
        if self._server is not None:
            self._server.close()
            self.cut()
            await self._server.wait_closed()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def cut(self) -> int:
        """Reset every open connection, both sides; returns how many there were."""
        links = list(self._links)
        for link in links:
            link.reset()
        return len(links)

    def half_close(self) -> int:
        """Tell each client that its server will say no more, while the client may go on; returns how many."""
        links = list(self._links)
        for link in links:
            link.half_close()
        return len(links)

    def lets_through(self, link: "Link", piece: bytes, *, asked: bool) -> bool:
        """Whether a piece may pass that came from the client (``asked``) or the server; if not, its link is reset."""
        return True

    def heal(self) -> None:
        """Be an honest proxy again. Connections that lost something are reset, or they would wait for ever."""
        self.delay_s, self.refuses, self.black_hole = 0.0, False, False
        for link in list(self._links):
            if link.swallowed or link.half_closed:
                link.reset()


class Link:
    """One client, its server, and what is on its way between them."""

    def __init__(self, proxy: ChaosProxy, client: asyncio.Transport) -> None:
        self.proxy = proxy
        self.client = client
        self.server: asyncio.Transport | None = None
        self.swallowed = False
        self.half_closed = False
        self._early: list[bytes] = []
        self._late: deque[tuple[float, asyncio.Transport, bytes]] = deque()
        self._connecting = asyncio.create_task(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: _Server(self), self.proxy._host, self.proxy._target_port)
        except OSError:
            self.reset()

    def connected(self, server: asyncio.Transport) -> None:
        """The server is there: send it first what came before it, in this same turn of the loop."""
        self.server = server
        for piece in self._early:
            self.pass_on(server, piece)
        self._early.clear()

    def pass_on(self, to: asyncio.Transport | None, piece: bytes) -> None:
        """Send a piece on its way, now, later or never."""
        if self.proxy.black_hole:
            self.swallowed = True
        elif to is None:
            self._early.append(piece)
        elif self.proxy.delay_s or self._late:
            loop = asyncio.get_running_loop()
            self._late.append((loop.time() + self.proxy.delay_s, to, piece))
            loop.call_later(self.proxy.delay_s, self._deliver_late)
        else:
            self._write(to, piece)

    def _deliver_late(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._late and self._late[0][0] <= now + 0.001:
            _, to, piece = self._late.popleft()
            self._write(to, piece)

    def _write(self, to: asyncio.Transport, piece: bytes) -> None:
        if not to.is_closing():
            self.proxy.passed_bytes += len(piece)
            to.write(piece)

    def half_close(self) -> None:
        """End the flow from the server to the client; what the server still says is dropped."""
        self.half_closed = True
        if not self.client.is_closing() and self.client.can_write_eof():
            with suppress(OSError, RuntimeError):
                self.client.write_eof()

    def reset(self) -> None:
        """End both sides at once, without a goodbye."""
        self._connecting.cancel()
        self.proxy._links.discard(self)
        for side in (self.client, self.server):
            if side is not None and not side.is_closing():
                with suppress(OSError):
                    side.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                side.abort()

    def ended(self, side: asyncio.Transport | None) -> None:
        """One side is gone: let the other finish what it was sent, then go too."""
        self.proxy._links.discard(self)
        self._connecting.cancel()
        other = self.server if side is self.client else self.client
        if other is not None and not other.is_closing():
            other.close()


class _Client(asyncio.Protocol):
    def __init__(self, proxy: ChaosProxy) -> None:
        self._proxy = proxy
        self._link: Link | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        link = self._link = Link(self._proxy, cast(asyncio.Transport, transport))
        self._proxy._links.add(link)
        if self._proxy.refuses:
            link.reset()

    @override
    def data_received(self, data: bytes) -> None:
        link = self._link
        if link is None:
            return
        if self._proxy.lets_through(link, data, asked=True):
            link.pass_on(link.server, data)
        else:
            link.reset()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._link is not None:
            self._link.ended(self._link.client)

    @override
    def pause_writing(self) -> None:
        if self._link is not None and self._link.server is not None:
            self._link.server.pause_reading()

    @override
    def resume_writing(self) -> None:
        if self._link is not None and self._link.server is not None:
            self._link.server.resume_reading()


class _Server(asyncio.Protocol):
    def __init__(self, link: Link) -> None:
        self._link = link

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        server = cast(asyncio.Transport, transport)
        self._link.connected(server)
        if self._link.client.is_closing():
            server.close()

    @override
    def data_received(self, data: bytes) -> None:
        link = self._link
        if not link.proxy.lets_through(link, data, asked=False):
            link.reset()
        elif not link.half_closed:
            link.pass_on(link.client, data)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._link.ended(self._link.server)

    @override
    def pause_writing(self) -> None:
        if not self._link.client.is_closing():
            self._link.client.pause_reading()

    @override
    def resume_writing(self) -> None:
        if not self._link.client.is_closing():
            self._link.client.resume_reading()
