"""Where one shot ends and the next begins, seen well enough to put a seam there where nobody can notice it.

The vision service looks far more closely. Here a cut that is missed costs a seam within a shot, which begins
with a key frame in the middle of it, and a false one costs nothing.
"""

from collections.abc import Sequence

__all__ = ["cuts_in"]

_LEAST = 15.0
"""Mean change of luma that a cut has at least, in code values of 8 bits: ``min_content_val`` of PySceneDetect's
AdaptiveDetector, on luma alone."""
_RATIO = 2.0
"""How many times as much as around it the picture changes at a cut. AdaptiveDetector's ``adaptive_threshold`` is 3; on
luma alone that misses one cut in five, which 2 finds: ``tests/integration/upscale/test_cuts.py`` counts them."""
_WINDOW = 2
"""Frames on either side to compare with: AdaptiveDetector's ``window_width``."""


def cuts_in(changes: Sequence[float]) -> list[int]:
    """Numbers of the frames that begin a shot, rising; the very first frame is none.

    ``changes``: how much each frame's luma differs from the frame before in the mean, in code values of 8 bits.
    """
    return [number for number in range(1, len(changes)) if _is_cut(changes, number)]


def _is_cut(changes: Sequence[float], number: int) -> bool:
    if changes[number] < _LEAST:
        return False
    around = [*changes[max(1, number - _WINDOW) : number], *changes[number + 1 : number + _WINDOW + 1]]
    return changes[number] * len(around) >= _RATIO * sum(around)
