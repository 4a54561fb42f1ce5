"""``/v1/logos``: pictures of a tenant's own, which jobs look for in films."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import StringConstraints, TypeAdapter, ValidationError
from starlette.datastructures import UploadFile

from gateway.api.context import Given, needs
from gateway.api.logo_schemas import LogoView, logo_view
from gateway.api.pages import Page, Paged, page_of
from gateway.api.problems import responses
from gateway.api.respond import BLOB_RESPONSES, blob_response, json_response
from gateway.api.schemas import Line
from gateway.domain.access import Caller, Right
from gateway.domain.refusals import (
    InvalidRequest,
    NotFound,
    StorageFull,
    StorageQuotaExceeded,
    TooLarge,
    TooManyLogos,
    UnusablePicture,
)
from gateway.usecases.results import Result

__all__ = ["router"]

router = APIRouter(prefix="/v1/logos", tags=["logos"])
Reader = Annotated[Caller, needs(Right.LOGOS_READ)]
Writer = Annotated[Caller, needs(Right.LOGOS_WRITE)]
_BYTES = {"schema": {"type": "string", "format": "binary"}, "example": "(the picture)"}
_FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary"},
        "name": {"type": "string", "minLength": 1, "maxLength": 100},
    },
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": _FORM, "example": {"file": "(the picture)", "name": "channel mark"}},
            **{f"image/{kind}": _BYTES for kind in ("png", "jpeg", "webp")},
        },
    }
}
_NAME = TypeAdapter(Annotated[Line, StringConstraints(max_length=100)])


@router.post(
    "",
    status_code=201,
    response_model=LogoView,
    responses={
        200: {"model": LogoView, "description": "You handed in the same picture before: it is that logo"},
        **responses(InvalidRequest, TooLarge, UnusablePicture, TooManyLogos, StorageQuotaExceeded, StorageFull),
    },
    openapi_extra=_BODY,
)
async def add_logo(
    request: Request,
    given: Given,
    caller: Writer,
    name: Annotated[str | None, Query(max_length=100, description="What to call it, where the body is bytes.")] = None,
) -> Response:
    """Hand in a picture, as a form or as plain bytes. The same picture again answers the logo that is there."""
    content, said = await _received(request, given.library.logos.max_bytes)
    logo, new = await given.library.logos.add(caller, name=_named(said or name), content=content)
    return Response(
        logo_view(logo).model_dump_json(),
        201 if new else 200,
        headers={"Location": f"/v1/logos/{logo.id}"},
        media_type="application/json",
    )


@router.get("", response_model=Page[LogoView], responses=responses(InvalidRequest))
async def list_logos(request: Request, given: Given, paged: Paged, caller: Reader) -> Response:
    """The newest logos."""
    found = await given.library.logos.page(caller, before=paged.before, limit=paged.limit + 1)
    return json_response(request, page_of(found, paged, logo_view))


@router.get("/{logo_id}", response_model=LogoView, responses=responses(NotFound))
async def read_logo(logo_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """One logo."""
    return json_response(request, logo_view(await given.library.logos.get(caller, logo_id)))


@router.get("/{logo_id}/content", response_class=Response, responses={**BLOB_RESPONSES, **responses(NotFound)})
async def read_logo_content(logo_id: UUID, request: Request, given: Given, caller: Reader) -> Response:
    """The picture as it was handed in. Takes `Range`."""
    logo = await given.library.logos.get(caller, logo_id)
    found = await given.results.blob(logo.key, name=f"{logo.id}.{logo.format}")
    return blob_response(request, given, caller, Result(found.name, found.key, logo.content_type, found.stat))


@router.delete("/{logo_id}", status_code=204, responses=responses(NotFound))
async def remove_logo(logo_id: UUID, given: Given, caller: Writer) -> None:
    """Forget a logo and its picture. What was found of it before stays found."""
    await given.library.logos.remove(caller, logo_id)


async def _received(request: Request, most: int) -> tuple[bytes, str | None]:
    """The picture and its name, however they came. Raises InvalidRequest, TooLarge."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return await _at_most(request, most), None
    async with request.form(max_files=1, max_fields=1, max_part_size=1024) as form:
        file, name = form.get("file"), form.get("name")
        if not isinstance(file, UploadFile):
            raise InvalidRequest("send the picture as the form's file", field="file")
        if file.size is not None and file.size > most:
            raise TooLarge(f"a logo may have at most {most} bytes", field="file")
        said = name if isinstance(name, str) and name else (file.filename or "")[-100:]
        return await file.read(), said


async def _at_most(request: Request, most: int) -> bytes:
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > most:
            raise TooLarge(f"a logo may have at most {most} bytes")
    return bytes(content)


def _named(name: str | None) -> str:
    try:
        return _NAME.validate_python(name or "logo")
    except ValidationError:
        raise InvalidRequest("a name is one line of 1 to 100 characters", field="name") from None
