"""Where uploads that are under way go, so that the next process goes on with what this one could not finish."""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

__all__ = ["Note", "Unfinished"]


class Note:
    """What is remembered of one file on its way to one gateway; ``None`` as a path remembers nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def read(self) -> dict[str, Any]:
        """What was written last; nothing if there is none, or it cannot be understood."""
        if self._path is None:
            return {}
        try:
            said = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return said if isinstance(said, dict) else {}

    def write(self, **said: Any) -> None:
        """Remember this, for us alone: an address to send to may be a secret. A disk that is full loses a note only."""
        if self._path is None:
            return
        part = self._path.with_name(f".{self._path.name}.{uuid4().hex}")
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                json.dump(said, file)
            part.replace(self._path)

    def forget(self) -> None:
        """It is done, or leads nowhere."""
        if self._path is not None:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)


class Unfinished:
    """A folder of notes; None keeps none."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def of(self, film: Path, *, url: str, who: str) -> Note:
        """The note of this file as it is now: one that was changed since is another one."""
        if self._folder is None:
            return Note(None)
        stat = film.stat()
        named = [url, who, str(film.resolve()), str(stat.st_size), str(stat.st_mtime_ns)]
        return Note(self._folder / f"{hashlib.sha256(json.dumps(named).encode()).hexdigest()}.json")
