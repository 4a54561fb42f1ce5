"""Blobs in a bucket of Google Cloud Storage.

The client library blocks, so every call runs in a thread. What a bucket has no word for is composed: a growing blob is
an object that is replaced by itself and the next pieces, if nobody else did so meanwhile; its size is the truth. Names
that begin with a dot are ours alone, for no key does.
"""

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import requests
from google.api_core.exceptions import NotFound, PreconditionFailed
from google.cloud.storage import Blob, Bucket

from chassis.blobs._gcs_calls import GcsGrowth, GcsWriter, call, missing
from chassis.blobs._ports import BlobBusy, BlobNotFound, BlobStat, WrongOffset, check_key, check_prefix

__all__ = ["GcsBlobs"]

_READ = 2 << 20
_MOST_COMPOSED = 32
"""As many as one request takes."""
_ABANDONED = timedelta(days=1)
_CANCEL_S = 30.0
_GROWING = ".growing/"
_PIECES = ".pieces/"
_INCOMING = ".incoming/"


class GcsBlobs:
    """A bucket, or the part of it whose names begin with ``prefix``, which is empty or ends with a slash."""

    def __init__(self, bucket: Bucket, prefix: str = "") -> None:
        self._bucket = bucket
        self._prefix = prefix

    async def put_bytes(self, key: str, data: bytes) -> None:
        """Store these bytes whole."""
        blob = self._blob(check_key(key))
        await call(lambda: blob.upload_from_string(data, content_type="application/octet-stream"))

    async def put_file(self, key: str, path: Path) -> None:
        """Store a copy of this file whole."""
        blob = self._blob(check_key(key))
        await call(lambda: blob.upload_from_filename(str(path), content_type="application/octet-stream"))

    async def get_bytes(self, key: str) -> bytes:
        """All bytes at once."""
        with missing(key):
            return await call(self._blob(check_key(key)).download_as_bytes)

    async def stat(self, key: str) -> BlobStat:
        """Size, time and etag."""
        known = await self._known(check_key(key))
        if known is None:
            raise BlobNotFound(key)
        return BlobStat(size=known.size, modified=known.updated, etag=f"{known.generation:x}")

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes ``start`` to ``end`` (exclusive), in pieces, of the version there was at the beginning."""
        known = await self._known(check_key(key))
        if known is None:
            raise BlobNotFound(key)
        version = self._bucket.blob(known.name, generation=known.generation)
        until = known.size if end is None else min(end, known.size)
        while start < until:
            last = min(start + _READ, until) - 1
            with missing(key):
                piece: bytes = await call(lambda: version.download_as_bytes(start=start, end=last))  # noqa: B023
            start += len(piece)
            yield piece

    @asynccontextmanager
    async def local(self, key: str) -> AsyncIterator[Path]:
        """A temporary file with the bytes."""
        blob = self._blob(check_key(key))
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            path = Path(folder) / key.rpartition("/")[2]
            with missing(key):
                await call(lambda: blob.download_to_filename(str(path)))
            yield path

    @asynccontextmanager
    async def writer(self, key: str) -> AsyncIterator[GcsWriter]:
        """Write piece by piece; visible after a clean exit."""
        check_key(key)
        name = f"{_INCOMING}{uuid4().hex}"
        writer = GcsWriter(GcsGrowth(self, name, None, pieces=f"{name}."))
        try:
            yield writer
            await writer.growth.keep()
            if writer.size == 0:
                await self.put_bytes(key, b"")
            else:
                await self._move(name, key)
        finally:
            await self.remove([name, *writer.growth.unkept])

    async def grown(self, key: str) -> int:
        """How many bytes of a growing blob were kept."""
        known = await self._known(_GROWING + check_key(key))
        return 0 if known is None else int(known.size)

    @asynccontextmanager
    async def grow(self, key: str, offset: int) -> AsyncIterator[GcsGrowth]:
        """Go on with a growing blob; a clean exit keeps what was written."""
        known = await self._known(_GROWING + check_key(key))
        grown = 0 if known is None else int(known.size)
        if grown != offset:
            raise WrongOffset(key, grown)
        growth = GcsGrowth(self, f"{_GROWING}{key}", known, pieces=f"{_PIECES}{key}/")
        try:
            yield growth
            await growth.keep()
        finally:
            await self.remove(growth.unkept)

    async def seal(self, sources: Sequence[str], target: str) -> None:
        """Make growing blobs a blob."""
        names = [_GROWING + check_key(source) for source in sources]
        for source, name in zip(sources, names, strict=True):
            if await self._known(name) is None:
                if len(sources) == 1 and await self._known(check_key(target)) is not None:
                    return
                raise BlobNotFound(source)
        if len(names) == 1:
            await self._move(names[0], target)
            return
        joined = f"{_INCOMING}{uuid4().hex}"
        try:
            await self.compose(names, joined, None)
            await self._move(joined, target)
        finally:
            await self.remove([joined])

    async def copy(self, source: str, target: str) -> None:
        """Store the bytes of ``source`` under ``target`` too."""
        with missing(source):
            await self._rewrite(self._blob(check_key(source)), check_key(target))

    async def delete(self, key: str) -> None:
        """Remove it, grown or growing; a missing one is fine."""
        await self.remove([check_key(key), f"{_GROWING}{key}"])

    async def delete_prefix(self, prefix: str) -> int:
        """Remove every blob under ``prefix``, which ends with a slash."""
        if not prefix.endswith("/"):
            raise ValueError(f"delete_prefix takes a folder, with its slash; got {prefix!r}")
        check_prefix(prefix)
        count = 0
        for ours, counts in (("", 1), (_GROWING, 1), (_PIECES, 0)):
            names = [name async for name in self._names(ours + prefix)]
            await self.remove(names)
            count += counts * len(names)
        return count

    async def list(self, prefix: str) -> AsyncIterator[str]:
        """Keys that start with ``prefix``, in order."""
        async for name in self._names(check_prefix(prefix)):
            if not name.startswith("."):
                yield name

    async def list_growing(self, prefix: str) -> AsyncIterator[str]:
        """Keys of growing blobs."""
        async for name in self._names(_GROWING + check_prefix(prefix)):
            yield name.removeprefix(_GROWING)

    async def free_bytes(self) -> int | None:
        """A bucket has no end."""
        return None

    async def forget_unfinished(self) -> int:
        """Remove pieces that nobody kept for a day: their writers are dead."""
        old, names = datetime.now(UTC) - _ABANDONED, []
        for ours in (_INCOMING, _PIECES):
            for blob in await self._listed(ours):
                if blob.time_created is not None and blob.time_created < old:
                    names.append(self._key_of(blob))
        await self.remove(names)
        return len(names)

    async def direct_upload(self, key: str, *, size: int | None, origin: str | None) -> str | None:
        """An address to which somebody may send the bytes of this blob, in pieces, with nothing but the address."""
        blob = self._blob(check_key(key))
        session: str = await call(
            lambda: blob.create_resumable_upload_session(
                content_type="application/octet-stream", size=size, origin=origin, if_generation_match=0
            )
        )
        return session

    async def end_direct_upload(self, address: str) -> None:
        """Cancel the session; the bucket answers 499, or that it knows none."""
        await call(lambda: requests.delete(address, headers={"Content-Length": "0"}, timeout=_CANCEL_S).close())

    async def direct_download(self, key: str, *, lifetime_s: float) -> str | None:
        """A signed address of the bucket's own; None where our credentials cannot sign."""
        blob, lifetime = self._blob(check_key(key)), timedelta(seconds=lifetime_s)
        try:
            address: str = await call(lambda: blob.generate_signed_url(version="v4", expiration=lifetime, method="GET"))
        except AttributeError:  # the library's word for credentials without a private key
            return None
        return address

    async def upload(self, name: str, data: bytes) -> None:
        """Store a piece under a name of ours."""
        blob = self._blob(name)
        await call(lambda: blob.upload_from_string(data, content_type="application/octet-stream"))

    async def compose(self, names: Sequence[str], target: str, known: Blob | None) -> Blob:
        """Make one object of several, replacing the version ``known`` or none. Raises BlobBusy if there is another."""
        left = [*([] if known is None else [target]), *names]
        generation = 0 if known is None else int(known.generation)
        while True:
            some, left = left[:_MOST_COMPOSED], left[_MOST_COMPOSED:]
            blob = self._blob(target)
            blob.content_type = "application/octet-stream"
            sources = [self._blob(name) for name in some]
            try:
                await call(lambda: blob.compose(sources, if_generation_match=generation))  # noqa: B023
            except PreconditionFailed:
                raise BlobBusy(f"somebody else wrote to {target!r}") from None
            if not left:
                return blob
            left, generation = [target, *left], int(blob.generation)

    async def _move(self, name: str, key: str) -> None:
        await self._rewrite(self._blob(name), key)
        await self.remove([name])

    async def _rewrite(self, source: Blob, key: str) -> None:
        """Copied by the bucket itself, in as many steps as it likes."""
        target, token = self._blob(key), None
        while True:
            token, _, _ = await call(lambda: target.rewrite(source, token=token))  # noqa: B023
            if token is None:
                return

    async def _known(self, name: str) -> Blob | None:
        found: Blob | None = await call(lambda: self._bucket.get_blob(self._prefix + name))
        return found

    async def remove(self, names: Sequence[str]) -> None:
        """Delete objects under names of ours; missing ones are fine."""

        def delete() -> None:
            for name in names:
                try:
                    self._blob(name).delete()
                except NotFound:
                    continue

        await call(delete)

    async def _names(self, prefix: str) -> AsyncIterator[str]:
        for blob in await self._listed(prefix):
            yield self._key_of(blob)

    async def _listed(self, prefix: str) -> Sequence[Blob]:
        found: list[Blob] = await call(lambda: list(self._bucket.list_blobs(prefix=self._prefix + prefix)))
        return found

    def _blob(self, name: str) -> Blob:
        return self._bucket.blob(self._prefix + name)

    def _key_of(self, blob: Blob) -> str:
        return str(blob.name).removeprefix(self._prefix)
