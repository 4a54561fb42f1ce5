"""Who speaks: the names that scripts put before what is said, or above it."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from align.domain.script import Kind

__all__ = [
    "BRACKETS",
    "People",
    "Row",
    "Said",
    "all_caps",
    "behind_aside",
    "behind_asides",
    "is_cue",
    "is_sound",
    "people_in",
    "prefixed",
    "speaker_of",
    "speakers_in",
]

_PREFIX = re.compile(
    r"^(?P<name>[^\W\d_][\w .'’&/#\-]{0,30}?)\s*(?:\([^)]{1,30}\)\s*)?(?::(?:\s+(?P<rest>.*))?|：\s*(?P<wide>.*))$"
)
_QUOTED = re.compile(r"^(?P<name>[^\W\d_]\w{0,15})[「『](?P<rest>.*)[」』]$")
"""As Japanese scripts say it: ``花子「…」``."""
_PLAYED = re.compile(r"^(?P<name>[^\W\d_][\w '’\-]{1,30})\.\s+(?P<rest>\S.*)$")
"""As printed plays say it: ``HAMLET. To be…``."""
BRACKETS = {"(": ")", "[": "]", "（": "）", "【": "】"}
"""What asides and directions stand in."""
_TIME = re.compile(r"\d{1,2}:\d{2}:\d{2}(?:[:;.,]\d{2,3})?(?=\s)")
_STAMP = re.compile(r"\s+[\[(]?\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?[\])]?$")
_NAME = re.compile(r"[^\W\d_][\w.'’\-]*(?: [\w.'’#\-]+){0,3}")
_COUNTED = re.compile(r"(?!(?:DAY|TRACK|TAKE|REEL|PAGE|SHOT|INSERT|STEP|SECTION|VERSE)\b)[^\W\d_][^\d]{1,30} #?\d{1,2}")
"""``SOLDIER 2``, ``MAN #1``."""
_EXTENSION = re.compile(r"\s*\([^()]*\)")
_TITLE = re.compile(r"^(?:ACT|SCENE|CHAPTER|PART|EPISODE|PROLOGUE|EPILOGUE|THE END|FADE|CUT|TITLE)\b")
_SLUG = re.compile(r"^(?:INT|EXT|EST|INT\.?/EXT|I/E)[. ]", re.IGNORECASE)
_LONGEST_NAME = 80
_SOUNDS = frozenset({
    "sfx", "fx", "sound", "sounds", "sound effect", "sound effects", "music", "ambience", "atmos", "gfx", "graphic",
    "graphics", "chyron", "super", "lower third", "on screen", "onscreen", "visual", "visuals", "b-roll", "broll",
    "camera", "video", "image", "picture", "shot", "setting", "location", "props",
    "stage direction", "stage directions",
})  # fmt: skip
"""What scripts for radio and the screen put before a colon without meaning a person."""


@dataclass(frozen=True)
class Row:
    """A line of text, with what stands around it."""

    number: int
    text: str
    after_blank: bool
    before_text: bool
    kind: Kind | None = None
    """What its format says it is; None where its words must tell."""


class Said(NamedTuple):
    """A name, and what stands behind it on the same row."""

    name: str
    rest: str


@dataclass(frozen=True)
class People:
    """Which names of a script are people's."""

    before: frozenset[str] = frozenset()
    """Names before a colon, or with what is said in Japanese quotes."""
    played: frozenset[str] = frozenset()
    """Names before a full stop."""
    above: frozenset[str] = frozenset()
    """Names above what is said that capitals alone do not tell."""

    def said(self, text: str) -> Said | None:
        """The name a row begins with, if it is one of these."""
        if (found := prefixed(text)) and found.name in self.before:
            return found
        played = _PLAYED.match(text)
        return Said(played["name"], played["rest"]) if played and played["name"] in self.played else None

    def cue(self, row: Row) -> str | None:
        """The name that a row is, if it is one of these above what is said."""
        name = _unstamped(row.text)
        return name if row.after_blank and row.before_text and name in self.above else None


def prefixed(text: str) -> Said | None:
    """A name before a colon, whoever's or whatever's it is."""
    if found := _PREFIX.match(text):
        return Said(found["name"].strip(), (found["rest"] or found["wide"] or "").strip())
    quoted = _QUOTED.match(text)
    return Said(quoted["name"], quoted["rest"].strip()) if quoted else None


def speaker_of(name: str) -> str:
    """A name without what says how it is heard: ``ANNA (V.O.)``, ``BEN (CONT'D)``."""
    return _EXTENSION.sub("", name[:_LONGEST_NAME]).strip() if "(" in name else name.strip()


def is_sound(name: str) -> bool:
    """Whether it is no person's: ``SFX``, ``MUSIC``."""
    return name.casefold() in _SOUNDS


def is_cue(row: Row) -> bool:
    """A short name, with what the person says right under it."""
    words = speaker_of(row.text).split()
    named = not any(char.isdigit() for char in row.text) or _COUNTED.fullmatch(speaker_of(row.text)) is not None
    plain = named and not _TITLE.match(row.text) and not _SLUG.match(row.text)
    return row.after_blank and row.before_text and 0 < len(words) <= 4 and plain and not row.text.startswith("#")


def all_caps(text: str) -> bool:
    """Whether it has two letters or more, and none of them small."""
    letters = [char for char in text if char.isalpha()]
    return len(letters) >= 2 and all(not char.islower() for char in letters) and any(c.isupper() for c in letters)


def people_in(rows: Sequence[Row]) -> People:
    """Who the people of a script are."""
    texts = [behind_asides(row.text) for row in rows]
    return People(speakers_in(texts), _in_a_play(texts), _in_small_letters(rows) | _repeated(rows))


def behind_aside(text: str, begin: int = 0) -> int:
    """Where what stands in brackets, or a time, ends with its blanks; ``begin`` where nothing does."""
    end = begin
    if last := BRACKETS.get(text[begin : begin + 1]):
        depth = 0
        for at in range(begin, len(text)):
            depth += (text[at] == text[begin]) - (text[at] == last)
            if not depth:
                end = at + 1
                break
    elif found := _TIME.match(text, begin):
        end = found.end()
    while begin < end < len(text) and text[end].isspace():
        end += 1
    return end


def behind_asides(text: str) -> str:
    """A row without the brackets and the time that stand before what is said."""
    begin = 0
    while begin < (end := behind_aside(text, begin)) < len(text):
        begin = end
    return text[begin:]


def speakers_in(texts: Collection[str]) -> frozenset[str]:
    """In capitals, or in title case and used again (``Note: …`` once is not)."""
    found = Counter(said.name for text in texts if (said := prefixed(text)))
    common = sum(found.values()) * 5 >= len(texts) * 2 and len(texts) > 1
    return frozenset(
        name
        for name, times in found.items()
        if len(name.split()) <= 4
        and (all_caps(name) or ((name == name.title() or name[:1].isupper()) and (times > 1 or common)))
    )


def _in_a_play(texts: Collection[str]) -> frozenset[str]:
    """In capitals before a full stop, if that is how the script is written: ``OK. Let's go.`` is not."""
    found = Counter(played["name"] for text in texts if (played := _PLAYED.match(text)) and all_caps(played["name"]))
    return frozenset(found) if sum(found.values()) * 5 >= len(texts) * 2 and found.total() > 2 else frozenset()


def _in_small_letters(rows: Sequence[Row]) -> frozenset[str]:
    """``Anna``, ``Speaker 1  0:03``: where most speeches have such a row above them, and one has it again."""
    tops = [_unstamped(row.text) for row in rows if row.kind is None and row.after_blank and row.before_text]
    names = Counter(
        top
        for top in tops
        if _NAME.fullmatch(top) and not all_caps(top) and top[:1].isupper() and not top.endswith(".")
        and all(word[0].isupper() or word[0].isdigit() or word[0] == "#" for word in top.split())
    )  # fmt: skip
    usual = names.total() * 5 >= len(tops) * 3 and max(names.values(), default=0) > 1
    return frozenset(names) if usual else frozenset()


def _repeated(rows: Sequence[Row]) -> frozenset[str]:
    """Names in capitals above more than one speech: people even where all is in capitals."""
    names = Counter(_unstamped(row.text) for row in rows if row.kind is None and all_caps(row.text) and is_cue(row))
    return frozenset(name for name, times in names.items() if times > 1 and name[-1:] not in "!?…")


def _unstamped(text: str) -> str:
    """A name without what says how it is heard, and when."""
    return speaker_of(_STAMP.sub("", text[:_LONGEST_NAME])).strip(" .")
