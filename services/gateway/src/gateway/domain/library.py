"""What a tenant has handed in: uploads, videos, scripts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

__all__ = [
    "ColumnRole",
    "OnDuplicate",
    "Rejection",
    "Script",
    "ScriptFormat",
    "Transfer",
    "TransferKind",
    "Upload",
    "UploadState",
    "Video",
    "VideoState",
    "format_of",
    "title_of",
]

UploadState = Literal["waiting", "checking", "received", "used", "failed"]
"""``checking``: all bytes are here and are being joined and added up. In the table there is also ``abandoned``:
nobody sees those, and the sweep removes them with their bytes."""
OnDuplicate = Literal["keep", "reuse", "refuse"]
"""What to do about a second video of the same bytes."""
VideoState = Literal["importing", "ingesting", "ready", "rejected", "erased"]


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why bytes or a video could not be taken in."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Upload:
    """Bytes announced, then received, then used for a video."""

    id: UUID
    filename: str
    created_at: datetime
    state: UploadState = "waiting"
    expected_bytes: int | None = None
    expected_sha256: str | None = None
    key: str | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    failure: Rejection | None = None


TransferKind = Literal["tus", "partial", "final", "url", "bucket"]


@dataclass(frozen=True, slots=True)
class Transfer:
    """How the bytes of an upload get here, when they do not come in one request."""

    upload_id: UUID
    kind: TransferKind
    """``tus``: in pieces; ``partial``: so too, to be part of a ``final`` one; ``url``: we fetch them; ``bucket``:
    they are put there directly."""
    touched_at: datetime
    """When something came of it last."""
    length: int | None = None
    metadata: str = ""
    """As the client of tus sent it, to be told again."""
    parts: Sequence[UUID] = ()
    """What a ``final`` one is made of."""
    source: str | None = None
    """Where we fetch it from, sealed: addresses may hold secrets."""
    validator: str | None = None
    """What the source calls the version we began to fetch."""
    writer: UUID | None = None
    """The request that may append to it. Another one takes over by writing its name here."""


@dataclass(frozen=True, slots=True)
class Video:
    """A video, from the moment it was handed in until it is erased; then a stone with an id is left."""

    id: UUID
    upload_id: UUID | None
    title: str
    filename: str
    sha256: str
    size_bytes: int
    created_at: datetime
    state: VideoState = "ingesting"
    passthrough: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    """Blob keys by name: ``upload original media audio proxy poster``."""
    media: Mapping[str, Any] | None = None
    """The measures people ask for most; the whole is ``media.json``."""
    rejection: Rejection | None = None
    duplicate_of: UUID | None = None
    """The video that had the same bytes first, if there was one."""
    on_duplicate: OnDuplicate = "keep"
    original_deleted_at: datetime | None = None
    """From when on there is nothing but what was made of it."""
    copies_deleted_at: datetime | None = None
    """From when on there is neither sound nor proxy."""
    intermediates_deleted_at: datetime | None = None
    """When what jobs had left was deleted; None once a job was asked for after that, which may leave some."""


ScriptFormat = Literal["text", "markdown", "fountain", "fdx", "docx", "srt", "vtt", "csv"]
ColumnRole = Literal["text", "speaker", "kind", "parenthetical", "action", "heading"]
"""What a column of a script that is a table may hold."""
_ENDINGS: dict[str, ScriptFormat] = {
    "fountain": "fountain", "spmd": "fountain", "md": "markdown", "markdown": "markdown", "srt": "srt", "vtt": "vtt",
    "csv": "csv", "tsv": "csv",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Script:
    """A script as it was handed in."""

    id: UUID
    filename: str
    format: ScriptFormat
    key: str
    sha256: str
    size_bytes: int
    created_at: datetime
    columns: Mapping[ColumnRole, str] = field(default_factory=dict)
    """Of a table, as its author said: which column holds what. Empty where nobody said."""


def title_of(filename: str) -> str:
    """A title for people, from what the file is called: without folders and ending."""
    name = filename.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    stem = name.rsplit(".", 1)[0] if "." in name.lstrip(".") else name
    return stem or filename


def format_of(filename: str, content: bytes) -> ScriptFormat:
    """A guess at a script's format, by what it begins with, by its name, and else by a scene heading.

    The parser may overrule it.
    """
    ending = filename.rpartition(".")[2].lower()
    start = content[:100_000].replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if content.startswith(b"PK\x03\x04"):
        return "docx"
    if start.startswith(b"<") and b"<FinalDraft" in start[:4096]:
        return "fdx"
    if start.startswith(b"WEBVTT"):
        return "vtt"
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    headings = (b"INT. ", b"EXT. ", b"INT/EXT", b"I/E. ", b"EST. ")
    return "fountain" if any(line.lstrip().startswith(headings) for line in start.splitlines()[:200]) else "text"
