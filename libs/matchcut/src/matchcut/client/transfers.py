"""Bytes to and from the gateway: streamed, counted, checked, resumed."""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from matchcut.client.errors import TransferBroken, raise_for_problem

__all__ = ["OnBytes", "Outgoing", "receive"]

OnBytes = Callable[[int, int | None], None]
"""Called with the bytes moved so far and the total, when it is known."""

_CHUNK = 1 << 18


class Outgoing:
    """A file as a request body: read once, hashed on the way."""

    def __init__(self, path: Path, on_bytes: OnBytes | None) -> None:
        self._path = path
        self._on_bytes = on_bytes
        self._hash = hashlib.sha256()
        self.size = path.stat().st_size

    @property
    def sha256(self) -> str:
        """Of what was sent, once it was."""
        return self._hash.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        self._hash, sent = hashlib.sha256(), 0
        with self._path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
                self._hash.update(chunk)
                sent += len(chunk)
                if self._on_bytes:
                    self._on_bytes(sent, self.size)


def receive(http: httpx.Client, url: str, target: Path, on_bytes: OnBytes | None = None) -> Path:
    """Download to ``target``, which appears when it is whole; what is missing after a break is asked for again."""
    part = target.with_name(f".{target.name}.part-{os.getpid()}")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        for attempt in range(4):
            try:
                _continue(http, url, part, on_bytes)
                break
            except httpx.TransportError:
                if attempt == 3:
                    raise
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def _continue(http: httpx.Client, url: str, part: Path, on_bytes: OnBytes | None) -> None:
    have = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    with http.stream("GET", url, headers=headers) as response:
        if response.status_code >= 400:
            response.read()
            raise_for_problem(response)
        resumed = response.status_code == 206
        have = have if resumed else 0
        length = response.headers.get("content-length")
        total = have + int(length) if length else None
        with part.open("ab" if resumed else "wb") as file:
            for chunk in response.iter_bytes():  # as they come: what is buffered is lost when the connection breaks
                file.write(chunk)
                have += len(chunk)
                if on_bytes:
                    on_bytes(have, total)
    if total is not None and have != total and "content-encoding" not in response.headers:
        raise TransferBroken(f"{url}: {have} of {total} bytes arrived")
