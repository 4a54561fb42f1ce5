"""``/v1/scripts``."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from chassis.database import UnitOfWork
from gateway.api.context import Given, needs
from gateway.api.once import OnlyOnce
from gateway.api.pages import Page, Paged, page_of
from gateway.api.problems import responses
from gateway.api.respond import BLOB_RESPONSES, blob_response, json_response
from gateway.api.schemas import Script, ScriptRequest
from gateway.api.views import script_view
from gateway.domain.access import Caller, Right
from gateway.domain.library import ScriptFormat
from gateway.domain.refusals import IdempotencyKeyReused, NotFound, StorageFull, TooLarge
from gateway.usecases.results import Result

__all__ = ["router"]

router = APIRouter(prefix="/v1/scripts", tags=["scripts"])
_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_MEDIA_TYPES: dict[ScriptFormat, str] = {
    "text": "text/plain; charset=utf-8",
    "fountain": "text/plain; charset=utf-8",
    "markdown": "text/markdown; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
    "srt": "application/x-subrip",
    "fdx": "application/xml",
    "docx": _DOCX,
}
Reader = Annotated[Caller, needs(Right.SCRIPTS_READ)]


@router.post(
    "", status_code=201, response_model=Script, responses=responses(TooLarge, StorageFull, IdempotencyKeyReused)
)
async def submit_script(
    body: ScriptRequest, given: Given, once: OnlyOnce, caller: Annotated[Caller, needs(Right.SCRIPTS_WRITE)]
) -> Response:
    """Hand in a script: text, Markdown, Fountain, Final Draft, Word, subtitles or a table; in `text` or `content`."""
    script = await given.scripts.store(
        caller, filename=body.filename, content=body.raw, format=body.format, columns=body.columns
    )
    recorded = False

    async def record(work: UnitOfWork) -> Script:
        nonlocal recorded
        view = script_view(await given.scripts.submit(work, script))
        recorded = True
        return view

    try:
        return await once(caller, record, status=201)
    finally:
        if not recorded:  # the answer was given before, or the key belongs to another request
            await given.scripts.discard(caller, script)


@router.get("", response_model=Page[Script])
async def list_scripts(request: Request, given: Given, paged: Paged, caller: Reader) -> Response:
    """The newest scripts."""
    found = await given.scripts.page(caller, before=paged.before, limit=paged.limit + 1)
    return json_response(request, page_of(found, paged, script_view))


@router.get("/{script_id}", response_model=Script, responses=responses(NotFound))
async def read_script(script_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """One script."""
    return json_response(request, script_view(await given.scripts.get(caller, script_id)))


@router.get("/{script_id}/content", response_class=Response, responses={**BLOB_RESPONSES, **responses(NotFound)})
async def read_script_content(script_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """The script as it was handed in."""
    script = await given.scripts.get(caller, script_id)
    found = await given.results.blob(script.key, name=script.filename)
    text = Result(script.filename, found.key, _MEDIA_TYPES[script.format], found.stat)
    return blob_response(request, given, caller, text, disposition="attachment")
