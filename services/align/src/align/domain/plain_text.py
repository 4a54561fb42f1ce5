"""Plain text scripts: every non-empty line is spoken, but for headings, cues, and what stands in brackets."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from align.domain.script import Kind, Script, ScriptLine, numbered

__all__ = ["Row", "all_caps", "lines_of_speech", "parse_plain_text", "read_rows", "speaker_of", "speakers_in"]

_PREFIX = re.compile(r"^(?P<name>[^\W\d_][\w .'’\-]{0,30}?)\s*(?:\([^)]{1,30}\)\s*)?:(?:\s+(?P<rest>.*))?$")
_SLUG = re.compile(r"^(?:INT|EXT|EST|INT\.?/EXT|I/E)[. ]", re.IGNORECASE)
_TITLE = re.compile(r"^(?:ACT|SCENE|CHAPTER|PART|EPISODE|PROLOGUE|EPILOGUE|THE END|FADE|CUT|TITLE)\b")
_LEADING = re.compile(r"(?:\([^)]*\)|\[[^\]]*\])\s*")
_HASH_HEADING = re.compile(r"^#{1,6}\s+\S")
_EXTENSION = re.compile(r"\s*\([^()]*\)")
_LONGEST_NAME = 80
_WIDEST_WRAP = 100
"""Characters: text with longer lines was not wrapped by its author."""


@dataclass(frozen=True)
class Row:
    """A line of text, with what stands around it."""

    number: int
    text: str
    after_blank: bool
    before_text: bool
    kind: Kind | None = None
    """What its format says it is; None where its words must tell."""


def parse_plain_text(text: str) -> Script:
    """Read a plain text script.

    ``NAME:`` prefixes and lone names become the speaker; ALL-CAPS headings, scene slugs and whole-line brackets and
    parentheses are kept, unspoken. Text that was wrapped at a fixed width is joined into its paragraphs.

    Raises:
        EmptyScript: when no line is spoken.
    """
    return read_rows(_rows(text))


def read_rows(rows: Sequence[Row]) -> Script:
    """Read lines by the rules of plain text. Raises EmptyScript."""
    free = [row.text for row in rows if row.kind is None]
    loud = sum(map(all_caps, free))
    # Names and headings are in capitals in every script; one that has hardly a row besides is all in capitals.
    shouted = loud > 3 * (len(free) - loud)
    names = speakers_in(free)
    lines: list[ScriptLine] = []
    speaker: str | None = None
    for row in rows:
        speaker = _read_row(row, lines, names, speaker, caps_mean_headings=not shouted)
    return numbered(lines)


def speaker_of(name: str) -> str:
    """A name without what says how it is heard: ``ANNA (V.O.)``, ``BEN (CONT'D)``."""
    return _EXTENSION.sub("", name[:_LONGEST_NAME]).strip() if "(" in name else name.strip()


def _read_row(
    row: Row, lines: list[ScriptLine], names: set[str], speaker: str | None, *, caps_mean_headings: bool
) -> str | None:
    """Append what the row holds to ``lines``; returns who speaks next."""
    if row.kind is not None and row.kind != "dialogue":
        lines.append(ScriptLine(row.text, row.kind, row.number, speaker if row.kind == "parenthetical" else None))
        return speaker if row.kind == "parenthetical" else None
    text = row.text
    prefix = _PREFIX.match(text)
    if prefix and prefix["name"].strip() in names:
        speaker = prefix["name"].strip()
        text = (prefix["rest"] or "").strip()
    elif row.after_blank:
        speaker = None
    kind = _unspoken_kind(text, caps_mean_headings=caps_mean_headings and not prefix)
    if kind == "heading" and _is_cue(row):
        return speaker_of(text.strip(" ."))
    begin = _asides(text, row.number, speaker, lines) if kind is None else 0
    if text:
        lines.append(ScriptLine(text[begin:], kind or "dialogue", row.number, speaker if kind != "heading" else None))
    return speaker


def _unspoken_kind(text: str, *, caps_mean_headings: bool) -> Kind | None:
    if text.startswith("[") and text.endswith("]") and text.count("[") == 1:
        return "action"
    if text.startswith("(") and text.endswith(")") and text.count("(") == 1:
        return "parenthetical"
    if _SLUG.match(text) or _HASH_HEADING.match(text) or not any(char.isalnum() for char in text):
        return "heading"
    if caps_mean_headings and all_caps(text):
        return "heading"
    return None


def _is_cue(row: Row) -> bool:
    """A short name in capitals, with what the person says right under it."""
    words = speaker_of(row.text).split()
    plain = not any(char.isdigit() for char in row.text) and not _TITLE.match(row.text) and not _SLUG.match(row.text)
    return row.after_blank and row.before_text and 0 < len(words) <= 4 and plain and not row.text.startswith("#")


def all_caps(text: str) -> bool:
    """Whether it has two letters or more, and none of them small."""
    letters = [char for char in text if char.isalpha()]
    return len(letters) >= 2 and all(not char.islower() for char in letters) and any(c.isupper() for c in letters)


def speakers_in(rows: Sequence[str]) -> set[str]:
    """Which ``NAME:`` prefixes are people: in capitals, or in title case and used again (``Note: …`` once is not)."""
    found = Counter(match["name"].strip() for row in rows if (match := _PREFIX.match(row)))
    common = sum(found.values()) * 5 >= len(rows) * 2 and len(rows) > 1
    return {
        name
        for name, times in found.items()
        if len(name.split()) <= 4
        and (all_caps(name) or ((name == name.title() or name[:1].isupper()) and (times > 1 or common)))
    }


def _rows(text: str) -> list[Row]:
    source = [(number, " ".join(line.split())) for number, line in enumerate(text.split("\n"), 1)]
    width = max((len(line) for _, line in source), default=0)
    pairs = [(one, two) for (_, one), (_, two) in pairwise(source) if one and two]
    full = sum(_was_full(one, two, width) for one, two in pairs)
    wrapped = width <= _WIDEST_WRAP and len(pairs) >= 3 and full >= 0.9 * len(pairs)
    joined: list[list[str]] = []
    places: list[tuple[int, bool, bool]] = []
    before = ""
    for place, (number, line) in enumerate(source):
        after = source[place + 1][1] if place + 1 < len(source) else ""
        if line and before and wrapped and _was_full(before, line, width) and joined:
            joined[-1].append(line)
            places[-1] = (*places[-1][:2], bool(after))
        elif line:
            joined.append([line])
            places.append((number, not before, bool(after)))
        before = line
    return [Row(place[0], " ".join(parts), *place[1:]) for place, parts in zip(places, joined, strict=True)]


def _was_full(line: str, following: str, width: int) -> bool:
    """The next word would not have fitted: the break is the margin's, not the author's."""
    return width >= 40 and len(line) + 1 + len(following.split(" ", 1)[0]) > width


def lines_of_speech(text: str, speaker: str | None, number: int, names: Collection[str] = ()) -> list[ScriptLine]:
    """What one cell or cue holds: asides apart from the speech, and a name before a colon if nobody is known yet.

    Names in capitals are people; others are if they are among ``names``.
    """
    prefix = None if speaker else _PREFIX.match(text)
    if prefix and (all_caps(prefix["name"]) or prefix["name"].strip() in names):
        speaker, text = prefix["name"].strip(), (prefix["rest"] or "").strip()
    lines: list[ScriptLine] = []
    kind = _unspoken_kind(text, caps_mean_headings=False) if text else None
    begin = _asides(text, number, speaker, lines) if kind is None else 0
    if text:
        lines.append(ScriptLine(text[begin:], "action" if kind == "heading" else kind or "dialogue", number, speaker))
    return lines


def _asides(text: str, number: int, speaker: str | None, lines: list[ScriptLine]) -> int:
    """Append the brackets that stand before the speech; returns where it begins."""
    begin = 0
    while (aside := _LEADING.match(text, begin)) and aside.end() < len(text):
        lines.append(ScriptLine(aside.group().strip(), "parenthetical", number, speaker))
        begin = aside.end()
    return begin
