"""Bytes by key: put whole or not at all, read in ranges, on local disk or elsewhere.

Keys look like ``derived/<tenant>/<job>/scenes-1/scenes.json``: relative, with single slashes, no ``..`` and no control
characters. ``blobs_at`` picks the store by its address.
"""

from chassis.blobs._foreign import ForeignObject, ForeignObjects
from chassis.blobs._local import LocalBlobs
from chassis.blobs._ports import (
    BlobBusy,
    BlobGrowth,
    BlobNotFound,
    Blobs,
    BlobStat,
    BlobWriter,
    InvalidKey,
    StorageFull,
    WrongOffset,
    check_key,
)
from chassis.blobs._stores import UnknownBlobStore, blobs_at

__all__ = [
    "BlobBusy",
    "BlobGrowth",
    "BlobNotFound",
    "BlobStat",
    "BlobWriter",
    "Blobs",
    "ForeignObject",
    "ForeignObjects",
    "InvalidKey",
    "LocalBlobs",
    "StorageFull",
    "UnknownBlobStore",
    "WrongOffset",
    "blobs_at",
    "check_key",
]
