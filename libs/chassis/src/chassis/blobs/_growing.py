"""Growing blobs as files. Beside the bytes of each is a mark: how many of them count. What lies behind it does not.

The mark is moved after the bytes are on the disk, so that neither a killed process nor a power cut leaves it ahead of
them. Whoever writes holds a lock on the mark, which ends with the process.
"""

import asyncio
import fcntl
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from chassis.blobs._local_files import remove_empty_parents
from chassis.blobs._ports import BlobBusy, BlobNotFound, WrongOffset

__all__ = ["GrowingFiles", "LocalGrowth"]

_PIECE = 1 << 20
_DIGITS = 20


class LocalGrowth:
    """One growing blob, open and locked."""

    def __init__(self, file: BinaryIO, mark: int, size: int) -> None:
        self._file = file
        self._mark = mark
        self.size = size

    async def write(self, data: bytes) -> None:
        """Append these bytes."""
        await asyncio.to_thread(self._append, data)

    async def keep(self) -> None:
        """On the disk, then counted."""
        await asyncio.to_thread(self._keep)

    def close(self) -> None:
        """Let go of it; what was not kept is forgotten."""
        self._file.close()
        os.close(self._mark)

    def _append(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = self._file.write(view)
            view = view[written:]
            self.size += written

    def _keep(self) -> None:
        os.fdatasync(self._file.fileno())
        _write_mark(self._mark, self.size)


class GrowingFiles:
    """All growing blobs of a folder. Everything here blocks: call it in a thread."""

    def __init__(self, root: Path) -> None:
        self._bytes = root / ".growing" / "bytes"
        self._marks = root / ".growing" / "marks"

    def grown(self, key: str) -> int:
        """How many bytes count."""
        try:
            return _parsed((self._marks / key).read_bytes())
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return 0

    def open(self, key: str, offset: int) -> LocalGrowth:
        """Lock it and cut off what does not count. Raises WrongOffset, BlobBusy."""
        mark = self._locked(key, create=offset == 0)
        try:
            grown = 0 if mark is None else _read_mark(mark)
            if mark is None or grown != offset:
                raise WrongOffset(key, grown)
            file = open(_created(self._bytes / key), "r+b", buffering=0)  # noqa: SIM115 (the growth closes it)
            try:
                file.truncate(offset)
                file.seek(offset)
            except BaseException:
                file.close()
                raise
        except BaseException:
            if mark is not None:
                os.close(mark)
            raise
        return LocalGrowth(file, mark, offset)

    def move(self, key: str, target: Path, publish: Callable[[Path, Path], None]) -> None:
        """Make it the file ``target``; nothing happens if that was done before. Raises BlobNotFound, BlobBusy."""
        mark = self._locked(key, create=False)
        if mark is None:
            if not target.is_file():
                raise BlobNotFound(key)
            return
        try:
            path = self._bytes / key
            if path.is_file():
                os.truncate(path, _read_mark(mark))
                publish(path, target)
            elif not target.is_file():
                raise BlobNotFound(key)
            self.delete(key)
        finally:
            os.close(mark)

    def append_to(self, file: BinaryIO, keys: Sequence[str]) -> None:
        """Copy what counts of each to the end of a file. Raises BlobNotFound, BlobBusy."""
        for key in keys:
            mark = self._locked(key, create=False)
            if mark is None:
                raise BlobNotFound(key)
            try:
                with (self._bytes / key).open("rb") as source:
                    _copy(source, file, _read_mark(mark))
            except FileNotFoundError:
                raise BlobNotFound(key) from None
            finally:
                os.close(mark)

    def delete(self, key: str) -> bool:
        """Forget it; whether there was one. Who is writing to it writes to nowhere."""
        found = False
        for folder in (self._bytes, self._marks):
            with suppress(FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError):
                (folder / key).unlink()
                found = True
            remove_empty_parents(folder / key, below=folder.parent.parent)
        return found

    def keys(self, prefix: str) -> Sequence[str]:
        """In order."""
        folder = self._marks / prefix.rpartition("/")[0]
        found = [path.relative_to(self._marks).as_posix() for path in folder.rglob("*") if path.is_file()]
        return sorted(key for key in found if key.startswith(prefix))

    def _locked(self, key: str, *, create: bool) -> int | None:
        """A descriptor of the mark, locked; None if there is none. Closing it lets go of the lock."""
        path = self._marks / key
        while True:
            try:
                mark = _created(path) if create else os.open(path, os.O_RDWR)
            except (FileNotFoundError, NotADirectoryError):
                return None
            try:
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(mark)
                raise BlobBusy(f"somebody else is writing to the growing blob {key!r}") from None
            if os.fstat(mark).st_nlink:
                return mark
            os.close(mark)  # deleted before we had the lock


def _created(path: Path) -> int:
    """A descriptor of the file, made if need be."""
    while True:
        with suppress(FileNotFoundError):  # somebody deleted the last one of this folder just now, and the folder too
            path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def _copy(source: BinaryIO, file: BinaryIO, left: int) -> None:
    while left and (piece := source.read(min(_PIECE, left))):
        file.write(piece)
        left -= len(piece)


def _write_mark(mark: int, size: int) -> None:
    os.pwrite(mark, b"%0*d" % (_DIGITS, size), 0)
    os.fdatasync(mark)


def _read_mark(mark: int) -> int:
    return _parsed(os.pread(mark, _DIGITS, 0))


def _parsed(mark: bytes) -> int:
    """A mark that was never written counts nothing."""
    return int(mark) if len(mark) == _DIGITS else 0
