"""What people do who have no ledger: lay a script beside a film as one would write it in an afternoon."""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from align.adapters.sphinx import SphinxAligner
from align.domain.heard import HeardWord

__all__ = ["by_difflib", "samples", "whole_file"]

_SPOKEN, _PARTIAL = 0.8, 0.3
"""Shares of a line's words from which people would call it said, or said in part."""


def by_difflib(lines: Sequence[str], words: Iterable[HeardWord]) -> dict[str, Any]:
    """A ledger by ``difflib.SequenceMatcher`` on the recognizer's words: each line where its words were matched."""
    heard = [(part, word) for word in words for part in _plain(word.text)]
    script = [(part, at) for at, line in enumerate(lines) for part in _plain(line)]
    matcher = difflib.SequenceMatcher(None, [part for part, _ in script], [part for part, _ in heard], autojunk=False)
    found: dict[int, list[HeardWord]] = {}
    for one in matcher.get_matching_blocks():
        for step in range(one.size):
            found.setdefault(script[one.a + step][1], []).append(heard[one.b + step][1])
    sizes = [sum(1 for _, owner in script if owner == at) for at in range(len(lines))]
    return {
        "lines": [_line(at, found.get(at, []), sizes[at]) for at in range(len(lines))],
        "ad_libs": _left_over([word for _, word in heard], {id(word) for said in found.values() for word in said}),
    }


def whole_file(lines: Sequence[str], sound: NDArray[np.int16]) -> dict[str, Any]:
    """A ledger by one forced alignment of the whole script with the whole file, as subtitle aligners do it."""
    parts = [(part, at) for at, line in enumerate(lines) for part in line.split() if _plain(part)]
    times = SphinxAligner()(sound, [part for part, _ in parts])
    said: dict[int, list[HeardWord]] = {}
    for (part, at), time in zip(parts, times, strict=True):
        if time is not None:
            said.setdefault(at, []).append(HeardWord(part, time.start, time.end))
    return {"lines": [_line(at, said.get(at, []), len(said.get(at, []))) for at in range(len(lines))], "ad_libs": []}


def samples(sound: NDArray[np.float32]) -> NDArray[np.int16]:
    """Sound as the aligner takes it, 16 kHz mono."""
    return (np.clip(sound, -1, 1) * 32767).astype(np.int16)


def _line(at: int, said: Sequence[HeardWord], size: int) -> dict[str, Any]:
    share = len(said) / max(1, size)
    status = "spoken" if share >= _SPOKEN else "partial" if share >= _PARTIAL else "omitted"
    take = None if status == "omitted" else _take(said)
    return {"line_id": f"L{at + 1:02d}", "kind": "dialogue", "status": status, "takes": [take] if take else []}


def _take(said: Sequence[HeardWord]) -> dict[str, Any] | None:
    if not said:
        return None
    words = [{"text": word.text, "start": word.start, "end": word.end} for word in said]
    return {"start": said[0].start, "end": said[-1].end, "chosen": True, "words": words}


def _left_over(words: Sequence[HeardWord], used: set[int]) -> list[dict[str, float]]:
    """Stretches of four words or more that no line had."""
    spans: list[dict[str, float]] = []
    run: list[HeardWord] = []
    for word in [*words, None]:
        if word is not None and id(word) not in used:
            run.append(word)
            continue
        if len(run) >= 4:
            spans.append({"start": run[0].start, "end": run[-1].end})
        run = []
    return spans


def _plain(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower())
