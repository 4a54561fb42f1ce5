"""Facts the align service announces: what became of the script."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from contracts.event import Fact

__all__ = ["AlignmentReady", "AlignmentRevised"]


class AlignmentReady(Fact):
    """Every line of the script has a status, and those spoken have their times."""

    stream: ClassVar[str] = "alignment.ready.v1"

    video_id: UUID
    script_id: UUID
    run: int = Field(ge=1)
    key: str
    """``ledger.json``: ``contracts.documents.Ledger``, with what people said of this video and script before."""
    machine_key: str | None = None
    """The ledger without what people said; absent where it is the same."""
    revision: int = Field(default=0, ge=0)
    """How much of what people said is in it: see ``AlignmentCorrected``."""
    conflicts: int = Field(default=0, ge=0)
    """How much of it found no place."""
    exports: dict[str, str]
    """Blob key by export name: ``{"srt": …, "vtt": …, "otio": …}``."""
    script_matches: Literal["yes", "partly", "no"]
    coverage: float = Field(ge=0, le=1)
    lines: int = Field(ge=0)
    engine: str
    model_sha256: str | None = None
    seconds: float = Field(ge=0)


class AlignmentRevised(Fact):
    """The ledger and its exports were written again, with what people said."""

    stream: ClassVar[str] = "alignment.revised.v1"

    video_id: UUID
    script_id: UUID
    run: int = Field(ge=1)
    revision: int = Field(ge=1)
    key: str
    exports: dict[str, str]
    conflicts: int = Field(default=0, ge=0)
