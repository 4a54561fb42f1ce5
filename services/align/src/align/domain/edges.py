"""Misheard edges: the last (or first) words of a line that the recognizer took for others still belong to its pass."""

from collections.abc import Sequence

from align.domain.passes import LineTokens, Pass, measured

__all__ = ["with_misheard_edges"]

_MOST = 3
"""Words: more than that in a row are hardly all misheard."""
_BREATH_S = 0.25
"""Seconds of silence after which other words are another utterance."""


def with_misheard_edges(passes: Sequence[Pass], lines: Sequence[LineTokens], pauses: Sequence[float]) -> list[Pass]:
    """Let a pass take in the few unmatched words at its edges that stand, in one breath, where its missing words do.

    ``pauses``: seconds of silence before each heard token.
    """
    grown: list[Pass] = []
    for at, one in enumerate(passes):
        line = lines[one.line]
        low = grown[-1].last + 1 if grown else 0
        high = passes[at + 1].first - 1 if at + 1 < len(passes) else len(pauses) - 1
        after = _breath(one.last, high, pauses, +1)
        before = _breath(one.first, low, pauses, -1)
        matches = list(one.matches)
        first, last = one.first, one.last
        if 1 <= one.missing_tail <= _MOST and 1 <= after <= one.missing_tail + 1:
            last += after
            tokens = range(one.matches[-1][1] + 1, len(line.texts))
            matches += [(one.last + 1 + n, token, 0.0) for n, token in zip(range(after), tokens, strict=False)]
        if 1 <= one.missing_head <= _MOST and 1 <= before <= one.missing_head + 1:
            first -= before
            tokens_back = range(one.matches[0][1] - 1, -1, -1)
            pairs = zip(range(before), tokens_back, strict=False)
            matches = [*reversed([(one.first - 1 - n, token, 0.0) for n, token in pairs]), *matches]
        changed = len(matches) > len(one.matches)
        grown.append(measured(one.line, first, last, tuple(matches), line) if changed else one)
    return grown


def _breath(start: int, limit: int, pauses: Sequence[float], step: int) -> int:
    """How many tokens follow ``start`` (or stand before it) in one breath, up to ``limit``; 0 when it goes on."""
    count = 0
    at = start
    while at != limit and count <= _MOST + 1:
        gap = pauses[at + 1] if step > 0 else pauses[at]
        if gap >= _BREATH_S:
            return count
        at += step
        count += 1
    return count if count <= _MOST + 1 else 0
