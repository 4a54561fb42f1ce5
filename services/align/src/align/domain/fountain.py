"""Fountain screenplays (https://fountain.io/syntax): what is spoken and by whom, and what is not."""

import re

from align.domain.emphasis import without_emphasis
from align.domain.script import Kind, Script, ScriptLine, numbered
from align.domain.speakers import behind_aside, speaker_of

__all__ = ["looks_like_fountain", "parse_fountain"]

_SLUG = re.compile(r"^(?:\d+[A-Z]{0,2}\.?\s+)?(?:INT|EXT|EST|INT\.?/EXT|I/E)[. ]", re.IGNORECASE)
_FORCED_SLUG = re.compile(r"^\.(?!\.)\s*\S")
_TRANSITION = re.compile(r"^[^a-z]{1,60}\bTO:$")
_PRINTED_NUMBER = re.compile(r"^(\d+[A-Z]{0,2})\.?\s+(.*?)(?:\s+\1\.?)?$")
"""Beside a scene heading, as shooting scripts have it on both margins."""
_LONGEST_ASIDE = 6
"""Rows of a parenthetical."""
_SCENE_NUMBER = re.compile(r"[\w.\-]{1,30}")
_TITLE_KEY = re.compile(r"^[A-Za-z][A-Za-z ]{0,30}:(?:\s|$)")
_LONGEST_CUE = 120


def looks_like_fountain(text: str) -> bool:
    """Whether plain text has the skeleton of a screenplay: scene slugs, and cues with speech under them."""
    rows = [row for _, row in _visible(text)]
    slugs = sum(bool(_SLUG.match(row)) and not (at and rows[at - 1]) for at, row in enumerate(rows))
    cues = sum(_is_cue(rows, at) for at in range(len(rows)))
    return (slugs >= 1 and cues >= 2) or (slugs >= 2 and cues >= 1)


def parse_fountain(text: str) -> Script:
    """Read a Fountain screenplay: dialogue is spoken, and one speech between parentheticals is one line.

    Of dual dialogue each speech is a line of its own. Lyrics are sung, and so they are spoken where somebody has a cue
    above them. Title page, notes, boneyard, synopses and page breaks are not in the script's lines.

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
        if row.strip() and (element := _element(row)) and element[1]:
            lines.append(ScriptLine(element[1], element[0], number))
        at += 1
    return numbered(lines)


def _visible(text: str) -> list[tuple[int, str]]:
    """Rows with their number, without boneyard and notes; rows keep their number because newlines stay."""
    shown = _without_hidden(text)
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


def _without_hidden(text: str) -> str:
    """Text without ``/* boneyard */``, closed or not, and ``[[notes]]``, which end before an empty row."""
    boneyard, boneyard_end = _Ahead(text, "/*"), _Ahead(text, "*/")
    note, note_end, blank_row = _Ahead(text, "[["), _Ahead(text, "]]"), _Ahead(text, "\n\n")
    pieces: list[str] = []
    at = 0
    while (start := min(boneyard.after(at), note.after(at))) < len(text):
        if start == boneyard.after(at):
            end = boneyard_end.after(start + 2) + 2
        elif (end := note_end.after(start + 2) + 2) > min(len(text), blank_row.after(start)):
            # What is not closed in time is the author's own brackets.
            pieces.append(text[at : start + 2])
            at = start + 2
            continue
        pieces.append(text[at:start] + "\n" * text.count("\n", start, end))
        at = end
    return "".join([*pieces, text[at:]])


class _Ahead:
    """Where something comes next, looked for once however often it is asked: in order, in linear time."""

    def __init__(self, text: str, what: str) -> None:
        self._text = text
        self._what = what
        self._found = -1

    def after(self, at: int) -> int:
        """The first place from ``at`` on; behind the end where there is none."""
        if self._found < at:
            found = self._text.find(self._what, at)
            self._found = len(self._text) if found < 0 else found
        return self._found


def _without_title_page(rows: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Without ``Key: value`` at the very top, up to the first empty row; ``FADE IN:`` alone is none."""
    first = next((at for at, (_, row) in enumerate(rows) if row.strip()), None)
    if first is None or not _TITLE_KEY.match(rows[first][1]) or _TRANSITION.match(rows[first][1]):
        return rows
    end = next((at for at in range(first, len(rows)) if not rows[at][1].strip()), len(rows))
    return rows if end == first + 1 and rows[first][1].endswith(":") else rows[end:]


def _is_cue(rows: list[str], at: int) -> bool:
    """A name in capitals (or forced by @) after an empty row, with a row of speech right under it."""
    row = rows[at].strip()
    if not row or (at and rows[at - 1].strip()) or at + 1 >= len(rows) or not rows[at + 1].strip():
        return False
    if len(row) > _LONGEST_CUE:
        return False
    if row.startswith("@"):
        return len(row) > 1
    name = speaker_of(row.rstrip("^ "))
    if not any(char.isalpha() for char in name) or name != name.upper() or row[0] in "!>.~#=":
        return False
    return not _SLUG.match(row) and not _TRANSITION.match(row)


def _read_speech(rows: list[tuple[int, str]], at: int, lines: list[ScriptLine]) -> int:
    """Append the speech under the cue at ``at``; returns where it ends."""
    cue = rows[at][1].lstrip("@").rstrip("^ ")
    speaker = without_emphasis(speaker_of(cue)) or None
    speech: list[str] = []
    begins = at + 1

    def close() -> None:
        if said := without_emphasis(" ".join(speech)).strip():
            lines.append(ScriptLine(said, "dialogue", begins, speaker))
        speech.clear()

    at += 1
    while at < len(rows) and rows[at][1]:
        number, row = rows[at]
        if row.startswith("("):
            row, at = _whole_aside(rows, at)
            if end := behind_aside(row):
                close()
                lines.append(ScriptLine(without_emphasis(row[:end].strip()), "parenthetical", number, speaker))
                row = row[end:]
        if row.strip():
            begins = begins if speech else number
            speech.append(row.lstrip("~").strip())
        at += 1
    close()
    return at


def _whole_aside(rows: list[tuple[int, str]], at: int) -> tuple[str, int]:
    """A row that begins with a bracket, with those of its speech up to the one that closes it, and the last's place."""
    for end in range(at, min(at + _LONGEST_ASIDE, len(rows))):
        if not rows[end][1]:
            break
        if ")" in rows[end][1]:
            return " ".join(row for _, row in rows[at : end + 1]), end
    return rows[at][1], at


def _element(row: str) -> tuple[Kind, str] | None:
    """What a row outside of speech is; None for page breaks, sections' marks and synopses."""
    if row.startswith("=") or set(row) <= set("-=* "):
        return None
    if row.startswith("!"):
        return "action", _plain(row[1:])
    if _FORCED_SLUG.match(row):
        return "heading", _plain(_unnumbered(row[1:]))
    if row.startswith(">"):
        return "heading" if not row.endswith("<") else "action", _plain(row.strip("<> "))
    if row.startswith("#"):
        return "heading", _plain(row.lstrip("# "))
    if _SLUG.match(row) or _TRANSITION.match(row):
        return "heading", _plain(_unnumbered(row))
    return "action", _plain(row.lstrip("~"))


def _unnumbered(heading: str) -> str:
    """Without a scene number: ``INT. HOUSE - DAY #1A#``, ``12 EXT. ROAD - NIGHT 12``."""
    row = heading.rstrip()
    begins = row.rfind("#", 0, len(row) - 1)
    if row.endswith("#") and begins >= 0 and _SCENE_NUMBER.fullmatch(row, begins + 1, len(row) - 1):
        row = row[:begins]
    printed = _PRINTED_NUMBER.match(row) if row[:1].isdigit() else None
    return printed[2] if printed else row


def _plain(text: str) -> str:
    return without_emphasis(text).strip()
