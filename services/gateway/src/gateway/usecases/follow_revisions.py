"""Following revisions: where the ledger and its exports are, once people's corrections were written into them."""

from dataclasses import replace

from chassis.database import UnitOfWork
from contracts.align import AlignmentRevised
from contracts.event import Event
from gateway.domain.news import results_of
from gateway.ports import RecordsOn

__all__ = ["FollowRevisions"]


class FollowRevisions:
    """Points the alignment and its job at what was written newest."""

    def __init__(self, records_on: RecordsOn) -> None:
        self._records_on = records_on

    async def __call__(self, event: Event[AlignmentRevised], work: UnitOfWork) -> None:
        """A late or repeated fact, and one about what was erased, changes nothing."""
        fact, records = event.data, self._records_on(work.connection)
        if event.jobid is None:
            return
        job = await records.jobs.get(event.jobid, lock=True)
        files = {"json": fact.key, **fact.exports}
        if job is None or not await records.findings.revise(job.id, fact.run, revision=fact.revision, files=files):
            return
        await records.jobs.save(replace(job, results={**job.results, **results_of(fact)}))
