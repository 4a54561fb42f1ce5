"""Bytes for runners, where the store has no addresses of its own: GET by Range, PUT by Content-Range.

The PUT speaks as Google's resumable uploads do: 308 with ``Range: bytes=0-n`` until all is there, and ``bytes */n``
asks how far it is. A runner needs one way to send, wherever the blobs are.
"""

import re
from collections.abc import AsyncIterator

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from chassis.blobs import BlobNotFound, Blobs, WrongOffset
from upscale.api.problems import problem
from upscale.ports.runners import MayWrite, SignedPaths

__all__ = ["Bytes"]

_KEEP = 4 << 20
_SENT = re.compile(r"bytes (?:(\d{1,15})-(\d{1,15})|\*)/(\d{1,15})")
_ASKED = re.compile(r"bytes=(\d{1,15})-(\d{0,15})")


class Bytes:
    """Serves what a signed path allows, and nothing else."""

    def __init__(self, blobs: Blobs, paths: SignedPaths, may_write: MayWrite, *, max_bytes: int) -> None:
        self._blobs = blobs
        self._paths = paths
        self._may_write = may_write
        self._max_bytes = max_bytes

    async def serve(self, request: Request) -> Response:
        """One request."""
        allowed = self._paths.read(request.path_params["claim"], request.path_params["proof"])
        wanted = "write" if request.method == "PUT" else "read"
        if allowed is None or allowed.what != wanted:
            return problem(request, "address-expired", "ask for fresh addresses: POST …/urls")
        if wanted == "write":
            return await self._put(request, allowed.key)
        return await self._get(request, allowed.key)

    async def _get(self, request: Request, key: str) -> Response:
        stat = await self._blobs.stat(key)
        headers = {"Accept-Ranges": "bytes", "ETag": f'"{stat.etag}"', "Cache-Control": "private, no-store"}
        asked = _ASKED.fullmatch(request.headers.get("range", ""))
        if asked is None or request.headers.get("if-range", headers["ETag"]) != headers["ETag"]:
            headers["Content-Length"] = str(stat.size)
            return _streamed(self._blobs.read(key), 200, headers)
        start = int(asked[1])
        end = min(stat.size, int(asked[2]) + 1) if asked[2] else stat.size
        if start >= end:
            headers = {"Content-Range": f"bytes */{stat.size}"}
            return problem(request, "range-not-satisfiable", f"there are {stat.size} bytes", headers=headers)
        headers |= {"Content-Length": str(end - start), "Content-Range": f"bytes {start}-{end - 1}/{stat.size}"}
        return _streamed(self._blobs.read(key, start, end), 206, headers)

    async def _put(self, request: Request, key: str) -> Response:
        start, end, total = _sent(request)
        if total > self._max_bytes:
            raise HTTPException(413, f"a chunk has at most {self._max_bytes} bytes")
        if not await self._may_write(key):
            return problem(request, "stale-lease", "nobody waits for these bytes any more: drop the work")
        if await self._size(key) == total:
            return Response(status_code=200)  # a repeat: the answer to the last piece was lost
        grown = await self._blobs.grown(key)
        if start is not None and end is not None and start == grown:
            grown = await self._grow(request, key, start, end)
        if grown < total:
            return Response(status_code=308, headers={"Range": f"bytes=0-{grown - 1}"} if grown else {})
        await self._blobs.seal([key], key)
        if not await self._may_write(key):  # erased or cancelled while the last bytes came
            await self._blobs.delete(key)
            return problem(request, "stale-lease", "nobody waits for these bytes any more: drop the work")
        return Response(status_code=200)

    async def _grow(self, request: Request, key: str, start: int, end: int) -> int:
        try:
            async with self._blobs.grow(key, start) as growth:
                kept = start
                async for piece in request.stream():
                    if growth.size + len(piece) > end + 1:
                        raise HTTPException(413, "more bytes came than Content-Range says")
                    await growth.write(piece)
                    if growth.size - kept >= _KEEP:
                        await growth.keep()
                        kept = growth.size
            return growth.size
        except WrongOffset as wrong:
            return wrong.grown

    async def _size(self, key: str) -> int:
        try:
            return (await self._blobs.stat(key)).size
        except BlobNotFound:
            return -1


def _sent(request: Request) -> tuple[int | None, int | None, int]:
    """First and last byte of what comes, if any comes, and how many there are in all."""
    header = request.headers.get("content-range")
    if header is None:
        length = request.headers.get("content-length", "")
        if not length.isdecimal() or int(length) == 0:
            raise HTTPException(422, "send Content-Range, or the whole with its Content-Length")
        return 0, int(length) - 1, int(length)
    found = _SENT.fullmatch(header)
    if found is None:
        raise HTTPException(422, "Content-Range is not of the form bytes a-b/n or bytes */n")
    total = int(found[3])
    if found[1] is None:
        return None, None, total
    start, end = int(found[1]), int(found[2])
    if not start <= end < total:
        raise HTTPException(422, "Content-Range is no range of these bytes")
    return start, end, total


def _streamed(source: AsyncIterator[bytes], status: int, headers: dict[str, str]) -> Response:
    return StreamingResponse(source, status, headers, "application/octet-stream")
