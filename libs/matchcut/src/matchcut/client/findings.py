"""What jobs found: ``matchcut.scenes``, ``transcripts``, ``watermarks``, ``renditions`` and ``alignments``."""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar
from uuid import UUID, uuid4

import httpx
from pydantic import BaseModel, ConfigDict
from typing_extensions import override

from contracts.documents import Conflict, Correction, Ledger, QualityReport, Scenes, Transcript, Watermarks
from matchcut.client.errors import Conflict as Refused

__all__ = [
    "Alignment",
    "AlignmentItem",
    "Alignments",
    "Collection",
    "FoundRendition",
    "FoundScenes",
    "FoundTranscript",
    "FoundWatermarks",
    "Item",
    "Renditions",
    "Revision",
]

M = TypeVar("M", bound=BaseModel)
_PENDING = "/problems/export-pending"


class Item(BaseModel):
    """One finding in a list; further keys, such as counts, are kept."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: UUID
    job_id: UUID
    video_id: UUID
    run: int = 1
    engine: str = ""
    model_sha256: str | None = None
    seconds: float = 0.0
    created_at: datetime
    url: str
    content_url: str


class AlignmentItem(Item):
    """An alignment in a list."""

    script_id: UUID
    script_matches: Literal["yes", "partly", "no"] | None = None
    coverage: float | None = None
    exports: tuple[str, ...] = ()


class _Found(BaseModel):
    id: UUID
    job_id: UUID
    video_id: UUID
    run: int = 1
    model_sha256: str | None = None
    """Of the weights that found it; where several did, the gateway names none."""
    seconds: float | None = None
    """How long the work took."""
    created_at: datetime


class FoundScenes(_Found, Scenes):
    """The shots of a video; each ``keyframe`` is an address of the API."""


class FoundTranscript(_Found, Transcript):
    """Every word with its time."""


class FoundWatermarks(_Found, Watermarks):
    """The watermarks and logos."""


class FoundRendition(_Found, QualityReport):
    """What was checked of an upscaled video, and where it is."""

    content_url: str


class Alignment(_Found, Ledger):
    """What became of a script, with what people say of it. ``etag`` says which state was read."""

    script_id: UUID
    revision: int = 0
    corrections: tuple[Correction, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    etag: str = ""


class _Change(BaseModel):
    before: Correction | None = None
    after: Correction


class Revision(BaseModel):
    """Who changed what. ``etag`` is there only of an undoing that was just asked for."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: UUID
    revision: int
    kind: Literal["correction", "undo"]
    undoes: int | None = None
    user_id: UUID
    changes: tuple[_Change, ...] = ()
    created_at: datetime
    etag: str | None = None


class Calls(Protocol):
    """How requests are made: with a token, and patience."""

    _patience_s: float

    def _get(self, kind: type[M], path: str, **query: Any) -> M: ...
    def _pages(self, kind: type[M], path: str, **query: str) -> Iterator[M]: ...
    def _send(self, method: str, path: str, **request: Any) -> httpx.Response: ...
    def download(self, url: str, target: Path) -> Path: ...


I = TypeVar("I", bound=Item)  # noqa: E741 (an item)
W = TypeVar("W", bound=BaseModel)


class Collection(Generic[I, W]):
    """All findings of one kind. Wherever an id is asked for, the job's own will do."""

    def __init__(self, calls: Calls, path: str, item: type[I], whole: type[W]) -> None:
        self._calls = calls
        self._path = path
        self._item = item
        self._whole = whole

    def list(
        self,
        *,
        video_id: UUID | None = None,
        job_id: UUID | None = None,
        created_from: datetime | None = None,
        created_before: datetime | None = None,
    ) -> Iterator[I]:
        """The newest first. Times need a time zone."""
        asked = {
            "video_id": video_id and str(video_id),
            "job_id": job_id and str(job_id),
            "created_from": created_from and created_from.isoformat(),
            "created_before": created_before and created_before.isoformat(),
        }
        return self._calls._pages(self._item, self._path, **{name: value for name, value in asked.items() if value})

    def get(self, id_: UUID) -> W:
        """One, whole."""
        return self._calls._get(self._whole, f"{self._path}/{id_}")


class Renditions(Collection[Item, FoundRendition]):
    """Upscaled videos."""

    def download(self, id_: UUID, target: Path) -> Path:
        """The video itself."""
        return self._calls.download(f"{self._path}/{id_}/content", target)


class Alignments(Collection[AlignmentItem, Alignment]):
    """Alignments, which people correct."""

    @override
    def get(self, id_: UUID) -> Alignment:
        """One, with what people say of it."""
        return _tagged(self._calls._send("GET", f"{self._path}/{id_}"))

    def correct(
        self,
        read: Alignment,
        *,
        lines: Sequence[Mapping[str, Any]] = (),
        ad_libs: Sequence[Mapping[str, Any]] = (),
    ) -> Alignment:
        """Say what became of lines: ``{"line_id": "L03", "status": "spoken", "chosen_take": 1}``.

        Raises ApiError with status 412 when somebody changed it since it was read: get it again, and look.
        """
        body = {"lines": [dict(line) for line in lines], "ad_libs": [dict(ad_lib) for ad_lib in ad_libs]}
        path, known = f"{self._path}/{read.id}", {"If-Match": read.etag}
        return _tagged(self._calls._send("PATCH", path, json=body, headers=known))

    def undo(self, read: Alignment) -> Revision:
        """Take back the newest change that stands. Raises ApiError with status 412, as ``correct`` does."""
        headers = {"If-Match": read.etag, "Idempotency-Key": str(uuid4())}
        answer = self._calls._send("POST", f"{self._path}/{read.id}/undo", headers=headers)
        return Revision.model_validate_json(answer.content)

    def history(self, id_: UUID) -> Iterator[Revision]:
        """Who changed what, newest first."""
        return self._calls._pages(Revision, f"{self._path}/{id_}/history")

    def export(self, id_: UUID, format: str) -> bytes:
        """An export, such as ``srt``; corrections that are being written into it are waited for."""
        end = time.monotonic() + self._calls._patience_s
        while True:
            try:
                return self._calls._send("GET", f"{self._path}/{id_}/export", params={"format": format}).content
            except Refused as refusal:
                wait_s = refusal.retry_after_s or 1.0
                if refusal.type != _PENDING or time.monotonic() + wait_s > end:
                    raise
            time.sleep(wait_s)


class FoundThings:
    """What ``Matchcut`` has of findings."""

    @property
    def scenes(self: Calls) -> Collection[Item, FoundScenes]:
        """The shots of videos."""
        return Collection(self, "/v1/scenes", Item, FoundScenes)

    @property
    def transcripts(self: Calls) -> Collection[Item, FoundTranscript]:
        """What was said."""
        return Collection(self, "/v1/transcripts", Item, FoundTranscript)

    @property
    def watermarks(self: Calls) -> Collection[Item, FoundWatermarks]:
        """Marks and logos."""
        return Collection(self, "/v1/watermarks", Item, FoundWatermarks)

    @property
    def renditions(self: Calls) -> Renditions:
        """Upscaled videos."""
        return Renditions(self, "/v1/renditions", Item, FoundRendition)

    @property
    def alignments(self: Calls) -> Alignments:
        """What became of scripts."""
        return Alignments(self, "/v1/alignments", AlignmentItem, Alignment)


def _tagged(answer: httpx.Response) -> Alignment:
    found = Alignment.model_validate_json(answer.content)
    return found.model_copy(update={"etag": answer.headers["etag"]})
