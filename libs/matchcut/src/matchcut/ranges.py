"""Stretches of time and factors as people type them."""

import re

__all__ = ["BadRange", "parse_range", "parse_scale"]

_CLOCK = re.compile(r"(?:(\d+):)?(?:(\d{1,2}):)?(\d+(?:\.\d+)?)")


class BadRange(ValueError):
    """Not a stretch of time; the message shows what would be one."""


def parse_range(text: str) -> tuple[float | None, float | None]:
    """Seconds from ``3-5``, ``1:02-1:30.5``, ``0:59:30-1:00:00``, ``10-`` (to the end) or ``-4`` (from the start)."""
    start_text, dash, end_text = text.strip().partition("-")
    start = _seconds(start_text, text) if start_text else None
    end = _seconds(end_text, text) if end_text else None
    if not dash or (start is None and end is None):
        raise _bad(text)
    if end is not None and end <= (start or 0.0):
        raise BadRange(f"the range {text!r} ends before it begins")
    return start, end


def parse_scale(text: str) -> int:
    """2, 3 or 4 from ``x2``, ``2x`` or ``2``."""
    match = re.fullmatch(r"x?([234])x?", text.strip().lower())
    if not match:
        raise BadRange(f"upscaling by {text!r} is not offered: use x2, x3 or x4")
    return int(match.group(1))


def _seconds(text: str, whole: str) -> float:
    match = _CLOCK.fullmatch(text.strip())
    if not match:
        raise _bad(whole)
    first, second, last = match.groups()
    parts = [float(part) for part in (first, second, last) if part is not None]
    if any(part >= 60 for part in parts[1:]):
        raise _bad(whole)
    total = 0.0
    for part in parts:
        total = total * 60 + part
    return total


def _bad(text: str) -> BadRange:
    return BadRange(f"{text!r} is no range of time: write it like 3-5, 1:02-1:30.5 or 10-")
