"""Waits for work on behalf of everybody who asks for some: one look at the database a second, however many wait."""

import asyncio
from contextlib import suppress

from chassis.database import Database
from chassis.telemetry import get_logger
from upscale.usecases.joining import MachinesIn

__all__ = ["Lookout"]

_log = get_logger("upscale.lookout")
_LOOK_S = 1.0
_ANYWAY_S = 5.0
"""Those who wait ask again after so long, whatever is seen: stragglers come by the clock."""


class Lookout:
    """Nobody who waits holds a connection."""

    def __init__(self, database: Database, machines: MachinesIn) -> None:
        self._database = database
        self._machines = machines
        self._changed = asyncio.Condition()
        self._waiting = 0
        self._notifying: set[asyncio.Task[None]] = set()
        self.news = 0
        """Counts up whenever there may be work."""
        self.over = False
        """This process is about to end: nobody waits any longer, so that nobody is waited for."""

    def wake(self) -> None:
        """There may be work: let all who wait ask."""
        self.news += 1
        notifying = asyncio.create_task(self._notify())
        self._notifying.add(notifying)
        notifying.add_done_callback(self._notifying.discard)

    async def wait(self, seen: int, most_s: float) -> None:
        """Return when there may be work since ``seen``, or after a while."""
        self._waiting += 1
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(most_s, _ANYWAY_S)), self._changed:
                    await self._changed.wait_for(lambda: self.news != seen)
        finally:
            self._waiting -= 1

    async def run(self) -> None:
        """Look while anybody waits, until cancelled: then all who wait go at once."""
        try:
            await self._look()
        finally:
            self.over = True
            self.wake()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            if not self._waiting:
                continue
            try:
                async with self._database.begin_untenanted() as connection:
                    found = await self._machines(connection).any_open()
            except Exception as error:  # noqa: BLE001 (what is away now is there at the next look)
                _log.warning("cannot look for work", error=repr(error))
                continue
            if found:
                self.news += 1
                await self._notify()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()
