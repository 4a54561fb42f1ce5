"""How a picture lies: its display matrix, its size after upscaling, the shape of its pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from upscale.domain.refusals import UnsupportedVideo

__all__ = ["Orientation", "orientation_of", "output_size", "sample_aspect"]


_LONGEST = 16384
_MACROBLOCKS = 139_264
"""Largest picture of level 6.2 in blocks of 16x16 (ITU-T H.264, table A-1); H.265 ends at the same size."""


@dataclass(frozen=True)
class Orientation:
    """How stored pixels must be moved to be seen as meant: swap the axes first, then mirror each."""

    swap: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @property
    def is_identity(self) -> bool:
        """Whether the picture is stored as it is seen."""
        return not (self.swap or self.flip_x or self.flip_y)


def orientation_of(matrix: Sequence[int] | None) -> Orientation:
    """What a display matrix (ISO 14496-12, 6.2.2: nine numbers, rows a b u, c d v, x y w) asks of the picture.

    A point (x, y) is shown at (a x + c y, b x + d y). Raises UnsupportedVideo when it is not turned by right angles.
    """
    if matrix is None:
        return Orientation()
    a, b, _, c, d = matrix[:5]
    straight, turned = (a != 0 and d != 0), (b != 0 and c != 0)
    if straight == turned or (straight and (b or c)) or (turned and (a or d)):
        raise UnsupportedVideo(
            "the picture is turned by an angle that is no multiple of 90 degrees; "
            "straighten it first, for example with ffmpeg, and upload the result"
        )
    if straight:
        return Orientation(flip_x=a < 0, flip_y=d < 0)
    return Orientation(swap=True, flip_x=c < 0, flip_y=b < 0)


def output_size(width: int, height: int, *, scale: int, orientation: Orientation) -> tuple[int, int]:
    """Width and height of the upscaled picture as displayed, from the stored size of the source.

    Both are even, as 4:2:0 video must be: an odd product (possible with scale 3 alone) grows by one, and the last
    row or column is repeated, so that nothing of the picture is lost. Raises UnsupportedVideo when H.264 and H.265
    have no level for a picture of that size.
    """
    across, down = (height, width) if orientation.swap else (width, height)
    across, down = across * scale + across * scale % 2, down * scale + down * scale % 2
    if max(across, down) > _LONGEST or -(-across // 16) * -(-down // 16) > _MACROBLOCKS:
        raise UnsupportedVideo(
            f"the result would measure {across}x{down}, more than video players take; ask for a smaller scale"
        )
    return across, down


def sample_aspect(aspect: Fraction | None, orientation: Orientation) -> Fraction:
    """Width of a pixel by its height in the result; turned with the picture, 1 where the source does not say."""
    if aspect is None or aspect <= 0:
        return Fraction(1)
    return 1 / aspect if orientation.swap else aspect
