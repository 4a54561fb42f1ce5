"""How far a transcript is from what was said: word error rate and word times, both after normalisation.

Whisper writes "1455" where a reader says "fourteen fifty-five", adds commas and capitals, and spells "15th". None of
these is an error of hearing, so both sides are brought to one form before they are compared. Spelling is not touched:
"wood cutters" for "woodcutters" counts as it does everywhere.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

__all__ = ["TimedWord", "normalised_words", "word_error_rate", "word_start_errors"]

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_ROUND = "twenty thirty forty fifty sixty seventy eighty ninety"
_UNITS = {word: value for value, word in enumerate(_SMALL.split(" "))}
_TENS = {word: 10 * value for value, word in enumerate(_ROUND.split(" "), start=2)}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
_ORDINALS = {
    "first": "one", "second": "two", "third": "three", "fifth": "five", "eighth": "eight", "ninth": "nine",
    "twelfth": "twelve",
}  # fmt: skip
_ABBREVIATIONS = {"mr": "mister", "dr": "doctor", "vs": "versus", "etc": "etcetera", "ok": "okay"}


class TimedWord(NamedTuple):
    """A word and when it starts, in seconds."""

    text: str
    start: float


def normalised_words(text: str) -> list[str]:
    """Lower case, no punctuation, hyphens split, every number in digits (ordinals as ``15th``)."""
    text = unicodedata.normalize("NFKC", text).lower()
    text = text.replace("%", " percent ").replace("&", " and ")
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    text = re.sub(r"\b([a-z])\.(?=[a-z]\b)", r"\1", text)  # "i.e." is one word
    text = re.sub(r"et\s+cetera", "etcetera", text)
    text = re.sub(r"['’]", "", text)
    words = re.findall(r"[^\W_]+", text)
    return list(_with_digits([_ABBREVIATIONS.get(word, word) for word in words]))


def _cardinal(word: str) -> tuple[str, bool]:
    """The cardinal of a number word and whether it was an ordinal: ``fifteenth`` -> ``fifteen``, True."""
    if word in _ORDINALS:
        return _ORDINALS[word], True
    if word.endswith("ieth") and word[:-4] + "y" in _TENS:
        return word[:-4] + "y", True
    if word.endswith("th") and word[:-2] in _UNITS:
        return word[:-2], True
    return word, False


def _with_digits(words: Sequence[str]) -> Iterator[str]:
    index = 0
    while index < len(words):
        value, used, ordinal = _number_at(words, index)
        # "one" and "second" are ordinary words more often than numbers, but both sides are treated alike
        if used:
            yield f"{value}th" if ordinal else str(value)
            index += used
        else:
            yield re.sub(r"^(\d+)(?:st|nd|rd|th)$", r"\1th", words[index])
            index += 1


def _number_at(words: Sequence[str], start: int) -> tuple[int, int, bool]:
    """The number that begins at a word, how many words it takes (0: none) and whether it is an ordinal."""
    total, group, used, last = 0, 0, 0, 0
    for word in words[start:]:
        name, ordinal = _cardinal(word)
        if name in _SCALES and used:
            scale = _SCALES[name]
            group = (group or 1) * scale
            if scale > 100:
                total, group = total + group, 0
            last = scale
        elif name in _UNITS or name in _TENS:
            size = _UNITS.get(name, _TENS.get(name, 0))
            if not used or last in (100, 1000, 1_000_000) or (20 <= last <= 90 and 0 < size < 10 and last % 10 == 0):
                group += size
            elif used == 1 and 13 <= last <= 20 and size >= 10 and size != last + 1:
                group = group * 100 + size  # a year said in halves: fourteen fifty-five
            else:
                break
            last = size
        else:
            break
        used += 1
        if ordinal:
            return total + group, used, True
    return total + group, used, False


def _alignment(reference: Sequence[str], hypothesis: Sequence[str]) -> tuple[int, list[tuple[int, int]]]:
    """Levenshtein distance over words, and the index pairs of equal words on one best path."""
    rows = [list(range(len(hypothesis) + 1))]
    for i, expected in enumerate(reference, start=1):
        above, row = rows[-1], [i]
        for j, heard in enumerate(hypothesis, start=1):
            row.append(min(above[j - 1] + (expected != heard), above[j] + 1, row[j - 1] + 1))
        rows.append(row)
    pairs = []
    i, j = len(reference), len(hypothesis)
    while i and j:
        same = reference[i - 1] == hypothesis[j - 1]
        if rows[i][j] == rows[i - 1][j - 1] + (not same):
            if same:
                pairs.append((i - 1, j - 1))
            i, j = i - 1, j - 1
        elif rows[i][j] == rows[i - 1][j] + 1:
            i -= 1
        else:
            j -= 1
    return rows[-1][-1], pairs[::-1]


def word_error_rate(reference: str, hypothesis: str) -> float:
    """Substituted, missing and added words per word of the reference; 0 when both are empty, 1 a word of nothing."""
    expected, heard = normalised_words(reference), normalised_words(hypothesis)
    distance, _ = _alignment(expected, heard)
    return distance / len(expected) if expected else float(bool(heard))


def word_start_errors(reference: Sequence[TimedWord], hypothesis: Sequence[TimedWord]) -> list[float]:
    """Heard start minus true start, in seconds, of every word that both sides have in the same place.

    Words that normalise to several (hyphens) or to none are matched by their first part; number words that merge
    with a neighbour are left out, for their start is not comparable.
    """
    expected, heard = _first_parts(reference), _first_parts(hypothesis)
    _, pairs = _alignment([word.text for word in expected], [word.text for word in heard])
    return [heard[j].start - expected[i].start for i, j in pairs]


def _first_parts(words: Sequence[TimedWord]) -> list[TimedWord]:
    parts = [(normalised_words(word.text), word.start) for word in words]
    return [TimedWord(texts[0], start) for texts, start in parts if texts]
