"""Blobs as files under one folder. Writes land in a temporary file and are renamed, so a reader sees all or nothing."""

import asyncio
import errno
import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from chassis.blobs._ports import BlobNotFound, BlobStat, StorageFull, check_key, check_prefix

__all__ = ["LocalBlobs"]

_PIECE = 1 << 20
"""Bytes read at once."""
_INCOMING = ".incoming"
"""Where unfinished blobs wait; no key can start with a dot, so none can name it."""
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_YOUNG_S = 60.0
"""A file is locked just after it was made: one without a lock that is younger may be about to be locked."""


class LocalBlobs:
    """A folder of blobs. Disk work happens in threads, never on the event loop."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put_bytes(self, key: str, data: bytes) -> None:
        """Store these bytes whole."""
        target = self._path(key)

        def store() -> None:
            temporary, file = self._open_incoming()
            with self._discarded_on_error(temporary), file:
                file.write(data)
                _flush(file)
                self._publish(temporary, target)

        await asyncio.to_thread(store)

    async def put_file(self, key: str, path: Path) -> None:
        """Store a copy of this file whole."""
        target = self._path(key)
        await asyncio.to_thread(self._store_copy, path, target)

    async def get_bytes(self, key: str) -> bytes:
        """All bytes at once."""
        path = self._path(key)
        try:
            return await asyncio.to_thread(path.read_bytes)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise BlobNotFound(key) from None

    async def stat(self, key: str) -> BlobStat:
        """Size, time and etag."""
        path = self._path(key)
        try:
            known = await asyncio.to_thread(path.stat)
        except (FileNotFoundError, NotADirectoryError):
            raise BlobNotFound(key) from None
        if path.is_dir():
            raise BlobNotFound(key)
        modified = datetime.fromtimestamp(known.st_mtime, UTC)
        return BlobStat(size=known.st_size, modified=modified, etag=f"{known.st_mtime_ns:x}-{known.st_size:x}")

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes ``start`` to ``end`` (exclusive), in pieces."""
        file = await asyncio.to_thread(self._open, key)
        try:
            await asyncio.to_thread(file.seek, start)
            left = None if end is None else max(0, end - start)
            while left is None or left > 0:
                piece = await asyncio.to_thread(file.read, _PIECE if left is None else min(_PIECE, left))
                if not piece:
                    break
                left = None if left is None else left - len(piece)
                yield piece
        finally:
            file.close()

    @asynccontextmanager
    async def local(self, key: str) -> AsyncIterator[Path]:
        """The file itself."""
        path = self._path(key)
        if not await asyncio.to_thread(path.is_file):
            raise BlobNotFound(key)
        yield path

    @asynccontextmanager
    async def writer(self, key: str) -> AsyncIterator["_LocalWriter"]:
        """Write piece by piece; visible after a clean exit."""
        target = self._path(key)
        temporary, file = await asyncio.to_thread(self._open_incoming)
        with self._discarded_on_error(temporary), file:
            yield _LocalWriter(file)
            await asyncio.to_thread(_flush, file)
            await asyncio.to_thread(self._publish, temporary, target)

    async def copy(self, source: str, target: str) -> None:
        """Store the bytes of ``source`` under ``target`` too."""
        origin, destination = self._path(source), self._path(target)
        try:
            await asyncio.to_thread(self._store_copy, origin, destination)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise BlobNotFound(source) from None

    async def delete(self, key: str) -> None:
        """Remove it; a missing one is fine."""
        path = self._path(key)

        def remove() -> None:
            with suppress(FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError):
                path.unlink()
            self._remove_empty_parents(path)

        await asyncio.to_thread(remove)

    async def delete_prefix(self, prefix: str) -> int:
        """Remove every blob under ``prefix``, which ends with a slash."""
        if not prefix.endswith("/"):
            raise ValueError(f"delete_prefix takes a folder, with its slash; got {prefix!r}")
        check_prefix(prefix)

        def remove() -> int:
            count = 0
            for key in self._keys(prefix):
                (self._root / key).unlink(missing_ok=True)
                self._remove_empty_parents(self._root / key)
                count += 1
            return count

        return await asyncio.to_thread(remove)

    async def list(self, prefix: str) -> AsyncIterator[str]:
        """Keys that start with ``prefix``, in order."""
        check_prefix(prefix)
        for key in await asyncio.to_thread(self._keys, prefix):
            yield key

    async def free_bytes(self) -> int | None:
        """How much more the file system can hold, for an ordinary user."""

        def look() -> int:
            folder = self._root
            while not folder.exists():  # made by the first blob
                folder = folder.parent
            return shutil.disk_usage(folder).free

        return await asyncio.to_thread(look)

    async def forget_unfinished(self) -> int:
        """Remove what writers that died left half written. A lock dies with its process, so it tells who lives."""

        def remove() -> int:
            return sum(_removed_if_orphaned(path) for path in (self._root / _INCOMING).glob("*"))

        return await asyncio.to_thread(remove)

    def _path(self, key: str) -> Path:
        return self._root / check_key(key)

    def _open(self, key: str) -> BinaryIO:
        try:
            return self._path(key).open("rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise BlobNotFound(key) from None

    def _open_incoming(self) -> tuple[Path, BinaryIO]:
        folder = self._root / _INCOMING
        temporary = folder / uuid4().hex
        with self._discarded_on_error(temporary):
            folder.mkdir(parents=True, exist_ok=True)
            file = temporary.open("xb")
            fcntl.flock(file, fcntl.LOCK_EX)
        return temporary, file

    def _store_copy(self, source: Path, target: Path) -> None:
        with source.open("rb") as origin:
            temporary, file = self._open_incoming()
            with self._discarded_on_error(temporary), file:
                shutil.copyfileobj(origin, file, _PIECE)
                _flush(file)
                self._publish(temporary, target)

    def _publish(self, temporary: Path, target: Path) -> None:
        while True:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                temporary.replace(target)
            except FileNotFoundError:
                if not temporary.exists():
                    raise
                continue  # somebody deleted the last blob of this folder just now, and the folder with it
            return

    @contextmanager
    def _discarded_on_error(self, temporary: Path) -> Iterator[None]:
        """Remove a temporary file if the block fails, and call a full disk by its name."""
        try:
            yield
        except BaseException as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.errno in _NO_ROOM and not isinstance(error, StorageFull):
                raise StorageFull(error.errno, f"no room is left for blobs in {self._root}: make some") from error
            raise

    def _remove_empty_parents(self, path: Path) -> None:
        for parent in path.parents:
            if parent == self._root:
                return
            try:
                parent.rmdir()
            except OSError:
                return

    def _keys(self, prefix: str) -> Sequence[str]:
        folder = self._root / prefix.rpartition("/")[0]
        found = []
        for path, folders, files in os.walk(folder):
            folders[:] = [name for name in folders if not name.startswith(".")]
            base = Path(path).relative_to(self._root).as_posix()
            found += [name if base == "." else f"{base}/{name}" for name in files]
        return sorted(key for key in found if key.startswith(prefix))


class _LocalWriter:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    async def write(self, data: bytes) -> None:
        """Append; hashing and writing release the GIL, so they may share a thread."""
        await asyncio.to_thread(self._append, data)

    def _append(self, data: bytes) -> None:
        self._file.write(data)
        self._digest.update(data)
        self.size += len(data)


def _removed_if_orphaned(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - path.stat().st_mtime < _YOUNG_S:
                return False
            path.unlink()
    except OSError:  # locked by who writes it, or gone
        return False
    return True


def _flush(file: BinaryIO) -> None:
    """What was promised as stored survives a power cut."""
    file.flush()
    os.fsync(file.fileno())
