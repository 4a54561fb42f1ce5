"""A file sent in pieces, by tus: what came before a connection broke is not sent again."""

import base64
import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar
from uuid import uuid4

import httpx

from matchcut.client.errors import Conflict, Gone, NotFound, TransferBroken, raise_for_problem
from matchcut.client.resources import Upload
from matchcut.client.transfers import OnBytes
from matchcut.client.unfinished import Note

__all__ = ["PIECES_FROM", "Pieces", "send_in_pieces", "when_checked"]

PIECES_FROM = 8 << 20
"""Bytes from which on a file is sent in pieces: a smaller one is sent again before that pays."""
_TUS = "/v1/uploads/tus"
_VERSION = {"Tus-Resumable": "1.0.0"}
_CHUNK = 1 << 18
T = TypeVar("T")


class Patiently(Protocol):
    """Repeats what a passing absence of the gateway spoiled."""

    def __call__(self, attempt: Callable[[], T]) -> T:
        """What it came to."""
        ...


def send_in_pieces(
    http: httpx.Client, patiently: Patiently, path: Path, filename: str, on_bytes: OnBytes | None, note: Note
) -> Upload:
    """Send a file and wait until the gateway has added it up; its checksum is compared with ours.

    What another process began, by its note, is gone on with; the note stays, for the upload is yet to be used.
    """
    pieces, key = Pieces(http, path, on_bytes), str(uuid4())
    place = note.read().get("place")
    if not (isinstance(place, str) and patiently(lambda: pieces.goes_on(place))):
        patiently(lambda: pieces.begin(filename[-255:], key))
        note.write(place=pieces.place)
    while patiently(pieces.offset) < pieces.size:
        patiently(pieces.go_on)
    return when_checked(lambda: patiently(pieces.upload), path, sha256=pieces.sha256)


def when_checked(look: Callable[[], Upload], path: Path, *, sha256: str) -> Upload:
    """The upload, once the gateway has added it up to what we read. Raises TransferBroken."""
    pause = 0.05
    while (upload := look()).state in ("waiting", "checking"):
        time.sleep(pause)
        pause = min(pause * 1.6, 2.0)
    if upload.failure:
        raise TransferBroken(upload.failure.detail)
    if upload.sha256 and upload.sha256 != sha256:
        raise TransferBroken(f"{path} changed on its way to the gateway or while it was read: upload it again")
    return upload


class Pieces:
    """One file on its way to one upload."""

    def __init__(self, http: httpx.Client, path: Path, on_bytes: OnBytes | None) -> None:
        self._http = http
        self._path = path
        self._on_bytes = on_bytes
        self._hash = hashlib.sha256()
        self._hashed = 0
        self.size = path.stat().st_size
        self._place = ""

    @property
    def sha256(self) -> str:
        """Of the file as it was read, once all of it was."""
        return self._hash.hexdigest()

    def upload(self) -> Upload:
        """The upload it goes to, as it stands."""
        response = self._http.get(f"/v1/uploads/{self._place.rpartition('/')[2]}")
        raise_for_problem(response)
        return Upload.model_validate_json(response.content)

    def begin(self, filename: str, key: str) -> None:
        """Make the upload; ``key`` makes a repeat harmless."""
        name = base64.b64encode(filename.encode("utf-8", "replace")).decode()
        said = {"Upload-Length": str(self.size), "Upload-Metadata": f"filename {name}", "Idempotency-Key": key}
        response = self._http.post(_TUS, headers=_VERSION | said)
        raise_for_problem(response)
        self._place = response.headers["location"]

    @property
    def place(self) -> str:
        """Where it goes."""
        return self._place

    def goes_on(self, place: str) -> bool:
        """Go on with an upload that was begun before, if it is there and waits for its bytes or to be used."""
        self._place = place
        try:
            here = self.offset()
            if here > self.size or self.upload().state not in ("waiting", "checking", "received"):
                return False
        except (NotFound, Gone):
            return False
        self._read_until(here)
        return True

    def offset(self) -> int:
        """How much of it is there."""
        response = self._http.head(self._place, headers=_VERSION)
        raise_for_problem(response)
        return int(response.headers["upload-offset"])

    def go_on(self) -> None:
        """Send what is missing; return when all of it, or at least more of it, is there."""
        before = self.offset()  # it also renews a worn-out token, for the body below can be sent only once
        said = {
            "Upload-Offset": str(before),
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(self.size - before),
        }
        try:
            response = self._http.patch(self._place, headers=_VERSION | said, content=self._from(before))
            raise_for_problem(response)
        except (httpx.TransportError, Conflict):
            if self.offset() <= before:
                raise

    def _from(self, offset: int) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            file.seek(offset)
            while chunk := file.read(min(_CHUNK, self.size - offset)):
                self._add_up(chunk, offset)
                yield chunk
                offset += len(chunk)
                if self._on_bytes:
                    self._on_bytes(offset, self.size)

    def _read_until(self, offset: int) -> None:
        """Add up what was sent before, as it is in the file now."""
        with self._path.open("rb") as file:
            while self._hashed < offset and (chunk := file.read(min(_CHUNK, offset - self._hashed))):
                self._add_up(chunk, self._hashed)

    def _add_up(self, chunk: bytes, offset: int) -> None:
        """Each byte counts once, however often it is sent. What is sent never begins behind what was read."""
        self._hash.update(chunk[max(0, self._hashed - offset) :])
        self._hashed = max(self._hashed, offset + len(chunk))
