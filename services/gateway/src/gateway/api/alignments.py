"""``/v1/alignments``: what became of scripts, as machines and people say it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Request, Response

from chassis.database import UnitOfWork
from gateway.api.alignment_schemas import (
    AlignmentView,
    CorrectionRequest,
    RevisionView,
    UndoView,
    alignment_view,
    revision_view,
    undo_view,
)
from gateway.api.context import Given, needs
from gateway.api.filters import Wanted
from gateway.api.finding_schemas import AlignmentItem, item_members
from gateway.api.once import OnlyOnce
from gateway.api.pages import Page, Paged, page_of
from gateway.api.preconditions import IfMatchNeeded
from gateway.api.problems import responses
from gateway.api.respond import BLOB_RESPONSES, blob_response, json_response, tagged_response
from gateway.domain.access import Caller, Right
from gateway.domain.findings import Finding
from gateway.domain.refusals import (
    ChangedMeanwhile,
    ExportPending,
    Gone,
    IdempotencyKeyReused,
    InvalidRequest,
    NotAcceptable,
    NotFound,
    NothingToUndo,
    NotReady,
    PreconditionRequired,
)
from gateway.usecases.reviews import tag_of

__all__ = ["router"]

router = APIRouter(prefix="/v1/alignments", tags=["alignments"])
Reader = Annotated[Caller, needs(Right.RESULTS_READ)]
Writer = Annotated[Caller, needs(Right.ALIGNMENTS_WRITE)]
_EXPORTS = {**BLOB_RESPONSES, **responses(NotFound, NotReady, Gone, InvalidRequest, ExportPending, NotAcceptable)}
_EDITS = (NotFound, NotReady, Gone, InvalidRequest, ChangedMeanwhile, PreconditionRequired)
AlignmentId = Annotated[UUID, Path(description="Its id, or its job's.")]
_FORMAT_OF = {
    "application/json": "json",
    "application/x-subrip": "srt",
    "text/vtt": "vtt",
    "application/vnd.opentimelineio+json": "otio",
    "application/ttml+xml": "ttml",
    "text/csv": "csv",
    "text/x-ssa": "ass",
}


@router.get("", response_model=Page[AlignmentItem], responses=responses(InvalidRequest))
async def list_alignments(request: Request, given: Given, paged: Paged, wanted: Wanted, caller: Reader) -> Response:
    """The newest alignments."""
    found = await given.library.findings.page(caller, "alignment", wanted, before=paged.before, limit=paged.limit + 1)
    return json_response(request, page_of(found, paged, _item))


@router.get("/{alignment_id}", response_model=AlignmentView, responses=responses(NotFound, NotReady, Gone))
async def read_alignment(alignment_id: AlignmentId, request: Request, given: Given, caller: Reader) -> Response:
    """What became of each line of the script, with what people say of it. Its ETag is what `PATCH` wants to see."""
    finding, revision = await given.library.reviews.find(caller, alignment_id)

    async def content() -> bytes:
        return alignment_view(await given.library.reviews.read(caller, alignment_id)).model_dump_json().encode()

    return await tagged_response(request, tag_of(finding, revision), content)


@router.patch("/{alignment_id}", response_model=AlignmentView, responses=responses(*_EDITS))
async def correct_alignment(
    alignment_id: AlignmentId, body: CorrectionRequest, given: Given, caller: Writer, match: IfMatchNeeded
) -> Response:
    """Say what became of lines. It holds for every alignment of this script in this video, later ones too."""
    reviews = given.library.reviews
    reviewed = await reviews.correct(caller, alignment_id, body.line_changes(), body.ad_lib_changes(), matches=match)
    headers = {"ETag": f'"{tag_of(reviewed.finding, reviewed.revision)}"'}
    content = alignment_view(reviewed).model_dump_json().encode()
    return Response(content, media_type="application/json", headers=headers)


@router.post(
    "/{alignment_id}/undo",
    response_model=UndoView,
    responses=responses(NotFound, Gone, ChangedMeanwhile, PreconditionRequired, NothingToUndo, IdempotencyKeyReused),
)
async def undo_correction(
    alignment_id: AlignmentId, given: Given, once: OnlyOnce, caller: Writer, match: IfMatchNeeded
) -> Response:
    """Take back the newest change that stands; again, the one before it."""

    async def undo(work: UnitOfWork) -> UndoView:
        finding, revision = await given.library.reviews.undo(work, caller, alignment_id, matches=match)
        return undo_view(tag_of(finding, revision.revision), revision)

    return await once(caller, undo, status=200)


@router.get(
    "/{alignment_id}/history",
    response_model=Page[RevisionView],
    responses=responses(NotFound, NotReady, Gone, InvalidRequest),
)
async def list_revisions(
    alignment_id: AlignmentId, request: Request, given: Given, paged: Paged, caller: Reader
) -> Response:
    """Who changed what, newest first; nothing is ever removed from it."""
    reviews = given.library.reviews
    found = await reviews.history(caller, alignment_id, before=paged.before, limit=paged.limit + 1)
    return json_response(request, page_of(found, paged, revision_view))


@router.get("/{alignment_id}/export", response_class=Response, responses=_EXPORTS)
async def export_alignment(
    alignment_id: AlignmentId,
    request: Request,
    given: Given,
    caller: Reader,
    format: Annotated[
        str | None, Query(max_length=20, description="One of the alignment's `exports`.", examples=["srt"])
    ] = None,
    accept: Annotated[str, Header(description="Asked where `format` is absent.")] = "*/*",
) -> Response:
    """An export with all corrections in it: subtitles, tables, timelines for editing programs. Takes `Range`."""
    wanted = format or _format_of(accept)
    result = await given.library.reviews.export(caller, alignment_id, wanted)
    return blob_response(request, given, caller, result, disposition="attachment")


def _item(finding: Finding) -> AlignmentItem:
    exports = tuple(sorted(finding.files))
    return AlignmentItem.model_validate({**item_members(finding), "script_id": finding.script_id, "exports": exports})


def _format_of(accept: str) -> str:
    """The first of our formats that the header names; the ledger for who takes anything. Raises NotAcceptable."""
    asked = [one.partition(";")[0].strip().lower() for one in accept.split(",")]
    for media_type in asked:
        if media_type in _FORMAT_OF:
            return _FORMAT_OF[media_type]
    if {"*/*", "application/*", ""} & set(asked):
        return "json"
    raise NotAcceptable(f"name a format, or accept one of {', '.join(_FORMAT_OF)}")
