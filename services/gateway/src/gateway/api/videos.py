"""``/v1/videos``."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from chassis.database import UnitOfWork
from contracts.documents import Media
from gateway.api.context import Given, UseCases, needs
from gateway.api.intake_schemas import UrlSource, VideoRequest
from gateway.api.once import OnlyOnce
from gateway.api.pages import Page, Paged, page_of
from gateway.api.problems import responses
from gateway.api.respond import BLOB_RESPONSES, IN_PARTS, blob_response, json_response
from gateway.api.schemas import Video
from gateway.api.views import video_view
from gateway.domain.access import Caller, Right
from gateway.domain.refusals import (
    DuplicateVideo,
    Gone,
    IdempotencyKeyReused,
    MinutesQuotaExceeded,
    NotFound,
    NotReady,
    StorageFull,
    StorageQuotaExceeded,
    TooLarge,
    UploadConflict,
)
from gateway.ports.transfers import Source
from gateway.usecases.duplicates import Wish
from gateway.usecases.imports import Wanted
from gateway.usecases.results import Result, content_type_of

__all__ = ["router"]

router = APIRouter(prefix="/v1/videos", tags=["videos"])
_BLOB = {**BLOB_RESPONSES, **responses(NotFound, NotReady)}
_MAY_BE_GONE = {**BLOB_RESPONSES, **responses(NotFound, NotReady, Gone)}
Reader = Annotated[Caller, needs(Right.VIDEOS_READ)]


@router.post(
    "",
    status_code=201,
    response_model=Video,
    responses={
        200: {"model": Video, "description": "The video that has the same bytes; you asked to `reuse` it"},
        **responses(
            NotFound,
            UploadConflict,
            DuplicateVideo,
            MinutesQuotaExceeded,
            StorageQuotaExceeded,
            IdempotencyKeyReused,
            TooLarge,
            StorageFull,
        ),
    },
)
async def submit_video(
    body: VideoRequest, given: Given, once: OnlyOnce, caller: Annotated[Caller, needs(Right.VIDEOS_WRITE)]
) -> Response:
    """Make a video of an upload, or of a file we fetch. It is `ready` once it was decoded and measured."""
    wanted = Wish(body.title, body.passthrough, body.on_duplicate)
    source = body.source or body.upload_id
    status = 201
    file = await given.imports.require(_wanted(source, caller)) if isinstance(source, UrlSource) else None

    async def submit(work: UnitOfWork) -> Video:
        nonlocal status
        if file is not None:
            video, made = await given.imports.begin(work, file, wanted)
        else:
            assert isinstance(source, UUID), "the model saw to it"
            video, made = await given.videos.submit(work, upload_id=source, wish=wanted)
        status = 201 if made else 200
        return video_view(video)

    return await once(caller, submit, status=lambda: status)


@router.get("", response_model=Page[Video])
async def list_videos(request: Request, given: Given, paged: Paged, caller: Reader) -> Response:
    """The newest videos."""
    found = await given.videos.page(caller, before=paged.before, limit=paged.limit + 1)
    return json_response(request, page_of(found, paged, video_view))


@router.get("/{video_id}", response_model=Video, responses=responses(NotFound))
async def read_video(video_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """One video."""
    return json_response(request, video_view(await given.videos.get(caller, video_id)))


@router.delete("/{video_id}", status_code=202, responses=responses(NotFound))
async def erase_video(
    video_id: UUID, response: Response, given: Given, caller: Annotated[Caller, needs(Right.VIDEOS_ERASE)]
) -> Video:
    """Erase a video with everything made of it, in every service. This cannot be undone. `Location` is the erasure:
    it says what was deleted where, and ends with a receipt.
    """
    left, erasure_id = await given.videos.erase(caller, video_id)
    if erasure_id is not None:
        response.headers["Location"] = f"/v1/erasures/{erasure_id}"
    return video_view(left)


@router.get("/{video_id}/media", response_model=Media, responses={**IN_PARTS, **responses(NotFound, NotReady)})
async def read_media(video_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """All measures of a video: `media.json`."""
    _, key = await given.videos.blob(caller, video_id, "media")
    return blob_response(request, given, caller, await given.results.blob(key, name="media.json"))


@router.get("/{video_id}/poster", response_class=Response, responses=_BLOB)
async def read_poster(video_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """A still picture."""
    _, key = await given.videos.blob(caller, video_id, "poster")
    return blob_response(request, given, caller, await given.results.blob(key, name=_basename(key)))


@router.get("/{video_id}/proxy", response_class=Response, responses=_MAY_BE_GONE)
async def read_proxy(video_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """The video in H.264 and AAC, which every browser plays. Takes `Range`."""
    _, key = await given.videos.blob(caller, video_id, "proxy")
    return blob_response(request, given, caller, await given.results.blob(key, name=_basename(key)))


@router.get("/{video_id}/original", response_class=Response, responses=_MAY_BE_GONE)
async def read_original(video_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """The bytes as they were uploaded. Takes `Range`."""
    return blob_response(request, given, caller, await _original(given, caller, video_id), disposition="attachment")


async def _original(given: UseCases, caller: Caller, video_id: UUID) -> Result:
    """The original under the name it came with. A name can claim any type; only those of media are repeated."""
    video, key = await given.videos.blob(caller, video_id, "original")
    found = await given.results.blob(key, name=video.filename)
    claimed = content_type_of(video.filename)
    harmless = claimed if claimed.startswith(("video/", "audio/")) else "application/octet-stream"
    return Result(video.filename, found.key, harmless, found.stat)


def _wanted(source: UrlSource, caller: Caller) -> Wanted:
    token = source.access_token
    said = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
    place = Source(source.url, said, tenant=str(caller.tenant_id))
    return Wanted(place, source.filename, source.size_bytes, source.sha256)


def _basename(key: str) -> str:
    return key.rpartition("/")[2]
