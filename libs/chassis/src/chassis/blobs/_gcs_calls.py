"""Calls of the bucket's client library, in threads and with its errors in our words; and blobs that grow by pieces."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar
from uuid import uuid4

import requests
from google.api_core.exceptions import NotFound, ServerError, TooManyRequests
from google.auth.exceptions import TransportError
from google.cloud.storage import Blob

from chassis.blobs._ports import BlobNotFound

__all__ = ["BucketAway", "GcsGrowth", "GcsWriter", "call", "missing"]

T = TypeVar("T")
_PIECE = 16 << 20
_AWAY = (ServerError, TooManyRequests, TransportError, requests.ConnectionError, requests.Timeout)


class BucketAway(ConnectionError):
    """The bucket did not answer; it may do so later."""


async def call(function: Callable[[], T]) -> T:
    """What the library answers. Raises BucketAway where waiting may help."""
    try:
        return await asyncio.to_thread(function)
    except _AWAY as error:
        raise BucketAway(f"the bucket does not answer: {error}") from error


@contextmanager
def missing(key: str) -> Iterator[None]:
    """Say that there is no such blob."""
    try:
        yield
    except NotFound:
        raise BlobNotFound(key) from None


class Composing(Protocol):
    """The store, as far as a growth needs it."""

    async def upload(self, name: str, data: bytes) -> None:
        """Store a piece."""

    async def compose(self, names: Sequence[str], target: str, known: Blob | None) -> Blob:
        """Make one object of several."""

    async def remove(self, names: Sequence[str]) -> None:
        """Delete objects."""


class GcsGrowth:
    """A growing blob, open for more: pieces beside it, which become part of it when they are kept."""

    def __init__(self, store: Composing, name: str, known: Blob | None, *, pieces: str) -> None:
        self._store = store
        self._name = name
        self._known = known
        self._pieces = pieces
        self._held = bytearray()
        self.unkept: list[str] = []
        """Names of pieces that are not part of it yet."""
        self.size = 0 if known is None else int(known.size)

    async def write(self, data: bytes) -> None:
        """Append these bytes."""
        self._held += data
        self.size += len(data)
        while len(self._held) >= _PIECE:
            await self._upload(bytes(self._held[:_PIECE]))
            del self._held[:_PIECE]

    async def keep(self) -> None:
        """Make the pieces part of it. Raises BlobBusy if somebody else did so meanwhile."""
        if self._held:
            await self._upload(bytes(self._held))
            self._held.clear()
        if self.unkept:
            self._known = await self._store.compose(self.unkept, self._name, self._known)
            await self._store.remove(self.unkept)
            self.unkept = []

    async def _upload(self, piece: bytes) -> None:
        name = f"{self._pieces}{uuid4().hex}"
        self.unkept.append(name)
        await self._store.upload(name, piece)


class GcsWriter:
    """A blob being written."""

    def __init__(self, growth: GcsGrowth) -> None:
        self.growth = growth
        self._digest = hashlib.sha256()

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self.growth.size

    @property
    def sha256(self) -> str:
        """Of what was written so far."""
        return self._digest.hexdigest()

    async def write(self, data: bytes) -> None:
        """Append these bytes."""
        await asyncio.to_thread(self._digest.update, data)
        await self.growth.write(data)
