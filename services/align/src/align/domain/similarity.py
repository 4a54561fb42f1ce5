"""How alike two words are to a recognizer's ear: by their letters and by how they sound."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

__all__ = ["Emissions", "sounds_like", "word_weights"]

_SOUNDS = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"^ps|^(?=ps)", "s"), (r"^kn|^gn", "n"), (r"^wr", "r"), (r"ph", "f"), (r"tch|tsch", "c"), (r"sch", "s"),
        (r"ght", "t"), (r"gh", ""), (r"ck|q", "k"), (r"dg(?=[eiy])", "j"), (r"c(?=[eiy])", "s"), (r"(?<!s)ch", "c"),
        (r"c", "k"), (r"x", "ks"), (r"z", "s"), (r"th", "0"), (r"mb$", "m"), (r"(?<=[^aeiou])e$", ""),
        (r"[aeiouyw]+", "a"), (r"(.)\1+", r"\1"),
    )
)  # fmt: skip


def sounds_like(word: str) -> str:
    """A rough English sound key: consonants by sound, every run of vowels one ``a`` (missal = missile)."""
    for pattern, sound in _SOUNDS:
        word = pattern.sub(sound, word)
    return word


_SHORT = 4
"""Letters below which sound alone says nothing (``in`` would be ``on``)."""
_BY_SOUND = 0.9
"""What an equal sound is worth beside equal letters."""
_UNRELATED = 0.55
"""Similarity under which two words are taken for different words."""
SUBSTITUTION = -1.5
"""Log-odds of one word standing for an unrelated one."""


def word_weights(words: Sequence[str], heard: Sequence[str], script: Sequence[str]) -> NDArray[np.float64]:
    """Log-odds of hearing a script word where it stands, against hearing it by chance: rare words weigh more.

    ``log(0.9 / background)``, the background being counted in both texts, with a floor for the words of every text.
    """
    counts = Counter(heard) + Counter(script)
    total = sum(counts.values()) + 1
    background = np.array([(counts[word] + 0.5) / total for word in words])
    common = np.array([0.015 if word in _COMMON else 0.0 for word in words])
    weights: NDArray[np.float64] = np.clip(np.log(0.9 / np.maximum(background, common)), 1.0, 6.0)
    return weights


class Emissions:
    """For a heard word: the log-odds of it being each word of the script's vocabulary."""

    def __init__(self, heard: Sequence[str], script: Sequence[str]) -> None:
        self.heard_words = sorted(set(heard))
        self.script_words = sorted(set(script))
        self.heard_ids = {word: at for at, word in enumerate(self.heard_words)}
        self.script_ids = {word: at for at, word in enumerate(self.script_words)}
        self.weights = word_weights(self.script_words, heard, script)
        self._near = _near(self.heard_words, self.script_words)

    def row(self, heard_id: int) -> NDArray[np.float64]:
        """Log-odds per word of the script's vocabulary; unrelated words get ``SUBSTITUTION``."""
        row = np.full(len(self.script_words), SUBSTITUTION)
        ids, likeness = self._near[heard_id]
        row[ids] += (self.weights[ids] - SUBSTITUTION) * np.clip((likeness - 0.5) * 2, 0, 1)
        return row

    def likeness(self, heard_id: int, script_id: int) -> float:
        """How alike two words are, 0 (unrelated) to 1 (the same)."""
        ids, likeness = self._near[heard_id]
        at = int(np.searchsorted(ids, script_id))
        return float(likeness[at]) if at < len(ids) and ids[at] == script_id else 0.0


_ROWS = 512
"""Words compared at once: keeps the table of similarities small whatever the vocabulary."""


def _near(heard: list[str], script: list[str]) -> list[tuple[NDArray[np.intp], NDArray[np.float32]]]:
    sounds = [sounds_like(word) for word in script]
    long_script = np.array([len(word) >= _SHORT for word in script])
    near = []
    for start in range(0, len(heard), _ROWS):
        words = heard[start : start + _ROWS]
        letters = cdist(words, script, scorer=Levenshtein.normalized_similarity, dtype=np.float32)
        heard_sounds = [sounds_like(word) for word in words]
        sound = cdist(heard_sounds, sounds, scorer=Levenshtein.normalized_similarity, dtype=np.float32)
        long_heard = np.array([len(word) >= _SHORT for word in words])
        sound *= _BY_SOUND * (long_heard[:, None] & long_script[None, :])
        best = np.maximum(letters, sound)
        for row in best:
            ids = np.flatnonzero(row >= _UNRELATED)
            near.append((ids, row[ids]))
    return near


_COMMON = frozenset({
    "a", "about", "after", "all", "also", "an", "and", "any", "are", "as", "at", "be", "because", "been",
    "before", "but", "by", "can", "could", "did", "do", "down", "for", "from", "get", "go", "had", "has",
    "have", "he", "her", "here", "him", "his", "how", "i", "if", "in", "into", "is", "it", "just", "know",
    "like", "me", "more", "my", "no", "not", "now", "of", "on", "one", "or", "our", "out", "over", "she", "so",
    "some", "than", "that", "the", "their", "them", "then", "there", "they", "this", "time", "to", "up", "us",
    "very", "was", "we", "well", "were", "what", "when", "which", "who", "will", "with", "would", "yeah", "yes",
    "you", "your", "oh", "okay",
})  # fmt: skip
