"""What jobs left behind: by name under the job, and each kind of document under its own path."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from contracts.documents import Ledger, QualityReport, Scenes, Transcript, Watermarks
from gateway.api.context import Given, needs
from gateway.api.problems import responses
from gateway.api.respond import BLOB_RESPONSES, blob_response, json_response
from gateway.api.schemas import ResultList
from gateway.api.views import result_view
from gateway.domain.access import Caller, Right
from gateway.domain.refusals import NotFound, NotReady

__all__ = ["router"]

router = APIRouter(tags=["results"])
_BLOB = {**BLOB_RESPONSES, **responses(NotFound, NotReady)}
_DOCUMENT = responses(NotFound, NotReady)
Reader = Annotated[Caller, needs(Right.RESULTS_READ)]


@router.get("/v1/jobs/{job_id}/results", response_model=ResultList, responses=responses(NotFound))
async def list_results(job_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """Everything a job has left behind so far."""
    found = await given.results.of_job(caller, job_id)
    return json_response(request, ResultList(items=tuple(result_view(job_id, result) for result in found)))


@router.get("/v1/jobs/{job_id}/results/{name:path}", response_class=Response, responses=_BLOB)
async def read_result(job_id: UUID, name: str, request: Request, given: Given, caller: Reader) -> Response:
    """One result by its name, such as `scenes.json` or `keyframes/0003.jpg`. Takes `Range`."""
    return blob_response(request, given.blobs, await given.results.named(caller, job_id, name))


@router.get("/v1/scenes/{job_id}", response_model=Scenes, responses=_DOCUMENT)
async def read_scenes(job_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """The scenes: `scenes.json`."""
    return blob_response(request, given.blobs, await given.results.named(caller, job_id, "scenes.json"))


@router.get("/v1/transcripts/{job_id}", response_model=Transcript, responses=_DOCUMENT)
async def read_transcript(job_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """Every word with its time: `transcript.json`."""
    return blob_response(request, given.blobs, await given.results.named(caller, job_id, "transcript.json"))


@router.get("/v1/alignments/{job_id}", response_model=Ledger, responses=_DOCUMENT)
async def read_alignment(job_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """What became of each line of the script: `ledger.json`."""
    return blob_response(request, given.blobs, await given.results.named(caller, job_id, "ledger.json"))


@router.get("/v1/watermarks/{job_id}", response_model=Watermarks, responses=_DOCUMENT)
async def read_watermarks(job_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """The watermarks and logos: `watermarks.json`."""
    return blob_response(request, given.blobs, await given.results.named(caller, job_id, "watermarks.json"))


@router.get("/v1/renditions/{job_id}", response_model=QualityReport, responses=_DOCUMENT)
async def read_rendition(job_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """What was checked of the upscaled video: `qc.json`."""
    return blob_response(request, given.blobs, await given.results.named(caller, job_id, "qc.json"))


@router.get("/v1/renditions/{job_id}/content", response_class=Response, responses=_BLOB)
async def read_rendition_content(job_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """The upscaled video. Takes `Range`."""
    return blob_response(request, given.blobs, await given.results.starting(caller, job_id, "rendition"))
