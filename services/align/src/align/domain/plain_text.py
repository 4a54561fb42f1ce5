"""Plain text scripts: every non-empty line is spoken, but for headings, cues, and what stands in brackets."""

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from align.domain.script import Kind, Script, ScriptLine, numbered

__all__ = ["parse_plain_text"]

_PREFIX = re.compile(r"^(?P<name>[^\W\d_][\w .'’\-]{0,30}?)\s*(?:\([^)]{1,30}\)\s*)?:(?:\s+(?P<rest>.*))?$")
_SLUG = re.compile(r"^(?:INT|EXT|EST|INT\.?/EXT|I/E)[. ]", re.IGNORECASE)
_TITLE = re.compile(r"^(?:ACT|SCENE|CHAPTER|PART|EPISODE|PROLOGUE|EPILOGUE|THE END|FADE|CUT|TITLE)\b")
_LEADING = re.compile(r"^(?:\([^)]*\)|\[[^\]]*\])\s*")
_MARKDOWN_HEADING = re.compile(r"^#{1,6}\s+\S")
_WIDEST_WRAP = 100
"""Characters: text with longer lines was not wrapped by its author."""


@dataclass(frozen=True)
class _Row:
    number: int
    text: str
    after_blank: bool
    before_text: bool


def parse_plain_text(text: str) -> Script:
    """Read a plain text script.

    ``NAME:`` prefixes and lone names become the speaker; ALL-CAPS headings, scene slugs and whole-line brackets and
    parentheses are kept, unspoken. Text that was wrapped at a fixed width is joined into its paragraphs.

    Raises:
        EmptyScript: when no line is spoken.
    """
    rows = _rows(text)
    shouted = sum(_all_caps(row.text) for row in rows) * 2 > len(rows)
    names = _speakers([row.text for row in rows])
    lines: list[ScriptLine] = []
    speaker: str | None = None
    for row in rows:
        speaker = _read_row(row, lines, names, speaker, caps_mean_headings=not shouted)
    return numbered(lines)


def _read_row(
    row: _Row, lines: list[ScriptLine], names: set[str], speaker: str | None, *, caps_mean_headings: bool
) -> str | None:
    """Append what the row holds to ``lines``; returns who speaks next."""
    text = row.text
    prefix = _PREFIX.match(text)
    if prefix and prefix["name"].strip() in names:
        speaker = prefix["name"].strip()
        text = (prefix["rest"] or "").strip()
    elif row.after_blank:
        speaker = None
    kind = _unspoken_kind(text, caps_mean_headings=caps_mean_headings and not prefix)
    if kind == "heading" and _is_cue(row):
        return text.strip(" .")
    while kind is None and (aside := _LEADING.match(text)) and aside.end() < len(text):
        lines.append(ScriptLine(aside.group().strip(), "parenthetical", row.number, speaker))
        text = text[aside.end() :]
    if text:
        lines.append(ScriptLine(text, kind or "dialogue", row.number, speaker if kind != "heading" else None))
    return speaker


def _unspoken_kind(text: str, *, caps_mean_headings: bool) -> Kind | None:
    if text.startswith("[") and text.endswith("]") and text.count("[") == 1:
        return "action"
    if text.startswith("(") and text.endswith(")") and text.count("(") == 1:
        return "parenthetical"
    if _SLUG.match(text) or _MARKDOWN_HEADING.match(text) or not any(char.isalnum() for char in text):
        return "heading"
    if caps_mean_headings and _all_caps(text):
        return "heading"
    return None


def _is_cue(row: _Row) -> bool:
    """A short name in capitals, with what the person says right under it."""
    words = row.text.split()
    plain = not any(char.isdigit() for char in row.text) and not _TITLE.match(row.text) and not _SLUG.match(row.text)
    return row.after_blank and row.before_text and len(words) <= 4 and plain and not row.text.startswith("#")


def _all_caps(text: str) -> bool:
    letters = [char for char in text if char.isalpha()]
    return len(letters) >= 2 and all(not char.islower() for char in letters) and any(c.isupper() for c in letters)


def _speakers(rows: list[str]) -> set[str]:
    """Which ``NAME:`` prefixes are people: in capitals, or in title case and used again (``Note: …`` once is not)."""
    found = Counter(match["name"].strip() for row in rows if (match := _PREFIX.match(row)))
    common = sum(found.values()) * 5 >= len(rows) * 2 and len(rows) > 1
    return {
        name
        for name, times in found.items()
        if len(name.split()) <= 4
        and (_all_caps(name) or ((name == name.title() or name[:1].isupper()) and (times > 1 or common)))
    }


def _rows(text: str) -> list[_Row]:
    source = [(number, re.sub(r"\s+", " ", line).strip()) for number, line in enumerate(text.split("\n"), 1)]
    width = max((len(line) for _, line in source), default=0)
    pairs = [(one, two) for (_, one), (_, two) in pairwise(source) if one and two]
    full = sum(_was_full(one, two, width) for one, two in pairs)
    wrapped = width <= _WIDEST_WRAP and len(pairs) >= 3 and full >= 0.9 * len(pairs)
    rows: list[_Row] = []
    before = ""
    for place, (number, line) in enumerate(source):
        after = source[place + 1][1] if place + 1 < len(source) else ""
        if line and before and wrapped and _was_full(before, line, width) and rows:
            last = rows.pop()
            rows.append(_Row(last.number, f"{last.text} {line}", last.after_blank, bool(after)))
        elif line:
            rows.append(_Row(number, line, not before, bool(after)))
        before = line
    return rows


def _was_full(line: str, following: str, width: int) -> bool:
    """The next word would not have fitted: the break is the margin's, not the author's."""
    return width >= 40 and len(line) + 1 + len(following.split(" ", 1)[0]) > width
