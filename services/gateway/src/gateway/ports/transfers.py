"""What taking bytes in by pieces, or fetching them, needs from outside."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from gateway.domain.library import Transfer

__all__ = ["Fetch", "Fetched", "Source", "SourceBroken", "SourceRefused", "Transfers"]


class SourceRefused(Exception):
    """A source gives us nothing that we take, and will not: ``reason`` is for programs, the text for people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class SourceBroken(Exception):
    """A source did not answer, or stopped in the middle. It may do better later."""

    reason = "source_unavailable"


@dataclass(frozen=True, slots=True)
class Source:
    """Where to fetch from, as a customer named it."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """What to say there beside the usual, such as who we come from. It is said to nobody else."""
    tenant: str = ""
    """Who asks for it: what one may have fetched, another may not."""


class Transfers(Protocol):
    """How uploads of one tenant get here."""

    async def add(self, transfer: Transfer) -> None:
        """Record it; its upload is there."""

    async def get(self, upload_id: UUID) -> Transfer | None:
        """One; None for an upload whose bytes come in one request, or none at all."""

    async def of_all(self, upload_ids: Sequence[UUID]) -> Sequence[Transfer]:
        """Those of these uploads that exist and were not given up, in the order asked for."""

    async def take(self, upload_id: UUID, writer: UUID) -> bool:
        """Let this request append, and nobody who did before; False if the upload waits for no bytes."""

    async def touch(self, upload_id: UUID, writer: UUID) -> bool:
        """Note that something came; False if this request may not append any more."""

    async def set_length(self, upload_id: UUID, length: int) -> None:
        """Record a length that was not known at first."""

    async def forget_source(self, upload_id: UUID) -> None:
        """Nobody will ask there any more: keep no address that may hold a secret."""

    async def set_version(self, upload_id: UUID, validator: str | None) -> None:
        """Record which version of a source is being fetched."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a source answered, with the bytes still to come."""

    start: int
    """The first byte that comes; what was asked for, or 0 if the source has another version or knows no ranges."""
    length: int | None
    """Of the whole."""
    validator: str | None
    """What the source calls this version; None if it gives no name that can be relied on."""
    pieces: AsyncIterator[bytes]


class Fetch(Protocol):
    """Opens a source that a customer named."""

    async def check(self, source: Source) -> None:
        """Raise SourceRefused for an address we would not fetch from."""

    async def name(self, source: Source) -> str | None:
        """What the file is called, where only the source knows; None if it does not say so at once."""

    def __call__(self, source: Source, *, start: int, validator: str | None) -> AbstractAsyncContextManager[Fetched]:
        """The bytes from ``start`` on, if the source still has the version ``validator``; else all of them.

        Raises SourceRefused for what will stay so, SourceBroken for what may pass.
        """
