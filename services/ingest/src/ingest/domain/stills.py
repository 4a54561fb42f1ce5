"""Which moments are shown as thumbnails, and which of them makes the poster."""

from dataclasses import dataclass
from fractions import Fraction

__all__ = ["COLUMNS", "FOR_POSTER", "MOMENTS", "ROWS", "Look", "moments"]

COLUMNS = 10
ROWS = 10
MOMENTS = COLUMNS * ROWS
"""``thumbnails.jpg`` is a sheet of 10 x 10: the picture in row r and column c shows ``(10 r + c + 0.5) / 100`` of the
film, so a player finds any moment knowing the duration alone."""
FOR_POSTER = MOMENTS // 2
"""The poster is one of the first half: later pictures give the story away."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a picture would do as a poster: mean and standard deviation of its luma, 0 to 255."""

    brightness: float
    contrast: float

    @property
    def merit(self) -> float:
        """More is better: much to see, and neither black nor blown out."""
        return self.contrast * (1.0 if 25 <= self.brightness <= 230 else 0.2)


def moments(duration: Fraction) -> list[Fraction]:
    """Seconds from the first frame of each thumbnail, in order."""
    return [duration * (2 * index + 1) / (2 * MOMENTS) for index in range(MOMENTS)]
