"""The bytes of one request on their way into a growing blob: counted, added up, and kept every few seconds."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

from chassis.blobs import BlobGrowth
from gateway.domain.refusals import ChunkMismatch, TooLarge, UploadLocked
from gateway.domain.tus import Checksum

__all__ = ["Appending", "Interrupted", "Sums"]

_PIECE = 1 << 20
_KEEP_BYTES = 16 << 20
_KEEP_S = 2.0
"""What a killed process loses at most: so many bytes, or what came in so many seconds."""
_UPLOADS = 1000


class Interrupted(Exception):
    """The bytes of a request ended before the request did. What came is kept."""


class Sums:
    """Running SHA-256 sums of uploads, so that bytes that all came through this process need not be read again."""

    def __init__(self) -> None:
        self._sums: OrderedDict[UUID, tuple[int, hashlib._Hash]] = OrderedDict()

    def take(self, upload_id: UUID, offset: int) -> "hashlib._Hash | None":
        """The sum up to ``offset``, for whoever goes on from there; None if we do not know it."""
        if offset == 0:
            self.forget(upload_id)
            return hashlib.sha256()
        at, digest = self._sums.pop(upload_id, (0, hashlib.sha256()))
        return digest if at == offset else None

    def give_back(self, upload_id: UUID, offset: int, digest: "hashlib._Hash | None") -> None:
        """Remember how far it is."""
        if digest is None:
            return
        self._sums[upload_id] = (offset, digest)
        while len(self._sums) > _UPLOADS:
            self._sums.popitem(last=False)

    def known(self, upload_id: UUID, length: int) -> str | None:
        """The sum of all ``length`` bytes, if we know it."""
        at, digest = self._sums.pop(upload_id, (-1, hashlib.sha256()))
        return digest.hexdigest() if at == length else None

    def forget(self, upload_id: UUID) -> None:
        """Nobody will ask for it."""
        self._sums.pop(upload_id, None)


class Appending:
    """One request that appends. ``go_on`` says whether it still may: another one may have taken over."""

    def __init__(
        self,
        growth: BlobGrowth,
        *,
        limit: int,
        checksum: Checksum | None,
        whole: "hashlib._Hash | None",
        go_on: Callable[[], Awaitable[bool]],
    ) -> None:
        self._growth = growth
        self._limit = limit
        self._checksum = checksum
        self._whole = whole
        self._chunk = None if checksum is None else checksum.new()
        self._go_on = go_on
        self._held = bytearray()
        self._kept = growth.size
        self._looked = time.monotonic()

    async def __call__(self, content: AsyncIterator[bytes]) -> None:
        """Take all of it in. An empty piece means that nothing came for a while.

        Raises TooLarge, ChunkMismatch, UploadLocked, Interrupted.
        """
        try:
            async for piece in content:
                await self._take(piece)
        except (Interrupted, UploadLocked):
            if self._checksum is None:
                await self._keep()
            raise
        await self._write()
        if self._checksum is not None and self._chunk is not None and self._chunk.digest() != self._checksum.digest:
            raise ChunkMismatch(f"the bytes do not have this {self._checksum.algorithm}; they were dropped")

    async def _take(self, piece: bytes) -> None:
        if self._growth.size + len(self._held) + len(piece) > self._limit:
            raise TooLarge(f"more bytes came than the upload has room for: it takes {self._limit}")
        self._held += piece
        if len(self._held) >= _PIECE:
            await self._write()
        silent = time.monotonic() - self._looked
        if self._growth.size - self._kept >= _KEEP_BYTES or silent > _KEEP_S or not piece:
            if self._checksum is None:
                await self._keep()
            self._looked = time.monotonic()
            if not await self._go_on():
                raise UploadLocked("another request went on with this upload, or it is gone", retry_after_s=1)

    async def _write(self) -> None:
        if self._held:
            piece = bytes(self._held)
            self._held.clear()
            await asyncio.to_thread(self._add_up, piece)
            await self._growth.write(piece)

    async def _keep(self) -> None:
        await self._write()
        if self._growth.size > self._kept:
            await self._growth.keep()
            self._kept = self._growth.size

    def _add_up(self, piece: bytes) -> None:
        for digest in (self._whole, self._chunk):
            if digest is not None:
                digest.update(piece)
