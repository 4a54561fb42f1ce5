"""What the operator's commands have in common: how a time is typed, and how an answer is printed."""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from typing import Any

__all__ = ["SHOWN_IDS", "add_common", "age", "complain", "print_rows", "say", "say_json", "seconds"]

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
SHOWN_IDS = 100
"""Ids named in the answer to a replay, a drop, a cancel or a requeue; the number is always whole."""


def seconds(text: str) -> float:
    """``90s``, ``15m``, ``2h``, ``7d``; a bare number is seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no span of time: write 90s, 15m, 2h or 7d")
    return float(found[1]) * _UNITS[found[2] or "s"]


def age(span_s: float | None) -> str:
    """``42s``, ``3m``, ``5h``, ``2d``; nothing for nothing."""
    if span_s is None:
        return ""
    for unit, size, limit in (("s", 1, 120), ("m", 60, 7200), ("h", 3600, 172_800)):
        if span_s < limit:
            return f"{span_s / size:.0f}{unit}"
    return f"{span_s / 86_400:.0f}d"


def add_common(parser: argparse.ArgumentParser) -> None:
    """Options of every question."""
    parser.add_argument("--all", action="store_true", help="no filter: every one")
    parser.add_argument("--limit", type=int, help="at most so many (list and show: 100 unless told)")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument("--json", action="store_true", help="JSON on stdout, and nothing else there")


def say(text: str) -> None:
    """A line of the result."""
    sys.stdout.write(text + "\n")


def say_json(value: Any) -> None:
    """The result, for programs."""
    say(json.dumps(value, indent=2, default=str))


def complain(text: str) -> None:
    """A line about the result, which programs do not read."""
    sys.stderr.write(text + "\n")


def print_rows(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as they must be, the last one as it is."""
    table = [list(heading), *(list(row) for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(heading) - 1)]
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        say("  ".join([*cells, row[-1]]).rstrip())
