"""Who fetches what: the web, a bucket, Google Drive."""

from contextlib import AbstractAsyncContextManager

from gateway.domain.sources import is_drive, is_object
from gateway.ports.transfers import Fetch, Fetched, Source

__all__ = ["FetchAnywhere"]


class FetchAnywhere:
    """Leaves it to who can."""

    def __init__(self, *, web: Fetch, bucket: Fetch, drive: Fetch) -> None:
        self._web = web
        self._bucket = bucket
        self._drive = drive

    async def check(self, source: Source) -> None:
        """Raise SourceRefused for an address we would not fetch from."""
        await self._for(source).check(source)

    async def name(self, source: Source) -> str | None:
        """What the file is called, where only the source knows."""
        return await self._for(source).name(source)

    def __call__(self, source: Source, *, start: int, validator: str | None) -> AbstractAsyncContextManager[Fetched]:
        """The bytes from ``start`` on, or all of them."""
        return self._for(source)(source, start=start, validator=validator)

    def _for(self, source: Source) -> Fetch:
        if is_object(source.url):
            return self._bucket
        return self._drive if is_drive(source.url) else self._web
