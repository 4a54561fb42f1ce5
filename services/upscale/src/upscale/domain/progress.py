"""How far a step is: planning, then every frame, then assembling, on one bar that only moves forward."""

__all__ = ["PLANNED", "assembling", "enhancing", "planning"]

PLANNED = 0.03
"""Share of the bar that planning takes."""
_ENHANCED = 0.95


def planning(fraction: float) -> float:
    """The bar while the original is indexed."""
    return PLANNED * _clamped(fraction)


def enhancing(frames_done: float, frames: int) -> float:
    """The bar while chunks are made, by frames over all chunks."""
    return PLANNED + (_ENHANCED - PLANNED) * _clamped(frames_done / max(1, frames))


def assembling(fraction: float) -> float:
    """The bar while the chunks are joined and checked."""
    return _ENHANCED + (1 - _ENHANCED) * _clamped(fraction)


def _clamped(fraction: float) -> float:
    return min(1.0, max(0.0, fraction))
