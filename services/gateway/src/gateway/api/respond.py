"""Answers that need not be repeated, and blobs in parts."""

import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from email.utils import format_datetime
from typing import Any, Literal
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.types import Message, Receive, Scope, Send
from typing_extensions import override

from gateway.api.context import UseCases
from gateway.api.problems import problem_response
from gateway.domain.access import Caller
from gateway.domain.ranges import UnsatisfiableRange, byte_range
from gateway.usecases.results import Result

__all__ = [
    "BLOB_RESPONSES",
    "IN_PARTS",
    "ClosingStream",
    "blob_response",
    "etag_of",
    "json_response",
    "keys_response",
    "tagged_response",
    "text_response",
]

IN_PARTS: dict[int | str, dict[str, object]] = {
    206: {"description": "The range of bytes asked for", "content": {"*/*": {}}},
    416: {"description": "The range begins behind the last byte (`/problems/range-not-satisfiable`)"},
}
"""What a blob may be answered with, beside the whole."""
BLOB_RESPONSES: dict[int | str, dict[str, object]] = {
    200: {"description": "The whole", "content": {"*/*": {}}},
    **IN_PARTS,
}


_KEYS_KEPT_S = 300


class ClosingStream(StreamingResponse):
    """A stream whose source is closed whatever happens: sent whole, client gone, server stopping."""

    def __init__(self, source: AsyncIterator[bytes], *args: object, **kwargs: object) -> None:
        super().__init__(source, *args, **kwargs)  # type: ignore[arg-type] # passed on as they came
        self._source = source

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            if isinstance(self._source, AsyncGenerator):
                await self._source.aclose()


class CountedStream(ClosingStream):
    """A stream of which every piece is counted once it is out. A piece that was cut is not."""

    def __init__(self, count: Callable[[int], None], *args: Any) -> None:
        super().__init__(*args)
        self._count = count

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_counted(message: Message) -> None:
            await send(message)
            self._count(len(message.get("body", b"")))

        await super().__call__(scope, receive, send_counted)


def json_response(request: Request, body: BaseModel, *, by_alias: bool = False) -> Response:
    """JSON with an ETag, or 304 for a client that has it."""
    return _tagged(request, body.model_dump_json(by_alias=by_alias).encode(), "application/json", {})


def text_response(request: Request, text: str, media_type: str, *, filename: str) -> Response:
    """A text to be kept as a file, with an ETag, or 304 for a client that has it."""
    return _tagged(request, text.encode(), media_type, {"Content-Disposition": _disposition("attachment", filename)})


def keys_response(request: Request, keys: Mapping[str, Sequence[Mapping[str, str]]]) -> Response:
    """Public keys, which anybody may keep for a while: a key is published long before it is used."""
    headers = {"Cache-Control": f"public, max-age={_KEYS_KEPT_S}"}
    return _tagged(request, json.dumps(keys).encode(), "application/json", headers)


async def tagged_response(request: Request, tag: str, content: Callable[[], Awaitable[bytes]]) -> Response:
    """JSON whose tag is known beforehand: ``content`` is asked for only if the client does not have it."""
    headers = {"ETag": f'"{tag}"', "Cache-Control": "private, no-cache"}
    if request.method == "GET" and _has_it(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(await content(), media_type="application/json", headers=headers)


def etag_of(body: BaseModel) -> str:
    """The tag of exactly this content."""
    return _tag(body.model_dump_json().encode())


def _tagged(request: Request, content: bytes, media_type: str, headers: dict[str, str]) -> Response:
    etag = _tag(content)
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", **headers}
    if request.method == "GET" and _has_it(request, etag):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


def _tag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"
"""A report in one file may look as it is meant to, and do nothing: no script, no request."""


def blob_response(
    request: Request,
    given: UseCases,
    caller: Caller,
    result: Result,
    *,
    disposition: Literal["inline", "attachment"] = "inline",
) -> Response:
    """A blob, or the part of it that was asked for (RFC 9110, sections 13 and 14); what goes out is counted."""
    etag, size = f'"{result.stat.etag}"', result.stat.size
    headers = {
        "ETag": etag,
        "Last-Modified": format_datetime(result.stat.modified, usegmt=True),
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": _disposition(disposition, result.name),
    }
    if result.content_type == "text/html":
        headers["Content-Security-Policy"] = _PAGE_POLICY
    if _has_it(request, etag):
        return Response(status_code=304, headers=headers)
    asked = request.headers.get("range")
    if request.headers.get("if-range") not in (None, etag):
        asked = None  # the client holds parts of another version
    try:
        part = byte_range(asked, size)
    except UnsatisfiableRange:
        detail = f"the range begins behind the last of {size} bytes"
        return problem_response(request, 416, detail, headers={"Content-Range": f"bytes */{size}"})
    count = given.egress.counter(caller.tenant_id)
    if part is None:
        headers["Content-Length"] = str(size)
        return CountedStream(count, given.blobs.read(result.key), 200, headers, result.content_type)
    headers["Content-Length"] = str(part.end - part.start)
    headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{size}"
    content = given.blobs.read(result.key, part.start, part.end)
    return CountedStream(count, content, 206, headers, result.content_type)


def _has_it(request: Request, etag: str) -> bool:
    known = request.headers.get("if-none-match")
    if known is None:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
    return "*" in tags or etag in tags


def _disposition(kind: str, name: str) -> str:
    """The header of RFC 6266: the plain name for old clients, the true one for the others."""
    filename = name.rpartition("/")[2]
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in filename)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
