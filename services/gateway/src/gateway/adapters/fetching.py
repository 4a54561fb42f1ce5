"""Fetching a file from an address that a customer named, piece by piece, through the guard; redirects too."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urljoin, urlsplit

import httpcore

from gateway.adapters.outbound import FAULTS, Outbound, in_words
from gateway.domain.destinations import ForbiddenDestination, destination_of
from gateway.domain.ranges import content_range
from gateway.ports.transfers import Fetched, Source, SourceBroken, SourceRefused

__all__ = ["GuardedFetch"]

_MOST_REDIRECTS = 5
_REDIRECTS = {301, 302, 303, 307, 308}
_PASSING = {408, 425, 429}
_PAGES = ("text/", "application/xhtml", "application/json")
_STRONG = re.compile(r'"[\x21\x23-\x7e]*"')


class GuardedFetch:
    """Reads by HTTP GET. ``idle_s`` is how long a source may be silent."""

    def __init__(self, outbound: Outbound, *, idle_s: float) -> None:
        self._outbound = outbound
        self._idle_s = idle_s

    async def check(self, source: Source) -> None:
        """Raise SourceRefused for an address we would not fetch from now."""
        try:
            await self._outbound.check(destination_of(source.url))
        except ForbiddenDestination as forbidden:
            raise SourceRefused("source_forbidden", str(forbidden)) from None

    async def name(self, source: Source) -> str | None:
        """The address says it."""
        return None

    @asynccontextmanager
    async def __call__(self, source: Source, *, start: int, validator: str | None) -> AsyncIterator[Fetched]:
        """The bytes from ``start`` on, or all of them."""
        ranged = {"Range": f"bytes={start}-", "If-Range": validator} if start and validator is not None else {}
        async with self.fetched(source, start=start, ranged=ranged) as fetched:
            yield fetched

    @asynccontextmanager
    async def fetched(self, source: Source, *, start: int, ranged: Mapping[str, str]) -> AsyncIterator[Fetched]:
        """What comes for a GET with these headers of ranges."""
        headers = {"User-Agent": "Matchcut-Import/1", "Accept": "*/*", "Accept-Encoding": "identity", **ranged}
        url = source.url
        for _ in range(_MOST_REDIRECTS + 1):
            confided = source.headers if _as_safe(url, source.url) else {}
            async with self._opened(url, {**headers, **confided}) as response:
                answered = _plain(response)
                if response.status not in _REDIRECTS:
                    if response.status in (401, 403, 404, 429):
                        await self._explain(response)
                    yield self._fetched(response, answered, start)
                    return
            url = urljoin(url, answered.get("location", ""))
        raise SourceRefused("source_refused", "the address leads from redirect to redirect")

    async def _explain(self, response: httpcore.Response) -> None:
        """Raise what the answer says of why it is none, where such answers can be understood."""

    @asynccontextmanager
    async def _opened(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[httpcore.Response]:
        try:
            opening = self._outbound.stream("GET", destination_of(url), headers=headers)
            async with asyncio.timeout(self._idle_s):
                response = await opening.__aenter__()
        except ForbiddenDestination as forbidden:
            raise SourceRefused("source_forbidden", str(forbidden)) from None
        except FAULTS as fault:
            raise SourceBroken(in_words(fault)) from None
        try:
            yield response
        except BaseException as error:
            await opening.__aexit__(type(error), error, error.__traceback__)
            raise
        await opening.__aexit__(None, None, None)

    def _fetched(self, response: httpcore.Response, headers: Mapping[str, str], start: int) -> Fetched:
        if response.status == 416 and start and headers.get("content-range", "").strip() == f"bytes */{start}":
            # It was fetched whole, and whoever did so did not get to say it: nothing lies behind the last byte.
            return Fetched(start, start, _validator(headers), _nothing())
        _require_good(response.status, headers)
        length = headers.get("content-length", "")
        whole = int(length) if length.isascii() and length.isdecimal() else None
        if response.status == 206:
            part = content_range(headers.get("content-range"))
            if part is None or part.start != start:
                raise SourceBroken("the source answered with another part of the file than was asked for")
            return Fetched(part.start, part.size, _validator(headers), self._pieces(response))
        return Fetched(0, whole, _validator(headers), self._pieces(response))

    async def _pieces(self, response: httpcore.Response) -> AsyncIterator[bytes]:
        pieces = response.aiter_stream().__aiter__()
        while True:
            try:
                async with asyncio.timeout(self._idle_s):
                    piece = await anext(pieces, None)
            except FAULTS as fault:
                raise SourceBroken(in_words(fault)) from None
            if piece is None:
                return
            yield piece


async def _nothing() -> AsyncIterator[bytes]:
    nothing: tuple[bytes, ...] = ()
    for piece in nothing:
        yield piece


def _require_good(status: int, headers: Mapping[str, str]) -> None:
    if status in (404, 410):
        raise SourceRefused("source_not_found", f"there is nothing at the address: it answered {status}")
    if status in (401, 403):
        raise SourceRefused("source_denied", f"the address wants to know who asks: it answered {status}")
    if status >= 500 or status in _PASSING:
        raise SourceBroken(f"the source answered {status}")
    if status not in (200, 206):
        raise SourceRefused("source_refused", f"the source answered {status}")
    kind = headers.get("content-type", "").lower()
    if kind.startswith(_PAGES):
        detail = f"the address leads to a page ({kind.partition(';')[0]}), not to a film; give that of the file itself"
        raise SourceRefused("source_not_media", detail)
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise SourceRefused("source_refused", "the source sends the file packed, though it was asked not to")


def _validator(headers: Mapping[str, str]) -> str | None:
    """What this version is called: a strong tag, else the time it was changed."""
    tag = headers.get("etag", "")
    return tag if _STRONG.fullmatch(tag) else headers.get("last-modified")


def _as_safe(url: str, named: str) -> bool:
    """Whether an address may hear what was said in confidence to the one that was named.

    Not another host, and not the same one where others listen: a redirect from https to http gives nothing away.
    """
    there, here = urlsplit(url), urlsplit(named)
    return there.netloc == here.netloc and (there.scheme == here.scheme or there.scheme == "https")


def _plain(response: httpcore.Response) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
