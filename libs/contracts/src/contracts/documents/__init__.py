"""The documents a job leaves behind: what the API serves and ``matchcut process`` writes.

Times are seconds from the first video frame, with millisecond precision. Frames are 0-based; a cut at frame ``f``
means that ``f`` is the first frame of the new shot. Boxes are ``(x, y, width, height)`` in pixels of the displayed
picture. Readers ignore keys they do not know.
"""

from contracts.documents.corrections import Conflict, Corrected, Correction, Span, ad_lib_key, corrected, line_keys
from contracts.documents.job import JobReport, StepReport
from contracts.documents.ledger import AdLib, Ledger, LedgerLine, LineStatus, Take, TakeWord
from contracts.documents.media import AudioTrack, Color, Media
from contracts.documents.rendition import ChunkReport, QualityReport
from contracts.documents.scenes import Scene, Scenes
from contracts.documents.transcript import Segment, Sound, SoundSpan, Transcript, Word
from contracts.documents.watermarks import Mark, TrackPoint, Watermarks

__all__ = [
    "DOCUMENTS",
    "AdLib",
    "AudioTrack",
    "ChunkReport",
    "Color",
    "Conflict",
    "Corrected",
    "Correction",
    "JobReport",
    "Ledger",
    "LedgerLine",
    "LineStatus",
    "Mark",
    "Media",
    "QualityReport",
    "Scene",
    "Scenes",
    "Segment",
    "Sound",
    "SoundSpan",
    "Span",
    "StepReport",
    "Take",
    "TakeWord",
    "TrackPoint",
    "Transcript",
    "Watermarks",
    "Word",
    "ad_lib_key",
    "corrected",
    "line_keys",
]

DOCUMENTS = {
    "media.json": Media,
    "scenes.json": Scenes,
    "transcript.json": Transcript,
    "ledger.json": Ledger,
    "watermarks.json": Watermarks,
    "qc.json": QualityReport,
    "job.json": JobReport,
}
"""Every document by the file name it is written under."""
