"""Erasing a script, with everything that was made of it."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from chassis.database import Database, UnitOfWork
from contracts.steps import Step
from gateway.domain.access import Caller
from gateway.domain.erasures import Erasure, Reason
from gateway.domain.jobs import Job
from gateway.domain.notices import job_notices
from gateway.domain.progress import without_script
from gateway.domain.refusals import NotFound
from gateway.ports import Changes, Records, RecordsOn
from gateway.usecases.erasures import announce_erasure, open_erasure
from gateway.usecases.indexing import forget
from gateway.usecases.notify import Notify

__all__ = ["EraseScript"]


class EraseScript:
    """A ledger holds every line of its script, so alignments go with it; what else a job left stays."""

    def __init__(self, database: Database, records_on: RecordsOn, changes: Changes, notify: Notify) -> None:
        self._database = database
        self._records_on = records_on
        self._changes = changes
        self._notify = notify

    async def __call__(self, caller: Caller, script_id: UUID) -> Erasure:
        """Forget a script and ask the others to. Raises NotFound."""
        async with self._database.begin(caller.tenant_id) as work:
            return await self.erase(work, script_id)

    async def erase(self, work: UnitOfWork, script_id: UUID, *, reason: Reason = "asked") -> Erasure:
        """Forget a script within a transaction. Raises NotFound."""
        records = self._records_on(work.connection)
        jobs = await records.jobs.of_script(script_id)  # first, for it holds the script
        script = await records.scripts.get(script_id)
        if script is None:
            raise NotFound("there is no such script")
        for job in jobs:
            await self._without_alignment(work, records, job)
        rows = await records.erasures.rows_of_script(script_id)
        rows = {**rows, **await records.erasures.mentions(script_id)}
        rows["search_documents"] = await forget(records, script_id=script_id)
        self._changes.note(work, work.tenant_id)  # who tells events holds some in memory
        erasure = await open_erasure(records, "script", script_id, reason=reason, rows=rows, places=[script.key])
        await announce_erasure(work, erasure)
        return erasure

    async def _without_alignment(self, work: UnitOfWork, records: Records, job: Job) -> None:
        """What was aligned is gone, and what waits for it waits in vain."""
        folder = f"/{Step.ALIGNMENT}-"
        kept = {name: key for name, key in job.results.items() if folder not in key}
        moved = job.with_steps(without_script(job.steps), now=datetime.now(UTC))
        moved = replace(moved, script_id=None, results=kept, version=job.version + 1)
        await records.jobs.save(moved)
        self._changes.note(work, job.id)
        await self._notify(work, job_notices(job, moved))
