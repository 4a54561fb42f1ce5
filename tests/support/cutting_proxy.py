"""A TCP proxy that cuts a connection at a chosen moment: before a request is passed on, or before its answer is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

__all__ = ["CuttingProxy", "cutting_proxy"]


@dataclass
class _Moment:
    """Where to cut: ``lost`` is ``request``, ``answer`` (to a request that has the pattern) or ``push``."""

    pattern: bytes
    lost: str


@dataclass
class CuttingProxy:
    """Passes everything on, until told to lose something."""

    url: str
    cuts: int = 0
    """Connections cut so far."""
    _moments: list[_Moment] = field(default_factory=list)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _shut: bool = False

    def lose_request(self, pattern: bytes, times: int = 1) -> None:
        """Cut the connection when a request with this pattern comes; the server never sees it."""
        self._moments += [_Moment(pattern, "request") for _ in range(times)]

    def lose_answer(self, pattern: bytes, times: int = 1) -> None:
        """Let the server see the request, and cut before its answer arrives."""
        self._moments += [_Moment(pattern, "answer") for _ in range(times)]

    def lose_push(self, pattern: bytes, times: int = 1) -> None:
        """Cut before an answer with this pattern arrives, whatever was asked."""
        self._moments += [_Moment(pattern, "push") for _ in range(times)]

    @property
    def waits(self) -> bool:
        """Whether something is yet to be lost."""
        return bool(self._moments)

    def shut(self) -> None:
        """Cut everything and accept nothing."""
        self._shut = True
        for writer in list(self._open):
            writer.transport.abort()

    def reopen(self) -> None:
        """Accept again."""
        self._shut = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
        """One client's connection."""
        if self._shut:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(host, port)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._open |= ends
        doomed: list[_Moment] = []
        pumps = [
            asyncio.create_task(self._pump(reader, far_writer, "request", doomed)),
            asyncio.create_task(self._pump(far_reader, writer, "push", doomed)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._open -= ends
            for end in ends:
                end.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str, doomed: list[_Moment]
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                if (way == "push" and doomed) or self._comes(data, way):
                    self.cuts += 1
                    return
                if way == "request" and self._comes(data, "answer"):
                    doomed.append(_Moment(data, "answer"))
                writer.write(data)
                await writer.drain()

    def _comes(self, data: bytes, lost: str) -> bool:
        for moment in self._moments:
            if moment.lost == lost and moment.pattern in data:
                self._moments.remove(moment)
                return True
        return False


@asynccontextmanager
async def cutting_proxy(url: str) -> AsyncIterator[CuttingProxy]:
    """A proxy before the server at ``url``, on a port of its own."""
    parts = urlsplit(url)
    host, port = str(parts.hostname), int(parts.port or 0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await proxy.serve(reader, writer, host, port)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    own_port = server.sockets[0].getsockname()[1]
    netloc = parts.netloc.replace(f"{host}:{port}", f"127.0.0.1:{own_port}")
    proxy = CuttingProxy(urlunsplit(parts._replace(netloc=netloc)))
    try:
        yield proxy
    finally:
        server.close()
        proxy.shut()
        await asyncio.sleep(0)
