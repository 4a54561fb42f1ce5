"""Fetching files of Google Drive, by its API (v3), through the guard."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import httpcore
from typing_extensions import override

from gateway.adapters.fetching import GuardedFetch
from gateway.adapters.outbound import FAULTS, Outbound, Unreached
from gateway.domain.destinations import ForbiddenDestination, destination_of
from gateway.domain.sources import DriveFile, UnusableSource, drive_file_of
from gateway.ports.transfers import Fetched, Source, SourceBroken, SourceRefused

__all__ = ["DriveFetch"]

_MOST_BYTES = 65_536
_ASK_S = 20.0
_NAME_S = 5.0
_PASSING = {"rateLimitExceeded", "userRateLimitExceeded", "sharingRateLimitExceeded", "backendError"}
_SPENT = {"dailyLimitExceeded", "downloadQuotaExceeded", "quotaExceeded"}
_FIELDS = "name,size,mimeType,md5Checksum,headRevisionId"


@dataclass(frozen=True, slots=True)
class _Known:
    """What Drive says of a file."""

    name: str | None
    size: int
    version: str | None


class DriveFetch(GuardedFetch):
    """By the token that came with the request; without one by the operator's key, which opens what is public."""

    def __init__(self, outbound: Outbound, *, idle_s: float, url: str, key: str | None) -> None:
        super().__init__(outbound, idle_s=idle_s)
        self._url = url.rstrip("/")
        self._key = key

    @override
    async def check(self, source: Source) -> None:
        """Raise SourceRefused for what is no file of Drive, or comes without a way to open it."""
        self._said(source, _file(source))
        await super().check(Source(self._place(_file(source))))

    @override
    async def name(self, source: Source) -> str | None:
        """What Drive calls it; what goes wrong is said when it is fetched."""
        try:
            return (await self._ask(source, timeout_s=_NAME_S)).name
        except (SourceRefused, SourceBroken):
            return None

    @override
    @asynccontextmanager
    async def __call__(self, source: Source, *, start: int, validator: str | None) -> AsyncIterator[Fetched]:
        """The bytes from ``start`` on, if the file has not changed since; else all of them."""
        known, file = await self._ask(source, timeout_s=_ASK_S), _file(source)
        same = bool(start) and validator is not None and validator == known.version and start <= known.size
        ranged = {"Range": f"bytes={start}-"} if same else {}
        asked = Source(f"{self._place(file)}&alt=media", self._said(source, file))
        async with self.fetched(asked, start=start if same else 0, ranged=ranged) as fetched:
            yield replace(fetched, length=known.size, validator=known.version)

    def _place(self, file: DriveFile) -> str:
        return f"{self._url}/drive/v3/files/{file.id}?{urlencode({'supportsAllDrives': 'true'})}"

    def _said(self, source: Source, file: DriveFile) -> Mapping[str, str]:
        said = dict(source.headers)
        if "Authorization" not in said:
            if self._key is None:
                raise SourceRefused("source_denied", "give an access_token with which Drive lets the file be read")
            said["X-Goog-Api-Key"] = self._key
        if file.resource_key is not None:
            said["X-Goog-Drive-Resource-Keys"] = f"{file.id}/{file.resource_key}"
        return said

    async def _ask(self, source: Source, *, timeout_s: float) -> _Known:
        """Raises SourceRefused, SourceBroken."""
        file = _file(source)
        try:
            answer = await self._outbound.send(
                "GET",
                destination_of(f"{self._place(file)}&{urlencode({'fields': _FIELDS})}"),
                headers={"User-Agent": "Matchcut-Import/1", "Accept": "application/json", **self._said(source, file)},
                content=b"",
                timeout_s=timeout_s,
                most_bytes=_MOST_BYTES,
            )
        except ForbiddenDestination as forbidden:
            raise SourceRefused("source_forbidden", str(forbidden)) from None
        except Unreached as unreached:
            raise SourceBroken(str(unreached)) from None
        if answer.status != 200:
            raise _fault(answer.status, answer.body)
        return _known(answer.body)

    @override
    async def _explain(self, response: httpcore.Response) -> None:
        body = b""
        try:
            async for piece in response.aiter_stream():
                body += piece[: _MOST_BYTES - len(body)]
        except FAULTS:
            pass  # the status alone has to say it
        raise _fault(response.status, body)


def _file(source: Source) -> DriveFile:
    try:
        return drive_file_of(source.url)
    except UnusableSource as unusable:
        raise SourceRefused("source_forbidden", str(unusable)) from None


def _known(body: bytes) -> _Known:
    said = _json(body)
    size, name = said.get("size"), said.get("name")
    if not isinstance(size, str) or not size.isdecimal():
        kind = said.get("mimeType", "something without bytes")
        raise SourceRefused("source_not_media", f"the file in Drive is no film: it is {kind}")
    version = said.get("md5Checksum") or said.get("headRevisionId")
    return _Known(name if isinstance(name, str) else None, int(size), version if isinstance(version, str) else None)


def _fault(status: int, body: bytes) -> SourceRefused | SourceBroken:
    """What an answer means that is none. Google's words stay inside: they name projects and accounts."""
    reason = _reason(body)
    if status >= 500 or status in (408, 429) or reason in _PASSING:
        return SourceBroken(f"Drive answered {status}")
    if status == 404:
        return SourceRefused("source_not_found", "Drive knows no such file, or shows it to others alone")
    if reason in _SPENT:
        return SourceRefused("source_quota", "Drive gives no more of this file for now: its quota is spent")
    if reason == "fileNotDownloadable":
        return SourceRefused("source_not_media", "the file in Drive has no bytes of its own to be fetched")
    if status in (401, 403):
        told = "the access token is not good, or no longer" if status == 401 else "Drive does not let us read the file"
        return SourceRefused("source_denied", f"{told}: it answered {status}")
    return SourceRefused("source_refused", f"Drive answered {status}")


def _reason(body: bytes) -> str:
    error = _json(body).get("error")
    errors = error.get("errors") if isinstance(error, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    return str(first.get("reason", "")) if isinstance(first, dict) else ""


def _json(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
