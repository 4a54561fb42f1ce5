"""Bytes both ways: downloads in ranges into a cache that is keyed by hash, uploads that go on where they were cut."""

import asyncio
import fcntl
import hashlib
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

import httpx

__all__ = ["BadSource", "NotTaken", "Sources", "upload"]

_PIECE = 8 << 20
"""Bytes a request; object stores want a multiple of 256 KiB."""
_KEPT = 3
"""Sources that are kept: chunks of one film come one after the other."""
_LOOK_S = 0.2
_WAIT_S = (0.5, 1.0, 2.0, 4.0, 8.0)
Fresh = Callable[[], Awaitable[str]]
"""Asks for an address that is good; ends with Stale when the lease is over."""


class BadSource(Exception):
    """What was downloaded is not what was promised."""


class NotTaken(Exception):
    """The chunk could not be handed in."""


class Sources:
    """Originals on this machine's disk, by their sha256; they outlive the program.

    Several runners of one machine may share the folder: one of them downloads, the others find it done. What was there
    before this program began is hashed once before it is used, for the machine may have died while it was written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = folder.with_name(f"{folder.name}.lock")
        self._proved: set[str] = set()
        folder.mkdir(parents=True, exist_ok=True)

    async def get(self, client: httpx.AsyncClient, url: str, sha256: str, fresh: Fresh) -> Path:
        """The file, from the cache or by download. Raises BadSource."""
        place = self._folder / sha256
        async with _alone(self._lock):
            while not await asyncio.to_thread(self._holds, place, sha256):
                part = place.with_suffix(".part")
                begun = await asyncio.to_thread(_size, part)
                await self._download(client, url, part, fresh)
                found = await asyncio.to_thread(sha256_of, part)
                if found == sha256:
                    await asyncio.to_thread(part.replace, place)
                    self._proved.add(sha256)
                    break
                await asyncio.to_thread(part.unlink)
                if not begun:  # else what was there before was damaged: once more, from its start
                    raise BadSource(f"the source has sha256 {found[:12]}..., not {sha256[:12]}...")
            await asyncio.to_thread(self._make_room, place)
        return place

    def _holds(self, place: Path, sha256: str) -> bool:
        if not place.is_file():
            return False
        if sha256 not in self._proved and sha256_of(place) != sha256:
            place.unlink()
            return False
        self._proved.add(sha256)
        return True

    async def _download(self, client: httpx.AsyncClient, url: str, part: Path, fresh: Fresh) -> None:
        tries = 0
        while True:
            have = await asyncio.to_thread(_size, part)
            try:
                async with client.stream("GET", url, headers={"Range": f"bytes={have}-"}) as answer:
                    if answer.status_code == 416 and have:
                        return  # all of it was there
                    if answer.status_code in (200, 206):
                        tries = 0
                        with part.open("ab" if answer.status_code == 206 else "wb") as file:
                            async for piece in answer.aiter_bytes(1 << 20):
                                await asyncio.to_thread(file.write, piece)
                        return
                    if answer.status_code in (401, 403, 404, 410):
                        url = await fresh()
            except httpx.TransportError:
                pass
            await asyncio.sleep(_WAIT_S[min(tries, len(_WAIT_S) - 1)])
            tries += 1

    def _make_room(self, wanted: Path) -> None:
        os.utime(wanted)
        kept = sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in kept[_KEPT:]:
            path.unlink(missing_ok=True)


async def upload(client: httpx.AsyncClient, url: str, path: Path, fresh: Fresh) -> None:
    """Hand a file in, piece by piece. Raises NotTaken; runs for as long as nobody cancels it while the net is away."""
    total = await asyncio.to_thread(_size, path)
    offset, tries = 0, 0
    asking = False
    while True:
        try:
            answer = await _piece(client, url, path, offset, total, asking=asking)
        except httpx.TransportError:
            answer = None
        if answer is not None and answer.status_code in (200, 201):
            return
        if answer is not None and answer.status_code == 308:
            reached = _reached(answer)
            tries = 0 if reached > offset else tries
            offset, asking = reached, False
            continue
        if answer is not None and answer.status_code == 409:
            await fresh()  # ends with Stale if the lease is over; else another connection of ours is not over yet
        if answer is not None and answer.status_code in (413, 422):
            raise NotTaken(f"the store answered {answer.status_code}")
        if answer is not None and answer.status_code in (401, 403, 404, 410, 412):
            url = await fresh()
        await asyncio.sleep(_WAIT_S[min(tries, len(_WAIT_S) - 1)])
        tries, asking = tries + 1, True


async def _piece(
    client: httpx.AsyncClient, url: str, path: Path, offset: int, total: int, *, asking: bool
) -> httpx.Response:
    if asking:
        return await client.put(url, headers={"Content-Range": f"bytes */{total}", "Content-Length": "0"})
    content = await asyncio.to_thread(_read, path, offset)
    last = offset + len(content) - 1
    return await client.put(url, content=content, headers={"Content-Range": f"bytes {offset}-{last}/{total}"})


def _reached(answer: httpx.Response) -> int:
    found = re.fullmatch(r"bytes=0-(\d+)", answer.headers.get("range", ""))
    return int(found[1]) + 1 if found else 0


def _read(path: Path, offset: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(_PIECE)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def sha256_of(path: Path) -> str:
    """Digest of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


@asynccontextmanager
async def _alone(lock: Path) -> AsyncIterator[None]:
    """While this lasts, nobody else on this machine is in here with the same file; it is let go by dying, too."""
    with lock.open("ab") as file:
        while not _locked(file):  # noqa: ASYNC110 (another process has it, and tells nobody)
            await asyncio.sleep(_LOOK_S)
        yield


def _locked(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
