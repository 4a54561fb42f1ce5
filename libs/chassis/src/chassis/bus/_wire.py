"""The bytes of one message, as FastStream reads and writes them."""

import struct
from typing import Any

__all__ = ["decode", "encode", "redis_client"]


_HEAD = struct.Struct(">8sHIIH")
"""Magic, version, where the headers begin (with their number), where the body begins, how many headers there are."""
_MAGIC, _VERSION = b"\x89BIN\r\n\x1a\n", 1


def encode(body: str, *, message_id: str, correlation_id: str, traceparent: str | None = None) -> bytes:
    """An event's JSON in FastStream's binary envelope; ``message_id`` stays the same however often it is delivered.

    Written by hand, as it is read: no process has to load FastStream for it, which the first fact would wait for. A
    test holds the two to the same content.
    """
    headers = {"correlation_id": correlation_id, "message_id": message_id, "content-type": "application/json"}
    if traceparent:
        headers["traceparent"] = traceparent
    words = [word.encode() for pair in headers.items() for word in pair]
    packed = b"".join(len(word).to_bytes(2, "big") + word for word in words)
    at = _HEAD.size
    return b"".join((_HEAD.pack(_MAGIC, _VERSION, at - 2, at + len(packed), len(headers)), packed, body.encode()))


def decode(data: bytes) -> bytes:
    """The body; bytes that are no envelope are all body.

    FastStream takes any JSON object whose ``data`` is a string for an envelope of its older kind and drops the rest of
    it; one that calls itself a CloudEvent is kept whole.
    """
    if len(data) >= _HEAD.size:
        magic, version, _, body_at, _ = _HEAD.unpack_from(data)
        if (magic, version) == (_MAGIC, _VERSION):
            return data[body_at:]
    if b'"specversion"' in data:
        return data
    from faststream.redis import BinaryMessageFormatV1  # only for what no publisher of today writes

    return BinaryMessageFormatV1.parse(data)[0]


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
