"""``/v1/scenes``, ``/v1/transcripts``, ``/v1/watermarks``, ``/v1/renditions``: what jobs found."""

import json
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response

from contracts.documents import Scenes
from gateway.api.context import Given, UseCases, needs
from gateway.api.filters import Wanted
from gateway.api.finding_schemas import (
    Found,
    RenditionItem,
    RenditionView,
    ScenesItem,
    ScenesView,
    TranscriptItem,
    TranscriptView,
    WatermarksItem,
    WatermarksView,
    item_members,
    members_of,
)
from gateway.api.pages import Page, Paged, page_of
from gateway.api.problems import responses
from gateway.api.respond import BLOB_RESPONSES, blob_response, json_response, tagged_response
from gateway.domain.access import Caller, Right
from gateway.domain.findings import Finding, Kind
from gateway.domain.refusals import Gone, InvalidRequest, NotFound, NotReady
from gateway.usecases.results import Result

__all__ = ["router"]

router = APIRouter()
_BLOB = {**BLOB_RESPONSES, **responses(NotFound, NotReady, Gone)}
_DOCUMENT = responses(NotFound, NotReady, Gone)
_LIST = responses(InvalidRequest)
Reader = Annotated[Caller, needs(Right.RESULTS_READ)]
_BY = Path(description="Its id, or its job's.")
Frame = Annotated[str, Path(pattern=r"^[0-9]{1,9}\.jpg$", examples=["0000.jpg"])]


@router.get("/v1/scenes", response_model=Page[ScenesItem], responses=_LIST, tags=["scenes"])
async def list_scenes(request: Request, given: Given, paged: Paged, wanted: Wanted, caller: Reader) -> Response:
    """The newest scene lists."""
    found = await given.library.findings.page(caller, "scenes", wanted, before=paged.before, limit=paged.limit + 1)
    return json_response(request, page_of(found, paged, lambda one: ScenesItem(**item_members(one))))


@router.get("/v1/scenes/{scenes_id}", response_model=ScenesView, responses=_DOCUMENT, tags=["scenes"])
async def read_scenes(scenes_id: Annotated[UUID, _BY], request: Request, given: Given, caller: Reader) -> Response:
    """The shots of a video, each with a link to its key frame."""
    finding = await given.library.findings.get(caller, "scenes", scenes_id)
    tag = _tag(finding)

    async def content() -> bytes:
        scenes = Scenes.model_validate_json(await given.library.findings.document(finding))
        shots = tuple(
            shot.model_copy(update={"keyframe": shot.keyframe and _keyframe_url(finding, shot.keyframe)})
            for shot in scenes.scenes
        )
        return ScenesView(**members_of(finding), scenes=shots, engine=scenes.engine).model_dump_json().encode()

    return await tagged_response(request, tag, content)


@router.get("/v1/scenes/{scenes_id}/keyframes/{frame}", response_class=Response, responses=_BLOB, tags=["scenes"])
async def read_keyframe(
    scenes_id: Annotated[UUID, _BY], frame: Frame, request: Request, given: Given, caller: Reader
) -> Response:
    """A still picture of a shot. Takes `Range`."""
    finding = await given.library.findings.get(caller, "scenes", scenes_id)
    folder = finding.files.get("keyframes") or ""
    return blob_response(request, given, caller, await given.results.blob(folder + frame, name=frame))


@router.get("/v1/transcripts", response_model=Page[TranscriptItem], responses=_LIST, tags=["transcripts"])
async def list_transcripts(request: Request, given: Given, paged: Paged, wanted: Wanted, caller: Reader) -> Response:
    """The newest transcripts."""
    found = await given.library.findings.page(caller, "transcript", wanted, before=paged.before, limit=paged.limit + 1)
    return json_response(request, page_of(found, paged, lambda one: TranscriptItem(**item_members(one))))


@router.get("/v1/transcripts/{transcript_id}", response_model=TranscriptView, responses=_DOCUMENT, tags=["transcripts"])
async def read_transcript(
    transcript_id: Annotated[UUID, _BY], request: Request, given: Given, caller: Reader
) -> Response:
    """Every word with its time."""
    return await _whole(request, given, caller, "transcript", transcript_id)


@router.get("/v1/watermarks", response_model=Page[WatermarksItem], responses=_LIST, tags=["watermarks"])
async def list_watermarks(request: Request, given: Given, paged: Paged, wanted: Wanted, caller: Reader) -> Response:
    """The newest lists of marks."""
    found = await given.library.findings.page(caller, "watermarks", wanted, before=paged.before, limit=paged.limit + 1)
    return json_response(request, page_of(found, paged, lambda one: WatermarksItem(**item_members(one))))


@router.get("/v1/watermarks/{watermarks_id}", response_model=WatermarksView, responses=_DOCUMENT, tags=["watermarks"])
async def read_watermarks(
    watermarks_id: Annotated[UUID, _BY], request: Request, given: Given, caller: Reader
) -> Response:
    """The watermarks and logos, where and when; those of your own logos with their ids."""
    return await _whole(request, given, caller, "watermarks", watermarks_id)


@router.get("/v1/renditions", response_model=Page[RenditionItem], responses=_LIST, tags=["renditions"])
async def list_renditions(request: Request, given: Given, paged: Paged, wanted: Wanted, caller: Reader) -> Response:
    """The newest upscaled videos."""
    found = await given.library.findings.page(caller, "rendition", wanted, before=paged.before, limit=paged.limit + 1)
    return json_response(request, page_of(found, paged, lambda one: RenditionItem(**item_members(one))))


@router.get("/v1/renditions/{rendition_id}", response_model=RenditionView, responses=_DOCUMENT, tags=["renditions"])
async def read_rendition(
    rendition_id: Annotated[UUID, _BY], request: Request, given: Given, caller: Reader
) -> Response:
    """What was checked of an upscaled video, and where it is."""
    return await _whole(request, given, caller, "rendition", rendition_id)


@router.get("/v1/renditions/{rendition_id}/content", response_class=Response, responses=_BLOB, tags=["renditions"])
async def read_rendition_content(
    rendition_id: Annotated[UUID, _BY], request: Request, given: Given, caller: Reader
) -> Response:
    """The upscaled video. Takes `Range`."""
    finding = await given.library.findings.get(caller, "rendition", rendition_id)
    key = finding.files["content"]
    return blob_response(request, given, caller, await _blob(given, key))


async def _blob(given: UseCases, key: str) -> Result:
    return await given.results.blob(key, name=key.rpartition("/")[2])


async def _whole(request: Request, given: UseCases, caller: Caller, kind: Kind, id_: UUID) -> Response:
    """A finding's document, as it was stored, with what names it in front."""
    finding = await given.library.findings.get(caller, kind, id_)

    async def content() -> bytes:
        return joined(finding, await given.library.findings.document(finding))

    return await tagged_response(request, _tag(finding), content)


def joined(finding: Finding, document: bytes) -> bytes:
    """The members of a finding and those of its document as one object, without reading megabytes of words."""
    members = json.loads(Found(**members_of(finding)).model_dump_json())
    if finding.kind == "rendition":
        members["content_url"] = item_members(finding)["content_url"]
    head, rest = json.dumps(members).encode()[:-1], document.strip()[1:].lstrip()
    return head + (b"" if rest.startswith(b"}") else b",") + rest


def _tag(finding: Finding) -> str:
    """A finding never changes."""
    return f"{finding.id.hex}-{finding.run}"


def _keyframe_url(finding: Finding, name: str) -> str:
    return f"/v1/scenes/{finding.id}/keyframes/{name.rpartition('/')[2]}"
