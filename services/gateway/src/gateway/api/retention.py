"""``/v1/retention``: how long your tenant keeps what."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from gateway.api.context import Given, needs
from gateway.api.preconditions import IfMatch
from gateway.api.problems import responses
from gateway.api.respond import json_response
from gateway.domain.access import Caller, Right
from gateway.domain.refusals import ChangedMeanwhile
from gateway.domain.retention import Retention

__all__ = ["router"]

router = APIRouter(prefix="/v1/retention", tags=["retention"])
_EXAMPLE: dict[str, Any] = {"videos": 365, "scripts": 365, "audit": 730, "webhook_deliveries": 14, "exports": 7}
Days = Annotated[int | None, Field(ge=1, le=36_500)]


class RetentionRules(BaseModel):
    """Days after which things are erased by themselves, counted from when they were made; null is never."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [_EXAMPLE]})

    videos: Days = Field(description="With everything made of them. One that an unfinished job needs waits for it.")
    scripts: Days = Field(description="With everything aligned with them. One that an unfinished job needs waits.")
    audit: Annotated[int | None, Field(ge=30, le=36_500)] = Field(description="At least 30.")
    webhook_deliveries: Days = Field(description="What was sent to webhooks; the operator may keep it for less.")
    exports: Days


@router.get("", response_model=RetentionRules)
async def read_retention(
    request: Request, given: Given, caller: Annotated[Caller, needs(Right.RETENTION_READ)]
) -> Response:
    """How long your tenant keeps what."""
    return json_response(request, _view(await given.erasing.retention.get(caller)))


@router.put("", response_model=RetentionRules, responses=responses(ChangedMeanwhile))
async def change_retention(
    body: RetentionRules,
    request: Request,
    given: Given,
    caller: Annotated[Caller, needs(Right.RETENTION_WRITE)],
    match: IfMatch,
) -> Response:
    """Set how long your tenant keeps what. What is over its time then is erased soon, in every service, for good.

    Each erasure is found under `/v1/erasures`, with the reason `retention`.
    """

    def unless(before: Retention) -> None:
        match.require(_view(before))

    changed = await given.erasing.retention.put(caller, Retention(**body.model_dump()), unless=unless)
    return json_response(request, _view(changed))


def _view(retention: Retention) -> RetentionRules:
    return RetentionRules.model_validate(asdict(retention))
