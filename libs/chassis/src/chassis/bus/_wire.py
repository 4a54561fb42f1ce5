"""The bytes of one message, as FastStream reads and writes them."""

import struct
from typing import Any

__all__ = ["decode", "encode", "redis_client"]


_MAGIC = b"\x89BIN\r\n\x1a\n"
_HEAD = struct.Struct(">HIIH")
"""Version 1, where the headers begin, where the body begins, how many headers there are."""


def encode(body: str, *, message_id: str, correlation_id: str, traceparent: str | None = None) -> bytes:
    """An event's JSON in FastStream's binary envelope; ``message_id`` stays the same however often it is delivered.

    Written by hand: who only sends need not load FastStream, a third of a second, and it takes half as long as
    FastStream's own writer. A test holds the two to the same content.
    """
    headers = {"correlation_id": correlation_id, "message_id": message_id, "content-type": "application/json"}
    if traceparent:
        headers["traceparent"] = traceparent
    words = [word.encode() for pair in headers.items() for word in pair]
    packed = b"".join(len(word).to_bytes(2, "big") + word for word in words)
    start = len(_MAGIC) + _HEAD.size
    return b"".join((_MAGIC, _HEAD.pack(1, start - 2, start + len(packed), len(headers)), packed, body.encode()))


def decode(data: bytes) -> tuple[bytes, dict[str, Any]]:
    """Body and headers; bytes that are no envelope are all body.

    FastStream takes any JSON object whose ``data`` is a string for an envelope of its older kind and drops the rest of
    it; one that calls itself a CloudEvent is kept whole.
    """
    from faststream.redis import BinaryMessageFormatV1

    if not data.startswith(_MAGIC) and b'"specversion"' in data:
        return data, {}
    return BinaryMessageFormatV1.parse(data)


def redis_client(url: str, *, max_connections: int = 32, **more: Any) -> Any:
    """A client as all of the chassis uses it.

    Typed as Any since redis-py's annotations mix what its blocking and its asynchronous client return. RESP2, so that
    replies have one shape whatever the server.
    """
    from redis.asyncio import Redis

    return Redis.from_url(
        url,
        protocol=2,
        max_connections=max_connections,
        socket_timeout=5,
        socket_connect_timeout=5,
        health_check_interval=15,
        **more,
    )
