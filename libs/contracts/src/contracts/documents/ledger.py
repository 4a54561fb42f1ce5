"""``ledger.json``: what became of every line of the script."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from contracts.documents._document import Document, Seconds

__all__ = ["AdLib", "Ledger", "LedgerLine", "LineStatus", "Take", "TakeWord"]


class LineStatus(StrEnum):
    """What happened to a line between the page and the film."""

    SPOKEN = "spoken"
    PARAPHRASED = "paraphrased"
    PARTIAL = "partial"
    OMITTED = "omitted"
    REPEATED = "repeated"
    """Spoken completely more than once."""
    MOVED = "moved"
    """Spoken out of the script's order."""


class TakeWord(Document):
    """One word of the script in one take."""

    text: str
    start: Seconds
    end: Seconds
    score: float = Field(ge=0, le=1)
    source: Literal["aligned", "recognized", "interpolated"]


class Take(Document):
    """One time the line was spoken."""

    start: Seconds
    end: Seconds
    chosen: bool
    complete: bool
    score_text: float = Field(ge=0, le=1)
    """How well the words heard match the line."""
    score_acoustic: float | None = Field(default=None, ge=0, le=1)
    """How well the sound fits the line's words; absent when it was not aligned."""
    spoken_text: str = ""
    words: tuple[TakeWord, ...] = ()


class LedgerLine(Document):
    """One line of the script. Only dialogue has a status; the other kinds are kept for the page."""

    line_id: str
    number: int
    """1-based among the lines that are spoken; 0 for the other kinds."""
    text: str
    kind: Literal["dialogue", "action", "heading", "parenthetical"]
    speaker: str | None = None
    status: LineStatus | None = None
    confidence: float = Field(default=0, ge=0, le=1)
    scene_ids: tuple[int, ...] = ()
    takes: tuple[Take, ...] = ()
    review: Literal["open", "confirmed", "corrected"] = "open"
    source_line: int = 0
    """1-based line of the script file where it begins."""


class AdLib(Document):
    """Speech that is in no line."""

    start: Seconds
    end: Seconds
    text: str


class Ledger(Document):
    """The script beside the film."""

    script_matches: Literal["yes", "partly", "no"]
    coverage: float = Field(ge=0, le=1)
    """Share of the script's spoken words that were heard."""
    omitted_words: int = 0
    ad_lib_seconds: float = 0
    lines: tuple[LedgerLine, ...]
    ad_libs: tuple[AdLib, ...] = ()
    engine: str = ""
