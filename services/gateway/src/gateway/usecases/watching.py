"""Whether somebody may go on watching: a stream may outlive the right to it."""

import asyncio
from collections.abc import Awaitable, Callable

from chassis.telemetry import get_logger
from gateway.domain.refusals import Refusal

__all__ = ["ASKED_EVERY_S", "StillAllowed"]

_log = get_logger(__name__)
ASKED_EVERY_S = 60.0


class StillAllowed:
    """Asks at the first look after a minute: a session may have ended, a key been revoked, a tenant been erased."""

    def __init__(self, ask: Callable[[], Awaitable[object]]) -> None:
        self._ask = ask
        self._clock = asyncio.get_running_loop().time
        self._asked_at = self._clock()

    async def __call__(self) -> bool:
        """False once it was refused."""
        if self._clock() - self._asked_at < ASKED_EVERY_S:
            return True
        self._asked_at = self._clock()
        try:
            await self._ask()
        except Refusal:
            return False
        except Exception as error:  # noqa: BLE001 (who cannot be asked has not said no)
            _log.debug("whether somebody may still watch could not be asked", error=repr(error))
        return True
