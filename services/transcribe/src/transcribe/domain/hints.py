"""Words of the script as hints: what was misheard and sounds like a word of the script is heard again, with that word.

A recognizer that is told what to expect writes it, spoken or not. So the script is never told beforehand. Only where a
word was heard that the script does not have, and that sounds like one it has, the passage is heard once more with that
hint; and the hint is believed only if the second hearing has it in the very place of the word it sounds like. What no
hearing without a hint has a sound for can thus never come in.
"""

import re
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cached_property
from io import BytesIO
from zipfile import BadZipFile, ZipFile

from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import extractOne

from transcribe.domain.heard import HeardWord, Passage

__all__ = ["BETWEEN_S", "Clip", "Hints", "Sounds", "believed", "clips", "heard_again", "hint_words"]

_SHORTEST = 4
"""Letters of a hint: shorter words are all alike."""
_LARGEST = 20_000_000
"""Bytes of a document in a zip that are looked at."""
_MOST = 20_000
"""Words of a script that are looked at."""
_ALIKE = 0.7
"""Likeness of the sounds of two words from which one may be the other misheard."""
_SURE = 0.9
"""Probability from which a word that was heard stands, unless it sounds exactly like the script's."""
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_TAG = re.compile(r"<[^>]*>")
_GOES_ON = re.compile(r"[^\W_][,;:]?[ \t]$")
"""What stands before a word within a sentence."""

Sounds = Callable[[str], Sequence[str]]
"""The sounds of a word, in whatever alphabet."""


def hint_words(script: bytes) -> tuple[str, ...]:
    """The words of a script, each once, names with their capital; none where it is no text."""
    text = _text_of(script)
    words: dict[str, str] = {}
    for found in _WORD.finditer(plain_text := _TAG.sub(" ", text)):
        word = found.group()
        begins = not _GOES_ON.search(plain_text, max(0, found.start() - 4), found.start())
        # A capital where a sentence or a line begins says nothing; a small letter anywhere says that it is no name.
        if _plain(word) not in words or word.islower():
            words[_plain(word)] = word.lower() if begins and word.istitle() else word
        if len(words) >= _MOST:
            break
    return tuple(words.values())


def _text_of(script: bytes) -> str:
    """Its text with tags and all; nothing where it is none, or cannot be read."""
    try:
        if script[:2] == b"PK":
            with ZipFile(BytesIO(script)) as word, word.open("word/document.xml") as document:
                script = document.read(_LARGEST)
        if script[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return script.decode("utf-16")
        text = script.decode("utf-8-sig", errors="replace")
    except (BadZipFile, KeyError, UnicodeDecodeError, RuntimeError, OSError, zlib.error):
        return ""
    return "" if "\0" in text else text if "\ufffd" not in text else script.decode("cp1252", errors="ignore")


@dataclass(frozen=True)
class Hints:
    """The words of a script, and how they sound."""

    words: tuple[str, ...]
    sounds: Sounds

    def for_passage(self, passage: Passage) -> dict[int, str]:
        """Which of its words may be which word of the script, misheard."""
        found = {}
        for at, word in enumerate(passage.words):
            plain = _plain(word.text)
            if not plain or plain in self._known or any(char.isdigit() for char in plain):
                continue
            hint = self._like(plain, exactly=word.probability >= _SURE)
            if hint is not None:
                found[at] = hint
        return found

    def _like(self, plain: str, *, exactly: bool) -> str | None:
        sound = self._written(self.sounds(plain))
        least = 1.0 if exactly else _ALIKE
        best = extractOne(sound, self._spelt, scorer=Levenshtein.normalized_similarity, score_cutoff=least)
        return None if best is None else self._hints[best[2]]

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(_plain(word) for word in self.words)

    @cached_property
    def _hints(self) -> list[str]:
        return [word for word in self.words if len(_plain(word)) >= _SHORTEST]

    @cached_property
    def _spelt(self) -> list[str]:
        return [self._written(self.sounds(_plain(word))) for word in self._hints]

    @cached_property
    def _alphabet(self) -> dict[str, str]:
        return {}

    def _written(self, sounds: Iterable[str]) -> str:
        """One character a sound, for they are compared as strings."""
        return "".join(self._alphabet.setdefault(sound, chr(0xE000 + len(self._alphabet))) for sound in sounds)


CLIP_S, BETWEEN_S, AROUND_S = 28.0, 0.3, 0.2
"""Whisper hears 30 s at once, or pays for them; what stands between passages heard at once, and is taken along."""


@dataclass(frozen=True)
class Clip:
    """Passages that are heard again at once, with the same hints."""

    spans: tuple[tuple[float, float], ...]
    """Seconds of the file, one stretch for each passage."""
    places: tuple[int, ...]
    """Which passages."""
    hints: Mapping[int, str]
    """By place among the words of all of them."""


def clips(passages: Sequence[Passage], hints: Hints) -> list[Clip]:
    """What is worth hearing again: passages with a word that may be a word of the script, misheard."""
    made: list[Clip] = []
    room, words = 0.0, 0
    for at, passage in enumerate(passages):
        own = hints.for_passage(passage)
        if not own:
            continue
        span = (max(0.0, passage.words[0].start - AROUND_S), passage.words[-1].end + AROUND_S)
        length = span[1] - span[0] + BETWEEN_S
        if length > room:
            made.append(Clip((), (), {}))
            room, words = CLIP_S, 0
        last, moved = made[-1], {words + place: hint for place, hint in own.items()}
        made[-1] = Clip((*last.spans, span), (*last.places, at), {**last.hints, **moved})
        room, words = room - length, words + len(passage.words)
    return made


def heard_again(
    passages: Sequence[Passage], hints: Hints, hear: Callable[[Clip, str], Sequence[str]]
) -> tuple[Passage, ...]:
    """The passages, with the words of the script that a second hearing bears out.

    ``hear`` gives the words of a clip, heard with those hints.
    """
    better = list(passages)
    for clip in clips(passages, hints):
        again = hear(clip, " ".join(dict.fromkeys(clip.hints.values())))
        words = tuple(word for at in clip.places for word in passages[at].words)
        known = iter(believed(words, again, clip.hints))
        for at in clip.places:
            better[at] = replace(passages[at], words=tuple(next(known) for _ in passages[at].words))
    return tuple(better)


def believed(words: Sequence[HeardWord], again: Sequence[str], hints: Mapping[int, str]) -> list[HeardWord]:
    """The words, with each hint that was heard in the place of the word it was given for; all else stays."""
    first = [_plain(word.text) for word in words]
    second = [_plain(word) for word in again]
    places: dict[int, str] = {}
    for kind, begin, end, low, high in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        if kind == "replace":
            for at in range(begin, end):
                if at in hints and _plain(hints[at]) in second[low:high]:
                    places[at] = hints[at]
    return [_spelt(word, places[at]) if at in places else word for at, word in enumerate(words)]


def _spelt(word: HeardWord, hint: str) -> HeardWord:
    """In the script's spelling, between the signs that were heard, and large where a sentence began."""
    core = word.text.strip()
    bare = _plain_span(core)
    lead, tail = core[: bare[0]], core[bare[1] :]
    blank = word.text[: len(word.text) - len(word.text.lstrip())]
    name = hint[:1].upper() + hint[1:] if core[bare[0] : bare[0] + 1].isupper() else _lowered(hint)
    return replace(word, text=f"{blank}{lead}{name}{tail}")


def _lowered(hint: str) -> str:
    return hint.lower() if hint.isupper() else hint


def _plain_span(text: str) -> tuple[int, int]:
    places = [at for at, char in enumerate(text) if char.isalnum()]
    return (places[0], places[-1] + 1) if places else (0, len(text))


def _plain(word: str) -> str:
    return "".join(char for char in word.casefold().replace("’", "'").strip(" '\"") if char.isalnum() or char == "'")
