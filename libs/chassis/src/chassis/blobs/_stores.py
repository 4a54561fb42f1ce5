"""Pick a store by its address."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from chassis.blobs._local import LocalBlobs
from chassis.blobs._ports import Blobs

__all__ = ["UnknownBlobStore", "blobs_at"]


class UnknownBlobStore(ValueError):
    """The address names a store this build does not have."""


def blobs_at(url: str) -> Blobs:
    """The store at this address: ``file:///var/lib/blobs`` is a folder on local disk."""
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in {"", "localhost"} and parts.path.startswith("/"):
        return LocalBlobs(Path(unquote(parts.path)))
    raise UnknownBlobStore(f"no blob store answers to {parts.scheme or url!r}; use file:///absolute/path")
