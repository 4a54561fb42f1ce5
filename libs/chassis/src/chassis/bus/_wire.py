"""The bytes of one message, as FastStream reads and writes them."""

from typing import Any

__all__ = ["decode", "encode", "redis_client"]


async def encode(body: str, *, message_id: str, correlation_id: str, traceparent: str | None = None) -> bytes:
    """An event's JSON in FastStream's binary envelope; ``message_id`` stays the same however often it is delivered."""
    from faststream.redis import BinaryMessageFormatV1

    headers = {"message_id": message_id, "content-type": "application/json"}
    if traceparent:
        headers["traceparent"] = traceparent
    return await BinaryMessageFormatV1.encode(
        message=body.encode(), reply_to=None, headers=headers, correlation_id=correlation_id
    )


def decode(data: bytes) -> tuple[bytes, dict[str, Any]]:
    """Body and headers; bytes that are no envelope are all body.

    FastStream takes any JSON object whose ``data`` is a string for an envelope of its older kind and drops the rest of
    it; one that calls itself a CloudEvent is kept whole.
    """
    from faststream.redis import BinaryMessageFormatV1

    if not data.startswith(BinaryMessageFormatV1.IDENTITY_HEADER) and b'"specversion"' in data:
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
