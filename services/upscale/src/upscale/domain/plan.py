"""The plan of a rendition: which frames, in which chunks, with which parameters. The same plan gives the same film."""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from upscale.domain.color import Color
from upscale.domain.encoding import Encoding
from upscale.domain.geometry import Orientation, output_size

__all__ = ["ChunkSpan", "Encoding", "KeyFrame", "Plan", "chunk_length", "cut_into_chunks"]

Ratio = Annotated[
    Fraction, BeforeValidator(lambda value: Fraction(value)), PlainSerializer(lambda value: str(value), return_type=str)
]


_KEYS = 4
"""Key frames before a chunk that its maker may begin at."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)


class ChunkSpan(_Part):
    """Frames ``start`` up to, not including, ``end``; numbers of the original."""

    start: int
    end: int

    @property
    def frames(self) -> int:
        """How many."""
        return self.end - self.start


class KeyFrame(_Part):
    """A frame that decoding may begin at."""

    number: int
    pts: int
    """As the container has it, before anything was mended."""
    check: int
    """CRC-32 of its first plane."""


class Plan(_Part):
    """Everything that decides what comes out. Its digest is the manifest by which finished chunks are known again."""

    version: Literal[1] = 1
    source_sha256: str
    model: str
    model_sha256: str
    scale: Literal[2, 3, 4]
    encoding: Encoding
    stream: int
    """Index of the video stream in the container."""
    width: int
    height: int
    """Pixels of the source as stored."""
    orientation: Orientation
    sample_aspect: Ratio
    """Of the result."""
    color: Color
    time_base: Ratio
    """Seconds a tick."""
    frame_rate: Ratio
    """Average frames a second: a hint for the encoder, never used for times."""
    origin: int
    """Ticks of the video's very first frame."""
    first: int
    """Number of the first frame of the result in the original."""
    pts: tuple[int, ...]
    """Ticks of each frame of the result, rising, as in the original."""
    end_pts: int
    """Ticks at which the last frame ends."""
    checks: tuple[int, ...]
    """CRC-32 of the first plane of each frame, by which a decoder proves that it gives the frame that was meant."""
    key_frames: tuple[KeyFrame, ...]
    """Those up to the end of the result, in order."""
    to_the_end: bool
    """Whether the result goes on to the end of the film: then its sound is not cut there."""
    chunks: tuple[ChunkSpan, ...]
    selection: tuple[ChunkSpan, ...] | None = None
    """Frames that are sharpened, rising and apart; the others are only made as large. None: all are sharpened."""
    deinterlace: Literal["marked", "all"] | None = None
    """Which frames are made whole pictures of before they are enlarged: those marked interlaced, or all."""
    warnings: tuple[str, ...] = ()

    @property
    def frames(self) -> int:
        """Frames of the result."""
        return len(self.pts)

    @property
    def end(self) -> int:
        """One past the last frame, in the numbers of the original."""
        return self.first + self.frames

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the result."""
        return output_size(self.width, self.height, scale=self.scale, orientation=self.orientation)

    @property
    def pixel_format(self) -> str:
        """Of the result, in FFmpeg's words."""
        return "yuv420p" if self.color.bits == 8 else "yuv420p10le"

    @property
    def sharpened_frames(self) -> int:
        """How many of the result's frames the network has made."""
        return self.frames if self.selection is None else sum(span.frames for span in self.selection)

    def is_plain(self, span: ChunkSpan) -> bool:
        """Whether a chunk is only made as large as the others: chunks lie wholly within the selection or outside."""
        return self.selection is not None and not any(part.start <= span.start < part.end for part in self.selection)

    @property
    def manifest_sha256(self) -> str:
        """Digest of the whole plan: a changed parameter, model or source is another manifest."""
        return hashlib.sha256(self.model_dump_json(exclude={"warnings"}).encode()).hexdigest()

    def ticks(self, number: int) -> int:
        """Ticks of a frame, by its number in the original; that of the end for one past the last."""
        place = number - self.first
        return self.end_pts if place == self.frames else self.pts[place]

    def part(self, span: ChunkSpan) -> "Plan":
        """What a machine needs to know to make one chunk, which is the only one of the plan that this returns."""
        begin, end = span.start - self.first, span.end - self.first
        return self.model_copy(
            update={
                "first": span.start,
                "pts": self.pts[begin:end],
                "end_pts": self.ticks(span.end),
                "checks": self.checks[begin:end],
                "key_frames": tuple(reversed(self.keys_before(span.start)[:_KEYS])),
                "chunks": (span,),
                "selection": () if self.is_plain(span) else None,
                "warnings": (),
            }
        )

    def seconds(self, span: ChunkSpan) -> tuple[float, float]:
        """When a chunk begins and ends, in seconds of the film."""
        begin, end = (float((self.ticks(n) - self.origin) * self.time_base) for n in (span.start, span.end))
        return round(begin, 3), round(end, 3)

    def keys_before(self, number: int) -> Sequence[KeyFrame]:
        """Key frames at or before a frame, the nearest first."""
        return [key for key in reversed(self.key_frames) if key.number <= number]


def chunk_length(width: int, height: int, *, megapixels: float, shortest: int = 24, longest: int = 600) -> int:
    """Frames a chunk may have, so that one chunk is about the same work whatever the size of the picture."""
    return min(longest, max(shortest, round(megapixels * 1e6 / (width * height))))


def cut_into_chunks(first: int, end: int, *, longest: int, cuts: Sequence[int] = ()) -> tuple[ChunkSpan, ...]:
    """Chunks that cover every frame once, none longer than ``longest`` frames.

    ``cuts``: numbers of frames that begin a shot, rising. A chunk ends at the last of them that it can reach, for
    a seam is best seen in the middle of a shot; where it reaches none, what lies before the next one is cut into
    equal parts.
    """
    if end <= first or longest < 1:
        raise ValueError(f"nothing to cut: frames {first} to {end}, chunks of at most {longest}")
    edges = [first]
    stops = [*cuts[bisect_right(cuts, first) : bisect_left(cuts, end)], end]
    while edges[-1] < end:
        start = edges[-1]
        within = bisect_right(stops, start + longest)
        if within and stops[within - 1] > start:
            edges.append(stops[within - 1])
            continue
        length = stops[within] - start
        count = -(-length // longest)
        edges += [start + length * place // count for place in range(1, count + 1)]
    return tuple(ChunkSpan(start=a, end=b) for a, b in pairwise(edges))
