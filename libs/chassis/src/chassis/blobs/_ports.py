"""What a blob store promises, whichever it is."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from typing_extensions import override

__all__ = [
    "BlobBusy",
    "BlobGrowth",
    "BlobNotFound",
    "BlobStat",
    "BlobWriter",
    "Blobs",
    "InvalidKey",
    "StorageFull",
    "WrongOffset",
    "check_key",
    "check_prefix",
]

_MAX_KEY_BYTES = 900
"""Under the 1024 that object stores allow, with room for a bucket's own prefix."""
_MAX_PART_BYTES = 200
"""Under the 255 that file systems allow, with room for a temporary suffix."""
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\]")


class BlobNotFound(LookupError):
    """No blob has this key."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    @override
    def __str__(self) -> str:
        return f"there is no blob {self.key!r}"


class StorageFull(OSError):
    """The store has no room for these bytes. Nothing of them is left behind; they can be stored once there is room."""

    reason = "storage_full"


class WrongOffset(ValueError):
    """A growing blob has more or fewer bytes than whoever wants to go on with it believes."""

    def __init__(self, key: str, grown: int) -> None:
        super().__init__(f"the growing blob {key!r} has {grown} bytes")
        self.grown = grown


class BlobBusy(RuntimeError):
    """Somebody else is writing to this growing blob. Nothing was changed."""


class InvalidKey(ValueError):
    """A key no store would take: absolute, with ``..`` or empty parts, control characters, or too long."""


@dataclass(frozen=True)
class BlobStat:
    """What a store knows of a blob without reading it."""

    size: int
    """Bytes."""
    modified: datetime
    etag: str
    """Changes when the bytes do. Opaque, ASCII, without quotes."""


class BlobWriter(Protocol):
    """A blob being written. Nobody sees it before the block that opened it ends well."""

    @property
    def size(self) -> int:
        """Bytes written so far."""
        ...

    @property
    def sha256(self) -> str:
        """Hexadecimal digest of what was written so far."""
        ...

    async def write(self, data: bytes) -> None:
        """Append these bytes."""
        ...


class BlobGrowth(Protocol):
    """A growing blob, open for more."""

    @property
    def size(self) -> int:
        """Bytes there are, with those that are not kept yet."""
        ...

    async def write(self, data: bytes) -> None:
        """Append these bytes. They count once they are kept."""
        ...

    async def keep(self) -> None:
        """What was written so far is there for good, whatever becomes of this process or machine."""
        ...


class Blobs(Protocol):
    """Bytes by key.

    Every method raises InvalidKey for a bad key, reading a missing blob raises BlobNotFound, and writing without room
    raises StorageFull.
    """

    async def put_bytes(self, key: str, data: bytes) -> None:
        """Store these bytes whole, replacing what was there."""
        ...

    async def put_file(self, key: str, path: Path) -> None:
        """Store a copy of this file whole, replacing what was there."""
        ...

    async def get_bytes(self, key: str) -> bytes:
        """All bytes at once: for documents, not for films."""
        ...

    async def stat(self, key: str) -> BlobStat:
        """Size, time and etag."""
        ...

    def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from ``start`` up to, not including, ``end``, in pieces; an ``end`` past the last byte is fine."""
        ...

    def local(self, key: str) -> AbstractAsyncContextManager[Path]:
        """A path that can be read inside the block; it must not be written to."""
        ...

    def writer(self, key: str) -> AbstractAsyncContextManager[BlobWriter]:
        """Write piece by piece; the blob appears at a clean exit, and an exception leaves no trace."""
        ...

    async def grown(self, key: str) -> int:
        """How many bytes of a growing blob were kept; 0 if there is none."""
        ...

    def grow(self, key: str, offset: int) -> AbstractAsyncContextManager[BlobGrowth]:
        """Go on with a blob that comes in pieces, over days and from several processes, one at a time.

        Nobody can read it before it is sealed. A clean exit keeps what was written; after an exception what was not
        kept is as if it had never come. Raises WrongOffset, BlobBusy: at once where a lock can be held, as on a disk;
        else by the latest when something is to be kept, and what the other one wrote stays.
        """
        ...

    async def seal(self, sources: Sequence[str], target: str) -> None:
        """Make of growing blobs, in this order, the blob ``target``; raises BlobNotFound if one is missing.

        A single one ceases to grow and costs no copy; several stay until they are deleted. Once the target is there, a
        repeat for a single source does nothing.
        """
        ...

    async def copy(self, source: str, target: str) -> None:
        """Store the bytes of ``source`` under ``target`` too."""
        ...

    async def delete(self, key: str) -> None:
        """Remove it, grown or growing; a missing one is fine."""
        ...

    async def delete_prefix(self, prefix: str) -> int:
        """Remove every blob whose key starts with ``prefix``, which must end with a slash; returns how many.

        Growing ones go too.
        """
        ...

    def list(self, prefix: str) -> AsyncIterator[str]:
        """Keys that start with ``prefix``, in order; an empty prefix means all."""
        ...

    def list_growing(self, prefix: str) -> AsyncIterator[str]:
        """Like ``list``, of growing blobs."""
        ...

    async def direct_upload(self, key: str, *, size: int | None, origin: str | None) -> str | None:
        """An address to which whoever has it may send this blob without us, in pieces (Google's resumable uploads).

        None if the store has no such thing. ``origin`` is that of the page the bytes are sent from, if it is one.
        """
        ...

    async def end_direct_upload(self, address: str) -> None:
        """Let nobody send by this address of ``direct_upload`` any more; one that ended before is fine."""
        ...

    async def direct_download(self, key: str, *, lifetime_s: float) -> str | None:
        """An address from which whoever has it may fetch this blob without us, in ranges, for so long.

        None if the store has no such thing, or we may not sign for it.
        """
        ...

    async def free_bytes(self) -> int | None:
        """How much more the store can hold; None if it has no end that we know of."""
        ...

    async def forget_unfinished(self) -> int:
        """Remove what writers that died left half written; returns how many. Those at work are left alone."""
        ...


def check_key(key: str) -> str:
    """Return ``key`` if every store can hold it; else raise InvalidKey, saying why."""
    if not key or len(key.encode(errors="replace")) > _MAX_KEY_BYTES:
        raise InvalidKey(f"a blob key has 1 to {_MAX_KEY_BYTES} bytes; got {len(key)} characters")
    if _FORBIDDEN.search(key) or not key.isprintable():
        raise InvalidKey(f"a blob key has no control characters and no backslash: {key!r}")
    for part in key.split("/"):
        if part in {"", ".", ".."} or part.startswith("."):
            raise InvalidKey(f"a blob key is relative, and no part of it is empty or starts with a dot: {key!r}")
        if len(part.encode()) > _MAX_PART_BYTES:
            raise InvalidKey(f"no part of a blob key is longer than {_MAX_PART_BYTES} bytes: {key[:80]!r}")
    return key


def check_prefix(prefix: str) -> str:
    """Like ``check_key`` for what keys start with: it may be empty, and may end inside a part or with a slash."""
    if prefix:
        check_key(prefix.removesuffix("/"))
    return prefix
