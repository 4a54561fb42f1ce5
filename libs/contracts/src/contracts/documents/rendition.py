"""``qc.json``: the proof that the upscaled film is the same film."""

from pydantic import Field

from contracts.documents._document import Document

__all__ = ["ChunkReport", "QualityReport"]


class ChunkReport(Document):
    """One chunk: who made it, how often it was tried, what it took."""

    index: int
    frames: int
    machine: str
    attempts: int
    seconds: float
    sha256: str


class QualityReport(Document):
    """What was checked on the finished rendition, by decoding it."""

    frames_in: int
    frames_out: int
    pts_equal: bool
    """Every frame is shown exactly when the original's was."""
    color_equal: bool
    """Range, primaries, transfer and matrix are the original's."""
    av_drift_ms: float
    """How much later (positive) or earlier the sound ends against the picture than in the original."""
    width: int
    height: int
    start_frame: int = 0
    """First frame of the original that was upscaled."""
    end_frame: int = 0
    """One past the last."""
    model: str
    model_sha256: str
    source_sha256: str
    chunks: tuple[ChunkReport, ...]
    passed: bool
    failures: tuple[str, ...] = Field(default=(), description="what is wrong, in sentences")
    warnings: tuple[str, ...] = Field(default=(), description="what could not be carried over as it was, in sentences")
