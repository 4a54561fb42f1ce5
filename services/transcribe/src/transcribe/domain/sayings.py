"""How a written English word is said: digits and symbols read aloud, in every way that is usual."""

import re

__all__ = ["sayings"]

_UP_TO_NINETEEN = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_SMALL = _UP_TO_NINETEEN.split(" ")
_ROUND = "zero ten twenty thirty forty fifty sixty seventy eighty ninety"
_TENS = _ROUND.split(" ")
_SCALES = ((1_000_000_000, "billion"), (1_000_000, "million"), (1_000, "thousand"), (100, "hundred"))
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
_SYMBOLS = {"&": "and", "%": "percent", "@": "at", "+": "plus", "=": "equals", "$": "dollars", "£": "pounds"}
_SYMBOLS |= {"€": "euros", "°": "degrees"}
_TITLES = {"mr": "mister", "mrs": "missus", "dr": "doctor", "st": "saint", "vs": "versus"}
_LARGEST = 10**12
_PART = re.compile(r"[$£€]?\d[\d,]*(?:\.\d+)?(?:st|nd|rd|th|s)?(?![a-z])|[^\W\d_]+(?:'[^\W\d_]+)*|[&%@+=°]")


def sayings(word: str) -> tuple[tuple[str, ...], ...]:
    """Every way to say a word, as plain lower-case words; none when nothing in it is said.

    >>> sayings("42-line")
    (('forty', 'two', 'line'),)
    >>> sayings("1455.")
    (('fourteen', 'fifty', 'five'), ('one', 'thousand', 'four', 'hundred', 'fifty', 'five'))
    """
    plain = word.lower().replace("’", "'")
    ways: list[tuple[str, ...]] = [()]
    for part in _PART.findall(plain):
        ways = [(*said, *way) for said in ways for way in _ways(part)]
    return tuple(way for way in ways if way)


def _ways(part: str) -> list[tuple[str, ...]]:
    if not any(char.isdigit() for char in part):
        return [(_SYMBOLS.get(part) or _TITLES.get(part) or part,)]
    unit = (_SYMBOLS[part[0]],) if part[0] in _SYMBOLS else ()
    ending = re.sub(r"[^a-z]", "", part)
    whole, _, decimals = re.sub(r"[^\d.]", "", part).rstrip(".").partition(".")
    number = int(whole or 0)
    if number >= _LARGEST or (len(whole) > 1 and whole.startswith("0")):
        return [(*(_SMALL[int(digit)] for digit in whole), *unit)]
    ways = [_cardinal(number)]
    if len(whole) == 4 and not unit and number % 1000 >= 10:
        ways.insert(0, _in_halves(number))
    if decimals:
        ways = [(*way, "point", *(_SMALL[int(digit)] for digit in decimals)) for way in ways]
    return [(*_with_ending(way, ending), *unit) for way in ways]


def _cardinal(number: int) -> tuple[str, ...]:
    if number < len(_SMALL):
        return (_SMALL[number],)
    if number < 100:
        return (_TENS[number // 10], *(() if number % 10 == 0 else _cardinal(number % 10)))
    scale, name = next((scale, name) for scale, name in _SCALES if number >= scale)
    rest = number % scale
    return (*_cardinal(number // scale), name, *(_cardinal(rest) if rest else ()))


def _in_halves(number: int) -> tuple[str, ...]:
    """A year: fourteen fifty-five, nineteen oh four, nineteen hundred."""
    rest = number % 100
    after = ("hundred",) if rest == 0 else ("oh", _SMALL[rest]) if rest < 10 else _cardinal(rest)
    return (*_cardinal(number // 100), *after)


def _with_ending(way: tuple[str, ...], ending: str) -> tuple[str, ...]:
    if not ending:
        return way
    last = way[-1]
    if ending == "s":
        return (*way[:-1], last[:-1] + "ies" if last.endswith("y") else last + "s")
    return (*way[:-1], _ORDINALS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th"))
