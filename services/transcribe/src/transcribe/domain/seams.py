"""Puts together what was heard in pieces, so that no word is lost or doubled where they meet."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from transcribe.domain.heard import HeardWord, Passage
from transcribe.domain.pieces import Piece

__all__ = ["joined"]

SAME_MOMENT_S = 0.6
"""Two hearings of one word lie no further apart: it may be heard a little earlier or later, but not a word later."""
AROUND = (-2, -1, 1, 2)
"""Neighbours that must agree too, where they can."""


def joined(parts: Sequence[tuple[Piece, Sequence[Passage]]]) -> tuple[Passage, ...]:
    """The passages of all pieces, in order.

    Where two pieces both listened, the left one speaks up to a word that both understood alike, with its neighbours if
    possible and near the cut, and the right one from the next word on. Without such a word each speaks for its own
    side of the cut.

    Args:
        parts: pieces in order of time, with what was heard in each.
    """
    kept = [list(passages) for _, passages in parts]
    for index, ((left, _), (right, _)) in enumerate(pairwise(parts)):
        if left.heard_until > right.heard_from:
            ours, theirs = _seam(kept[index], kept[index + 1], cut=left.end, reach=left.heard_until - left.end)
            kept[index] = _words(kept[index], 0, ours)
            kept[index + 1] = _words(kept[index + 1], theirs, None)
    return tuple(passage for passages in kept for passage in passages)


def _seam(left: Sequence[Passage], right: Sequence[Passage], *, cut: float, reach: float) -> tuple[int, int]:
    """How many words the left side keeps, and how many the right side leaves out."""
    ours, theirs = _flat(left), _flat(right)
    agreed = [
        (-_context(ours, number, theirs, other), abs(mine.start - cut), abs(mine.start - its.start), number, other)
        for number, mine in enumerate(ours)
        if abs(mine.start - cut) <= reach
        for other, its in enumerate(theirs)
        if abs(mine.start - its.start) <= SAME_MOMENT_S and _plain(mine) == _plain(its)
    ]
    if agreed:
        *_, number, other = min(agreed)
        return number + 1, other + 1
    kept = sum(1 for word in ours if (word.start + word.end) / 2 < cut)
    return kept, sum(1 for word in theirs if (word.start + word.end) / 2 < cut)


def _context(ours: Sequence[HeardWord], number: int, theirs: Sequence[HeardWord], other: int) -> int:
    """How many of the words around were understood alike too: what is said twice in a row is not taken for once."""
    return sum(
        0 <= number + step < len(ours)
        and 0 <= other + step < len(theirs)
        and _plain(ours[number + step]) == _plain(theirs[other + step])
        for step in AROUND
    )


def _flat(passages: Sequence[Passage]) -> list[HeardWord]:
    return [word for passage in passages for word in passage.words]


def _words(passages: Sequence[Passage], first: int, last: int | None) -> list[Passage]:
    """The passages with only the words from ``first`` to before ``last``, counted through; none without words."""
    return [passage for passage in _cropped(passages, first, last) if passage.words]


def _cropped(passages: Sequence[Passage], first: int, last: int | None) -> Iterator[Passage]:
    before = 0
    for passage in passages:
        until = None if last is None else max(0, last - before)
        yield replace(passage, words=passage.words[max(0, first - before) : until])
        before += len(passage.words)


def _plain(word: HeardWord) -> str:
    return "".join(character for character in word.text.casefold() if character.isalnum())
