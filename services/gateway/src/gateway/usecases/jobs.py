"""Jobs: asked for, called off, asked for once more, watched."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from chassis.database import Database, UnitOfWork
from contracts import uuid7
from contracts.gateway import JobCancelled, JobOptions, JobRequested
from contracts.steps import Step
from gateway.domain.access import Caller
from gateway.domain.findings import Narrowed
from gateway.domain.jobs import Job, Priority, steps_wanted
from gateway.domain.library import Video
from gateway.domain.notices import job_notices
from gateway.domain.progress import Done, StepStatus, again, cancel, fold, to_repeat
from gateway.domain.refusals import InvalidRequest, JobFinished, NotFound, NothingToRetry
from gateway.ports import Changes, Records, RecordsOn
from gateway.usecases.admission import Admission
from gateway.usecases.choices import with_what_is_known
from gateway.usecases.estimates import Estimates
from gateway.usecases.held import note_work, require_there
from gateway.usecases.logos import references
from gateway.usecases.notify import Notify
from gateway.usecases.videos import require_usable
from gateway.usecases.watching import StillAllowed

__all__ = ["JobOrder", "Jobs"]


@dataclass(frozen=True, slots=True)
class JobOrder:
    """What somebody asks for."""

    video_id: UUID
    script_id: UUID | None
    steps: tuple[Step, ...]
    options: JobOptions
    priority: Priority = "normal"
    passthrough: str | None = None
    logos: tuple[UUID, ...] | None = None
    """Which of the tenant's logos to look for; None for all there are."""


class Jobs:
    """What a tenant's people do with jobs."""

    def __init__(
        self,
        database: Database,
        records_on: RecordsOn,
        changes: Changes,
        notify: Notify,
        admission: Admission,
        estimates: Estimates,
    ) -> None:
        self._database = database
        self._records_on = records_on
        self._changes = changes
        self._notify = notify
        self._admission = admission
        self._estimates = estimates

    async def request(self, work: UnitOfWork, order: JobOrder) -> Job:
        """Record a job and say so.

        Raises NotFound, InvalidRequest, VideoUnusable, BudgetExhausted, BudgetTooSmall, QuotaExceeded, Busy.
        """
        records = self._records_on(work.connection)
        # Locked, so that the fact that the video is ingested comes either before this or after it, never between.
        video = await records.videos.get(order.video_id, lock=True)
        if video is None:
            raise NotFound("there is no such video", field="video_id")
        steps = steps_wanted(order.steps)
        require_usable(video, steps)
        if Step.ALIGNMENT in steps and order.script_id is None:
            raise InvalidRequest("an alignment needs a script: name one in script_id", field="script_id")
        script_key = await _script_key(records, order.script_id)
        if order.script_id is not None and script_key is None:
            raise NotFound("there is no such script", field="script_id")
        options = order.options
        if Step.WATERMARKS in steps:
            options = options.model_copy(update={"logos": await references(records, order.logos)})
        options = await with_what_is_known(records, options, steps, video_id=order.video_id, script_id=order.script_id)
        job = Job(
            id=uuid7(),
            video_id=order.video_id,
            script_id=order.script_id,
            steps=_with_ingest(video, {step: StepStatus(step) for step in (Step.INGEST, *steps)}),
            created_at=datetime.now(UTC),
            options=options,
            priority=order.priority,
            passthrough=order.passthrough,
        )
        if not job.over:
            cost = partial(self._estimates.amount, records, video, steps, options)
            job = replace(job, reserved=await self._admission.job(records, cost))
        await records.jobs.add(job)
        await note_work(records, video)
        await _announce(work, job, steps, video, script_key)
        await self._notify(work, job_notices(None, job))
        return job

    async def get(self, caller: Caller, job_id: UUID) -> Job:
        """One job. Raises NotFound."""
        return _found(await self._look(caller, job_id))

    async def page(self, caller: Caller, narrowed: Narrowed, *, before: UUID | None, limit: int) -> Sequence[Job]:
        """The newest jobs, older than the one named ``before``."""
        async with self._database.read(caller.tenant_id) as connection:
            return await self._records_on(connection).jobs.page(narrowed, before=before, limit=limit)

    async def cancel(self, work: UnitOfWork, job_id: UUID, *, reason: str = "") -> Job:
        """Call a job off. A job that was called off before stays so. Raises NotFound, JobFinished."""
        records = self._records_on(work.connection)
        job = _found(await records.jobs.get(job_id, lock=True))
        if job.state == "cancelled":
            return job
        if job.over:
            raise JobFinished(f"this job has {job.state} already")
        stopped = job.with_steps(cancel(job.steps), now=datetime.now(UTC))
        await self._save(work, records, job, stopped)
        await work.announce(JobCancelled(video_id=job.video_id, reason=reason), subject=job.video_id, job_id=job.id)
        return stopped

    async def retry(self, work: UnitOfWork, job_id: UUID, *, only: Sequence[Step] = ()) -> Job:
        """Ask for the failed steps once more, or for some of them.

        Raises NotFound, NothingToRetry, VideoUnusable, InUse, BudgetExhausted, BudgetTooSmall, QuotaExceeded, Busy.
        """
        records = self._records_on(work.connection)
        peek = _found(await records.jobs.get(job_id))
        video = await records.videos.get(peek.video_id, lock=True)  # videos before jobs: the order everybody locks in
        job = _found(await records.jobs.get(job_id, lock=True))
        failed = to_repeat(job.steps, only)
        if not failed or job.state == "cancelled" or video is None:
            raise NothingToRetry(f"{_none_of(only)} of this job has failed; it is {job.state}")
        require_usable(video, failed)
        await require_there(records, job, failed)
        reserved = job.reserved
        if job.over:
            cost = partial(self._estimates.amount, records, video, failed, job.options)
            reserved = await self._admission.job(records, cost, again=job.id)
        run = job.run + 1
        steps = _with_ingest(video, again(job.steps, failed, run=run))
        retried = replace(job.with_steps(steps, now=datetime.now(UTC)), run=run, reserved=reserved)
        await self._save(work, records, job, retried)
        await note_work(records, video)
        redone = tuple(step for step in failed if step is not Step.INGEST)
        await _announce(work, retried, redone, video, await _script_key(records, job.script_id))
        return retried

    async def watch(
        self,
        caller: Caller,
        job_id: UUID,
        *,
        allowed: Callable[[], Awaitable[object]],
        heartbeat_s: float,
        poll_s: float,
        known: int | None = None,
    ) -> AsyncGenerator[Job | None, None]:
        """The job now and after each change until it is over; None where nothing happened for a heartbeat.

        Not now, if it still has the version that is ``known``.

        Word of a change may get lost, so the job is looked up at each heartbeat too, and every ``poll_s`` seconds
        while no word comes through at all. Ends early when this replica goes (the client then asks another), when
        ``allowed`` refuses, and when the job is erased. Raises NotFound.
        """
        clock = asyncio.get_running_loop().time
        async with self._changes.listen(job_id) as bell:
            job = await self.get(caller, job_id)  # not before we listen: a change in between would go unheard
            if job.version != known:
                yield job
            said_at, still_allowed = clock(), StillAllowed(allowed)
            while not job.over and not self._changes.over:
                patience = max(0.0, said_at + heartbeat_s - clock())
                await bell.wait(patience if self._changes.reliable else min(patience, poll_s))
                found = await self._look(caller, job_id)
                if found is None or not await still_allowed():
                    return
                known, job = job.version, found
                if job.version > known:
                    yield job
                elif clock() - said_at >= heartbeat_s:
                    yield None
                else:
                    continue
                said_at = clock()

    async def _look(self, caller: Caller, job_id: UUID) -> Job | None:
        async with self._database.read(caller.tenant_id) as connection:
            return await self._records_on(connection).jobs.get(job_id)

    async def _save(self, work: UnitOfWork, records: Records, before: Job, job: Job) -> None:
        await records.jobs.save(job)
        self._changes.note(work, job.id)
        await self._notify(work, job_notices(before, job))


def _none_of(only: Sequence[Step]) -> str:
    return f"none of the steps {', '.join(only)}" if only else "no step"


def _found(job: Job | None) -> Job:
    if job is None:
        raise NotFound("there is no such job")
    return job


def _with_ingest(video: Video, steps: dict[Step, StepStatus]) -> dict[Step, StepStatus]:
    return fold(steps, Done(Step.INGEST, None)) if video.state == "ready" else steps


async def _script_key(records: Records, script_id: UUID | None) -> str | None:
    script = None if script_id is None else await records.scripts.get(script_id)
    return None if script is None else script.key


async def _announce(work: UnitOfWork, job: Job, steps: tuple[Step, ...], video: Video, script_key: str | None) -> None:
    fact = JobRequested(
        video_id=job.video_id,
        script_id=job.script_id,
        script_key=script_key,
        steps=steps,
        run=job.run,
        priority=job.priority,
        options=job.options,
        film_name=video.filename,
    )
    await work.announce(fact, subject=job.video_id, job_id=job.id)
