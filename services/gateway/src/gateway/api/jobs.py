"""``/v1/jobs``: asked for, watched, called off, asked for once more."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from chassis.database import UnitOfWork
from contracts.steps import Step
from gateway.api.context import Given, needs
from gateway.api.events import STREAM_HEADERS, LastEventId, still_allowed, take_place
from gateway.api.filters import JobsWanted
from gateway.api.job_schemas import Job, JobRequest, RetryRequest
from gateway.api.once import OnlyOnce
from gateway.api.pages import Page, Paged, page_of
from gateway.api.problems import responses
from gateway.api.respond import ClosingStream, json_response
from gateway.api.views import job_view
from gateway.domain import jobs as domain
from gateway.domain.access import Caller, Right
from gateway.domain.refusals import (
    BudgetExhausted,
    BudgetTooSmall,
    Busy,
    IdempotencyKeyReused,
    InUse,
    InvalidRequest,
    JobFinished,
    NotFound,
    NothingToRetry,
    QuotaExceeded,
    VideoUnusable,
)
from gateway.usecases.jobs import JobOrder

__all__ = ["router"]

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
Reader = Annotated[Caller, needs(Right.JOBS_READ)]
Writer = Annotated[Caller, needs(Right.JOBS_WRITE)]
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "`event: job` with the job as JSON, now and at each change; ends after a final state.",
        "content": {
            "text/event-stream": {
                "schema": {
                    "description": "One event. `data` is a `Job` as JSON.",
                    "type": "object",
                    "required": ["event", "id", "data"],
                    "properties": {
                        "event": {"const": "job"},
                        "id": {"type": "string", "examples": ["7"]},
                        "data": {"type": "string", "examples": ['{"id": "019363a0-…", "state": "running", …}']},
                    },
                }
            }
        },
    }
}


@router.post(
    "",
    status_code=202,
    response_model=Job,
    responses=responses(
        NotFound,
        InvalidRequest,
        VideoUnusable,
        IdempotencyKeyReused,
        BudgetExhausted,
        BudgetTooSmall,
        QuotaExceeded,
        Busy,
    ),
)
async def request_job(body: JobRequest, given: Given, once: OnlyOnce, caller: Writer) -> Response:
    """Ask for work on a video, which need not be ready yet."""
    order = JobOrder(
        video_id=body.video_id,
        script_id=body.script_id,
        steps=tuple(Step(step) for step in body.steps),
        options=body.options.for_services(),
        logos=None if body.options.logos == "all" else body.options.logos,
        priority=body.priority,
        passthrough=body.passthrough,
    )

    async def request(work: UnitOfWork) -> Job:
        return job_view(await given.jobs.request(work, order))

    return await once(caller, request, status=202)


@router.get("", response_model=Page[Job], responses=responses(InvalidRequest))
async def list_jobs(request: Request, given: Given, paged: Paged, wanted: JobsWanted, caller: Reader) -> Response:
    """The newest jobs."""
    found = await given.jobs.page(caller, wanted, before=paged.before, limit=paged.limit + 1)
    return json_response(request, page_of(found, paged, job_view))


@router.get("/{job_id}", response_model=Job, responses=responses(NotFound))
async def read_job(job_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """One job."""
    return json_response(request, job_view(await given.jobs.get(caller, job_id)))


@router.post(
    "/{job_id}/cancel",
    status_code=202,
    response_model=Job,
    responses=responses(NotFound, JobFinished, IdempotencyKeyReused),
)
async def cancel_job(job_id: UUID, given: Given, once: OnlyOnce, caller: Writer) -> Response:
    """Call a job off: what has not begun will not begin, what runs is stopped."""

    async def cancel(work: UnitOfWork) -> Job:
        return job_view(await given.jobs.cancel(work, job_id))

    return await once(caller, cancel, status=202)


@router.post(
    "/{job_id}/retry",
    status_code=202,
    response_model=Job,
    responses=responses(
        NotFound,
        NothingToRetry,
        VideoUnusable,
        InUse,
        IdempotencyKeyReused,
        BudgetExhausted,
        BudgetTooSmall,
        QuotaExceeded,
        Busy,
    ),
)
async def retry_job(
    job_id: UUID, given: Given, once: OnlyOnce, caller: Writer, body: RetryRequest | None = None
) -> Response:
    """Do the failed steps again, or those of them you name; what succeeded stays."""
    only = tuple(Step(step) for step in body.steps) if body else ()

    async def retry(work: UnitOfWork) -> Job:
        return job_view(await given.jobs.retry(work, job_id, only=only))

    return await once(caller, retry, status=202)


@router.get("/{job_id}/events", response_class=Response, responses={**_EVENTS, **responses(NotFound)})
async def watch_job(
    job_id: UUID, request: Request, given: Given, caller: Reader, last_event_id: LastEventId = None
) -> Response:
    """Watch a job live, by server-sent events.

    Who comes back with the last `id` is told the job as it stands now if it has changed since, and 204 if it was over
    then: there is nothing to come back for. The stream ends when the job is over or erased, when the replica that
    serves it goes, and when you may not watch any more.
    """
    job = await given.jobs.get(caller, job_id)  # once the stream has begun it is too late to say that there is no such
    known = None if last_event_id is None else int(last_event_id)
    if job.over and job.version == known:
        return Response(status_code=204, headers=STREAM_HEADERS)
    await take_place(request, given, caller)
    changes = given.jobs.watch(
        caller,
        job_id,
        allowed=still_allowed(request, given, Right.JOBS_READ),
        known=known,
        heartbeat_s=given.heartbeat_s,
        poll_s=given.poll_s,
    )
    return ClosingStream(_events(changes), 200, STREAM_HEADERS, "text/event-stream")


async def _events(changes: AsyncGenerator[domain.Job | None, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(changes):
        async for changed in changes:
            if changed is None:
                yield b": still here\n\n"
            else:
                yield f"event: job\nid: {changed.version}\ndata: {job_view(changed).model_dump_json()}\n\n".encode()
