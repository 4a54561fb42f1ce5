"""HTTP by the parser of Node.js, with bounds on heads: it keeps what a client sends until the head is whole."""

import asyncio

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["LONGEST_HEAD_S", "MOST_HEAD_BYTES", "BoundedHttp"]

MOST_HEAD_BYTES = 65_536
"""Of a request's first line and its fields together, as uvicorn's other parser allows."""
LONGEST_HEAD_S = 30.0
"""From a connection's beginning, or from the first byte of a later request, until its head is whole."""


class BoundedHttp(HttpToolsProtocol):
    """Refuses a head that does not end, and hangs up on whoever sends none, or a byte now and then."""

    _head_bytes = 0
    """How much has come since a head was whole the last time, or a body."""
    _in_body = False
    _ends = 0
    _patience: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        self._wait_for_head()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_whole()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        ends, self._head_bytes = self._ends, self._head_bytes + len(data)
        super().data_received(data)
        if self._in_body or self._ends != ends:
            self._head_bytes = 0
            return
        if self._patience is None:
            self._wait_for_head()
        if self._head_bytes > MOST_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(f"The head of a request may have at most {MOST_HEAD_BYTES} bytes.")

    @override
    def on_headers_complete(self) -> None:
        self._head_is_whole()
        self._in_body, self._ends = True, self._ends + 1
        super().on_headers_complete()

    @override
    def on_message_complete(self) -> None:
        self._in_body, self._ends = False, self._ends + 1
        super().on_message_complete()

    def _wait_for_head(self) -> None:
        self._patience = self.loop.call_later(LONGEST_HEAD_S, self.transport.close)

    def _head_is_whole(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
