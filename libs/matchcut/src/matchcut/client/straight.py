"""A file sent straight to the bucket the gateway keeps it in, by Google's resumable uploads."""

import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

import httpx

from matchcut.client.errors import TransferBroken
from matchcut.client.resources import DirectTarget
from matchcut.client.transfers import OnBytes

__all__ = ["Straight"]

_PIECE = 64 << 20
"""Sent at once; what a bucket keeps of a piece that broke off is not sent again."""
_CHUNK = 1 << 18
_KEPT = re.compile(r"bytes=0-(\d+)")
T = TypeVar("T")


class Patiently(Protocol):
    """Repeats what a passing absence spoiled."""

    def __call__(self, attempt: Callable[[], T]) -> T:
        """What it came to."""
        ...


class Straight:
    """One file on its way. The bucket is told nothing but the address: our token is not for it."""

    def __init__(self, target: DirectTarget, path: Path, on_bytes: OnBytes | None, *, timeout_s: float) -> None:
        self._target = target
        self._path = path
        self._on_bytes = on_bytes
        self._http = httpx.Client(timeout=httpx.Timeout(timeout_s, connect=5), trust_env=False)
        self._hash = hashlib.sha256()
        self._hashed = 0
        self._here = 0
        self.size = path.stat().st_size

    @property
    def sha256(self) -> str:
        """Of the file as it was read, once all of it was."""
        return self._hash.hexdigest()

    def goes_on(self, patiently: Patiently) -> bool:
        """Whether the bucket still takes what another process began to send; what is there already is added up."""
        try:
            whole = patiently(lambda: self._told(f"bytes */{self.size}", None, 0))
        except TransferBroken:
            return False
        with self._path.open("rb") as file:
            self._here = until = self.size if whole else self._here
            while self._hashed < until and (chunk := file.read(min(_CHUNK, until - self._hashed))):
                self._hash.update(chunk)
                self._hashed += len(chunk)
        return True

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def send(self, patiently: Patiently) -> None:
        """All of it; each byte that arrives renews our patience. Raises TransferBroken, Unreachable."""
        while not patiently(self._go_on):
            pass

    def _go_on(self) -> bool:
        """Send the next piece; True when the bucket has all of it. After a break it is asked how much it kept."""
        until = min(self._here + _PIECE, self.size)
        if until == self._here:
            return self._told(f"bytes */{self.size}", None, 0)
        said = f"bytes {self._here}-{until - 1}/{self.size}"
        before = self._here
        try:
            return self._told(said, self._between(before, until), until - before)
        except httpx.TransportError:
            whole = self._told(f"bytes */{self.size}", None, 0)
            if not whole and self._here <= before:
                raise
            return whole

    def _told(self, said: str, content: Iterator[bytes] | None, length: int) -> bool:
        headers = {**self._target.headers, "Content-Range": said, "Content-Length": str(length)}
        answer = self._http.put(self._target.url, content=content, headers=headers)
        if answer.status_code in (200, 201):
            return True
        if answer.status_code >= 500 or answer.status_code in (408, 429):
            raise httpx.RemoteProtocolError(f"the bucket answered {answer.status_code}")
        if answer.status_code != 308:
            raise TransferBroken(f"the bucket took no more of {self._path}: it answered {answer.status_code}")
        kept = _KEPT.fullmatch(answer.headers.get("range", ""))
        self._here = int(kept[1]) + 1 if kept else 0
        return False

    def _between(self, offset: int, until: int) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            file.seek(offset)
            while chunk := file.read(min(_CHUNK, until - offset)):
                self._hash.update(chunk[max(0, self._hashed - offset) :])
                self._hashed = max(self._hashed, offset + len(chunk))
                yield chunk
                offset += len(chunk)
                if self._on_bytes:
                    self._on_bytes(offset, self.size)
