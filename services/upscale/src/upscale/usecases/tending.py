"""Looks after runners: leases whose time is over, machines that fell silent, chunks that nobody took, old rows."""

import asyncio
import random
import time
from dataclasses import dataclass, field

from chassis.database import Database
from chassis.telemetry import get_logger
from upscale.ports.runners import Intervals
from upscale.usecases.failing import SettleFailure
from upscale.usecases.joining import MachinesIn
from upscale.usecases.lookout import Lookout
from upscale.usecases.pacing import PacesIn
from upscale.usecases.runners import announce_runner
from upscale.usecases.vigil import Vigil

__all__ = ["Tend"]

_log = get_logger("upscale.tending")
_TIDY_S = 600.0
_TIDIED_AT_ONCE = 1000
_PACES_DAYS = 90


@dataclass(frozen=True)
class Tend:
    """Any replica may, at any time: each thing is done once, by the row it is about."""

    database: Database
    machines: MachinesIn
    paces: PacesIn
    failure: SettleFailure
    intervals: Intervals
    lookout: Lookout
    keep_days: int
    vigil: Vigil
    _tidied: list[float] = field(default_factory=list)
    """When the tables were last seen to be tidy, on the monotonic clock."""

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        every_s = min(5.0, max(0.25, self.intervals.lease_s / 6))
        while True:
            await asyncio.sleep(every_s * random.uniform(0.7, 1.0))
            try:
                await self.round()
            except Exception as error:  # noqa: BLE001 (what is away now is there at the next round)
                _log.warning("runners are not looked after now", error=repr(error))

    async def round(self) -> None:
        """Look once."""
        await self._end_leases()
        await self._lose_silent()
        await self._let_pool_have()
        await self._tidy()

    async def _end_leases(self) -> None:
        self.vigil.look()
        async with self.database.begin_untenanted() as connection:
            overdue = await self.machines(connection).overdue(grace_s=self.vigil.grace_s)
        self.vigil.look()
        for lease in overdue:
            async with self.database.begin(lease.tenant_id) as work:
                machines = self.machines(work.connection)
                standing = await machines.standing(lease.chunk_id, lease.token, None)
                if standing is None or not await machines.lapse(
                    lease.chunk_id, lease.token, grace_s=self.vigil.grace_s
                ):
                    continue
                # A lease that was never renewed costs no try either: no work was begun under it.
                begun = standing.lease.state == "working" and not self.vigil.slow
                reason = "timeout" if begun else "preempted"
                detail = "the machine that had it fell silent"
                await self.failure(work, standing, reason=reason, detail=detail, ending="lapsed")
            self.lookout.wake()

    async def _lose_silent(self) -> None:
        async with self.database.begin_untenanted() as connection:
            silent = await self.machines(connection).silent(silent_s=self.intervals.gone_s)
        for runner in silent:
            async with self.database.begin(runner.tenant_id) as work:
                if await self.machines(work.connection).lose(runner.runner_id, silent_s=self.intervals.gone_s):
                    await announce_runner(work, runner, "gone")

    async def _let_pool_have(self) -> None:
        async with self.database.begin_untenanted() as connection:
            waited = await self.machines(connection).due_for_pool()
        for offer in waited:
            async with self.database.begin(offer.tenant_id) as work:
                if await self.machines(work.connection).take_out_of_waiting(offer.chunk_id):
                    await self.failure.to_pool(work, offer)

    async def _tidy(self) -> None:
        """Keep the tables as large as what goes on, not as what ever went on."""
        if self._tidied and time.monotonic() - self._tidied[-1] < _TIDY_S:
            return
        async with self.database.begin_untenanted() as connection:
            gone = await self.machines(connection).tidy(keep_days=self.keep_days, limit=_TIDIED_AT_ONCE)
            await self.paces(connection).forget(older_than_days=_PACES_DAYS)
        if gone < _TIDIED_AT_ONCE:  # else there is more
            self._tidied[:] = [time.monotonic()]
