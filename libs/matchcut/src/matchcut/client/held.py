"""What there is of a video, class by class, and deleting one class of it."""

from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar
from uuid import UUID

import httpx
from pydantic import BaseModel, ConfigDict

from matchcut.client.compliance import Erasure
from matchcut.client.unchanged import Tagged, if_match, tagged

__all__ = ["Held", "HeldClass", "HeldKind", "HeldThings"]

M = TypeVar("M", bound=BaseModel)
HeldKind = Literal["originals", "copies", "intermediates", "results", "transcripts", "renditions"]


class HeldClass(BaseModel):
    """What there is of one class, and what of it was deleted last."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: HeldKind
    count: int
    oldest_at: datetime | None = None
    goes_at: datetime | None = None
    deleted_at: datetime | None = None
    reason: Literal["asked", "retention"] | None = None
    erasure: str | None = None
    what: str = ""


class Held(Tagged):
    """What there is of a video."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    items: tuple[HeldClass, ...]


class _Calls(Protocol):
    def _get(self, kind: type[M], path: str, **query: Any) -> M: ...
    def _send(self, method: str, path: str, **request: Any) -> httpx.Response: ...


class HeldThings:
    """What ``Matchcut`` can do with parts of a video, while the video stays."""

    def held(self: _Calls, video_id: UUID) -> Held:
        """What there is of a video, class by class: how much, until when, and what was deleted."""
        return self._get(Held, f"/v1/videos/{video_id}/held")

    def delete_held(self: _Calls, video_id: UUID, kind: HeldKind, *, etag: str | None = None) -> Erasure:
        """Have a class of a video deleted, everywhere. With the ETag of ``held`` only if it is still so, else Changed.

        Takes an owner or an admin. Raises Conflict while a job of the video is not over.
        """
        path = f"/v1/videos/{video_id}/held/{kind}"
        return tagged(Erasure, self._send("DELETE", path, headers=if_match(etag)))
