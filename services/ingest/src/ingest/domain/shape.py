"""The shape of the picture: rotation, pixel shape, and sizes that follow from them."""

from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Size", "clockwise", "displayed", "fitted"]

SQUARE_ENOUGH = Fraction(1, 100)
"""Encoders that round a size to a multiple of two write pixel shapes like 53067:53120 to make up for it. Below one
hundredth nobody sees the difference, and the picture keeps its pixels."""


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in pixels, both at least 1."""

    width: int
    height: int

    @property
    def pixels(self) -> int:
        """Width times height."""
        return self.width * self.height


def clockwise(counter_clockwise_degrees: int) -> int:
    """Quarter turns clockwise, in degrees (0, 90, 180, 270), that show the picture upright.

    FFmpeg's display matrix tells the turn counter-clockwise, between -180 and 180; players turn by quarters only.
    """
    return round(-counter_clockwise_degrees / 90) % 4 * 90


def displayed(coded: Size, *, sar: Fraction, rotation: int) -> Size:
    """What a player shows: pixels made square by their width, then turned."""
    square = abs(sar - 1) < SQUARE_ENOUGH
    width = coded.width if square else max(1, round(coded.width * sar))
    return Size(coded.height, width) if rotation in (90, 270) else Size(width, coded.height)


def fitted(size: Size, *, longest: int, even: bool = True) -> Size:
    """The same shape with no side longer than ``longest``, never enlarged; even sides of 2 or more, as 4:2:0 needs."""
    scale = min(Fraction(1), Fraction(longest, max(size.width, size.height)))
    step, least = (2, 2) if even else (1, 1)
    width, height = (max(least, int(side * scale) // step * step) for side in (size.width, size.height))
    return Size(width, height)
