"""HTTP with a bounded patience: the parser bounds how long a head may be, and this for how long it may come."""

import asyncio

import h11
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["LONGEST_HEAD_S", "MOST_HEAD_BYTES", "PatientHttp"]

MOST_HEAD_BYTES = 65_536
"""Of a request's first line and its fields together; for uvicorn's ``h11_max_incomplete_event_size``."""
LONGEST_HEAD_S = 30.0
"""From a connection's beginning, or from the first byte of a later request, until its head is whole."""


class PatientHttp(H11Protocol):
    """Hangs up on whoever sends no head, or a byte of one now and then."""

    _patience: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        self._patience = self.loop.call_later(LONGEST_HEAD_S, transport.close)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def _look(self) -> None:
        """Wait for the rest of a head that has begun; for the beginning of a later one uvicorn waits by itself."""
        if self.conn.their_state is not h11.IDLE:
            self._wait_no_more()
        elif self._patience is None and self.conn.trailing_data[0] and not self.transport.is_closing():
            self._patience = self.loop.call_later(LONGEST_HEAD_S, self.transport.close)

    def _wait_no_more(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
