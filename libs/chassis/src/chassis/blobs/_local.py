"""Blobs as files under one folder. Writes land in a temporary file and are renamed, so a reader sees all or nothing."""

import asyncio
import fcntl
import os
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from chassis.blobs._growing import GrowingFiles, LocalGrowth
from chassis.blobs._local_files import (
    LocalWriter,
    flush,
    full_disk_named,
    remove_empty_parents,
    removed_if_orphaned,
)
from chassis.blobs._ports import BlobNotFound, BlobStat, check_key, check_prefix

__all__ = ["LocalBlobs"]

_PIECE = 1 << 20
"""Bytes read at once."""
_INCOMING = ".incoming"
"""Where unfinished blobs wait; no key can start with a dot, so none can name it."""


class LocalBlobs:
    """A folder of blobs. Disk work happens in threads, never on the event loop."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._growing = GrowingFiles(root)

    async def put_bytes(self, key: str, data: bytes) -> None:
        """Store these bytes whole."""
        target = self._path(key)

        def store() -> None:
            temporary, file = self._open_incoming()
            with self._discarded_on_error(temporary), file:
                file.write(data)
                flush(file)
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
    async def writer(self, key: str) -> AsyncIterator[LocalWriter]:
        """Write piece by piece; visible after a clean exit."""
        target = self._path(key)
        temporary, file = await asyncio.to_thread(self._open_incoming)
        with self._discarded_on_error(temporary), file:
            yield LocalWriter(file)
            await asyncio.to_thread(flush, file)
            await asyncio.to_thread(self._publish, temporary, target)

    async def grown(self, key: str) -> int:
        """How many bytes of a growing blob were kept."""
        return await asyncio.to_thread(self._growing.grown, check_key(key))

    @asynccontextmanager
    async def grow(self, key: str, offset: int) -> AsyncIterator[LocalGrowth]:
        """Go on with a growing blob; a clean exit keeps what was written."""
        with full_disk_named(self._root):
            growth = await asyncio.to_thread(self._growing.open, check_key(key), offset)
            try:
                yield growth
                await growth.keep()
            finally:
                growth.close()

    async def seal(self, sources: Sequence[str], target: str) -> None:
        """Make growing blobs a blob."""
        keys, path = [check_key(key) for key in sources], self._path(target)

        def join() -> None:
            if len(keys) == 1:
                self._growing.move(keys[0], path, self._publish)
                return
            temporary, file = self._open_incoming()
            with self._discarded_on_error(temporary), file:
                self._growing.append_to(file, keys)
                flush(file)
                self._publish(temporary, path)

        await asyncio.to_thread(join)

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
            remove_empty_parents(path, below=self._root)
            self._growing.delete(key)

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
                remove_empty_parents(self._root / key, below=self._root)
                count += 1
            return count + sum(self._growing.delete(key) for key in self._growing.keys(prefix))

        return await asyncio.to_thread(remove)

    async def list(self, prefix: str) -> AsyncIterator[str]:
        """Keys that start with ``prefix``, in order."""
        check_prefix(prefix)
        for key in await asyncio.to_thread(self._keys, prefix):
            yield key

    async def list_growing(self, prefix: str) -> AsyncIterator[str]:
        """Keys of growing blobs."""
        check_prefix(prefix)
        for key in await asyncio.to_thread(self._growing.keys, prefix):
            yield key

    async def free_bytes(self) -> int | None:
        """How much more the file system can hold, for an ordinary user."""

        def look() -> int:
            folder = self._root
            while not folder.exists():  # made by the first blob
                folder = folder.parent
            return shutil.disk_usage(folder).free

        return await asyncio.to_thread(look)

    async def direct_upload(self, key: str, *, size: int | None, origin: str | None) -> str | None:
        """Nobody but us can write to our disk."""
        return None

    async def end_direct_upload(self, address: str) -> None:
        """There never was one."""

    async def direct_download(self, key: str, *, lifetime_s: float) -> str | None:
        """Nor read from it."""
        return None

    async def forget_unfinished(self) -> int:
        """Remove what writers that died left half written. A lock dies with its process, so it tells who lives."""

        def remove() -> int:
            return sum(removed_if_orphaned(path) for path in (self._root / _INCOMING).glob("*"))

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
                flush(file)
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
        with full_disk_named(self._root):
            try:
                yield
            except BaseException:
                with suppress(OSError):
                    temporary.unlink(missing_ok=True)
                raise

    def _keys(self, prefix: str) -> Sequence[str]:
        folder = self._root / prefix.rpartition("/")[0]
        found = []
        for path, folders, files in os.walk(folder):
            folders[:] = [name for name in folders if not name.startswith(".")]
            base = Path(path).relative_to(self._root).as_posix()
            found += [name if base == "." else f"{base}/{name}" for name in files]
        return sorted(key for key in found if key.startswith(prefix))
