"""``/v1/events``: what happens, live, and what was missed."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import lru_cache
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response

from gateway.api.context import Given, UseCases, needs
from gateway.api.problems import responses
from gateway.api.respond import ClosingStream
from gateway.api.scope import note_answer_headers, note_held
from gateway.domain.access import Caller, Right
from gateway.domain.notices import EventType
from gateway.domain.refusals import Forbidden, InvalidRequest, NotFound, RateLimited
from gateway.ports.events import LoggedEvent
from gateway.usecases.live import Opened, Reset, Said, Told, Wanted

__all__ = ["STREAM_HEADERS", "LastEventId", "router", "still_allowed", "take_place"]

router = APIRouter(tags=["events"])
STREAM_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_RETRY_MS = 2000
"""After which a client that lost its stream should come back."""
_MESSAGE = '{"type":"job.finished","timestamp":"2026-11-22T16:30:00Z","data":{"job_id":"019363a0-…",…}}'
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "`event: ready`, then each event with its `id`; `event: reset` where some cannot be told any"
        " more. A comment with the last `id` breaks silences.",
        "content": {
            "text/event-stream": {
                "schema": {
                    "description": "One event. `data` is the message that webhooks are sent, as JSON.",
                    "type": "object",
                    "required": ["event", "id", "data"],
                    "properties": {
                        "event": {"enum": ["ready", "reset", *EventType]},
                        "id": {"type": "string", "examples": ["4711"]},
                        "data": {"type": "string", "examples": [_MESSAGE]},
                        "retry": {"type": "integer", "examples": [_RETRY_MS]},
                    },
                    "examples": [{"event": "job.finished", "id": "4711", "data": _MESSAGE}],
                }
            }
        },
    }
}
LastEventId = Annotated[
    str | None,
    Header(
        description="The `id` of the last event you know, as browsers send it when they come back.",
        max_length=18,
        pattern=r"^\d+$",
        examples=["4711"],
    ),
]


@router.get("/v1/events", response_class=Response, responses={**_STREAM, **responses(NotFound, InvalidRequest)})
async def watch_events(
    request: Request,
    given: Given,
    caller: Annotated[Caller, needs(Right.EVENTS_READ)],
    type: Annotated[
        list[EventType] | None, Query(description="Only these; repeat it for several.", examples=[["job.finished"]])
    ] = None,
    job_id: Annotated[UUID | None, Query(description="Only of this job.")] = None,
    video_id: Annotated[UUID | None, Query(description="Only of this video and its jobs.")] = None,
    after: Annotated[
        str | None,
        Query(
            max_length=18,
            pattern=r"^\d+$",
            description="Like Last-Event-ID, for clients that cannot send headers; the header wins. 0: all that is"
            " kept.",
            examples=["4711"],
        ),
    ] = None,
    last_event_id: LastEventId = None,
) -> Response:
    """Watch everything that happens to your videos and jobs, by server-sent events, from now on or from where you were.

    Each event is told at least once and in the order of its `id`. Events are kept for some days: whoever comes back
    later, or with an `id` that is not of this log, is told `event: reset`, and should read anew what it needs to know.
    `job.progressed` is told here with each per cent, not in quarters as to webhooks. The stream ends when the replica
    that serves it goes or when you may not watch any more: come back with the last `id`. Past the number of streams
    that a tenant may have open the answer is 429.
    """
    if job_id is not None:
        await given.jobs.get(caller, job_id)
    if video_id is not None:
        await given.videos.get(caller, video_id)
    await take_place(request, given, caller)
    known = last_event_id if last_event_id is not None else after
    said = given.live.watch(
        caller,
        after=None if known is None else int(known),
        wanted=Wanted(frozenset(type or ()), job_id, video_id),
        allowed=still_allowed(request, given, Right.EVENTS_READ),
    )
    return ClosingStream(_frames(said), 200, STREAM_HEADERS, "text/event-stream")


def still_allowed(request: Request, given: UseCases, right: Right) -> Callable[[], Awaitable[object]]:
    """Asks whether who opened a stream may still watch."""
    bearer = request.headers.get("authorization", "").partition(" ")[2]

    async def ask() -> None:
        caller = await given.accounts.recognize(bearer)
        if right not in caller.rights:
            raise Forbidden("your role does not carry the right any more")

    return ask


async def take_place(request: Request, given: UseCases, caller: Caller) -> None:
    """Hold one of the tenant's places for streams until this request is over. Raises RateLimited."""
    admission = await given.limiter.watch(caller.tenant_id)
    verdict = admission.verdict
    if verdict is not None and verdict.retry_after_s:
        note_answer_headers(request.scope, {"Retry-After": str(verdict.retry_after_s)})
        raise RateLimited(verdict.detail, retry_after_s=verdict.retry_after_s)
    note_held(request.scope, admission)


async def _frames(said: AsyncGenerator[Said, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(said):
        async for one in said:
            yield _frame(one)


def _frame(one: Said) -> bytes:
    if isinstance(one, Told):
        return _told(one.event)
    if isinstance(one, Opened):
        return f"retry: {_RETRY_MS}\nevent: ready\nid: {one.position}\ndata: {{}}\n\n".encode()
    if isinstance(one, Reset):
        return f"retry: {_RETRY_MS}\nevent: reset\nid: {one.position}\ndata: {{}}\n\n".encode()
    return f": nothing new\nid: {one.position}\n\n".encode()


@lru_cache(maxsize=2000)
def _told(event: LoggedEvent) -> bytes:
    """An event as it is sent; made once for all who watch."""
    return f"event: {event.type}\nid: {event.position}\ndata: {event.body}\n\n".encode()
