"""PySceneDetect's AdaptiveDetector: fast, blind to most gradual transitions."""

from fractions import Fraction

import numpy as np
import scenedetect
from numpy.typing import NDArray
from scenedetect import AdaptiveDetector, FrameTimecode

from vision.domain.boundaries import Boundary, find_boundaries, hinted_scores
from vision.domain.pictures import Pictures

__all__ = ["AdaptiveSceneDetector"]

_RATE = Fraction(25)
"""The detector counts frames; it wants a rate to call them by."""


class AdaptiveSceneDetector:
    """The port ``SceneDetector`` for who is in a hurry. Flashes and changes of light are weeded out afterwards."""

    def __init__(self) -> None:
        self._detector = AdaptiveDetector(min_scene_len=3)
        self._cuts: list[int] = []
        self._count = 0
        self.engine = f"PySceneDetect {scenedetect.__version__} AdaptiveDetector"

    def see(self, small: NDArray[np.uint8]) -> None:
        """Take the next frame, ``[27, 48, 3]`` RGB."""
        place = FrameTimecode(self._count, fps=float(_RATE))
        found = self._detector.process_frame(place, np.ascontiguousarray(small[..., ::-1]))
        self._cuts += [cut.frame_num for cut in found]
        self._count += 1

    def boundaries(self, pictures: Pictures) -> list[Boundary]:
        """Where the shots of all the frames begin."""
        return find_boundaries(pictures, hinted_scores(pictures, self._cuts))
