"""Where films may be fetched from that are not at an address of the web: objects of buckets, files of Google Drive."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

__all__ = ["BucketRules", "DriveFile", "UnusableSource", "drive_file_of", "is_drive", "is_object", "object_of"]

_OBJECT = re.compile(r"gs://([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])/([^\x00-\x1f\x7f]+)")
_MOST_NAME_BYTES = 1024
_DRIVE_HOSTS = frozenset({"drive.google.com", "drive.usercontent.google.com"})
_ID = re.compile(r"[A-Za-z0-9_-]{10,200}")
_PATH = re.compile(r"/file(?:/u/[0-9]+)?/d/([^/]+)(?:/.*)?")
_BY_QUERY = frozenset({"/open", "/uc", "/download"})


class UnusableSource(Exception):
    """We fetch nothing from there. The text is for the customer."""


@dataclass(frozen=True, slots=True)
class DriveFile:
    """A file of Google Drive."""

    id: str
    resource_key: str | None = None
    """What links to some older files need beside the id."""


def is_object(url: str) -> bool:
    """Whether this means an object of a bucket."""
    return url.startswith("gs://")


def is_drive(url: str) -> bool:
    """Whether this means a file of Google Drive."""
    return url.startswith("drive://") or _host(url) in _DRIVE_HOSTS


def object_of(url: str) -> tuple[str, str]:
    """Bucket and name of ``gs://bucket/name``, which is not escaped in any way. Raises UnusableSource."""
    match = _OBJECT.fullmatch(url)
    if match is None or len(match[2].encode()) > _MOST_NAME_BYTES:
        raise UnusableSource("an object is named like gs://bucket/folder/film.mp4")
    return match[1], match[2]


def drive_file_of(url: str) -> DriveFile:
    """The file that ``drive://ID`` or a link of Drive leads to. Raises UnusableSource."""
    if url.startswith("drive://"):
        id_, key = url.removeprefix("drive://"), None
    else:
        parts = urlsplit(url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        match = _PATH.fullmatch(parts.path)
        id_ = match[1] if match else query.get("id", "") if parts.path in _BY_QUERY else ""
        key = query.get("resourcekey")
    if not _ID.fullmatch(id_) or (key is not None and not _ID.fullmatch(key)):
        raise UnusableSource("a file of Drive is named like drive://FILE_ID or https://drive.google.com/file/d/FILE_ID")
    return DriveFile(id_, key)


@dataclass(frozen=True, slots=True)
class BucketRules:
    """What the operator allows: whole buckets, or folders of them. ``{tenant}`` stands for the id of who asks."""

    allowed: Sequence[str] = ()
    ours: str | None = None
    """The bucket our own blobs are in: what is there is behind walls of its own."""

    def require(self, bucket: str, name: str, *, tenant: str) -> None:
        """Raise UnusableSource for an object that this tenant may not have fetched."""
        folders = [f"{folder.replace('{tenant}', tenant).rstrip('/')}/" for folder in self.allowed]
        if bucket == self.ours or not any(f"{bucket}/{name}".startswith(folder) for folder in folders):
            raise UnusableSource("the operator allows no import from there")


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
