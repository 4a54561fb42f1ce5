"""What the numbers of a picture mean, in the code points of ITU-T H.273, and which of it we can keep."""

from dataclasses import dataclass
from typing import Literal

from upscale.domain.refusals import UnsupportedColor

__all__ = ["BT709", "Color", "Siting", "Tags", "luma_weights", "resolve"]

Siting = Literal["left", "center", "topleft", "top", "bottomleft", "bottom"]
"""Where a 4:2:0 chroma sample lies between its luma samples."""

UNSPECIFIED = 2
RGB = 0
BT709 = 1
BT470BG = 5
SMPTE170M = 6
_PQ, _HLG = 16, 18

_LUMA: dict[int, tuple[float, float]] = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
"""Kr and Kb by matrix coefficients (H.273, table 4)."""


@dataclass(frozen=True)
class Tags:
    """What a decoder says of its frames; 2 means it does not know."""

    full_range: bool | None
    primaries: int
    transfer: int
    matrix: int
    siting: Siting | None
    bits: int
    is_rgb: bool = False


@dataclass(frozen=True)
class Color:
    """What we compute with and write into the result: nothing about the matrix, range and siting is left open."""

    full_range: bool
    primaries: int
    transfer: int
    matrix: int
    siting: Siting
    bits: int
    """8 or 10."""


def luma_weights(matrix: int) -> tuple[float, float, float]:
    """Shares of red, green and blue in luma."""
    red, blue = _LUMA[matrix]
    return red, 1 - red - blue, blue


def resolve(tags: Tags, *, width: int, height: int) -> Color:
    """Decide what the source's numbers mean, filling in what it leaves open as players do.

    The result is larger than the source, so a player would guess differently for it: what was a guess by size
    (HD is BT.709, smaller is BT.601) is therefore written down. RGB sources become BT.709 limited range. Raises
    UnsupportedColor for HDR, for more than 10 bits and for matrices other than plain R'G'B' to Y'CbCr.
    """
    if tags.transfer in (_PQ, _HLG):
        raise UnsupportedColor(
            f"this video is HDR ({'PQ' if tags.transfer == _PQ else 'HLG'}); upscaling it would lose the HDR picture. "
            "Convert it to SDR first, or leave the upscale step out of the job"
        )
    if tags.bits > 10:
        raise UnsupportedColor(f"this video has {tags.bits} bits a sample; at most 10 are kept. Convert it to 10 first")
    bits = 10 if tags.bits > 8 else 8
    if tags.is_rgb:
        return Color(False, BT709, tags.transfer, BT709, "left", bits)
    matrix, primaries = tags.matrix, tags.primaries
    if matrix == UNSPECIFIED:
        matrix = BT709 if width >= 1280 or height > 576 else SMPTE170M
        if primaries == UNSPECIFIED and matrix == SMPTE170M:
            primaries = {576: BT470BG, 480: SMPTE170M, 486: SMPTE170M}.get(height, UNSPECIFIED)
    if matrix not in _LUMA:
        raise UnsupportedColor(
            f"this video uses matrix coefficients {matrix} of ITU-T H.273, which we do not compute with; "
            "convert it to BT.709 first"
        )
    return Color(bool(tags.full_range), primaries, tags.transfer, matrix, tags.siting or "left", bits)
