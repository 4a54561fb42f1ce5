"""Hours of speech in words that are as often and as seldom as those of a language: Zipf's law, with a real head."""

import random
from collections import Counter
from itertools import accumulate
from pathlib import Path

from contracts.documents import Transcript
from contracts.documents.transcript import Word
from gateway.domain.search.words import tokens_of

__all__ = ["WORDS_AN_HOUR", "SpokenHours"]

WORDS_AN_HOUR = 9000
_PLAY = Path(__file__).with_name("coriolanus.txt")
_ONSETS: list[str] = [*"bcdfghjklmnprstv", "br", "ch", "dr", "gr", "pr", "qu", "sh", "st", "str", "th", "tr"]
_VOWELS: list[str] = [*"aeiou", "ai", "ea", "ee", "ou"]
_CODAS = ["", "n", "r", "l", "s", "t", "nd", "st", "m", "ck", "ng"]
_GAP_S = 3600 / WORDS_AN_HOUR
_SENTENCE = (4, 24)


class SpokenHours:
    """One language with ``types`` words. Its most frequent words are those of the play, in the play's order."""

    def __init__(self, *, types: int = 60_000, seed: int = 1) -> None:
        self._rng = random.Random(seed)
        play = Counter(token.word for token in tokens_of(_PLAY.read_text()))
        self.words = [word for word, _ in play.most_common()]
        known = set(self.words)
        while len(self.words) < types:
            word = "".join(self._syllable() for _ in range(self._rng.choice((2, 2, 3, 3, 4))))
            if word not in known:
                known.add(word)
                self.words.append(word)
        # Zipf-Mandelbrot: with 2.7 and 1.05 the first hundred words are about half of all that is said.
        self._weights = list(accumulate((rank + 2.7) ** -1.05 for rank in range(1, types + 1)))

    def hour(self, seed: int) -> Transcript:
        """An hour of it, in sentences."""
        rng = random.Random(f"hour {seed}")
        texts = rng.choices(self.words, cum_weights=self._weights, k=WORDS_AN_HOUR)
        ends, place = set[int](), 0
        while place < len(texts):
            place += rng.randint(*_SENTENCE)
            ends.add(place)
        spoken = tuple(
            Word.model_construct(
                text=f"{text}." if place in ends else text,
                start=round(place * _GAP_S, 3),
                end=round(place * _GAP_S + 0.3, 3),
                probability=0.9,
            )
            for place, text in enumerate(texts)
        )
        return Transcript.model_construct(
            language="en", language_probability=0.9, duration=3600.0, words=spoken, segments=(), engine=""
        )

    def slip(self, word: str) -> str:
        """The word with one slip: two letters exchanged, one missing, a wrong one, or one too many."""
        place = self._rng.randrange(1, len(word) - 1)
        wrong = self._rng.choice("aeiounrst")
        slips = (
            word[:place] + word[place + 1] + word[place] + word[place + 2 :],
            word[:place] + word[place + 1 :],
            word[:place] + wrong + word[place + 1 :],
            word[:place] + wrong + word[place:],
        )
        return slips[self._rng.randrange(len(slips))]

    def _syllable(self) -> str:
        return self._rng.choice(_ONSETS) + self._rng.choice(_VOWELS) + self._rng.choice(_CODAS)
