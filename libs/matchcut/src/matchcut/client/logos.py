"""Pictures of a tenant's own that jobs look for: ``matchcut.logos``."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from matchcut.client.findings import Calls

__all__ = ["Logo", "Logos"]


class Logo(BaseModel):
    """One reference picture."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: UUID
    name: str
    format: Literal["png", "jpeg", "webp"]
    width: int
    height: int
    size_bytes: int
    sha256: str
    content_url: str
    created_at: datetime


class Logos:
    """What one may do with reference pictures."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def add(self, picture: Path | bytes, *, name: str | None = None) -> Logo:
        """Hand in a PNG, JPEG or WebP. The same picture again is the same logo, so a repeat does no harm."""
        content = picture.read_bytes() if isinstance(picture, Path) else picture
        named = name or (picture.name if isinstance(picture, Path) else "logo")
        files = {"file": (named, content, "application/octet-stream")}
        answer = self._calls._send("POST", "/v1/logos", files=files, data={"name": named[-100:]})
        return Logo.model_validate_json(answer.content)

    def list(self) -> Iterator[Logo]:
        """All, newest first."""
        return self._calls._pages(Logo, "/v1/logos")

    def get(self, logo_id: UUID) -> Logo:
        """One."""
        return self._calls._get(Logo, f"/v1/logos/{logo_id}")

    def content(self, logo_id: UUID) -> bytes:
        """The picture, as it was handed in."""
        return self._calls._send("GET", f"/v1/logos/{logo_id}/content").content

    def remove(self, logo_id: UUID) -> None:
        """Forget one. Jobs that name it go without."""
        self._calls._send("DELETE", f"/v1/logos/{logo_id}")


class OwnLogos:
    """What ``Matchcut`` has of logos."""

    @property
    def logos(self: Calls) -> Logos:
        """Pictures to look for."""
        return Logos(self)
