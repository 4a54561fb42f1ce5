"""Stretches of time, numbers and factors as people type them."""

import re

__all__ = ["BadRange", "parse_numbers", "parse_range", "parse_ranges", "parse_scale"]

_MOST = 500
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


def parse_ranges(text: str) -> list[dict[str, float]]:
    """Several of them, with commas, as the API is told."""
    ranges = [parse_range(one) for one in text.split(",") if one.strip()]
    if not ranges:
        raise _bad(text)
    return [
        {name: value for name, value in (("start", start), ("end", end)) if value is not None} for start, end in ranges
    ]


def parse_numbers(text: str, option: str) -> list[int]:
    """Whole numbers from ``2,5`` or ``3-7``, or both: rising, each once."""
    numbers: set[int] = set()
    for one in text.split(","):
        match = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", one.strip())
        if not match:
            raise BadRange(f"{option} takes numbers like 2,5 or 3-7, not {text!r}")
        first, last = int(match.group(1)), int(match.group(2) or match.group(1))
        if last < first:
            raise BadRange(f"{option} {one.strip()} ends before it begins")
        if last - first >= _MOST:
            raise BadRange(f"{option} {one.strip()} names more than {_MOST}")
        numbers.update(range(first, last + 1))
    return sorted(numbers)


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
