"""Words as they sound: the common form of script and transcript, with the way back to what was written.

A token is one spoken word in a plain form ("forty", "two", "mister"); it knows the written word it came from, so times
found for tokens become times of the author's words and nothing the author wrote is ever lost.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from align.domain.numbers import readings

__all__ = ["Piece", "Token", "Vocabulary", "joint", "pieces_of", "tokens_of", "written_words"]


@dataclass(frozen=True)
class Token:
    """One spoken word and the index of the written word it is part of."""

    text: str
    word: int
    optional: bool = False
    """In inline parentheses: it may be a stage direction, so that not hearing it is no omission."""


@dataclass(frozen=True)
class Piece:
    """A part of a written word that is said on its own, with every way it may be said."""

    ways: tuple[tuple[str, ...], ...]
    word: int
    optional: bool = False


class Vocabulary:
    """Pairs of neighbouring spoken words of a text: they decide how the other side's digits are read."""

    def __init__(self, texts: Iterable[Sequence[Piece]]) -> None:
        self._words: set[str] = set()
        self._pairs: set[tuple[str, str]] = set()
        for pieces in texts:
            flat = [word for piece in pieces if len(piece.ways) == 1 for word in piece.ways[0]]
            self._words.update(flat)
            self._pairs.update(pairwise(flat))

    def knows(self, way: Sequence[str]) -> float:
        """Share of the way's pairs of words (of its words, when it is one) that the text has, 0 to 1."""
        if len(way) == 1:
            return float(way[0] in self._words)
        return sum(pair in self._pairs for pair in pairwise(way)) / (len(way) - 1)

    def split(self, word: str) -> tuple[str, str] | None:
        """The two words of this text that a compound it does not have is made of: ``wood cutters``."""
        if word in self._words:
            return None
        halves = ((word[:at], word[at:]) for at in range(2, len(word) - 1))
        return next((pair for pair in halves if pair in self._pairs), None)


def written_words(text: str) -> list[str]:
    """The author's words: what white space separates, or single characters where a script has no spaces."""
    words: list[str] = []
    for chunk in text.split():
        words += _split_wide(chunk)
    return words


def joint(before: str, after: str) -> str:
    """What stands between two written words on a page: a blank, or nothing in scripts without spaces."""
    return "" if before and after and _WIDE.match(before[-1]) and _WIDE.match(after[0]) else " "


def pieces_of(text: str, *, english: bool = True) -> list[Piece]:
    """What is said of a line, word by word; ``[brackets]`` are never said, ``(parentheses)`` perhaps."""
    pieces: list[Piece] = []
    square = round_ = 0
    words = written_words(text)
    for at, word in enumerate(words):
        square += word.count("[")
        round_ += word.count("(")
        if not square:
            following = words[at + 1] if at + 1 < len(words) else ""
            for ways in _said(word, following, english=english):
                pieces.append(Piece(ways, at, optional=round_ > 0))
        square = max(0, square - word.count("]"))
        round_ = max(0, round_ - word.count(")"))
    return pieces


def tokens_of(pieces: Iterable[Piece], other: Vocabulary | None = None) -> list[Token]:
    """Choose for each piece the way the other text says it; else the likeliest."""
    tokens: list[Token] = []
    for piece in pieces:
        way = piece.ways[0]
        if other is not None and len(piece.ways) > 1:
            way = max(piece.ways, key=other.knows)
        elif other is not None and len(way) == 1:
            way = other.split(way[0]) or way
        tokens += [Token(word, piece.word, piece.optional) for word in way]
    return tokens


_ABBREVIATIONS = {
    "mr": "mister", "mrs": "missus", "ms": "miss", "dr": "doctor", "prof": "professor", "st": "saint", "jr": "junior",
    "sr": "senior", "capt": "captain", "lt": "lieutenant", "col": "colonel", "gen": "general", "sgt": "sergeant",
    "rev": "reverend", "hon": "honorable", "vs": "versus", "etc": "et cetera", "approx": "approximately",
    "dept": "department", "ave": "avenue", "blvd": "boulevard", "mt": "mount",
}  # fmt: skip
_DOTTED = {"ave", "st", "gen", "hon", "col", "mt", "rev"}
"""Words of their own unless a dot marks the abbreviation."""
_WHOLE = {
    "can't": "can not", "won't": "will not", "shan't": "shall not", "cannot": "can not", "let's": "let us",
    "ain't": "is not", "y'all": "you all", "gonna": "going to", "wanna": "want to", "gotta": "got to", "ok": "okay",
    "o'clock": "o clock", "'cause": "because", "'em": "them", "'tis": "it is", "'twas": "it was", "til": "until",
}  # fmt: skip
_ENDINGS = (("n't", "not"), ("'re", "are"), ("'ll", "will"), ("'ve", "have"), ("'m", "am"), ("'d", "would"))
_IS = {
    "it", "he", "she", "that", "this", "what", "who", "where", "there", "here", "how", "when", "why", "everything",
    "everybody", "everyone", "something", "somebody", "nothing", "nobody",
}  # fmt: skip
_SYMBOLS = {"&": "and", "%": "percent", "@": "at", "+": "plus", "=": "equals", "°": "degrees", "§": "section"}
_WIDE = re.compile(r"[぀-ヿ㐀-䶿一-鿿豈-﫿]")
_ITEM = re.compile(
    r"[$£€]?\d{1,3}(?:,\d{3})+(?:\.\d+)?(?:st|nd|rd|th|s|%)?(?!\w)|\d?\d:\d\d(?!\w)"
    r"|[$£€]?\d+(?:\.\d+)?(?:(?:st|nd|rd|th|s)(?!\w)|%)?|[^\W\d_]+(?:'[^\W\d_]+)*'?|'[^\W\d_]+|[&@%+=°§]",
    re.IGNORECASE,
)
_QUOTES = str.maketrans({"’": "'", "‘": "'", "‛": "'", "ʼ": "'", "′": "'", "`": "'", "´": "'"})
_LARGE = {"hundred", "thousand", "million", "billion", "trillion", "bn", "m", "k"}


def _said(word: str, following: str, *, english: bool) -> list[tuple[tuple[str, ...], ...]]:
    """The parts of a written word that are said, each with its ways."""
    plain = unicodedata.normalize("NFKC", word.translate(_QUOTES)).translate(_QUOTES)
    if re.fullmatch(r"\W*(?:[^\W\d_]\.){2,}[^\W\d_]?\W*", plain):  # i.e. U.S.A.
        return [((letter.lower(),),) for letter in plain if letter.isalpha()]
    parts: list[tuple[tuple[str, ...], ...]] = []
    for found in _ITEM.finditer(plain):
        item = found.group().strip("'") if not english else found.group()
        dotted = plain[found.end() : found.end() + 1] == "."
        parts.append(_ways(item.casefold(), following, dotted=dotted) if english else ((_bare(item.casefold()),),))
    return [ways for ways in parts if ways and ways[0] and all(ways[0])]


def _ways(item: str, following: str, *, dotted: bool) -> tuple[tuple[str, ...], ...]:
    if item[-1].isdigit() or item[0].isdigit() or item[0] in "$£€":
        if item[0] in "$£€" and following.strip(".,;:!?").casefold() in _LARGE:
            item = item[1:]  # "$5 million" is said "five million dollars"; the unit is lost, the number kept.
        return readings(item) or ((item,),)
    if item in _SYMBOLS:
        return ((_SYMBOLS[item],),)
    if item in _WHOLE:
        return (tuple(_WHOLE[item].split()),)
    bare = item.strip("'")
    if bare in _ABBREVIATIONS and (dotted or bare not in _DOTTED):
        return (tuple(_ABBREVIATIONS[bare].split()),)
    if bare == "no" and dotted and following[:1].isdigit():
        return (("number",),)
    return (tuple(_bare(part) for part in _uncontracted(item if item.endswith("in'") else bare)),)


def _uncontracted(item: str) -> list[str]:
    for ending, said in _ENDINGS:
        if item.endswith(ending) and len(item) > len(ending):
            return [item[: -len(ending)], said]
    if item.endswith("'s") and item[:-2] in _IS:
        return [item[:-2], "is"]
    if item.endswith("in'"):
        return [item[:-1] + "g"]
    return [item]


def _bare(item: str) -> str:
    """Without apostrophes and accents: recognizers and typists disagree on both."""
    decomposed = unicodedata.normalize("NFD", item.replace("'", ""))
    return "".join(char for char in decomposed if not unicodedata.combining(char)) or item


def _split_wide(chunk: str) -> list[str]:
    """Chinese, Japanese characters each stand alone; punctuation stays with what it follows."""
    if not _WIDE.search(chunk):
        return [chunk]
    words: list[str] = []
    for char in chunk:
        joins = words and not _WIDE.match(char) and (not char.isalnum() or not _WIDE.search(words[-1]))
        if joins:
            words[-1] += char
        else:
            words.append(char)
    return words
