"""HTTP by the parser of Node.js, with a bound on heads: it keeps what a client sends until the head is whole."""

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["MOST_HEAD_BYTES", "BoundedHttp"]

MOST_HEAD_BYTES = 65_536
"""Of a request's first line and its fields together, as uvicorn's other parser allows."""


class BoundedHttp(HttpToolsProtocol):
    """Refuses a head that does not end."""

    _head_bytes = 0
    """How much has come since a head was whole the last time, or a body."""
    _in_body = False
    _ends = 0

    @override
    def data_received(self, data: bytes) -> None:
        ends, self._head_bytes = self._ends, self._head_bytes + len(data)
        super().data_received(data)
        if self._in_body or self._ends != ends:
            self._head_bytes = 0
        elif self._head_bytes > MOST_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(f"The head of a request may have at most {MOST_HEAD_BYTES} bytes.")

    @override
    def on_headers_complete(self) -> None:
        self._in_body, self._ends = True, self._ends + 1
        super().on_headers_complete()

    @override
    def on_message_complete(self) -> None:
        self._in_body, self._ends = False, self._ends + 1
        super().on_message_complete()
