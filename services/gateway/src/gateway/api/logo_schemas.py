"""Reference pictures as clients see them."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from gateway.domain.logos import Logo

__all__ = ["LogoView", "logo_view"]

_ID = "019363a0-8c1e-7b52-9d0f-3a6c2f1e5b77"


class LogoView(BaseModel):
    """A picture of your own that jobs look for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": _ID, "name": "channel mark", "format": "png", "width": 256, "height": 128,
                    "size_bytes": 4711, "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "content_url": f"/v1/logos/{_ID}/content", "created_at": "2026-11-22T16:30:00Z",
                }
            ]
        }
    )  # fmt: skip

    id: UUID
    name: str
    format: Literal["png", "jpeg", "webp"]
    width: int
    height: int
    size_bytes: int
    sha256: str
    content_url: str = Field(description="The picture as it was handed in.")
    created_at: datetime


def logo_view(logo: Logo) -> LogoView:
    """A logo, without where its bytes are."""
    return LogoView(
        id=logo.id,
        name=logo.name,
        format=logo.format,
        width=logo.width,
        height=logo.height,
        size_bytes=logo.size_bytes,
        sha256=logo.sha256,
        content_url=f"/v1/logos/{logo.id}/content",
        created_at=logo.created_at,
    )
