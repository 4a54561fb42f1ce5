"""How a long recording is cut into blocks that a recognizer takes one at a time."""

from collections.abc import Sequence

__all__ = ["end_of_block"]

EARLIEST_CUT = 0.5
"""Share of the window before which no cut is made, so that blocks stay long enough to give context."""


def end_of_block(speech: Sequence[tuple[float, float]], *, window_s: float) -> float:
    """Where to end a block within a window of a recording, so that memory stays bounded and no word is cut.

    The middle of the longest silence in the later half of the window; its very end when somebody speaks all through.

    Args:
        speech: stretches in which somebody speaks, ``(start, end)`` in seconds from the start of the window, in order.
        window_s: length of the window in seconds.
    """
    edges = [0.0, *(edge for stretch in speech for edge in stretch), window_s]
    earliest = EARLIEST_CUT * window_s
    silences = [(max(start, earliest), end) for start, end in zip(edges[::2], edges[1::2], strict=True)]
    start, end = max(silences, key=lambda silence: silence[1] - silence[0])
    return (start + end) / 2 if end > start else window_s
