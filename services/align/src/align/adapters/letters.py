"""How an unknown English word may sound: letters to ARPAbet phones by the longest matching spelling.

Rough on purpose. An aligner only has to find a word between its neighbours, and a near sound is near enough for that.
"""

import unicodedata

__all__ = ["pronounce"]

_SPELLINGS = {
    "tch": "CH", "sch": "SH", "tion": "SH AH N", "sion": "ZH AH N", "ture": "CH ER", "ough": "AO", "augh": "AO",
    "eigh": "EY", "igh": "AY", "ph": "F", "sh": "SH", "ch": "CH", "th": "TH", "wh": "W", "ck": "K", "ng": "NG",
    "qu": "K W", "kn": "N", "wr": "R", "gh": "G", "ps": "P S", "ee": "IY", "ea": "IY", "oo": "UW", "ou": "AW",
    "ow": "OW", "oi": "OY", "oy": "OY", "ai": "EY", "ay": "EY", "au": "AO", "aw": "AO", "ie": "IY", "ei": "EY",
    "ey": "IY", "oa": "OW", "oe": "OW", "ue": "UW", "ui": "UW", "er": "ER", "ir": "ER", "ur": "ER", "ar": "AA R",
    "or": "AO R", "ce": "S EH", "ci": "S IH", "cy": "S IY", "ge": "JH EH", "gi": "JH IH", "gy": "JH IY",
    "a": "AE", "b": "B", "c": "K", "d": "D", "e": "EH", "f": "F", "g": "G", "h": "HH", "i": "IH", "j": "JH",
    "k": "K", "l": "L", "m": "M", "n": "N", "o": "AA", "p": "P", "q": "K", "r": "R", "s": "S", "t": "T", "u": "AH",
    "v": "V", "w": "W", "x": "K S", "y": "Y", "z": "Z",
}  # fmt: skip
_LONGEST = max(map(len, _SPELLINGS))
_LETTERS = {
    "b": "B IY", "c": "S IY", "d": "D IY", "f": "EH F", "g": "JH IY", "h": "EY CH", "j": "JH EY", "k": "K EY",
    "l": "EH L", "m": "EH M", "n": "EH N", "p": "P IY", "q": "K Y UW", "r": "AA R", "s": "EH S", "t": "T IY",
    "v": "V IY", "w": "D AH B AH L Y UW", "x": "EH K S", "z": "Z IY",
}  # fmt: skip
_AT_START = {"kn": "N", "gn": "N", "ps": "S", "wr": "R", "x": "Z", "pn": "N", "rh": "R"}
_AT_END = {"e": "", "es": "S", "ed": "D", "y": "IY", "le": "AH L", "re": "ER", "mb": "M", "que": "K", "gue": "G"}


def pronounce(word: str) -> str:
    """Phones of a word, separated by blanks; empty when nothing in it can be said in English.

    >>> pronounce("schoeffer")
    'SH OW F ER'
    """
    plain = unicodedata.normalize("NFD", word.lower())
    letters = "".join(char for char in plain if "a" <= char <= "z")
    if letters in _LETTERS:
        return _LETTERS[letters]
    if letters and not set(letters) & set("aeiouy"):
        return " ".join(_LETTERS[letter] for letter in letters[:6])
    phones: list[str] = []
    at = 0
    while at < len(letters):
        size, sound = _spelling(letters, at)
        if sound and not (phones and phones[-1] == sound and len(sound.split()) == 1):
            phones.append(sound)
        at += size
    return " ".join(phones)


def _spelling(letters: str, at: int) -> tuple[int, str]:
    """How many letters the next sound takes, and the sound."""
    rest = letters[at:]
    if at and len(letters) > 2 and rest in _AT_END:
        return len(rest), _AT_END[rest]
    for size in range(min(_LONGEST, len(rest)), 0, -1):
        part = rest[:size]
        if at == 0 and part in _AT_START:
            return size, _AT_START[part]
        if part in _SPELLINGS:
            return size, _SPELLINGS[part]
    raise AssertionError(rest)
