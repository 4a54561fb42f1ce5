"""Blobs in a dictionary: the same promises as on disk, without one."""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from chassis.blobs import BlobBusy, BlobNotFound, BlobStat, WrongOffset, check_key

__all__ = ["MemoryBlobs"]

_PIECE = 1 << 16


class MemoryBlobs:
    """A blob store that forgets everything with the object."""

    def __init__(self) -> None:
        self._blobs: dict[str, tuple[bytes, datetime]] = {}
        self._growing: dict[str, bytes] = {}
        self._busy: set[str] = set()

    async def put_bytes(self, key: str, data: bytes) -> None:
        """Store these bytes."""
        self._blobs[check_key(key)] = (bytes(data), datetime.now(UTC))

    async def put_file(self, key: str, path: Path) -> None:
        """Store the bytes of this file."""
        check_key(key)
        await self.put_bytes(key, await asyncio.to_thread(path.read_bytes))

    async def get_bytes(self, key: str) -> bytes:
        """All bytes."""
        return self._known(key)[0]

    async def stat(self, key: str) -> BlobStat:
        """Size, time and etag."""
        data, modified = self._known(key)
        return BlobStat(size=len(data), modified=modified, etag=hashlib.sha256(data).hexdigest()[:16])

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes ``start`` to ``end`` (exclusive), in pieces."""
        wanted = self._known(key)[0][start:end]
        for offset in range(0, len(wanted), _PIECE):
            yield wanted[offset : offset + _PIECE]

    @asynccontextmanager
    async def local(self, key: str) -> AsyncIterator[Path]:
        """A temporary file with the bytes."""
        data = self._known(key)[0]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / key.rpartition("/")[2]
            path.write_bytes(data)
            yield path

    @asynccontextmanager
    async def writer(self, key: str) -> AsyncIterator["_MemoryWriter"]:
        """Write piece by piece; visible after a clean exit."""
        check_key(key)
        writer = _MemoryWriter()
        yield writer
        await self.put_bytes(key, bytes(writer.written))

    async def grown(self, key: str) -> int:
        """Bytes kept of a growing blob."""
        return len(self._growing.get(check_key(key), b""))

    @asynccontextmanager
    async def grow(self, key: str, offset: int) -> AsyncIterator["_MemoryGrowth"]:
        """Go on with a growing blob."""
        grown = await self.grown(key)
        if key in self._busy:
            raise BlobBusy(f"somebody else is writing to the growing blob {key!r}")
        if grown != offset:
            raise WrongOffset(key, grown)
        self._busy.add(key)
        self._growing.setdefault(key, b"")
        growth = _MemoryGrowth(self._growing, key)
        try:
            yield growth
            await growth.keep()
        finally:
            self._busy.discard(key)

    async def seal(self, sources: Sequence[str], target: str) -> None:
        """Make growing blobs a blob."""
        missing = [key for key in sources if key not in self._growing]
        if missing and not (len(sources) == 1 and target in self._blobs):
            raise BlobNotFound(missing[0])
        if not missing:
            await self.put_bytes(target, b"".join(self._growing[key] for key in sources))
        if len(sources) == 1:
            self._growing.pop(sources[0], None)

    async def copy(self, source: str, target: str) -> None:
        """Store the bytes of ``source`` under ``target`` too."""
        await self.put_bytes(target, self._known(source)[0])

    async def delete(self, key: str) -> None:
        """Remove it; a missing one is fine."""
        self._blobs.pop(check_key(key), None)
        self._growing.pop(key, None)

    async def delete_prefix(self, prefix: str) -> int:
        """Remove every blob under ``prefix``, which ends with a slash."""
        if not prefix.endswith("/"):
            raise ValueError(f"delete_prefix takes a folder, with its slash; got {prefix!r}")
        keys = [key async for key in self.list(prefix)]
        for key in keys:
            del self._blobs[key]
        growing = [key async for key in self.list_growing(prefix)]
        for key in growing:
            del self._growing[key]
        return len(keys) + len(growing)

    async def list(self, prefix: str) -> AsyncIterator[str]:
        """Keys that start with ``prefix``, in order."""
        if prefix:
            check_key(prefix.removesuffix("/"))
        for key in sorted(self._blobs):
            if key.startswith(prefix):
                yield key

    async def list_growing(self, prefix: str) -> AsyncIterator[str]:
        """Keys of growing blobs."""
        for key in sorted(self._growing):
            if key.startswith(prefix):
                yield key

    async def direct_upload(self, key: str, *, size: int | None, origin: str | None) -> str | None:
        """Memory has no address."""
        return None

    async def end_direct_upload(self, address: str) -> None:
        """There never was one."""

    async def direct_download(self, key: str, *, lifetime_s: float) -> str | None:
        """Nor for reading."""
        return None

    async def free_bytes(self) -> int | None:
        """As much as there is memory: nobody knows."""
        return None

    async def forget_unfinished(self) -> int:
        """Nothing is ever half written."""
        return 0

    def _known(self, key: str) -> tuple[bytes, datetime]:
        try:
            return self._blobs[check_key(key)]
        except KeyError:
            raise BlobNotFound(key) from None


class _MemoryWriter:
    def __init__(self) -> None:
        self.written = bytearray()

    @property
    def size(self) -> int:
        return len(self.written)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.written).hexdigest()

    async def write(self, data: bytes) -> None:
        self.written += data


class _MemoryGrowth:
    def __init__(self, growing: dict[str, bytes], key: str) -> None:
        self._growing = growing
        self._key = key
        self._written = bytearray(growing[key])

    @property
    def size(self) -> int:
        return len(self._written)

    async def write(self, data: bytes) -> None:
        self._written += data

    async def keep(self) -> None:
        if self._key in self._growing:  # deleted meanwhile: written to nowhere
            self._growing[self._key] = bytes(self._written)
