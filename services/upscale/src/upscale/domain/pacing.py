"""How long work takes on a machine, as it was measured, and how much of it is given out at once."""

__all__ = ["LEARNING", "MACHINE_CHARACTERS", "SHORTEST", "cut_at", "fits_session", "measured", "source_megapixels"]

LEARNING = 0.3
"""What the newest figure counts for in the moving average: about the last six chunks decide."""
SHORTEST = 24
"""Frames that are never cut in two: a seam and a start cost more than that brings."""
MACHINE_CHARACTERS = 200
"""Of a machine's name that count."""
_SLACK = 0.8
"""Share of what is left of a session that work may take: the chunk must be sent as well."""


def measured(seconds: float, megapixels: float) -> float | None:
    """Seconds for a megapixel of the result; None where nothing can be said."""
    return seconds / megapixels if seconds > 0 and megapixels > 0 else None


def source_megapixels(seconds_per_megapixel: float, *, target_s: float, scale: int) -> float:
    """Megapixels of source that take ``target_s``, where a megapixel of the result takes so long."""
    return target_s / seconds_per_megapixel / scale**2


def fits_session(left_s: float, seconds_per_megapixel: float | None, *, target_s: float) -> float:
    """Megapixels of the result that a machine makes before its session ends.

    One that was never measured is trusted with any, unless it goes before a chunk would be done.
    """
    if seconds_per_megapixel is None:
        return float("inf") if left_s * _SLACK >= target_s else 0.0
    return left_s * _SLACK / seconds_per_megapixel


def cut_at(
    frames: int, *, left_s: float | None, target_s: float, seconds_per_megapixel: float | None, frame_megapixels: float
) -> int | None:
    """After how many frames a chunk is cut in two for a machine that would take twice the target for it, or more than
    is left of its session; None: not at all."""
    if seconds_per_megapixel is None or frame_megapixels <= 0:
        return None
    frame_s = seconds_per_megapixel * frame_megapixels
    most_s = 2 * target_s if left_s is None else min(2 * target_s, left_s * _SLACK)
    if frames * frame_s <= most_s:
        return None
    kept = max(SHORTEST, int(min(most_s, target_s) / frame_s))
    return kept if frames - kept >= SHORTEST else None
