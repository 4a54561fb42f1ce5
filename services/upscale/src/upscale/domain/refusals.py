"""Why a video cannot be upscaled, or a rendition not be given out. None of these is cured by trying again."""

from typing_extensions import override

__all__ = [
    "ChunkDamaged",
    "ChunkUnsound",
    "EmptyRange",
    "MalformedModel",
    "Refusal",
    "RenditionRejected",
    "SelectionUnknown",
    "SourceMissing",
    "UnknownModel",
    "UnsupportedColor",
    "UnsupportedVideo",
]


class Refusal(Exception):
    """What all of them are; the text says what is wrong and what to do."""


class ChunkUnsound(RuntimeError):
    """An encoded chunk is not what was meant; making it again may help."""


class UnsupportedColor(Refusal):
    """The colours would not survive: HDR, more than 10 bits, or a colour space we do not compute in."""


class UnsupportedVideo(Refusal):
    """The picture cannot be worked on as it is: no frame, a size that changes, a skewed display matrix."""


class EmptyRange(Refusal):
    """No frame lies in the time range that was asked for."""


class SelectionUnknown(Refusal):
    """Scenes or lines were chosen, and nobody knows when they are."""


class UnknownModel(Refusal):
    """No model of this name is known here."""


class MalformedModel(Refusal):
    """The model's files are no network that we can run."""


class SourceMissing(Refusal):
    """The original gives other frames than it gave when the chunks were planned."""


class ChunkDamaged(Refusal):
    """Stored chunks are missing or no longer what was verified; a retried job makes those anew.

    ``indexes`` names them.
    """

    def __init__(self, detail: str, indexes: tuple[int, ...] = ()) -> None:
        super().__init__(detail, indexes)
        self.detail = detail
        self.indexes = indexes

    @override
    def __str__(self) -> str:
        return self.detail


class RenditionRejected(Refusal):
    """The finished file is not the same film; the quality report says where it differs."""
