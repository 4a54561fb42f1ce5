"""End background tasks for certain.

``asyncio.wait_for`` of Python 3.11 can swallow a cancellation that arrives together with the awaited result, and so can
libraries built on it. So nothing in the chassis uses it, and what is to end is asked until it has ended.
"""

import asyncio
from typing import Any

__all__ = ["end"]

_ASK_AGAIN_S = 1.0


async def end(*tasks: asyncio.Future[Any]) -> None:
    """Cancel these and return when all have ended; what they raise is dropped."""
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        done, waiting = await asyncio.wait(waiting, timeout=_ASK_AGAIN_S)
        for task in done:
            if not task.cancelled():
                task.exception()  # marks it as seen
