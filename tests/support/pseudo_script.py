"""Scripts of any length in words that do not exist, as often or as seldom as words of a language are."""

import random

__all__ = ["pseudo_script"]

_ONSETS = [
    "b",
    "br",
    "d",
    "dr",
    "f",
    "g",
    "gl",
    "h",
    "k",
    "l",
    "m",
    "n",
    "p",
    "pl",
    "r",
    "s",
    "st",
    "t",
    "tr",
    "v",
    "w",
]
_VOWELS = ["a", "e", "i", "o", "u", "ea", "ou", "ai"]
_CODAS = ["", "n", "r", "l", "s", "t", "nd", "st", "m", "ck"]
_WORDS = 5000


def pseudo_script(lines: int, *, seed: int) -> list[str]:
    """That many lines of 3 to 22 words; frequencies follow Zipf's law."""
    rng = random.Random(seed)
    words = sorted({"".join(_syllable(rng) for _ in range(rng.choice((1, 2, 2, 3)))) for _ in range(_WORDS)})
    rng.shuffle(words)
    weights = [1 / (rank + 3) for rank in range(len(words))]
    return [" ".join(rng.choices(words, weights, k=rng.randint(3, 22))).capitalize() + "." for _ in range(lines)]


def _syllable(rng: random.Random) -> str:
    return rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS)
