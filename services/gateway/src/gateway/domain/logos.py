"""A tenant's own reference pictures, to be looked for in films."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

__all__ = ["Logo", "PictureFormat", "PictureMeasures"]

PictureFormat = Literal["png", "jpeg", "webp"]


@dataclass(frozen=True, slots=True)
class PictureMeasures:
    """What a picture is, once it was decoded."""

    format: PictureFormat
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Logo:
    """One reference picture."""

    id: UUID
    name: str
    format: PictureFormat
    width: int
    height: int
    size_bytes: int
    sha256: str
    key: str
    created_at: datetime

    @property
    def content_type(self) -> str:
        """Its media type."""
        return f"image/{self.format}"
