"""Groups a film's samples into views: stretches that show different pictures, and so bear witness independently.

Frames of one static camera position are one view however many there are. That is the guard against taking a wall for
a watermark.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.adapters.gradients import Field, field_of
from vision.adapters.samples import SampleStore

__all__ = ["Chunk", "chunks_of"]

_CHUNK_SAMPLES = 4
_MOST_CHUNKS = 240
"""Keeps the fields of the longest film under about 250 MB."""
_LIKE, _SAME_SHOT, _SAME_PLACE = 0.3, 0.35, 0.6
"""Correlation from which two stretches may show the same picture, do so within a shot, and do so across a cut: there,
that of the median part of the picture."""
_GRID = 8


@dataclass
class Chunk:
    """A few neighbouring samples of one shot (in very long films: of a few shots)."""

    first: int
    last: int
    """Sample numbers, ``last`` exclusive."""
    shot: int
    field: NDArray[np.int8]
    """Mean gradient field, times 127."""
    view: int = -1

    def mean(self) -> Field:
        """The field in its own scale."""
        return np.asarray(self.field, np.float32) / np.float32(127)


def chunks_of(
    samples: SampleStore, shots: Sequence[int], progress: Callable[[float], None] = lambda fraction: None
) -> list[Chunk]:
    """Cut the samples into chunks, never across a shot, and say which chunks show the same view.

    ``shots[i]`` is the shot that sample ``i`` belongs to.
    """
    size = max(_CHUNK_SAMPLES, -(-len(samples) // _MOST_CHUNKS))
    chunks: list[Chunk] = []
    for first, last in _stretches(shots, size):
        total = sum(field_of(samples[index]) for index in range(first, last))
        mean = np.asarray(total, np.float32) / (last - first)
        chunks.append(Chunk(first, last, shots[first], np.rint(mean * 127).astype(np.int8)))
        progress(last / len(samples))
    _label_views(chunks)
    return chunks


def _stretches(shots: Sequence[int], size: int) -> list[tuple[int, int]]:
    """Sample ranges of at most ``size`` within a shot, or of whole short shots when ``size`` is large."""
    stretches: list[tuple[int, int]] = []
    start = 0
    for index in range(1, len(shots) + 1):
        ended = index == len(shots)
        split = not ended and shots[index] != shots[index - 1] and (size <= _CHUNK_SAMPLES or index - start > size // 2)
        if ended or split or index - start >= size:
            stretches.append((start, index))
            start = index
    return stretches


def _label_views(chunks: Sequence[Chunk]) -> None:
    """Give each chunk the number of the first view that it looks like, or a new one."""
    if not chunks:
        return
    thumbs = np.stack([_thumb(chunk) for chunk in chunks])
    flat = thumbs.reshape(len(chunks), -1)
    flat = flat / (np.linalg.norm(flat, axis=1, keepdims=True) + 1e-6)
    leads: list[int] = []
    for index, chunk in enumerate(chunks):
        likenesses = flat[leads] @ flat[index] if leads else np.zeros(0, np.float32)
        for number in np.flatnonzero(likenesses >= _LIKE).tolist():
            lead = leads[number]
            same_shot = chunks[lead].shot == chunk.shot and likenesses[number] > _SAME_SHOT
            # Across a cut a mark alone must not decide that two shots show the same.
            if same_shot or _block_likeness(thumbs[lead], thumbs[index]) > _SAME_PLACE:
                chunk.view = number
                break
        else:
            chunk.view = len(leads)
            leads.append(index)


def _thumb(chunk: Chunk) -> NDArray[np.float32]:
    return np.asarray(chunk.field[::4, ::4], np.float32) / np.float32(127)


def _block_likeness(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Median correlation over the blocks of a grid that have edges; 0 when hardly any has."""
    height, width = a.shape[0] // _GRID * _GRID, a.shape[1] // _GRID * _GRID

    def blocks(x: NDArray[np.float32]) -> NDArray[np.float32]:
        cut = x[:height, :width].reshape(_GRID, height // _GRID, _GRID, width // _GRID, a.shape[2])
        return cut.transpose(0, 2, 1, 3, 4).reshape(_GRID * _GRID, -1)

    first, second = blocks(a), blocks(b)
    sizes = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    lively = sizes > 0.02 * first.shape[1] / a.shape[2]
    if lively.sum() < _GRID * _GRID / 6:
        return 0.0
    return float(np.median((first * second).sum(axis=1)[lively] / sizes[lively]))
