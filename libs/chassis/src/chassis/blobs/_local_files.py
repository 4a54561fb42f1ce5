"""What blobs on local disk have in common: full disks, empty folders, and files that are written once."""

import asyncio
import errno
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from chassis.blobs._ports import StorageFull

__all__ = ["LocalWriter", "flush", "full_disk_named", "remove_empty_parents", "removed_if_orphaned"]

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_YOUNG_S = 60.0
"""A file is locked just after it was made: one without a lock that is younger may be about to be locked."""


@contextmanager
def full_disk_named(root: Path) -> Iterator[None]:
    """Call a full disk by its name."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM and not isinstance(error, StorageFull):
            raise StorageFull(error.errno, f"no room is left for blobs in {root}: make some") from error
        raise


def remove_empty_parents(path: Path, *, below: Path) -> None:
    """Remove the folders above ``path`` that hold nothing any more, up to, not including, ``below``."""
    for parent in path.parents:
        if parent == below:
            return
        try:
            parent.rmdir()
        except OSError:
            return


class LocalWriter:
    """A blob being written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """Of what was written so far."""
        return self._digest.hexdigest()

    async def write(self, data: bytes) -> None:
        """Append; hashing and writing release the GIL, so they may share a thread."""
        await asyncio.to_thread(self._append, data)

    def _append(self, data: bytes) -> None:
        self._file.write(data)
        self._digest.update(data)
        self.size += len(data)


def removed_if_orphaned(path: Path) -> bool:
    """Whether this was left by a writer that died, and is gone now."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - path.stat().st_mtime < _YOUNG_S:
                return False
            path.unlink()
    except OSError:  # locked by who writes it, or gone
        return False
    return True


def flush(file: BinaryIO) -> None:
    """What was promised as stored survives a power cut."""
    file.flush()
    os.fsync(file.fileno())
