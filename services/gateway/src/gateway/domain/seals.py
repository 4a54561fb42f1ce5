"""Seals over the audit: a chain of digests, by which a line that was changed, added or taken out later is noticed.

Lines are not chained one to the next, for then only one could be written at a time. They are sealed afterwards, in
windows: all lines of the transactions between two transaction ids, once every one of these has ended.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal

from gateway.domain.audit import Entry

__all__ = ["GENESIS", "Integrity", "Seal", "content_of", "digest_of"]

GENESIS = "0" * 64
_WRITTEN = tuple(field.name for field in fields(Entry))


@dataclass(frozen=True, slots=True)
class Seal:
    """One window and everything before it."""

    position: int
    from_xact: int
    to_xact: int
    """Exclusive."""
    lines: int
    last_at: datetime
    """The newest line: what is older than its retention may be gone."""
    content: str
    """A digest of the lines."""
    digest: str
    """A digest of the window and of the seal before it."""


@dataclass(frozen=True, slots=True)
class Integrity:
    """What the seals say of the lines that are there."""

    state: Literal["whole", "broken"]
    seals: int
    lines: int
    """Lines that were held against their seals."""
    forgotten: int
    """Windows whose lines, or some of them, are gone with their retention."""
    digest: str = GENESIS
    """Of the last seal that fits."""
    broken_at: int | None = None
    """The first seal that does not fit."""


def content_of(lines: Iterable[Entry]) -> tuple[str, int]:
    """A digest of lines in the order of their ids, and how many they are."""
    digest, count = hashlib.sha256(), 0
    for entry in lines:
        written = [getattr(entry, name) for name in _WRITTEN]
        digest.update(json.dumps(written, default=_text, ensure_ascii=False).encode() + b"\n")
        count += 1
    return digest.hexdigest(), count


def digest_of(before: str, *, from_xact: int, to_xact: int, lines: int, content: str) -> str:
    """The digest of a window behind the seal before it."""
    return hashlib.sha256(f"{before}\n{from_xact}\n{to_xact}\n{lines}\n{content}".encode()).hexdigest()


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
