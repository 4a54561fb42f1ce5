"""Boxes ``(x, y, width, height)`` in whole pixels, and what is asked of them."""

from collections.abc import Sequence

__all__ = ["Box", "area", "clipped", "gap", "grown", "hull", "overlap", "overlap_of_smaller", "scaled", "turned"]

Box = tuple[int, int, int, int]


def area(box: Box) -> int:
    """Pixels in the box."""
    return max(0, box[2]) * max(0, box[3])


def intersection(a: Box, b: Box) -> int:
    """Pixels in both."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(0, width) * max(0, height)


def overlap(a: Box, b: Box) -> float:
    """Intersection over union, 0..1."""
    both = intersection(a, b)
    union = area(a) + area(b) - both
    return both / union if union else 0.0


def overlap_of_smaller(a: Box, b: Box) -> float:
    """Share of the smaller box that lies in the other, 0..1."""
    smaller = min(area(a), area(b))
    return intersection(a, b) / smaller if smaller else 0.0


def hull(boxes: Sequence[Box]) -> Box:
    """The smallest box around all of them."""
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[0] + box[2] for box in boxes), max(box[1] + box[3] for box in boxes)
    return left, top, right - left, bottom - top


def gap(a: Box, b: Box) -> tuple[int, int]:
    """Pixels between two boxes along x and y; 0 where they meet or overlap."""
    across = max(a[0], b[0]) - min(a[0] + a[2], b[0] + b[2])
    down = max(a[1], b[1]) - min(a[1] + a[3], b[1] + b[3])
    return max(0, across), max(0, down)


def clipped(box: Box, width: int, height: int) -> Box:
    """The part of the box that lies in a picture; may be empty."""
    left, top = max(0, box[0]), max(0, box[1])
    right, bottom = min(width, box[0] + box[2]), min(height, box[1] + box[3])
    return left, top, max(0, right - left), max(0, bottom - top)


def grown(box: Box, across: int, down: int, width: int, height: int) -> Box:
    """The box with ``across`` more pixels left and right and ``down`` above and below, kept in the picture."""
    return clipped((box[0] - across, box[1] - down, box[2] + 2 * across, box[3] + 2 * down), width, height)


def scaled(box: Box, across: float, down: float, width: int, height: int) -> Box:
    """The box on a picture that is larger by the two factors and ``width`` x ``height`` big; never empty."""
    left, top = round(box[0] * across), round(box[1] * down)
    right, bottom = round((box[0] + box[2]) * across), round((box[1] + box[3]) * down)
    left, top = min(max(0, left), width - 1), min(max(0, top), height - 1)
    return left, top, max(1, min(right, width) - left), max(1, min(bottom, height) - top)


def turned(width: int, height: int, rotation: int) -> tuple[int, int]:
    """Size of a picture after turning it by a multiple of 90 degrees."""
    return (height, width) if rotation % 180 else (width, height)
