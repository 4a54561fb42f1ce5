"""What a recording sounds like besides its words: how loud it is, and where somebody speaks, nothing sounds, or else.

Loudness is that of ITU-R BS.1770-4 (LUFS), which broadcasters and platforms deliver by.
"""

from collections.abc import Sequence
from itertools import groupby
from math import log10
from typing import Literal

from contracts.documents import Sound, SoundSpan, Word

__all__ = ["STEP_S", "sound_of"]

STEP_S = 0.1
"""Seconds of each level."""
_BLOCK = 4
"""Levels of a gating block: 400 ms, of which 300 overlap."""
_ABSOLUTE_GATE, _RELATIVE_GATE = -70.0, -10.0
_SILENT, _FAR_UNDER = -60.0, 35.0
"""LUFS under which nothing is heard, or so much under the recording's own loudness."""
_SHORTEST = 5
"""Steps; what is shorter belongs to what is around it."""

Kind = Literal["speech", "silence", "other"]


def sound_of(levels: Sequence[float], words: Sequence[Word], *, peak: float | None = None) -> Sound | None:
    """How a recording sounds, by its loudness every tenth of a second; None where nothing was measured.

    Args:
        levels: K-weighted, in LUFS.
        words: what is said, in order.
        peak: the largest sample, in decibels under full scale.
    """
    if not levels:
        return None
    loudness = _integrated(levels)
    per_second = round(1 / STEP_S)
    return Sound(
        loudness=loudness,
        peak=peak,
        levels=tuple(round(_mean(levels[at : at + per_second]), 1) for at in range(0, len(levels), per_second)),
        spans=tuple(_spans(levels, words, loudness)),
    )


def _integrated(levels: Sequence[float]) -> float | None:
    """Loudness of the whole, gated; None where all of it is silent."""
    blocks = [_mean(levels[at : at + _BLOCK]) for at in range(max(1, len(levels) - _BLOCK + 1))]
    for gate in (_ABSOLUTE_GATE, _RELATIVE_GATE):
        if not blocks:
            return None
        least = gate if gate == _ABSOLUTE_GATE else _mean(blocks) + gate
        blocks = [block for block in blocks if block > least]
    return round(_mean(blocks), 1) if blocks else None


def _mean(levels: Sequence[float]) -> float:
    """Of the powers that the levels stand for."""
    return 10 * log10(sum(10 ** (level / 10) for level in levels) / len(levels))


def _spans(levels: Sequence[float], words: Sequence[Word], loudness: float | None) -> list[SoundSpan]:
    limit = _SILENT if loudness is None else max(_SILENT, loudness - _FAR_UNDER)
    kinds: list[Kind] = ["silence" if level < limit else "other" for level in levels]
    for word in words:
        first, last = int(word.start / STEP_S), int(word.end / STEP_S)
        kinds[first : last + 1] = ["speech"] * len(kinds[first : last + 1])
    runs = [(kind, len(list(same))) for kind, same in groupby(kinds)]
    merged: list[tuple[Kind, int]] = []
    for kind, length in runs:
        if merged and (merged[-1][0] == kind or (length < _SHORTEST and kind != "speech")):
            merged[-1] = (merged[-1][0], merged[-1][1] + length)
        else:
            merged.append((kind, length))
    spans, at = [], 0
    for kind, length in merged:
        spans.append(SoundSpan(kind=kind, start=at * STEP_S, end=(at + length) * STEP_S))
        at += length
    return spans
