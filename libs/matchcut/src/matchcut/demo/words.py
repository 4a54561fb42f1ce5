"""Comparing what was said with what was heard."""

import re

__all__ = ["normalised", "word_error_rate"]

_BELOW_TWENTY = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"


def normalised(text: str) -> list[str]:
    """Words in lower case without punctuation; whole numbers below 100 in words, because recognizers write digits."""
    words = re.findall(r"[a-z0-9']+", text.lower().replace("’", "'"))
    return [part for word in words for part in _in_words(word)]


def word_error_rate(said: str, heard: str) -> float:
    """Substitutions, deletions and insertions per word said (Levenshtein distance over words)."""
    reference, hypothesis = normalised(said), normalised(heard)
    row = list(range(len(hypothesis) + 1))
    for i, wanted in enumerate(reference, 1):
        before, row[0] = row[0], i
        for j, found in enumerate(hypothesis, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (wanted != found))
    return row[-1] / max(1, len(reference))


def _in_words(word: str) -> list[str]:
    if not word.isdigit() or int(word) >= 100:
        return [word.strip("'")]
    number = int(word)
    if number < 20:
        return [_BELOW_TWENTY.split()[number]]
    return [_TENS.split()[number // 10 - 2]] + ([_BELOW_TWENTY.split()[number % 10]] if number % 10 else [])
