"""Follow the script through the speech: for each heard word, which word of the script it is, if any.

A Viterbi search over places in the script, in log-odds against "this word is in no line". A word moves on to the next
place, stands for another word, or is extra; places may be skipped; a line may be left and begun again (a re-take),
the next begun, or any other one (a line said out of order), each at its price. Only the lines that ``Seeds`` proposes
are looked at, so time and memory grow with the length of the film and not with its square.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from align.domain.seeding import Seeds
from align.domain.similarity import Emissions

__all__ = ["NOWHERE", "Page", "Place", "follow"]

NOWHERE = -1

_SKIP_FIRST, _SKIP_MORE = 1.0, 0.9  # words of the line that were not said
_EXTRA_FIRST, _EXTRA_MORE = 1.5, 0.5  # words said inside a line that are not in it
_NEXT_LINE, _LINE_SKIPPED, _AGAIN, _LINE_BACK = 0.5, 0.7, 2.5, 0.5
_LEAVE, _LEAVE_MORE, _LEAVE_MOST = 0.8, 0.5, 3.0  # leaving a line before its end
_BEGIN_LATE_MOST = 5.0  # beginning a line after its start
_FAR = 4.0  # plus log(lines): going to any line of the script
_BLOCK = 96  # heard words searched with the same set of lines
_KEEP = 8  # best lines that stay in sight from block to block
_NEVER = -1e9
_APART = 1e6  # keeps running maxima within their line
_FARTHEST_SKIP = 4000


@dataclass(frozen=True)
class Page:
    """The script's tokens in a row: ``word`` (vocabulary id), ``line``, ``cost`` of leaving it out (0: optional)."""

    word: NDArray[np.intp]
    line: NDArray[np.intp]
    cost: NDArray[np.float64]
    line_count: int

    def span(self, line: int) -> tuple[int, int]:
        """First token of a line and the one after its last."""
        return int(np.searchsorted(self.line, line)), int(np.searchsorted(self.line, line + 1))


@dataclass(frozen=True)
class Place:
    """Where one heard word belongs: a line, and the token it is (``NOWHERE``: an extra word inside the line)."""

    line: int
    token: int
    begins: bool
    """The line is begun (again) with this word."""


class _View:
    """The part of the page that is looked at for one block, and the arrays the search needs for it."""

    def __init__(self, page: Page, lines: NDArray[np.intp]) -> None:
        spans = [page.span(int(line)) for line in lines]
        self.lines = lines
        self.tokens = np.concatenate([np.arange(first, end) for first, end in spans])
        self.word = page.word[self.tokens]
        sizes = np.array([end - first for first, end in spans])
        self.row_of = np.repeat(np.arange(len(lines)), sizes)
        self.first = np.concatenate(([0], np.cumsum(sizes)[:-1]))
        size = len(self.tokens)
        self.index = np.arange(size)
        cost = page.cost[self.tokens]
        self.cost_sum = np.cumsum(cost)
        before = self.cost_sum - cost
        done = before - before[self.first][self.row_of]
        self.late = np.where(done > 0, np.minimum(_SKIP_FIRST + done, _BEGIN_LATE_MOST), 0.0)
        ends = np.concatenate((self.first[1:], [size])) - 1
        left = self.cost_sum[ends][self.row_of] - self.cost_sum
        self.leave = np.where(left > 1e-9, np.minimum(_LEAVE + _LEAVE_MORE / _SKIP_MORE * left, _LEAVE_MOST), 0.0)
        self.is_first = np.zeros(size, dtype=bool)
        self.is_first[self.first] = True


@dataclass
class _Block:
    """Search results of one block, kept for the way back. One row per heard word."""

    view: _View
    step: NDArray[np.int16]
    """Tokens moved on since the heard word before (0: the line begins here), shifted left by 2; bit 0: the best way
    to be at this token is an extra word after it; bit 1: the extra word follows the token's own word."""
    came: NDArray[np.int32]
    """Line row (+1; 0 is the start of the film) that was left when a line begins here."""
    left: NDArray[np.int32]
    """View index a line was left from at this word; -1: it had been left before."""


@dataclass
class _Front:
    """Best log-odds so far: at each token (own word, extra word), and outside of lines by the line left last."""

    said: NDArray[np.float64]
    extra: NDArray[np.float64]
    outside: NDArray[np.float64]
    """Index 0 stands for the start of the film, index r + 1 for the view's line row r."""


def follow(
    heard: Sequence[int], heard_in_script: Sequence[int], page: Page, emissions: Emissions
) -> list[Place | None]:
    """The likeliest place of every heard word (``heard``: ids of ``emissions.heard_words``); None: in no line."""
    seeds = Seeds(page.word.tolist(), page.line.tolist(), page.line_count)
    far = _FAR + float(np.log(max(2, page.line_count)))
    blocks: list[_Block] = []
    front: _Front | None = None
    keep: list[int] = []
    for start in range(0, len(heard), _BLOCK):
        end = min(len(heard), start + _BLOCK)
        view = _View(page, seeds.lines_for(heard_in_script, start, end, keep or [0]))
        front = _carried(front, blocks[-1].view, view) if front and blocks else _fresh(view)
        block = _search(heard[start:end], view, front, emissions, far)
        blocks.append(block)
        best = np.argsort(-front.outside[1:])[:_KEEP]
        keep = [int(view.lines[row]) for row in best]
    return _way_back(blocks, front) if front else []


def _fresh(view: _View) -> _Front:
    size = len(view.tokens)
    outside = np.full(len(view.lines) + 1, _NEVER)
    outside[0] = 0.0
    return _Front(np.full(size, _NEVER), np.full(size, _NEVER), outside)


def _carried(front: _Front, old: _View, new: _View) -> _Front:
    """The front, seen through the new view; lines that are out of sight are forgotten."""
    fresh = _fresh(new)
    _, was, now = np.intersect1d(old.tokens, new.tokens, assume_unique=True, return_indices=True)
    fresh.said[now], fresh.extra[now] = front.said[was], front.extra[was]
    fresh.outside[0] = front.outside[0]
    _, was, now = np.intersect1d(old.lines, new.lines, assume_unique=True, return_indices=True)
    fresh.outside[now + 1] = front.outside[was + 1]
    return fresh


def _search(heard: Sequence[int], view: _View, front: _Front, emissions: Emissions, far: float) -> _Block:
    """Hear a block word by word; ``front`` is moved on in place."""
    words, size, rows = len(heard), len(view.tokens), len(view.lines)
    block = _Block(
        view,
        np.zeros((words, size), dtype=np.int16),
        np.zeros((words, rows), dtype=np.int32),
        np.full((words, rows), -1, dtype=np.int32),
    )
    for at, word in enumerate(heard):
        emission = emissions.row(word)[view.word]
        here = np.maximum(front.said, front.extra)
        before, step = _before(here, view)
        entry, block.came[at] = _entries(front.outside, view.lines, far)
        begun = entry[view.row_of] - view.late
        begins = begun > before
        said = np.where(begins, begun, before) + emission
        own = front.said - _EXTRA_FIRST
        more = front.extra - _EXTRA_MORE
        extra = np.maximum(own, more)
        flags = (extra > said).astype(np.int16) | ((own >= more).astype(np.int16) << 1)
        block.step[at] = (np.where(begins, 0, step).astype(np.int16) << 2) | flags
        front.said, front.extra = said, extra
        _leave(front, view, block.left[at])
    return block


def _before(here: NDArray[np.float64], view: _View) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Best log-odds of having come to just before each token within its line, and how many tokens back that was."""
    direct = np.empty_like(here)
    direct[0] = _NEVER
    direct[1:] = here[:-1]
    direct[view.is_first] = _NEVER
    height = here + view.cost_sum + _APART * view.row_of
    top = np.maximum.accumulate(height)
    where = np.maximum.accumulate(np.where(height >= top, view.index, 0))
    skipped = np.full_like(here, _NEVER)
    source = np.zeros_like(view.index)
    skipped[2:] = top[:-2] - _APART * view.row_of[2:] - view.cost_sum[1:-1] - _SKIP_FIRST
    source[2:] = where[:-2]
    skipped[(view.row_of[source] != view.row_of) | (view.index - source > _FARTHEST_SKIP)] = _NEVER
    over = skipped > direct
    return np.where(over, skipped, direct), np.where(over, view.index - source, 1)


def _entries(
    outside: NDArray[np.float64], lines: NDArray[np.intp], far: float
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Best log-odds of beginning each line now, and which line (row + 1) was left for it."""
    place = np.concatenate(([-1], lines)).astype(np.float64)
    index = np.arange(len(place))
    ahead = outside + _LINE_SKIPPED * place
    top = np.maximum.accumulate(ahead)
    source = np.maximum.accumulate(np.where(ahead >= top, index, 0))
    onward = top[:-1] - _LINE_SKIPPED * (place[1:] - 1) - _NEXT_LINE
    back = (outside - _LINE_BACK * place)[::-1]
    back_top = np.maximum.accumulate(back)
    back_source = np.maximum.accumulate(np.where(back >= back_top, index, 0))
    again = back_top[::-1][1:] + _LINE_BACK * place[1:] - _AGAIN
    best = int(np.argmax(outside))
    anywhere = outside[best] - far
    entry = np.maximum(np.maximum(onward, again), anywhere)
    came = np.where(entry == onward, source[:-1], len(place) - 1 - back_source[::-1][1:])
    return entry, np.where((entry > onward) & (entry > again), best, came).astype(np.int32)


def _leave(front: _Front, view: _View, left: NDArray[np.int32]) -> None:
    """Let every line be left after this word, where that is better than having left it before."""
    leaving = np.maximum(front.said, front.extra) - view.leave
    best = np.maximum.reduceat(leaving, view.first)
    hits = np.where(leaving == best[view.row_of], view.index, -1)
    where = np.maximum.reduceat(hits, view.first)
    better = best > front.outside[1:]
    left[:] = np.where(better, where, -1)
    front.outside[1:] = np.where(better, best, front.outside[1:])


def _way_back(blocks: list[_Block], front: _Front) -> list[Place | None]:
    """From the best end back to the first word."""
    places: list[Place | None] = []
    row = int(np.argmax(front.outside)) - 1
    line = int(blocks[-1].view.lines[row]) if row >= 0 else NOWHERE
    token = NOWHERE  # NOWHERE while outside of lines
    extra = False
    for number in range(len(blocks) - 1, -1, -1):
        block, view = blocks[number], blocks[number].view
        for at in range(len(block.step) - 1, -1, -1):
            if token == NOWHERE:
                row = int(np.searchsorted(view.lines, line)) if line != NOWHERE else -1
                index = int(block.left[at, row]) if row >= 0 else -1
                if index < 0:
                    places.append(None)
                    continue
                token = int(view.tokens[index])
                extra = bool(block.step[at, index] & 1)
            index = int(np.searchsorted(view.tokens, token))
            cell = int(block.step[at, index])
            if extra:
                places.append(Place(line, NOWHERE, begins=False))
                extra = not cell & 2
                continue
            moved = cell >> 2
            places.append(Place(line, token, begins=moved == 0))
            if moved == 0:
                came = int(block.came[at, view.row_of[index]]) - 1
                line, token = (int(view.lines[came]) if came >= 0 else NOWHERE), NOWHERE
                continue
            token -= moved
            extra = _stands_on_extra(block if at else blocks[number - 1], at - 1, token)
    places.reverse()
    return places


def _stands_on_extra(block: _Block, at: int, token: int) -> bool:
    """Whether the best way to be at ``token`` after the block's word ``at`` ends with an extra word."""
    index = int(np.searchsorted(block.view.tokens, token))
    return bool(block.step[at, index] & 1)
