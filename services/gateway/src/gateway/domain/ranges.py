"""The HTTP Range header, as far as we answer it: one range of bytes (RFC 9110, section 14)."""

import re
from dataclasses import dataclass

__all__ = ["ByteRange", "PartOfWhole", "UnsatisfiableRange", "byte_range", "content_range"]

_ONE_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})", re.ASCII | re.IGNORECASE)
_CONTENT_RANGE = re.compile(r"bytes\s+(\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII | re.IGNORECASE)


class UnsatisfiableRange(Exception):
    """The range begins behind the last byte: answer 416."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes from ``start`` up to, not including, ``end``."""

    start: int
    end: int


def byte_range(header: str | None, size: int) -> ByteRange | None:
    """The part of ``size`` bytes a header asks for; None means the whole.

    What we do not understand or do not serve (other units, several ranges, nonsense) is ignored, as the RFC allows.
    """
    match = _ONE_RANGE.fullmatch(header.strip()) if header else None
    if match is None or match.group(1) == match.group(2) == "":
        return None
    first, last = match.group(1), match.group(2)
    if first == "":
        length = int(last)
        if length == 0 or size == 0:
            raise UnsatisfiableRange
        return ByteRange(max(0, size - length), size)
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise UnsatisfiableRange
    return ByteRange(start, min(int(last) + 1, size) if last else size)


@dataclass(frozen=True, slots=True)
class PartOfWhole:
    """What a 206 holds."""

    start: int
    end: int
    size: int | None
    """Of the whole; None if the server does not know it."""


def content_range(header: str | None) -> PartOfWhole | None:
    """What a Content-Range says: ``bytes 0-99/200``; None for nonsense."""
    match = _CONTENT_RANGE.fullmatch(header.strip()) if header else None
    if match is None:
        return None
    start, last = int(match.group(1)), int(match.group(2))
    size = None if match.group(3) == "*" else int(match.group(3))
    if last < start or (size is not None and last >= size):
        return None
    return PartOfWhole(start, last + 1, size)
