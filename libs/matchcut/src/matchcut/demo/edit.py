"""The demo's cutting list: which shots, which voices, which script. Everything else follows from it."""

from dataclasses import dataclass

from matchcut.demo.sources import BIKES, BUNNY, COUNTING, DICKENS, FOX, Source

__all__ = [
    "FPS",
    "HEIGHT",
    "LINES",
    "MARK",
    "SHOTS",
    "SPEECH",
    "TITLE",
    "UPSCALE",
    "VERSION",
    "WIDTH",
    "Crop",
    "Line",
    "MarkSpan",
    "Shot",
    "Utterance",
]

VERSION = 1
"""Raise it with every change here or in what renders it, so that a cached clip is made anew."""

WIDTH, HEIGHT, FPS = 640, 360, 25
TITLE = "A TALE OF TWO CITIES"
UPSCALE = (13.0, 15.0)
"""Seconds of the film that are upscaled: 50 frames of a close-up."""

Crop = tuple[float, float, float, float]
"""x, y, width, height as shares of the source picture; made to fit 16:9 around its centre."""


@dataclass(frozen=True)
class Shot:
    """A stretch of a source in slow motion, while the view moves from one crop to another."""

    source: Source
    first: float
    """Source frame shown first."""
    speed: float
    """Source frames per film frame; between two source frames they are mixed."""
    frames: int
    start_crop: Crop
    end_crop: Crop
    mirrored: bool = False


@dataclass(frozen=True)
class Line:
    """A line of the script and what becomes of it in the film."""

    number: int
    text: str
    status: str


@dataclass(frozen=True)
class Utterance:
    """A stretch of a recording, cut in its pauses, in the order of the film."""

    source: Source
    start: float
    """Seconds in the source."""
    end: float
    gap: float
    """Seconds of silence before it."""
    text: str
    line: int | None = None
    """Number of the script line it is a take of; None is an ad-lib."""
    complete: bool = True


@dataclass(frozen=True)
class MarkSpan:
    """Where and when the drawn logo is burnt in."""

    x: int
    y: int
    opacity: float
    start_frame: int
    end_frame: int


_WHOLE: Crop = (0, 0, 1, 1)

SHOTS = (
    Shot(BUNNY, 0, 0.5, 118, _WHOLE, (0.06, 0.08, 0.82, 0.82)),
    Shot(BIKES, 0, 0.4, 70, _WHOLE, (0.08, 0.0, 0.9, 0.9)),
    Shot(BIKES, 31, 0.4, 106, (0.05, 0.0, 0.9, 0.9), _WHOLE),
    Shot(BUNNY, 66, 0.5, 122, (0.12, 0.08, 0.5, 0.5), (0.1, 0.12, 0.46, 0.46)),
    Shot(BIKES, 77, 0.45, 128, _WHOLE, (0.1, 0.05, 0.85, 0.85)),
    Shot(BIKES, 138, 0.4, 116, (0.0, 0.1, 0.85, 0.85), (0.1, 0.05, 0.85, 0.85)),
    Shot(BUNNY, 14, 0.5, 120, (0.42, 0.3, 0.5, 0.5), (0.48, 0.34, 0.5, 0.5), mirrored=True),
    Shot(BIKES, 188, 0.45, 114, _WHOLE, (0.1, 0.1, 0.8, 0.8)),
    Shot(BIKES, 50, 0.25, 96, (0.1, 0.15, 0.8, 0.8), (0.04, 0.18, 0.8, 0.8)),
    Shot(BUNNY, 36, 0.5, 106, (0.02, 0.1, 0.62, 0.62), (0.06, 0.14, 0.56, 0.56), mirrored=True),
    Shot(BIKES, 140, 0.4, 110, (0.3, 0.1, 0.7, 0.7), (0.2, 0.1, 0.7, 0.7), mirrored=True),
    Shot(BIKES, 95, 0.4, 98, (0.25, 0.0, 0.75, 0.75), (0.3, 0.0, 0.7, 0.7)),
)

LINES = (
    Line(1, "It was the best of times, it was the worst of times.", "spoken"),
    Line(2, "It was the age of wisdom, it was the age of foolishness.", "repeated"),
    Line(3, "It was the epoch of belief, it was the epoch of incredulity.", "spoken"),
    Line(4, "It was the season of Light, it was the season of Darkness.", "moved"),
    Line(5, "It was the spring of hope, it was the winter of despair.", "spoken"),
    Line(6, "We had everything before us, we had nothing before us.", "spoken"),
    Line(7, "There were a king with a large jaw and a queen with a plain face, on the throne of England.", "omitted"),
    Line(8, "All of us were headed straight for Heaven, all of us were headed straight the other way.", "paraphrased"),
    Line(
        9,
        "In short, the period was so far like the present period, that some of its noisiest authorities insisted on"
        " its being received, for good or for evil, in the superlative degree of comparison only.",
        "partial",
    ),
)

SPEECH = (
    Utterance(COUNTING, 0.0, 2.75, 0.9, "One, two, three, four, five, six, seven, eight, nine, ten."),
    Utterance(DICKENS, 1.15, 4.78, 1.1, LINES[0].text, 1),
    Utterance(DICKENS, 4.95, 8.25, 0.7, LINES[1].text, 2),
    Utterance(DICKENS, 4.95, 8.25, 0.9, LINES[1].text, 2),
    Utterance(DICKENS, 8.74, 12.95, 0.6, LINES[2].text, 3),
    Utterance(DICKENS, 17.48, 20.65, 0.7, LINES[4].text, 5),
    Utterance(DICKENS, 21.17, 24.15, 0.7, LINES[5].text, 6),
    Utterance(DICKENS, 13.40, 16.85, 0.9, LINES[3].text, 4),
    Utterance(FOX, 0.0, 2.65, 1.0, "The quick brown fox jumps over the lazy dog."),
    Utterance(
        DICKENS,
        24.58,
        28.40,
        1.1,
        "We were all going direct to Heaven, we were all going direct the other way.",
        8,
    ),
    Utterance(
        DICKENS,
        29.03,
        36.72,
        0.8,
        "In short, the period was so far like the present period, that some of its noisiest authorities insisted on"
        " its being received,",
        9,
        complete=False,
    ),
)

MARK = MarkSpan(x=520, y=20, opacity=0.75, start_frame=430, end_frame=1000)
