"""Pick a store by its address."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from chassis.blobs._local import LocalBlobs
from chassis.blobs._ports import Blobs

__all__ = ["UnknownBlobStore", "blobs_at", "storage_client"]


class UnknownBlobStore(ValueError):
    """The address names a store this build does not have."""


def blobs_at(url: str) -> Blobs:
    """The store at this address: a folder on local disk (``file:///var/lib/blobs``) or a bucket (``gs://name/folder``)."""
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in {"", "localhost"} and parts.path.startswith("/"):
        return LocalBlobs(Path(unquote(parts.path)))
    if parts.scheme == "gs" and parts.netloc:
        return _bucket(parts.netloc, unquote(parts.path).strip("/"))
    raise UnknownBlobStore(
        f"no blob store answers to {parts.scheme or url!r}; use file:///absolute/path or gs://bucket/folder"
    )


def storage_client() -> Any:
    """Google's client, with the credentials of this machine. The library is loaded only where it is used: it takes
    a second."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.storage import Client

    emulated = os.environ.get("STORAGE_EMULATOR_HOST")
    anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]
    return Client(project="none", credentials=anonymous) if emulated else Client()


def _bucket(name: str, folder: str) -> Blobs:
    from chassis.blobs._gcs import GcsBlobs

    return GcsBlobs(storage_client().bucket(name), f"{folder}/" if folder else "")
