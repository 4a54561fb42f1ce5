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
    start_frame: int | None = None
    """Its first frame, by its number in the original; absent in reports of older versions, like the next three."""
    engine: str = ""
    """What has enlarged the frames."""
    plain: bool = False
    """Not sharpened, only made as large as the rest: nobody had chosen these frames."""
    cost: float | None = None
    """What its seconds cost the operator, where a price is known."""


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
    """First frame of the original that the result has."""
    end_frame: int = 0
    """One past the last."""
    model: str
    model_sha256: str
    source_sha256: str
    codec: str = ""
    crf: int | None = None
    preset: str = ""
    container: str = "mp4"
    sharpened_frames: int | None = None
    """How many of the frames were sharpened; all of them when absent."""
    selection: tuple[tuple[int, int], ...] | None = None
    """Which: first frame and one past the last of each stretch, in the original's numbers. All when absent."""
    seconds: float = 0.0
    """What all the work has taken, on all machines together."""
    currency: str = ""
    chunks: tuple[ChunkReport, ...]
    passed: bool
    failures: tuple[str, ...] = Field(default=(), description="what is wrong, in sentences")
    warnings: tuple[str, ...] = Field(default=(), description="what could not be carried over as it was, in sentences")
