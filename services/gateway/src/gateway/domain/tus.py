"""What the headers of tus say (https://tus.io/protocols/resumable-upload, version 1.0.0)."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from gateway.domain.refusals import BadTusHeader

__all__ = [
    "ALGORITHMS",
    "EXTENSIONS",
    "VERSION",
    "Checksum",
    "Concat",
    "checksum_of",
    "concat_of",
    "digits_of",
    "filename_of",
    "metadata_of",
    "sha256_of",
]

VERSION = "1.0.0"
EXTENSIONS = (
    *("creation", "creation-with-upload", "creation-defer-length", "expiration"),
    *("checksum", "termination", "concatenation"),
)
ALGORITHMS = ("sha1", "sha256", "md5")
_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)
_KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LONGEST_METADATA = 8192
_MOST_PARTS = 1000
_UNNAMED = "upload"


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the bytes of one request must add up to."""

    algorithm: str
    digest: bytes

    def new(self) -> "hashlib._Hash":
        """A hash to feed the bytes to. It finds accidents; it is no proof against somebody who means harm."""
        return hashlib.new(self.algorithm, usedforsecurity=False)


@dataclass(frozen=True, slots=True)
class Concat:
    """An upload that is a part of another, or that is made of such parts."""

    parts: Sequence[UUID] | None
    """None for a part."""


def digits_of(name: str, header: str) -> int:
    """A length or an offset. Raises BadTusHeader."""
    if not _DIGITS.fullmatch(header):
        raise BadTusHeader(f"{name} must be a whole number of bytes", field=name)
    return int(header)


def metadata_of(header: str) -> Mapping[str, bytes]:
    """The pairs of ``Upload-Metadata``: ``filename d29ybGQ=,confidential``. Raises BadTusHeader."""
    if len(header) > _LONGEST_METADATA:
        raise _bad_metadata(f"may have at most {_LONGEST_METADATA} characters")
    pairs: dict[str, bytes] = {}
    for pair in header.split(",") if header.strip() else ():
        key, _, value = pair.strip(" ").partition(" ")
        if not _KEY.fullmatch(key):
            raise _bad_metadata("must be pairs of a key and a Base64 value, with commas between them")
        if key in pairs:
            raise _bad_metadata(f"holds {key} twice")
        pairs[key] = _decoded(value, _bad_metadata(f"must hold the value of {key} in Base64"))
    return pairs


def filename_of(metadata: Mapping[str, bytes]) -> str:
    """What the file is called: one line of at most 255 characters."""
    given = metadata.get("filename") or metadata.get("name") or b""
    line = "".join(c if c.isprintable() else " " for c in given.decode("utf-8", "replace"))
    return line.strip()[-255:] or _UNNAMED


def sha256_of(metadata: Mapping[str, bytes]) -> str | None:
    """The SHA-256 that all bytes together shall have, in hexadecimal digits. Raises BadTusHeader."""
    given = metadata.get("sha256")
    if given is None:
        return None
    digest = given.decode("ascii", "replace").lower()
    if not _SHA256.fullmatch(digest):
        raise _bad_metadata("must hold sha256 as 64 hexadecimal digits, themselves in Base64")
    return digest


def checksum_of(header: str) -> Checksum:
    """What ``Upload-Checksum`` says: ``sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=``. Raises BadTusHeader."""
    algorithm, _, value = header.strip(" ").partition(" ")
    if algorithm not in ALGORITHMS:
        raise BadTusHeader(f"Upload-Checksum may use {', '.join(ALGORITHMS)}", field="Upload-Checksum")
    wrong = BadTusHeader(f"Upload-Checksum must hold a {algorithm} digest in Base64", field="Upload-Checksum")
    digest = _decoded(value, wrong)
    if len(digest) != hashlib.new(algorithm, usedforsecurity=False).digest_size:
        raise wrong
    return Checksum(algorithm, digest)


def concat_of(header: str, *, prefix: str) -> Concat:
    """What ``Upload-Concat`` says: ``partial``, or ``final;`` and the addresses of the parts. Raises BadTusHeader."""
    if header.strip(" ") == "partial":
        return Concat(None)
    kind, semicolon, urls = header.strip(" ").partition(";")
    if kind != "final" or not semicolon:
        raise _bad_concat("must be partial, or final; and the addresses of the parts")
    parts = tuple(_part_of(url, prefix) for url in urls.split())
    if not 1 <= len(parts) <= _MOST_PARTS:
        raise _bad_concat(f"must name between 1 and {_MOST_PARTS} parts")
    return Concat(parts)


def _part_of(url: str, prefix: str) -> UUID:
    try:
        folder, _, name = urlsplit(url).path.rpartition("/")
        if folder.endswith(prefix):
            return UUID(name)
    except ValueError:
        pass
    raise _bad_concat("must name its parts by the addresses they were given")


def _decoded(value: str, wrong: BadTusHeader) -> bytes:
    try:
        return base64.b64decode(value.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        raise wrong from None


def _bad_metadata(what: str) -> BadTusHeader:
    return BadTusHeader(f"Upload-Metadata {what}", field="Upload-Metadata")


def _bad_concat(what: str) -> BadTusHeader:
    return BadTusHeader(f"Upload-Concat {what}", field="Upload-Concat")
