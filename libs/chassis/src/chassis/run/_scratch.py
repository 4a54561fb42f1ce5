"""A folder for what is written while work is done: gone with the process, however it ends."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from chassis.telemetry import get_logger

__all__ = ["own_scratch"]

_log = get_logger("chassis.run")


@contextlib.contextmanager
def own_scratch(name: str, parent: Path | None = None) -> Iterator[Path]:
    """Give this process and its children a temporary folder of their own, for the length of a block.

    ``tempfile`` and TMPDIR point to it. What killed processes of this name left in ``parent`` (the system's temporary
    folder if absent) is deleted first: a living one holds a lock on its folder. Raises OSError if ``parent`` cannot be
    written to.
    """
    home = Path(parent or tempfile.gettempdir())
    home.mkdir(parents=True, exist_ok=True)
    for folder in home.glob(f"{name}-scratch-*"):
        _forget(folder)
    folder, lock = _make(name, home)
    before = tempfile.tempdir, os.environ.get("TMPDIR")
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    try:
        yield folder
    finally:
        tempfile.tempdir = before[0]
        os.environ.pop("TMPDIR")
        if before[1] is not None:
            os.environ["TMPDIR"] = before[1]
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _make(name: str, home: Path) -> tuple[Path, int]:
    """A locked folder; made anew if a neighbour that starts now took it for a dead one's before it was locked."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-scratch-", dir=home))
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)


def _forget(folder: Path) -> None:
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # another user's, or just deleted
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        _log.info("deleting what a killed process left", folder=str(folder))
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)
