"""``/v1/runners``: machines that take chunks to upscale, as people invite and watch them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from chassis.database import UnitOfWork
from gateway.api.context import Given, needs
from gateway.api.once import OnlyOnce
from gateway.api.pages import Page, Paged, page_of
from gateway.api.problems import responses
from gateway.api.respond import json_response
from gateway.api.runner_schemas import NewRunner, RunnerRequest, RunnerView, runner_view
from gateway.domain.access import Caller, Right
from gateway.domain.refusals import Forbidden, IdempotencyKeyReused, NotFound

__all__ = ["router"]

router = APIRouter(prefix="/v1/runners", tags=["runners"])
Reader = Annotated[Caller, needs(Right.RUNNERS_READ)]
Writer = Annotated[Caller, needs(Right.RUNNERS_WRITE)]


@router.post("", status_code=201, response_model=NewRunner, responses=responses(Forbidden, IdempotencyKeyReused))
async def invite_runner(body: RunnerRequest, given: Given, once: OnlyOnce, caller: Writer) -> Response:
    """Invite one machine. The token is in this answer and nowhere else, and good for one registration."""

    async def invite(work: UnitOfWork) -> NewRunner:
        runner, token = await given.runners.invite(
            work, caller, scope=body.scope, labels=body.labels, lifetime_s=body.lifetime_s
        )
        return NewRunner(runner=runner_view(runner), token=token)

    return await once(caller, invite, status=201, secret=True)


@router.get("", response_model=Page[RunnerView])
async def list_runners(request: Request, given: Given, paged: Paged, caller: Reader) -> Response:
    """The newest runners, revoked ones and unused invitations too."""
    found = await given.runners.page(caller, before=paged.before, limit=paged.limit + 1)
    return json_response(request, page_of(found, paged, runner_view))


@router.get("/{runner_id}", response_model=RunnerView, responses=responses(NotFound))
async def read_runner(runner_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """One runner."""
    return json_response(request, runner_view(await given.runners.get(caller, runner_id)))


@router.post("/{runner_id}/release", status_code=202, response_model=RunnerView, responses=responses(NotFound))
async def release_runner(runner_id: UUID, given: Given, caller: Writer) -> RunnerView:
    """Let a machine out of quarantine. It shows here once the upscale service has heard of it."""
    return runner_view(await given.runners.release(caller, runner_id))


@router.post("/{runner_id}/rotate", status_code=202, response_model=RunnerView, responses=responses(NotFound))
async def rotate_runner(runner_id: UUID, given: Given, caller: Writer) -> RunnerView:
    """Have a machine fetch another secret with its next sign of life; the one of today ends soon after."""
    return runner_view(await given.runners.rotate(caller, runner_id))


@router.post("/{runner_id}/pause", status_code=202, response_model=RunnerView, responses=responses(NotFound))
async def pause_runner(runner_id: UUID, given: Given, caller: Writer) -> RunnerView:
    """Have a machine hold still: it keeps the chunk it has, goes no further with it, and gets no other."""
    return runner_view(await given.runners.steer(caller, runner_id, "pause"))


@router.post("/{runner_id}/drain", status_code=202, response_model=RunnerView, responses=responses(NotFound))
async def drain_runner(runner_id: UUID, given: Given, caller: Writer) -> RunnerView:
    """Have a machine hand in the frames that are done, give the rest back, and leave. It gets nothing until resumed."""
    return runner_view(await given.runners.steer(caller, runner_id, "drain"))


@router.post("/{runner_id}/resume", status_code=202, response_model=RunnerView, responses=responses(NotFound))
async def resume_runner(runner_id: UUID, given: Given, caller: Writer) -> RunnerView:
    """Let a machine that was paused or drained work again."""
    return runner_view(await given.runners.steer(caller, runner_id, "work"))


@router.delete("/{runner_id}", status_code=204, responses=responses(NotFound))
async def revoke_runner(runner_id: UUID, given: Given, caller: Writer) -> None:
    """Make a machine, or an unused token, worthless for good. What it holds goes to others."""
    await given.runners.revoke(caller, runner_id)
