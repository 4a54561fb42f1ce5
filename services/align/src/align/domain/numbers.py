"""English numbers as they are said. A number may be said in several ways; all the usual ones are given."""

import re

__all__ = ["readings"]

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_IRREGULAR = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_LARGEST = 10**15
_NUMBER = re.compile(
    r"^(?P<money>[$£€])?(?P<whole>\d{1,3}(?:,\d{3})+|\d+)(?:\.(?P<part>\d+))?(?P<tail>st|nd|rd|th|s|%)?$", re.IGNORECASE
)
_CLOCK = re.compile(r"^(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)$")
_MONEY = {"$": ("dollar", "cent"), "£": ("pound", "pence"), "€": ("euro", "cent")}


def readings(text: str) -> tuple[tuple[str, ...], ...]:
    """All usual ways to say a number written in digits, the likeliest first; none when it is no number.

    >>> readings("1455")[0]
    ('fourteen', 'fifty', 'five')
    """
    if clock := _CLOCK.match(text):
        return _clock(int(clock["hour"]), clock["minute"])
    found = _NUMBER.match(text)
    if not found or len(found["whole"]) > 15:
        return ()
    value = int(found["whole"].replace(",", ""))
    tail = (found["tail"] or "").lower()
    if found["money"]:
        return (_money(found["money"], value, found["part"]),)
    if found["part"]:
        spoken = [*_cardinal(value), "point", *(_ONES[int(digit)] for digit in found["part"])]
        return (tuple(spoken + (["percent"] if tail == "%" else [])),)
    if tail in ("st", "nd", "rd", "th"):
        return (tuple(_ordinal(_cardinal(value))),)
    ways = _plain(value, found["whole"])
    if tail == "s":
        return tuple((*way[:-1], _plural(way[-1])) for way in ways)
    return tuple((*way, "percent") for way in ways) if tail == "%" else ways


def _plain(value: int, written: str) -> tuple[tuple[str, ...], ...]:
    ways = [tuple(_cardinal(value))]
    if 1000 <= value <= 9999 and "," not in written:
        pairs = _in_pairs(value)
        if 1100 <= value <= 1999 or 2010 <= value <= 2099:
            ways.insert(0, pairs)
        elif pairs:
            ways.append(pairs)
        if (value % 1000 and value % 100 == 0) or (value > 1100 and value % 100):
            hundreds = (*_cardinal(value // 100), "hundred", *(_cardinal(value % 100) if value % 100 else ()))
            ways.append(hundreds)
    if len(written) > 1 and "," not in written:
        ways.append(tuple(_ONES[int(digit)] for digit in written))
        if "0" in written:
            ways.append(tuple("oh" if digit == "0" else _ONES[int(digit)] for digit in written))
    if len(written) == 3 and value % 100 >= 10:
        ways.append((_ONES[value // 100], *_cardinal(value % 100)))
    return tuple(dict.fromkeys(way for way in ways if way))


def _in_pairs(value: int) -> tuple[str, ...]:
    """Years: 1905 is nineteen oh five, 1900 nineteen hundred, 2014 twenty fourteen."""
    first, second = divmod(value, 100)
    if first % 10 == 0 and second < 10:
        return ()
    if second == 0:
        return (*_cardinal(first), "hundred")
    return (*_cardinal(first), *(("oh",) if second < 10 else ()), *_cardinal(second))


def _cardinal(value: int) -> list[str]:
    """Without the "and" of British use, which some say and some do not."""
    if value >= _LARGEST:
        return [_ONES[int(digit)] for digit in str(value)]
    if value < 20:
        return [_ONES[value]]
    if value < 100:
        return [_TENS[value // 10], *([_ONES[value % 10]] if value % 10 else [])]
    for size, name in _SCALES:
        if value >= size:
            rest = value % size
            return [*_cardinal(value // size), name, *(_cardinal(rest) if rest else [])]
    raise AssertionError(value)


def _ordinal(words: list[str]) -> list[str]:
    last = words[-1]
    said = _IRREGULAR.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th")
    return [*words[:-1], said]


def _plural(word: str) -> str:
    return word[:-1] + "ies" if word.endswith("y") else word + ("es" if word.endswith("x") else "s")


def _money(sign: str, value: int, part: str | None) -> tuple[str, ...]:
    unit, small = _MONEY[sign]
    words = [*_cardinal(value), unit if value == 1 else unit + "s"]
    if part and int(part):
        cents = int(part[:2].ljust(2, "0"))
        words += [*_cardinal(cents), small if cents == 1 or small == "pence" else small + "s"]
    return tuple(words)


def _clock(hour: int, minute: str) -> tuple[tuple[str, ...], ...]:
    spoken = _cardinal(hour)
    if minute == "00":
        return ((*spoken, "o", "clock"), tuple(spoken), (*spoken, "hundred"))
    minutes = (["oh"] if minute[0] == "0" else []) + _cardinal(int(minute))
    return ((*spoken, *minutes),)
