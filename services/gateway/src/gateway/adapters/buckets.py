"""Fetching objects of buckets, with the operator's credentials and within their rules."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chassis.blobs import BlobNotFound, ForeignObject, ForeignObjects
from gateway.domain.sources import BucketRules, UnusableSource, object_of
from gateway.ports.transfers import Fetched, Source, SourceBroken, SourceRefused

__all__ = ["BucketFetch"]


class BucketFetch:
    """A version of an object is named by its generation: a broken transfer goes on with that one, or begins again."""

    def __init__(self, objects: ForeignObjects, rules: BucketRules, *, idle_s: float) -> None:
        self._objects = objects
        self._rules = rules
        self._idle_s = idle_s

    async def check(self, source: Source) -> None:
        """Raise SourceRefused for an object that is not allowed."""
        self._allowed(source)

    async def name(self, source: Source) -> str | None:
        """The address says it."""
        return None

    @asynccontextmanager
    async def __call__(self, source: Source, *, start: int, validator: str | None) -> AsyncIterator[Fetched]:
        """The bytes from ``start`` on, or all of them."""
        bucket, name = self._allowed(source)
        found = await self._find(bucket, name)
        begin = start if validator == str(found.generation) and start <= found.size else 0
        yield Fetched(begin, found.size, str(found.generation), self._pieces(found, begin))

    def _allowed(self, source: Source) -> tuple[str, str]:
        try:
            bucket, name = object_of(source.url)
            self._rules.require(bucket, name, tenant=source.tenant)
        except UnusableSource as unusable:
            raise SourceRefused("source_forbidden", str(unusable)) from None
        return bucket, name

    async def _find(self, bucket: str, name: str) -> ForeignObject:
        try:
            async with asyncio.timeout(self._idle_s):
                return await self._objects.find(bucket, name)
        except BlobNotFound:
            raise SourceRefused("source_not_found", "there is no such object, or no such bucket") from None
        except PermissionError:
            raise SourceRefused("source_denied", "the bucket does not let this installation read the object") from None
        except (ConnectionError, TimeoutError):
            raise SourceBroken("the bucket does not answer") from None

    async def _pieces(self, found: ForeignObject, start: int) -> AsyncIterator[bytes]:
        pieces = self._objects.read(found, start)
        while True:
            try:
                async with asyncio.timeout(self._idle_s):
                    piece = await anext(pieces, None)
            except BlobNotFound:
                raise SourceBroken("the object was replaced while it was read") from None
            except PermissionError:
                raise SourceRefused("source_denied", "the bucket does not let us read the object any more") from None
            except (ConnectionError, TimeoutError):
                raise SourceBroken("the bucket does not answer") from None
            if piece is None:
                return
            yield piece
