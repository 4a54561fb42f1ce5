"""As many requests as a server can answer: connections that ask again as soon as they are answered.

The requests are made beforehand and of the answers only as much is read as HTTP asks for, so that what is measured is
the server and not its client.
"""

import asyncio
import itertools
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

__all__ = ["Pumped", "pump"]


class Pumped:
    """What came back."""

    def __init__(self) -> None:
        self.answers = 0
        self.failures = 0
        self.seconds = 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds if self.seconds else 0.0


async def pump(url: str, paths: Sequence[str], *, token: str | None, connections: int, seconds: float) -> Pumped:
    """Ask for the paths in turn until the time is up."""
    host = urlsplit(url)
    head = f" HTTP/1.1\r\nHost: {host.netloc}\r\nConnection: keep-alive\r\n"
    head += f"Authorization: Bearer {token}\r\n\r\n" if token else "\r\n"
    requests = itertools.cycle([f"GET {path}{head}".encode() for path in paths])
    done, began = Pumped(), time.monotonic()

    async def ask() -> None:
        reader, writer = await asyncio.open_connection(host.hostname, host.port)
        try:
            while time.monotonic() - began < seconds:
                writer.write(next(requests))
                answer = await reader.readuntil(b"\r\n\r\n")
                length = int(answer.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                await reader.readexactly(length)
                done.answers += 1
                done.failures += not answer.startswith(b"HTTP/1.1 200")
        finally:
            writer.close()

    await asyncio.gather(*(ask() for _ in range(connections)))
    done.seconds = time.monotonic() - began
    return done
