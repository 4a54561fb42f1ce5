"""How far a recording is that is heard in pieces, on one bar that only moves forward."""

__all__ = ["hearing", "stitching", "surveying"]

_SURVEYED = 0.03
"""Share of the bar that looking for pauses takes."""
_HEARD = 0.99


def surveying(fraction: float) -> float:
    """The bar while the recording is looked over."""
    return _SURVEYED * _clamped(fraction)


def hearing(heard_s: float, duration_s: float) -> float:
    """The bar while pieces are heard, by seconds over all of them."""
    return _SURVEYED + (_HEARD - _SURVEYED) * _clamped(heard_s / duration_s if duration_s else 1.0)


def stitching(fraction: float) -> float:
    """The bar while the pieces are put together."""
    return _HEARD + (1 - _HEARD) * _clamped(fraction)


def _clamped(fraction: float) -> float:
    return min(1.0, max(0.0, fraction))
