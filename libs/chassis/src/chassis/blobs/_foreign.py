"""Objects of buckets that are not our store, read with the operator's credentials."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from chassis.blobs._ports import BlobNotFound

__all__ = ["ForeignObject", "ForeignObjects"]

_READ = 4 << 20


@dataclass(frozen=True, slots=True)
class ForeignObject:
    """One version of an object."""

    bucket: str
    name: str
    generation: int
    size: int


class ForeignObjects:
    """Google Cloud Storage, whichever bucket. The client library is loaded, and credentials are found, at first use.

    Nothing is tried again here: who reads knows where to go on, and a thread of the library that tries for minutes
    would outlive both its reader and ``close``.
    """

    @cached_property
    def _client(self) -> Any:
        from chassis.blobs._stores import storage_client

        return storage_client()

    async def find(self, bucket: str, name: str) -> ForeignObject:
        """The version there is now. Raises BlobNotFound, PermissionError, ConnectionError."""
        found = await self._call(bucket, name, lambda: self._client.bucket(bucket).get_blob(name, retry=None))
        if found is None:
            raise BlobNotFound(f"gs://{bucket}/{name}")
        return ForeignObject(bucket, name, int(found.generation), int(found.size))

    async def read(self, found: ForeignObject, start: int) -> AsyncIterator[bytes]:
        """The bytes of that version from ``start`` on. Raises BlobNotFound if it is gone, and as ``find`` does."""
        blob = self._client.bucket(found.bucket).blob(found.name, generation=found.generation)
        while start < found.size:
            last = min(start + _READ, found.size) - 1
            piece: bytes = await self._call(
                found.bucket,
                found.name,
                lambda: blob.download_as_bytes(start=start, end=last, raw_download=True, retry=None),  # noqa: B023
            )
            start += len(piece)
            yield piece

    async def close(self) -> None:
        """Give the connections back, if there are any."""
        if "_client" in self.__dict__:
            self._client.close()

    async def _call(self, bucket: str, name: str, function: Any) -> Any:
        from google.api_core.exceptions import GoogleAPICallError
        from google.auth.exceptions import DefaultCredentialsError

        from chassis.blobs._gcs_calls import call, missing

        place = f"gs://{bucket}/{name}"
        try:
            with missing(place):
                return await call(function)
        except DefaultCredentialsError as error:
            raise PermissionError("this machine has no credentials for buckets") from error
        except GoogleAPICallError as error:
            if error.code in (401, 403):
                raise PermissionError(f"{place} is not for us") from error
            raise
