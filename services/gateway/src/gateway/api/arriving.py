"""The bytes of a request as they come, with a word now and then when none do."""

import asyncio
import time
from collections.abc import AsyncIterator

from fastapi import Request

from gateway.usecases.appending import Interrupted

__all__ = ["arriving"]

_TICK_S = 1.0
_IDLE_S = 60.0
"""A client that was silent for so long is gone, though its connection does not know it yet."""


async def arriving(request: Request) -> AsyncIterator[bytes]:
    """Pieces as they come; an empty one each second without any. Raises Interrupted where they end too early."""
    heard = time.monotonic()
    waiting = asyncio.ensure_future(request.receive())
    try:
        while True:
            done, _ = await asyncio.wait({waiting}, timeout=_TICK_S)
            if not done:
                if time.monotonic() - heard > _IDLE_S:
                    raise Interrupted("nothing came for a minute")
                yield b""
                continue
            message = waiting.result()
            if message["type"] == "http.disconnect":
                raise Interrupted("the connection ended before the request did")
            heard = time.monotonic()
            if message.get("body"):
                yield message["body"]
            if not message.get("more_body", False):
                return
            waiting = asyncio.ensure_future(request.receive())
    finally:
        waiting.cancel()
