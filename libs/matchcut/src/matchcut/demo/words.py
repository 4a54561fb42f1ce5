"""Comparing what was said with what was heard."""

import re

__all__ = ["normalised", "word_error_rate"]

_UNITS = tuple(
    [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ]
)
_TENS = tuple("twenty thirty forty fifty sixty seventy eighty ninety".split())  # noqa: SIM905 -- as above


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
        return [_UNITS[number]]
    return [_TENS[number // 10 - 2]] + ([_UNITS[number % 10]] if number % 10 else [])
