"""Gradient fields: where a picture has edges, and which way they point.

A mark that is laid over moving or changing pictures adds the same gradients to all of them (Dekel, Rubinstein, Liu and
Freeman, 2017, "On the effectiveness of visible watermarks"). We divide each gradient by its own size plus a constant,
so that no single strong edge of the film outweighs many frames of a faint mark: a vector is at most 1 long.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.adapters.samples import Planes

__all__ = ["Field", "coherence", "coherence_of_any_plane", "field_of", "matched"]

Field = NDArray[np.float32]
"""``[height, width, 4]``: direction of the edge at a pixel times how clear it is (0..1), in luma and in colour."""

_SOFTNESS = (6.0, 4.0)
"""Gradient (levels per pixel) of which half is kept, in luma and in colour."""


def field_of(picture: Planes) -> Field:
    """The gradient field of a picture."""
    parts = []
    for plane, softness in zip(cv2.split(picture), _SOFTNESS, strict=True):
        smooth = cv2.GaussianBlur(plane, (3, 3), 0)
        across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
        down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
        weight = 1.0 / (cv2.magnitude(across, down) + softness)
        parts += [across * weight, down * weight]
    return np.asarray(cv2.merge(parts), np.float32)


def coherence(fields: NDArray[np.float32], window: int) -> tuple[NDArray[np.float32], Field]:
    """How much fields ``[n, h, w, c]`` agree around each pixel, -1/(n-1)..1, and their mean.

    The sum over all pairs of their products, over what it would be if all were alike: independent pictures give 0
    however strong their edges are, and each picture counts the same.
    """
    count = len(fields)
    total = fields.sum(axis=0)
    energy = (fields**2).sum(axis=(0, 3))
    pairs = (total**2).sum(axis=2) - energy
    size = (window, window)
    top = cv2.boxFilter(pairs, -1, size, borderType=cv2.BORDER_CONSTANT)
    bottom = cv2.boxFilter(energy, -1, size, borderType=cv2.BORDER_CONSTANT)
    return top / ((count - 1) * bottom + 0.01 * count), total / count


def coherence_of_any_plane(fields: NDArray[np.float32], window: int) -> tuple[NDArray[np.float32], Field]:
    """Like ``coherence``, but the better of luma and colour.

    The rim of a mark is brighter than one scene and darker than another, so its luma contradicts itself where its
    colour does not.
    """
    both, mean = coherence(fields, window)
    luma, _ = coherence(fields[..., :2], window)
    color, _ = coherence(fields[..., 2:], window)
    color = np.where((mean[..., 2:] ** 2).sum(axis=2) > 0.04, color, 0)
    return np.maximum(both, np.maximum(luma, color)), mean


def matched(field: Field, template: Field) -> NDArray[np.float32]:
    """Correlation of a template with a field at every place where it fits, -1..1."""
    result = cv2.matchTemplate(np.ascontiguousarray(field), np.ascontiguousarray(template), cv2.TM_CCORR_NORMED)
    return np.nan_to_num(np.asarray(result, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
