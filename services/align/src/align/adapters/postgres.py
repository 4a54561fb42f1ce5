"""The service's memory in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from align.adapters.tables import alignments, cancellations, lines, requests, reviews, revisions, scripts, steps, videos
from chassis.database import stone_of
from contracts.align import AlignmentReady
from contracts.documents import Ledger
from contracts.gateway import JobRequested, ScriptSubmitted
from contracts.ingest import VideoIngested
from contracts.steps import Step
from contracts.transcribe import TranscriptReady
from contracts.vision import ScenesDetected

__all__ = ["PostgresRecords"]

_HOLD = text("SELECT pg_advisory_xact_lock(hashtextextended(:what, 0))")


class PostgresRecords:
    """The port ``Records`` within one transaction, which somebody else commits."""

    def __init__(self, connection: AsyncConnection, tenant_id: UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    async def hold(self, *, job_id: UUID | None = None, script_id: UUID | None = None) -> None:
        """Make other transactions about this job or script wait for this one."""
        for kind, one in (("job", job_id), ("script", script_id)):
            if one is not None:
                await self._connection.execute(_HOLD, {"what": f"{kind}/{self._tenant_id}/{one}"})

    async def add_script(self, script: ScriptSubmitted) -> None:
        """Remember a script; a second telling, or one after it was erased, changes nothing."""
        if await self.is_script_erased(script.script_id):
            return
        row = insert(scripts).values(
            tenant_id=self._tenant_id, script_id=script.script_id, submitted=script.model_dump(mode="json")
        )
        await self._connection.execute(row.on_conflict_do_nothing())

    async def script(self, script_id: UUID) -> ScriptSubmitted | None:
        """The script, if it was heard of."""
        found = await self._connection.scalar(select(scripts.c.submitted).where(scripts.c.script_id == script_id))
        return None if found is None else ScriptSubmitted.model_validate(found)

    async def add_video(self, video: VideoIngested) -> None:
        """Remember a video's measures; a second telling, or one after it was erased, changes nothing."""
        if await self.is_erased(video.video_id):
            return
        row = insert(videos).values(
            tenant_id=self._tenant_id, video_id=video.video_id, ingested=video.model_dump(mode="json")
        )
        await self._connection.execute(row.on_conflict_do_nothing())

    async def video(self, video_id: UUID) -> VideoIngested | None:
        """The video, if it was heard of and not erased."""
        query = select(videos.c.ingested).where(videos.c.video_id == video_id, videos.c.erased.is_(False))
        found = await self._connection.scalar(query)
        return None if found is None else VideoIngested.model_validate(found)

    async def add_request(self, job_id: UUID, request: JobRequested, *, asked_at: datetime) -> bool:
        """Remember a run of a job; False when the job was cancelled after it asked, or the video erased."""
        cancelled_at = await self._connection.scalar(
            select(cancellations.c.cancelled_at).where(cancellations.c.job_id == job_id)
        )
        if (cancelled_at is not None and cancelled_at >= asked_at) or await self.is_erased(request.video_id):
            return False
        row = insert(requests).values(
            tenant_id=self._tenant_id,
            job_id=job_id,
            run=request.run,
            video_id=request.video_id,
            script_id=request.script_id,
            request=request.model_dump(mode="json"),
            asked_at=asked_at,
            waiting=Step.ALIGNMENT in request.steps,
        )
        await self._connection.execute(row.on_conflict_do_nothing())
        return True

    async def requests(self, job_id: UUID) -> Sequence[JobRequested]:
        """All runs of a job, the first first."""
        query = select(requests.c.request).where(requests.c.job_id == job_id).order_by(requests.c.run)
        return [JobRequested.model_validate(one) for one in await self._connection.scalars(query)]

    async def jobs_of_script(self, script_id: UUID) -> Sequence[UUID]:
        """Jobs that have a run with alignment waiting, and name this script."""
        query = select(requests.c.job_id).distinct().where(requests.c.script_id == script_id, requests.c.waiting)
        return list(await self._connection.scalars(query))

    async def waiting(self, job_id: UUID) -> Sequence[JobRequested]:
        """Runs of a job that want an alignment and have neither begun nor failed."""
        query = select(requests.c.request).where(requests.c.job_id == job_id, requests.c.waiting)
        found = await self._connection.scalars(query.order_by(requests.c.run))
        return [JobRequested.model_validate(one) for one in found]

    async def settle(self, job_id: UUID, run: int) -> None:
        """The run waits no more: it was begun, or given up."""
        row = update(requests).where(requests.c.job_id == job_id, requests.c.run == run)
        await self._connection.execute(row.values(waiting=False))

    async def add_outcome(self, job_id: UUID, fact: TranscriptReady | ScenesDetected) -> None:
        """Remember that a step of the job is ready; a failure of the same run is forgotten, for it was mended."""
        step = Step.TRANSCRIPT if isinstance(fact, TranscriptReady) else Step.SCENES
        row = insert(steps).values(self._step(job_id, fact.video_id, step, fact.run, fact.model_dump(mode="json")))
        if not await self.is_erased(fact.video_id):
            await self._connection.execute(
                row.on_conflict_do_update(
                    index_elements=[steps.c.tenant_id, steps.c.job_id, steps.c.step, steps.c.run],
                    set_={"outcome": row.excluded.outcome},
                )
            )

    async def add_failure(self, job_id: UUID, video_id: UUID, step: Step, run: int) -> None:
        """Remember that a step of the job gave up."""
        row = insert(steps).values(self._step(job_id, video_id, step, run, None))
        await self._connection.execute(row.on_conflict_do_nothing())

    def _step(
        self, job_id: UUID, video_id: UUID, step: Step, run: int, outcome: dict[str, Any] | None
    ) -> dict[str, Any]:
        key = {"tenant_id": self._tenant_id, "job_id": job_id, "step": step.value, "run": run}
        return {**key, "video_id": video_id, "outcome": outcome}

    async def transcript(self, job_id: UUID) -> TranscriptReady | None:
        """The newest transcript of any run of the job."""
        found = await self._outcome(job_id, Step.TRANSCRIPT)
        return None if found is None else TranscriptReady.model_validate(found)

    async def scenes(self, job_id: UUID) -> ScenesDetected | None:
        """The newest scenes of any run of the job."""
        found = await self._outcome(job_id, Step.SCENES)
        return None if found is None else ScenesDetected.model_validate(found)

    async def _outcome(self, job_id: UUID, step: Step) -> Any:
        query = select(steps.c.outcome).where(
            steps.c.job_id == job_id, steps.c.step == step.value, steps.c.outcome.is_not(None)
        )
        return await self._connection.scalar(query.order_by(steps.c.run.desc()).limit(1))

    async def failed(self, job_id: UUID, step: Step, run: int) -> bool:
        """Whether the step gave up in that run."""
        query = select(steps.c.outcome.is_(None)).where(
            steps.c.job_id == job_id, steps.c.step == step.value, steps.c.run == run
        )
        return bool(await self._connection.scalar(query))

    async def cancel_job(self, job_id: UUID, *, at: datetime) -> None:
        """Forget what a job wanted until then."""
        row = insert(cancellations).values(tenant_id=self._tenant_id, job_id=job_id, cancelled_at=at)
        latest = func.greatest(cancellations.c.cancelled_at, row.excluded.cancelled_at)
        await self._connection.execute(
            row.on_conflict_do_update(
                index_elements=[cancellations.c.tenant_id, cancellations.c.job_id], set_={"cancelled_at": latest}
            )
        )
        # The rows stay: a later run of the job still has to know which steps earlier ones had.
        mine = update(requests).where(requests.c.job_id == job_id, requests.c.asked_at <= at)
        await self._connection.execute(mine.values(waiting=False))

    async def add_alignment(self, job_id: UUID, fact: AlignmentReady, ledger: Ledger) -> None:
        """Record a finished alignment and the takes of its lines; the same run again changes nothing."""
        key = {"tenant_id": self._tenant_id, "job_id": job_id, "run": fact.run, "video_id": fact.video_id}
        row = insert(alignments).values(
            **key,
            script_id=fact.script_id,
            key=fact.key,
            machine_key=fact.machine_key or fact.key,
            revision=fact.revision,
            script_matches=fact.script_matches,
            coverage=fact.coverage,
            ad_libs=[one.model_dump(mode="json") for one in ledger.ad_libs],
            engine=fact.engine,
        )
        await self._connection.execute(row.on_conflict_do_nothing())
        rows = [
            {
                **key,
                "line_id": line.line_id,
                "number": line.number,
                "status": line.status.value,
                "confidence": line.confidence,
                "takes": [take.model_dump(mode="json", exclude={"words"}) for take in line.takes],
            }
            for line in ledger.lines
            if line.status is not None
        ]
        if rows:
            await self._connection.execute(insert(lines).on_conflict_do_nothing(), rows)

    async def erase_alignments(self, job_ids: Sequence[UUID]) -> dict[str, int]:
        """Forget the alignments of these jobs; returns how many rows of what."""
        counts = {}
        for table in (alignments, lines):
            made = delete(table).where(table.c.job_id.in_(job_ids))
            counts[table.name] = (await self._connection.execute(made)).rowcount
        return counts

    async def lose(self, job_ids: Sequence[UUID], step: Step) -> int:
        """What a step of these jobs left is there no more, as if it had failed; returns how often there was any."""
        left = steps.c.job_id.in_(job_ids), steps.c.step == step.value, steps.c.outcome.is_not(None)
        return (await self._connection.execute(update(steps).where(*left).values(outcome=None))).rowcount

    async def erase_video(self, video_id: UUID, *, job_ids: Sequence[UUID]) -> dict[str, int]:
        """Forget a video, all about it and its jobs, and never learn of it again; returns how many rows of what.

        A stone stays, from which nobody learns which video it was.
        """
        counts = {}
        for table in (requests, steps, alignments, lines, reviews, revisions, videos):
            about = delete(table).where(table.c.video_id == video_id)
            counts[table.name] = (await self._connection.execute(about)).rowcount
        called_off = delete(cancellations).where(cancellations.c.job_id.in_(job_ids))
        counts[cancellations.name] = (await self._connection.execute(called_off)).rowcount
        stone = insert(videos).values(tenant_id=self._tenant_id, video_id=stone_of(video_id), erased=True)
        await self._connection.execute(stone.on_conflict_do_nothing())
        return counts

    async def runs_of_script(self, script_id: UUID) -> Sequence[tuple[UUID, int]]:
        """Jobs and runs that asked for an alignment with a script."""
        query = select(requests.c.job_id, requests.c.run).where(requests.c.script_id == script_id)
        return [(job_id, run) for job_id, run in await self._connection.execute(query)]

    async def erase_script(self, script_id: UUID) -> dict[str, int]:
        """Forget a script and all that was made of it, and never learn of it again; returns how many rows of what."""
        made = select(alignments.c.job_id, alignments.c.run).where(alignments.c.script_id == script_id)
        of_it = delete(lines).where(tuple_(lines.c.job_id, lines.c.run).in_(made))
        counts = {lines.name: (await self._connection.execute(of_it)).rowcount}
        for table in (requests, alignments, reviews, revisions, scripts):
            about = delete(table).where(table.c.script_id == script_id)
            counts[table.name] = (await self._connection.execute(about)).rowcount
        stone = insert(scripts).values(tenant_id=self._tenant_id, script_id=stone_of(script_id), submitted={})
        await self._connection.execute(stone.on_conflict_do_nothing())
        return counts

    async def is_script_erased(self, script_id: UUID) -> bool:
        """Whether the script must leave no trace."""
        query = select(scripts.c.script_id).where(scripts.c.script_id == stone_of(script_id))
        return await self._connection.scalar(query) is not None

    async def jobs_of_video(self, video_id: UUID) -> Sequence[tuple[UUID, int]]:
        """Jobs and runs that asked about a video."""
        query = select(requests.c.job_id, requests.c.run).where(requests.c.video_id == video_id)
        return [(job_id, run) for job_id, run in await self._connection.execute(query)]

    async def is_erased(self, video_id: UUID) -> bool:
        """Whether the video must leave no trace."""
        query = select(videos.c.erased).where(videos.c.video_id == stone_of(video_id))
        return bool(await self._connection.scalar(query))
