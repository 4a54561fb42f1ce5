"""Fountain screenplays (https://fountain.io/syntax), the parts that decide what is spoken and by whom."""

import re
from collections.abc import Iterator

from align.domain.script import Kind, Script, ScriptLine, numbered

__all__ = ["looks_like_fountain", "parse_fountain"]

_SLUG = re.compile(r"^(?:INT|EXT|EST|INT\.?/EXT|I/E)[. ]", re.IGNORECASE)
_FORCED_SLUG = re.compile(r"^\.(?!\.)\s*\S")
_TRANSITION = re.compile(r"^[^a-z]*\bTO:$")
_EXTENSION = re.compile(r"\s*\([^)]*\)")
_SCENE_NUMBER = re.compile(r"\s*#[\w.\-]+#\s*$")
_EMPHASIS = re.compile(r"(?<!\\)(\*{1,3}|_)(?=\S)(.+?)(?<=\S)\1")
_TITLE_KEY = re.compile(r"^[A-Za-z][A-Za-z ]{0,30}:(?:\s|$)")
_HIDDEN = re.compile(r"/\*.*?(?:\*/|\Z)|\[\[.*?\]\]", re.DOTALL)


def looks_like_fountain(text: str) -> bool:
    """Whether plain text has the skeleton of a screenplay: scene slugs, and cues with speech under them."""
    rows = [row for _, row in _visible(text)]
    slugs = sum(bool(_SLUG.match(row)) and not (at and rows[at - 1]) for at, row in enumerate(rows))
    cues = sum(_is_cue(rows, at) for at in range(len(rows)))
    return (slugs >= 1 and cues >= 2) or (slugs >= 2 and cues >= 1)


def parse_fountain(text: str) -> Script:
    """Read a Fountain screenplay: dialogue is spoken, and one speech between parentheticals is one line.

    Raises:
        EmptyScript: when nobody speaks.
    """
    numbered_rows = _without_title_page(_visible(text))
    rows = [row for _, row in numbered_rows]
    lines: list[ScriptLine] = []
    at = 0
    while at < len(rows):
        if _is_cue(rows, at):
            at = _read_speech(numbered_rows, at, lines)
            continue
        number, row = numbered_rows[at]
        if row and (element := _element(row)):
            lines.append(ScriptLine(element[1], element[0], number))
        at += 1
    return numbered(lines)


def _visible(text: str) -> list[tuple[int, str]]:
    """Rows with their number, without boneyard and notes; rows keep their number because newlines stay."""
    shown = _HIDDEN.sub(lambda found: "\n" * found.group().count("\n"), text)
    hidden_only = {
        number
        for number, (was, now) in enumerate(zip(text.split("\n"), shown.split("\n"), strict=False), 1)
        if was.strip() and not now.strip()
    }
    rows = []
    for number, raw in enumerate(shown.split("\n"), 1):
        row = raw.replace("\t", "    ")
        blank = not row.strip()
        if number in hidden_only and blank:
            continue
        # Two blanks on an otherwise empty row keep a speech going over it, as the format says.
        rows.append((number, "  " if blank and len(row) >= 2 else row.strip()))
    return rows


def _without_title_page(rows: list[tuple[int, str]]) -> list[tuple[int, str]]:
    first = next((at for at, (_, row) in enumerate(rows) if row.strip()), None)
    if first is None or not _TITLE_KEY.match(rows[first][1]) or _TRANSITION.match(rows[first][1]):
        return rows
    end = next((at for at in range(first, len(rows)) if not rows[at][1].strip()), len(rows))
    return rows[end:]


def _is_cue(rows: list[str], at: int) -> bool:
    """A name in capitals (or forced by @) after an empty row, with a row of speech right under it."""
    row = rows[at].strip()
    if not row or (at and rows[at - 1].strip()) or at + 1 >= len(rows) or not rows[at + 1].strip():
        return False
    if row.startswith("@"):
        return len(row) > 1
    name = _EXTENSION.sub("", row.rstrip("^ ")).strip()
    if not any(char.isalpha() for char in name) or name != name.upper() or row[0] in "!>.~#=":
        return False
    return not _SLUG.match(row) and not _TRANSITION.match(row)


def _read_speech(rows: list[tuple[int, str]], at: int, lines: list[ScriptLine]) -> int:
    """Append the speech under the cue at ``at``; returns where it ends."""
    speaker = _EXTENSION.sub("", rows[at][1].lstrip("@").rstrip("^ ")).strip()
    speech: list[str] = []
    begins = at + 1

    def close() -> None:
        if speech:
            lines.append(ScriptLine(_plain(" ".join(speech)), "dialogue", begins, speaker))
            speech.clear()

    at += 1
    while at < len(rows) and rows[at][1]:
        number, row = rows[at]
        if row.startswith("(") and row.endswith(")"):
            close()
            lines.append(ScriptLine(row, "parenthetical", number, speaker))
        elif row.strip():
            begins = begins if speech else number
            speech.append(row.lstrip("~").strip())
        at += 1
    close()
    return at


def _element(row: str) -> tuple[Kind, str] | None:
    """What a row outside of speech is; None for page breaks, sections' marks and synopses."""
    if row.startswith("=") or set(row) <= set("-=* "):
        return None
    if row.startswith("!"):
        return "action", _plain(row[1:])
    if _FORCED_SLUG.match(row):
        return "heading", _SCENE_NUMBER.sub("", row[1:]).strip()
    if row.startswith(">"):
        return "heading" if not row.endswith("<") else "action", _plain(row.strip("<> "))
    if row.startswith("#"):
        return "heading", row.lstrip("# ")
    if _SLUG.match(row) or _TRANSITION.match(row):
        return "heading", _SCENE_NUMBER.sub("", row)
    return "action", _plain(row.lstrip("~"))


def _plain(text: str) -> str:
    """Without the marks of emphasis, which are the format's and not the author's."""
    shown = text
    for _ in _passes():
        shown = _EMPHASIS.sub(r"\2", shown)
    return re.sub(r"\\([*_])", r"\1", shown).strip()


def _passes() -> Iterator[int]:
    """Emphasis nests at most twice: bold-italic within underline."""
    return iter(range(2))
