"""Facts the align service announces: what became of the script."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from contracts.event import Fact

__all__ = ["AlignmentReady"]


class AlignmentReady(Fact):
    """Every line of the script has a status, and those spoken have their times."""

    stream: ClassVar[str] = "alignment.ready.v1"

    video_id: UUID
    script_id: UUID
    run: int = Field(ge=1)
    key: str
    """``ledger.json``: ``contracts.documents.Ledger``."""
    exports: dict[str, str]
    """Blob key by export name: ``{"srt": …, "vtt": …, "otio": …}``."""
    script_matches: Literal["yes", "partly", "no"]
    coverage: float = Field(ge=0, le=1)
    lines: int = Field(ge=0)
    engine: str
    model_sha256: str | None = None
    seconds: float = Field(ge=0)
