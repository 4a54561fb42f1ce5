"""What editing programs are told: one film, its shots, and where in it each line is said."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from align.domain.exports.timecode import Clock, clock_of, frame_at
from contracts.documents import Ledger, LedgerLine, LineStatus, Scene, Scenes, Take

__all__ = ["Film", "Mark", "Source", "chosen_of", "film_of", "marks_of", "on_one_row", "sayable"]

_UNKNOWN_RATE = Fraction(25)
"""Frames per second where neither the video nor its scenes say."""
_LABEL = 60
"""Characters of a marker's name."""
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
"""What no XML document may hold, and no row of text should."""


@dataclass(frozen=True)
class Source:
    """What is known of the film's file."""

    name: str = ""
    """What people call the file: editing programs find it by that."""
    frame_rate: str | None = None
    """As a fraction, ``30000/1001``."""
    start_timecode: str | None = None
    width: int = 1920
    height: int = 1080
    sound: bool = True
    duration: float = 0.0
    """Seconds, used when there are no scenes."""
    language: str | None = None
    """Of the speech, as Whisper calls it."""


@dataclass(frozen=True)
class Film:
    """A film as a timeline: its shots one after the other, and how its frames are numbered."""

    title: str
    source: Source
    clock: Clock
    shots: tuple[Scene, ...]
    """At least one; a film without scenes is one shot."""

    @property
    def name(self) -> str:
        """What to call the film's file."""
        return self.source.name or self.title or "film"

    @property
    def frames(self) -> int:
        """Frames of the whole film."""
        return max(shot.end_frame for shot in self.shots)

    @property
    def rate(self) -> Fraction:
        """Frames per second."""
        return self.clock.rate


@dataclass(frozen=True)
class Mark:
    """A line where it is said: the chosen take, in frames of the film."""

    line: LedgerLine
    status: LineStatus
    take: Take
    first: int
    end: int
    """Exclusive."""
    shot: int
    """The place in the film's shots of the one it begins in."""

    @property
    def label(self) -> str:
        """A short name for lists of markers."""
        whole = on_one_row(f"{self.line.line_id} {self.line.text}")
        if len(whole) <= _LABEL:
            return whole
        cut = whole[: _LABEL - 3]
        return (cut.rpartition(" ")[0] if " " in cut[_LABEL // 2 :] else cut).rstrip(" ,;:") + "..."

    @property
    def said(self) -> str:
        """The line with who says it."""
        return on_one_row(f"{self.line.speaker}: {self.line.text}" if self.line.speaker else self.line.text)

    @property
    def note(self) -> str:
        """The whole line, with what became of it."""
        return f"{self.said} ({self.status.value})"


def film_of(scenes: Scenes | None, source: Source, *, title: str) -> Film:
    """The film of some scenes; without any it is one shot of its whole duration."""
    shots = tuple(scenes.scenes) if scenes else ()
    rate = _rate(source.frame_rate, shots)
    if not shots:
        frames = max(1, round(source.duration * rate))
        shots = (
            Scene(
                index=0, start_frame=0, end_frame=frames, start=0.0, end=source.duration, transition="start", score=1.0
            ),
        )  # fmt: skip
    return Film(title, source, clock_of(rate, source.start_timecode), shots)


def _rate(told: str | None, shots: Sequence[Scene]) -> Fraction:
    if told:
        return Fraction(told)
    timed = [shot for shot in shots if shot.start_frame and shot.start > 0]
    if not timed:
        return _UNKNOWN_RATE
    measured = timed[-1].start_frame / timed[-1].start
    whole = Fraction(measured).limit_denominator(1)
    ntsc = Fraction(round(measured * 1001 / 1000) * 1000, 1001)
    return ntsc if abs(float(ntsc) - measured) < abs(float(whole) - measured) else whole


def chosen_of(ledger: Ledger) -> list[tuple[LedgerLine, LineStatus, Take]]:
    """The chosen take of each line that is said, in the order of the film."""
    found = [
        (line, line.status, take)
        for line in ledger.lines
        for take in line.takes
        if take.chosen and line.status is not None
    ]
    return sorted(found, key=lambda one: (one[2].start, one[2].end))


def marks_of(ledger: Ledger, film: Film) -> list[Mark]:
    """The chosen takes in whole frames, each from the frame in which it begins to that in which it ends.

    What is said more than a second after the last picture is on no timeline: no frame is seen then.
    """
    starts = [shot.start_frame for shot in film.shots]
    marks = []
    for line, status, take in chosen_of(ledger):
        if (first := frame_at(take.start, film.rate)) >= film.frames + film.rate:
            continue
        first = min(first, film.frames - 1)
        end = min(max(round(take.end * film.rate), first + 1), film.frames)
        marks.append(Mark(line, status, take, first, end, max(0, bisect_right(starts, first) - 1)))
    return marks


def on_one_row(text: str) -> str:
    """Text without breaks, tabs and what cannot be printed."""
    return " ".join(_FORBIDDEN.sub(" ", text).split())


def sayable(text: str) -> str:
    """Text without what no XML document may hold; breaks stay."""
    return _FORBIDDEN.sub(" ", text)
