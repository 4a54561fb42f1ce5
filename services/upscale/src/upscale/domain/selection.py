"""Which frames are sharpened, and which are only made as large: the film stays whole."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from upscale.domain.plan import ChunkSpan, cut_into_chunks
from upscale.domain.refusals import EmptyRange
from upscale.domain.timeline import frames_in_range

__all__ = ["Choice", "Stretch", "choose", "cut_chosen", "merged"]

Stretch = tuple[float | None, float | None]
"""Seconds from the first frame: its start, and its end, which it does not hold. None: that of the film."""


@dataclass(frozen=True)
class Choice:
    """Frames of the original that the result has, and those of them that are sharpened."""

    first: int
    end: int
    selection: tuple[ChunkSpan, ...] | None = None
    """Rising, and no two of them touch; None for all."""
    empty: tuple[str, ...] = ()
    """What was asked for and holds no frame, in sentences."""


def choose(pts: Sequence[int], time_base: Fraction, stretches: Sequence[Stretch], *, only: bool) -> Choice:
    """The frames of these stretches; of the whole film where there is none.

    ``only``: the result begins and ends with what was chosen, instead of being as long as the film. Raises EmptyRange
    when not one frame is chosen.
    """
    if not stretches:
        return Choice(*frames_in_range(pts, time_base, start=None, end=None))
    found, empty = [], []
    for start, end in stretches:
        try:
            first, last = frames_in_range(pts, time_base, start=start, end=end)
        except EmptyRange as nothing:
            empty.append(nothing)
        else:
            found.append(ChunkSpan(start=first, end=last))
    if not found:
        raise empty[0]
    spans = merged(found)
    first, last = (spans[0].start, spans[-1].end) if only else (0, len(pts))
    whole = spans == (ChunkSpan(start=first, end=last),)
    return Choice(first, last, None if whole else spans, tuple(str(nothing) for nothing in empty))


def merged(spans: Iterable[ChunkSpan]) -> tuple[ChunkSpan, ...]:
    """The same frames, in order and each once; stretches that overlap or touch become one."""
    result: list[ChunkSpan] = []
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        if result and span.start <= result[-1].end:
            result[-1] = ChunkSpan(start=result[-1].start, end=max(result[-1].end, span.end))
        else:
            result.append(span)
    return tuple(result)


def cut_chosen(choice: Choice, *, longest: int, longest_plain: int, cuts: Sequence[int] = ()) -> tuple[ChunkSpan, ...]:
    """Chunks that cover every frame of the result once, each of them wholly sharpened or wholly not.

    ``longest``: frames a chunk may have that is sharpened, ``longest_plain`` those of the others.
    """
    if choice.selection is None:
        return cut_into_chunks(choice.first, choice.end, longest=longest, cuts=cuts)
    sharp = {span.start for span in choice.selection}
    edges = sorted({choice.first, choice.end, *(edge for span in choice.selection for edge in (span.start, span.end))})
    return tuple(
        chunk
        for start, end in pairwise(edges)
        for chunk in cut_into_chunks(start, end, longest=longest if start in sharp else longest_plain, cuts=cuts)
    )
