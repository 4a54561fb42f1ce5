"""``/v1/jobs/estimate``: what a job will take and cost, before it is asked for."""

from typing import Annotated

from fastapi import APIRouter, Response

from chassis.database import UnitOfWork
from contracts.steps import Step
from gateway.api.context import Given, needs
from gateway.api.estimate_schemas import EstimateRequest, EstimateView, estimate_view
from gateway.api.once import OnlyOnce
from gateway.api.problems import responses
from gateway.domain.access import Caller, Right
from gateway.domain.estimates import Measures
from gateway.domain.refusals import IdempotencyKeyReused, NotFound, NotReady, VideoUnusable
from gateway.usecases.estimates import EstimateOrder

__all__ = ["router"]

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


@router.post(
    "/estimate",
    response_model=EstimateView,
    responses=responses(NotFound, NotReady, VideoUnusable, IdempotencyKeyReused),
)
async def estimate_job(
    body: EstimateRequest, given: Given, once: OnlyOnce, caller: Annotated[Caller, needs(Right.JOBS_READ)]
) -> Response:
    """What such a job would take and cost. Nothing is asked for; it may be asked again and again."""
    media = body.media
    order = EstimateOrder(
        steps=tuple(Step(step) for step in body.steps),
        options=body.options.for_services(),
        video_id=body.video_id,
        measures=None if media is None else Measures(media.duration, media.width, media.height, media.frame_rate),
    )

    async def estimate(work: UnitOfWork) -> EstimateView:
        return estimate_view(await given.estimates(work, order))

    return await once(caller, estimate, status=200)
