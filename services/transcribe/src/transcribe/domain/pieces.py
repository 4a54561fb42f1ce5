"""How a long recording is cut into pieces that can be heard one by one, here or on several machines at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["OVERLAP_S", "Piece", "cut_into_pieces", "without_false_breaks"]

EARLIEST_CUT = 0.5
"""Share of the longest piece before which no cut is made, so that pieces stay long enough to give context."""
OVERLAP_S = 5.0
"""Heard by both pieces on either side of a cut through speech: enough for some words that both understand."""
TOUCHING_S = 0.05
"""Stretches that come so close to the edge between two windows were one."""


@dataclass(frozen=True)
class Piece:
    """A part of a recording; all times in seconds from its first sample."""

    start: float
    end: float
    """What the piece answers for: pieces lie side by side."""
    heard_from: float
    heard_until: float
    """What is listened to: further than that on both sides where a cut goes through speech."""
    speech: tuple[tuple[float, float], ...] = ()
    """Stretches of what is listened to in which somebody speaks, in order."""


def cut_into_pieces(
    speech: Sequence[tuple[float, float]], *, start: float = 0.0, end: float, longest_s: float
) -> tuple[Piece, ...]:
    """Cut in the longest silence of each piece's later half; through speech only where somebody speaks all through.

    Args:
        speech: stretches in which somebody speaks, ``(start, end)`` in seconds, in order.
        start: of what is cut, in seconds.
        end: of what is cut, in seconds.
        longest_s: no piece answers for more, in seconds.
    """
    cuts: list[tuple[float, bool]] = [(start, True)]
    while end - cuts[-1][0] > longest_s:
        cuts.append(_cut(speech, earliest=cuts[-1][0] + EARLIEST_CUT * longest_s, latest=cuts[-1][0] + longest_s))
    cuts.append((end, True))
    pieces = []
    for (left, left_quiet), (right, right_quiet) in pairwise(cuts):
        heard_from = left if left_quiet else max(start, left - OVERLAP_S)
        heard_until = right if right_quiet else min(end, right + OVERLAP_S)
        pieces.append(Piece(left, right, heard_from, heard_until, _within(speech, heard_from, heard_until)))
    return tuple(pieces)


def without_false_breaks(speech: Sequence[tuple[float, float]], *, every_s: float) -> list[tuple[float, float]]:
    """Put stretches together that were parted only because the recording was looked at in windows.

    Args:
        speech: stretches in which somebody speaks, ``(start, end)`` in seconds, in order.
        every_s: length of a window in seconds.
    """
    whole: list[tuple[float, float]] = []
    for start, end in speech:
        edge = round(start / every_s) * every_s
        if whole and edge - whole[-1][1] <= TOUCHING_S and start - edge <= TOUCHING_S:
            whole[-1] = (whole[-1][0], end)
        else:
            whole.append((start, end))
    return whole


def _cut(speech: Sequence[tuple[float, float]], *, earliest: float, latest: float) -> tuple[float, bool]:
    """Where to cut, and whether it is quiet there; of equal silences the last.

    The voice detector pads what it finds, so that two stretches with a short silence between them touch.
    """
    edges = [earliest, *(edge for stretch in speech for edge in stretch), latest]
    silences = [
        (max(left, earliest), min(right, latest))
        for left, right in zip(edges[::2], edges[1::2], strict=True)
        if right > earliest and left < latest
    ]
    if not silences:
        return latest, False
    left, right = max(silences, key=lambda silence: (silence[1] - silence[0], silence[0]))
    return (left + right) / 2, True


def _within(speech: Sequence[tuple[float, float]], start: float, end: float) -> tuple[tuple[float, float], ...]:
    return tuple((max(left, start), min(right, end)) for left, right in speech if right > start and left < end)
