"""A proxy that cuts a connection at a chosen moment: before a request is passed on, or before its answer is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

from typing_extensions import override

from support.chaos_proxy import ChaosProxy, Link

__all__ = ["CuttingProxy", "cutting_proxy"]


class CuttingProxy(ChaosProxy):
    """Before the server at ``url``. Passes everything on, until told to lose something."""

    def __init__(self, url: str) -> None:
        self._to = urlsplit(url)
        super().__init__(str(self._to.hostname), int(self._to.port or 0))
        self.cuts = 0
        """Connections cut at a moment so far."""
        self._moments: list[tuple[str, bytes]] = []
        """What is to be lost, and the pattern it is known by."""
        self._doomed: set[Link] = set()

    @property
    def url(self) -> str:
        """How to reach the server through this."""
        near = self._to.netloc.replace(f"{self._to.hostname}:{self._to.port}", f"127.0.0.1:{self.port}")
        return urlunsplit(self._to._replace(netloc=near))

    def lose_request(self, pattern: bytes, times: int = 1) -> None:
        """Cut the connection when a request with this pattern comes; the server never sees it."""
        self._moments += [("request", pattern)] * times

    def lose_answer(self, pattern: bytes, times: int = 1) -> None:
        """Let the server see the request, and cut before its answer arrives."""
        self._moments += [("answer", pattern)] * times

    def lose_push(self, pattern: bytes, times: int = 1) -> None:
        """Cut before an answer with this pattern arrives, whatever was asked."""
        self._moments += [("push", pattern)] * times

    @property
    def waits(self) -> bool:
        """Whether something is yet to be lost."""
        return bool(self._moments)

    def shut(self) -> None:
        """Cut everything and accept nothing."""
        self.refuses = True
        self.cut()

    def reopen(self) -> None:
        """Accept again."""
        self.refuses = False

    @override
    def lets_through(self, link: Link, piece: bytes, *, asked: bool) -> bool:
        if self._comes("request" if asked else "push", piece) or (not asked and link in self._doomed):
            self._doomed.discard(link)
            self.cuts += 1
            return False
        if asked and self._comes("answer", piece):
            self._doomed.add(link)
        return True

    def _comes(self, lost: str, piece: bytes) -> bool:
        for moment in self._moments:
            if moment[0] == lost and moment[1] in piece:
                self._moments.remove(moment)
                return True
        return False


@asynccontextmanager
async def cutting_proxy(url: str) -> AsyncIterator[CuttingProxy]:
    """A proxy before the server at ``url``, on a port of its own."""
    async with CuttingProxy(url) as proxy:
        yield proxy
