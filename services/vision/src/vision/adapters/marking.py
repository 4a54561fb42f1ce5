"""Marks of a film, from what was kept of it: still ones, moving ones, what they are and what they say."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chassis.models import ModelStore
from contracts.documents import Mark, TrackPoint, Watermarks
from vision.adapters.known_logos import KnownMark, LogoPicture, find_known
from vision.adapters.overlay import StillMark, find_still_marks
from vision.adapters.overlay_moving import MovingMark, find_moving_marks
from vision.adapters.samples import SampleStore, Selection
from vision.adapters.text_reader import TextReader
from vision.adapters.weights import TEXT_READER
from vision.domain.boxes import Box, overlap_of_smaller, scaled
from vision.domain.judging import Evidence, Picture, Reading, grouped, kind_of, static_stretches
from vision.domain.presence import Stretch, Timeline, reaching_ends, stretches
from vision.domain.shots import Shot
from vision.ports import Eyes

__all__ = ["ENGINE", "Reel", "find_marks"]

ENGINE = "median-gradient consistency across views (Dekel et al. 2017)"
_LONGEST_STATIC_S = 10.0
_LEAST_MOVING_S = 1.0


@dataclass(frozen=True)
class Reel:
    """What was kept of a film."""

    samples: SampleStore
    jumps: SampleStore
    shots: Sequence[Shot]
    times: NDArray[np.float64]
    """Seconds of every frame."""
    end: float
    displayed: tuple[int, int]
    """Width and height that boxes are told in."""


def find_marks(eyes: Eyes, reel: Reel, logos: Sequence[LogoPicture], progress: Callable[[float], None]) -> Watermarks:
    """All marks, ``logos`` by their names, and the stretches that allow no verdict."""
    starts = [shot.start_frame for shot in reel.shots]
    shots = np.searchsorted(starts, reel.samples.frames, side="right") - 1
    timeline = Timeline(reel.times[reel.samples.frames], shots, reel.end)
    height, width = reel.samples[0].shape[:2]
    found, chunks = find_still_marks(reel.samples, timeline, lambda fraction: progress(0.5 * fraction))
    picture = Picture(width, height, len(reel.shots))
    known = find_known(
        logos, reel.samples, timeline, chunks, lambda fraction: progress(0.5 + 0.1 * fraction)
    ) if logos else []  # fmt: skip
    still = grouped([_evidence(mark, number) for number, mark in enumerate(found)], picture)
    still = [item for item in still if not any(_is_known(item, mark) for mark in known)]
    moving = find_moving_marks(
        reel.samples, _at_cuts(reel), timeline, lambda frame: float(reel.times[frame]),
        lambda fraction: progress(0.6 + 0.3 * fraction),
    )  # fmt: skip
    moving = [mark for mark in moving if not _is_still(mark, [*still, *map(_evidence_of, known)])]
    writer = _Writer(eyes, reel, timeline, (width, height))
    marks = [mark for item in known for mark in writer.known(item)]
    marks += [mark for item in still for mark in writer.still(item, [found[number] for number in item.pieces])]
    marks += [mark for item in moving for mark in writer.moving(item)]
    views = [
        (float(timeline.times[c.first]), float(timeline.times[c.last]) if c.last < len(shots) else reel.end, c.view)
        for c in chunks
    ]
    seen = [Stretch(0, 0, mark.start, mark.end) for mark in marks]
    progress(1.0)
    return Watermarks(
        marks=tuple(sorted(marks, key=lambda mark: (mark.start, mark.box))),
        inconclusive=tuple(
            (round(start, 3), round(end, 3))
            for start, end in static_stretches(views, longest_s=_LONGEST_STATIC_S, found=seen)
        ),
        engine=f"{ENGINE}, own logos by gradient templates" if logos else ENGINE,
    )


def _evidence(mark: StillMark, number: int) -> Evidence:
    return Evidence(
        box=mark.outline.box,
        strength=mark.outline.strength,
        views=mark.views,
        shots=frozenset(mark.shots),
        stretches=tuple(mark.stretches),
        pieces=(number,),
    )


def _evidence_of(mark: KnownMark) -> Evidence:
    return Evidence(box=mark.box, strength=mark.strength, views=4, shots=frozenset(), stretches=mark.stretches)


def _is_known(evidence: Evidence, mark: KnownMark) -> bool:
    """Whether something that looks overlaid is a logo that was recognized."""
    together = any(
        one.start < other.end and other.start < one.end for one in evidence.stretches for other in mark.stretches
    )
    return together and overlap_of_smaller(evidence.box, mark.box) > 0.5 and not evidence.pattern


def _at_cuts(reel: Reel) -> Selection:
    """The kept pairs of frames that lie around a cut."""
    cuts = {shot.start_frame for shot in reel.shots if shot.transition == "cut"}
    pairs = range(0, len(reel.jumps) - 1, 2)
    return Selection(
        reel.jumps, [place for first in pairs if reel.jumps.frames[first + 1] in cuts for place in (first, first + 1)]
    )


def _is_still(mark: MovingMark, still: Sequence[Evidence]) -> bool:
    """Whether most of the way lies inside marks that do not move, such as a pattern."""
    boxes = [mark.box(sample) for sample in mark.points]
    return any(sum(overlap_of_smaller(box, item.box) > 0.5 for box in boxes) > 0.5 * len(boxes) for item in still)


class _Writer:
    """Writes marks down in the film's own pixels and seconds, and reads what they say."""

    def __init__(self, eyes: Eyes, reel: Reel, timeline: Timeline, size: tuple[int, int]) -> None:
        self._eyes, self._reel, self._timeline = eyes, reel, timeline
        self._across, self._down = reel.displayed[0] / size[0], reel.displayed[1] / size[1]
        self._reader: TextReader | None = None

    def still(self, evidence: Evidence, pieces: Sequence[StillMark]) -> list[Mark]:
        """One mark for each stretch of time."""
        lead = max(pieces, key=lambda piece: piece.outline.strength)
        look = self._look(evidence.box, lead.samples) if len(pieces) > 1 and not evidence.pattern else lead.outline.look
        kind, text = kind_of(evidence, self._read(look))
        return [
            Mark(
                kind=kind, text=text, start=stretch.start, end=stretch.end, start_frame=self._frame(stretch.start),
                end_frame=self._frame(stretch.end), confidence=evidence.confidence, box=self._box(evidence.box),
            )
            for stretch in evidence.stretches
        ]  # fmt: skip

    def known(self, mark: KnownMark) -> list[Mark]:
        """One mark for each stretch of time, by the name its owner gave it."""
        return [
            Mark(
                kind="logo", logo_id=mark.logo.id, logo=mark.logo.name, start=stretch.start, end=stretch.end,
                start_frame=self._frame(stretch.start), end_frame=self._frame(stretch.end),
                confidence=round(min(1.0, mark.strength), 3), box=self._box(mark.box),
            )
            for stretch in mark.stretches
        ]  # fmt: skip

    def moving(self, mark: MovingMark) -> list[Mark]:
        """One mark for each stretch of time, with its way."""
        present = np.zeros(len(self._timeline.times), bool)
        present[list(mark.points)] = True
        written = []
        for stretch in reaching_ends(stretches(present, self._timeline, shortest_s=_LEAST_MOVING_S), self._timeline):
            sightings = [sample for sample in mark.points if stretch.first <= sample <= stretch.last]
            boxes = [self._box(mark.box(sample)) for sample in sightings]
            evidence = Evidence(mark.box(sightings[0]), mark.strength, 3, frozenset(mark.shots), (stretch,))
            kind, text = kind_of(evidence, self._read(mark.look))
            written.append(
                Mark(
                    kind=kind, text=text, start=stretch.start, end=stretch.end, start_frame=self._frame(stretch.start),
                    end_frame=self._frame(stretch.end), confidence=evidence.confidence, moving=True, box=boxes[0],
                    track=tuple(
                        TrackPoint(time=float(self._timeline.times[sample]), box=box)
                        for sample, box in zip(sightings, boxes, strict=True)
                    ),
                )
            )  # fmt: skip
        return written

    def _box(self, box: Box) -> Box:
        return scaled(box, self._across, self._down, *self._reel.displayed)

    def _frame(self, time: float) -> int:
        """First frame at or after a time; the number of frames at the film's end."""
        return int(np.searchsorted(self._reel.times, time - 1e-6)) if time < self._reel.end else len(self._reel.times)

    def _look(self, box: Box, samples: Sequence[int]) -> NDArray[np.uint8]:
        x, y, width, height = box
        chosen = samples[:: max(1, len(samples) // 40)]
        total = sum(self._reel.samples[index][y : y + height, x : x + width, 0].astype(np.float32) for index in chosen)
        return np.asarray(total / max(1, len(chosen)), np.uint8)

    def _read(self, look: NDArray[np.uint8]) -> list[Reading]:
        if look.size == 0:
            return []
        if self._reader is None:
            folder = ModelStore(self._eyes.models_dir, self._eyes.cache_dir).ensure(TEXT_READER)
            self._reader = TextReader(folder, threads=self._eyes.threads)
        return self._reader.read(look)
