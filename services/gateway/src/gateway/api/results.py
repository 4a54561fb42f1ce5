"""What jobs left behind, by name."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from gateway.api.context import Given, needs
from gateway.api.problems import responses
from gateway.api.respond import BLOB_RESPONSES, blob_response, json_response
from gateway.api.schemas import ResultList
from gateway.api.views import result_view
from gateway.domain.access import Caller, Right
from gateway.domain.refusals import Gone, NotFound, NotReady

__all__ = ["router"]

router = APIRouter(tags=["results"])
_BLOB = {**BLOB_RESPONSES, **responses(NotFound, NotReady, Gone)}
Reader = Annotated[Caller, needs(Right.RESULTS_READ)]


@router.get("/v1/jobs/{job_id}/results", response_model=ResultList, responses=responses(NotFound))
async def list_results(job_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """Everything a job has left behind so far."""
    found = await given.results.of_job(caller, job_id)
    return json_response(request, ResultList(items=tuple(result_view(job_id, result) for result in found)))


@router.get("/v1/jobs/{job_id}/results/{name:path}", response_class=Response, responses=_BLOB)
async def read_result(job_id: UUID, name: str, request: Request, given: Given, caller: Reader) -> Response:
    """One result by its name, such as `scenes.json` or `keyframes/0003.jpg`. Takes `Range`."""
    return blob_response(request, given, caller, await given.results.named(caller, job_id, name))
