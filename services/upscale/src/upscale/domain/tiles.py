"""Cutting a frame into tiles that overlap by the model's reach, so that the joints cannot be seen."""

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Tile", "TileTooSmall", "plan_tiles"]

_SMALLEST_CORE = 16
"""Pixels a side; below it nearly all work would go into the overlap."""


class TileTooSmall(ValueError):
    """No tile worth computing has so few pixels."""


@dataclass(frozen=True)
class Tile:
    """A window that is computed, and the core of it that is kept. All in pixels of the source frame."""

    left: int
    top: int
    width: int
    height: int
    core_left: int
    core_top: int
    core_width: int
    core_height: int


def plan_tiles(width: int, height: int, *, max_pixels: int, padding: int) -> tuple[Tile, ...]:
    """Cover a frame with windows of one size and at most ``max_pixels``, their cores side by side.

    A core is at least ``padding`` away from every edge of its window that is not an edge of the frame: with a padding
    of the network's reach the tiled frame equals the untiled one. Of all grids the one with the least work is taken.
    Raises TileTooSmall when ``max_pixels`` cannot hold a useful tile.
    """
    best: tuple[int, int, int] | None = None
    for columns in range(1, _most(width) + 1):
        for rows in range(1, _most(height) + 1):
            window = _side(width, columns, padding) * _side(height, rows, padding)
            if window <= max_pixels:
                work = window * columns * rows
                best = min(best or (work, columns, rows), (work, columns, rows))
                break  # more rows in this column only add overlap
    if best is None:
        raise TileTooSmall(f"no tile of a {width}x{height} frame with {padding} pixels around it fits {max_pixels}")
    _, columns, rows = best
    across, down = list(_spans(width, columns, padding)), list(_spans(height, rows, padding))
    return tuple(
        Tile(left, top, wide, high, core_left, core_top, core_width, core_height)
        for top, high, core_top, core_height in down
        for left, wide, core_left, core_width in across
    )


def _most(size: int) -> int:
    return max(1, size // _SMALLEST_CORE)


def _core(size: int, parts: int) -> int:
    return -(-size // parts)


def _side(size: int, parts: int, padding: int) -> int:
    return size if parts == 1 else min(size, _core(size, parts) + 2 * padding)


def _spans(size: int, parts: int, padding: int) -> Iterator[tuple[int, int, int, int]]:
    """Start and length of each window along one axis, with start and length of its core."""
    core, side = _core(size, parts), _side(size, parts, padding)
    for start in range(0, size, core):
        window = min(max(0, start - padding), size - side)
        yield window, side, start, min(core, size - start)
