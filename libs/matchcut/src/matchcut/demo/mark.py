"""The logo that is burnt into the demo: drawn, so that its outline is known to the pixel."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from matchcut.demo.edit import MARK

__all__ = ["Stamp", "mark_box", "stamp"]

_SIZE = (96, 54)
_FINE = 8
"""Drawn this much larger and reduced, for smooth edges."""

Stamp = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
"""Colour and opacity of the mark on a transparent ground, heights first."""


def stamp() -> Stamp:
    """A ring with a cut through it and three bars: white, with a thin dark edge that keeps it visible on white."""
    drawn = Image.new("RGBA", (_SIZE[0] * _FINE, _SIZE[1] * _FINE))
    pen = ImageDraw.Draw(drawn)

    def scaled(*numbers: float) -> list[float]:
        return [number * _FINE for number in numbers]

    for grow, ink in ((1.5, (20, 20, 28, 200)), (0.0, (255, 255, 255, 255))):
        pen.ellipse(scaled(3 - grow, 5 - grow, 47 + grow, 49 + grow), fill=ink)
        for y in (9, 23, 37):
            length = {9: 38, 23: 28, 37: 34}[y]
            pen.rounded_rectangle(
                scaled(54 - grow, y - grow, 54 + length + grow, y + 8 + grow), radius=4 * _FINE, fill=ink
            )
    pen.ellipse(scaled(12, 14, 38, 40), fill=(0, 0, 0, 0))
    pen.polygon(scaled(20, 17, 20, 37, 36, 27), fill=(255, 255, 255, 255))
    pen.line(scaled(36, 3, 12, 51), fill=(0, 0, 0, 0), width=3 * _FINE)
    small = np.asarray(drawn.resize(_SIZE, Image.Resampling.BOX), np.float32)
    return small[..., :3], small[..., 3:] * np.float32(MARK.opacity / 255)


def mark_box() -> tuple[int, int, int, int]:
    """x, y, width and height in the film, tight around what can be seen of the mark."""
    _, opacity = stamp()
    seen = opacity[..., 0] > 0.05
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    x, y = int(columns[0]), int(rows[0])
    return MARK.x + x, MARK.y + y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y
