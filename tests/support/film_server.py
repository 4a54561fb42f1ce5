"""A real server of one file: with ranges and versions, and connections that break where the test says."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

__all__ = ["FilmServer", "a_film_server"]

_PIECE = 16_384


@dataclass
class FilmServer:
    """What it serves under any path, and what it was asked."""

    content: bytes
    port: int = 0
    tag: str | None = '"one"'
    """Its version. None: it gives no name to versions."""
    status: int = 200
    content_type: str = "video/mp4"
    ranges: bool = True
    """Whether it knows them."""
    sized: bool = True
    """Whether it says how long the file is."""
    breaks: list[int] = field(default_factory=list)
    """After how many bytes the next answers break off; whole ones come after these."""
    redirects: dict[str, str] = field(default_factory=dict)
    """By path, where it sends who asks."""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Path and headers of each request."""
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by the first request."""
    holds: asyncio.Event | None = None
    """If set, an answer that breaks off waits for it instead of ending."""

    def url(self, path: str = "/film.mp4") -> str:
        """An address of it, by a name."""
        return f"http://films.example:{self.port}{path}"

    _serving: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._answer(reader, writer)
        finally:
            self._serving.discard(task)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def end(self) -> None:
        """Hang up on everybody."""
        serving = list(self._serving)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        path = lines[0].split(" ")[1]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
        self.asked.append((path, headers))
        self.heard.set()
        if path in self.redirects:
            writer.write(
                f"HTTP/1.1 302 Found\r\nLocation: {self.redirects[path]}\r\nContent-Length: 0\r\n\r\n".encode()
            )
            await writer.drain()
            return
        start = self._start(headers)
        if start >= len(self.content):
            none = f"Content-Range: bytes */{len(self.content)}\r\nContent-Length: 0\r\nConnection: close"
            writer.write(f"HTTP/1.1 416 X\r\n{none}\r\n\r\n".encode())
            await writer.drain()
            return
        said = [
            f"HTTP/1.1 {206 if start else self.status} X",
            f"Content-Type: {self.content_type}",
            "Connection: close",
        ]
        if self.tag is not None:
            said.append(f"ETag: {self.tag}")
        if start:
            said.append(f"Content-Range: bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        said.append(f"Content-Length: {len(self.content) - start}" if self.sized else "Transfer-Encoding: chunked")
        writer.write("\r\n".join([*said, "", ""]).encode())
        await self._send(writer, start)

    def _start(self, headers: dict[str, str]) -> int:
        match = re.fullmatch(r"bytes=(\d+)-", headers.get("range", ""))
        if not self.ranges or match is None or headers.get("if-range") not in (None, self.tag):
            return 0
        return int(match.group(1))

    async def _send(self, writer: asyncio.StreamWriter, start: int) -> None:
        broken = bool(self.breaks)
        until = self.breaks.pop(0) if broken else len(self.content)
        for at in range(start, min(until, len(self.content)), _PIECE):
            piece = self.content[at : min(at + _PIECE, until)]
            writer.write(piece if self.sized else b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
        if until < len(self.content):
            if self.holds is not None:
                await self.holds.wait()
        elif not self.sized and not broken:
            writer.write(b"0\r\n\r\n")
        await writer.drain()


@asynccontextmanager
async def a_film_server(content: bytes, *, port: int = 0) -> AsyncIterator[FilmServer]:
    """It listens on a loopback address."""
    films = FilmServer(content)
    server = await asyncio.start_server(films.serve, "127.0.0.1", port)
    films.port = server.sockets[0].getsockname()[1]
    try:
        yield films
    finally:
        server.close()
        await films.end()
