"""Where words sound, by pocketsphinx. Its acoustic model (US English) is in the package.

Every second frame is scored, with the two nearest densities each: half the time, and on the evaluation data the median
start error stays under 10 ms (docs/accuracy.md).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pocketsphinx import Decoder

from transcribe.adapters.wav import SAMPLE_RATE, WavReader
from transcribe.domain.heard import Heard
from transcribe.domain.sayings import sayings
from transcribe.domain.sounds import sounds_of
from transcribe.domain.timing import timed_by_sound

__all__ = ["SphinxAligner", "timed_in"]

_FRAME_S = 0.01
_FEWEST_FRAMES = 3
"""Frames a word takes at least: a phone has three states."""
_WAYS = 4
"""Readings of one number at most."""


def timed_in(audio: Path, heard: Heard, progress: Callable[[float], None] = lambda _: None) -> Heard:
    """English speech, with the times its words have in the sound of a WAV file."""
    aligner = SphinxAligner()
    with WavReader(audio) as wav:

        def place(start: float, end: float, words: Sequence[str]) -> Sequence[tuple[float, float] | None]:
            first = round(start * SAMPLE_RATE)
            found = aligner(wav.read(first, round(end * SAMPLE_RATE) - first), words)
            begin = first / SAMPLE_RATE
            return [(time[0] + begin, time[1] + begin) if time else None for time in found]

        return timed_by_sound(heard, place, progress)


class SphinxAligner:
    """Finds English words in sound. One call at a time; keep it, for loading takes a moment."""

    def __init__(self) -> None:
        beams = {"beam": 1e-100, "pbeam": 1e-100, "wbeam": 1e-80}
        self._decoder: Any = Decoder(
            samprate=SAMPLE_RATE, lm=None, bestpath=False, ds=2, topn=2, loglevel="FATAL", **beams
        )
        self._names: dict[str, str | None] = {}

    def __call__(self, sound: NDArray[np.float32], words: Sequence[str]) -> list[tuple[float, float] | None]:
        """Start and end of each word in seconds from the first sample; None for those that could not be placed."""
        names = [self._known(word) for word in words]
        text = " ".join(name for name in names if name)
        if not text or len(sound) < SAMPLE_RATE * _FRAME_S * _FEWEST_FRAMES * len(words):
            return [None] * len(words)
        found = self._aligned(sound, text)
        if len(found) != sum(name is not None for name in names):
            return [None] * len(words)
        placed = iter(found)
        return [next(placed) if name else None for name in names]

    def _aligned(self, sound: NDArray[np.float32], text: str) -> list[tuple[float, float]]:
        self._decoder.set_align_text(text)
        self._decoder.start_utt()
        self._decoder.process_raw((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes(), full_utt=True)
        self._decoder.end_utt()
        return [
            (one.start_frame * _FRAME_S, (one.end_frame + 1) * _FRAME_S)
            for one in self._decoder.seg() or ()
            if not one.word.startswith(("<", "[", "("))
        ]

    def _known(self, word: str) -> str | None:
        """The name a word has in the dictionary, with every way it is said; None when it is not said."""
        if word not in self._names:
            self._names[word] = self._named(word)
        return self._names[word]

    def _named(self, word: str) -> str | None:
        ways = sayings(word)[:_WAYS]
        if len(ways) == 1 and len(ways[0]) == 1 and self._decoder.lookup_word(ways[0][0]) is not None:
            return ways[0][0]
        phones = [sound for way in ways if (sound := " ".join(self._phones(part) for part in way).strip())]
        if not phones:
            return None
        name = f"w{len(self._names)}"
        for at, sound in enumerate(phones):
            self._decoder.add_word(name if at == 0 else f"{name}({at + 1})", sound, at == len(phones) - 1)
        return name

    def sounds(self, plain: str) -> list[str]:
        """How a plain word sounds."""
        return self._phones(plain).split()

    def _phones(self, plain: str) -> str:
        known: str | None = self._decoder.lookup_word(plain)
        return known if known is not None else " ".join(sounds_of(plain))
