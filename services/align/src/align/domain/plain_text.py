"""Plain text scripts: every non-empty line is spoken, but for headings, cues, and what stands in brackets."""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import pairwise

from align.domain.script import Kind, Script, ScriptLine, numbered
from align.domain.speakers import (
    BRACKETS,
    Row,
    all_caps,
    behind_aside,
    behind_asides,
    is_cue,
    is_sound,
    people_in,
    prefixed,
    speaker_of,
)

__all__ = ["lines_of_speech", "parse_plain_text", "read_rows"]

_SLUG = re.compile(r"^(?:\d+[A-Z]?\.?\s+)?(?:INT|EXT|EST|INT\.?/EXT|I/E)[. ]", re.IGNORECASE)
_TRANSITION = re.compile(r"^(?:FADE (?:IN|OUT|UP|TO BLACK)|[A-Z ]{2,30} TO:)[:.]?$")
_ACT = re.compile(
    r"^(?:(?:act|scene)\s+(?:\d+|[ivxlc]+|one|two|three|four|five|six|seven|eight|nine|ten)[,.: ]*)+$", re.I
)
_NAMED_ACT = re.compile(r"^(?:ACT|SCENE)\s+(?:\d+|[IVXLC]+)\b")
"""With its place behind it, as printed plays have it."""
_TIMES = re.compile(r"^[\[(]?\d{1,2}:\d{2}(?::\d{2})?(?:[:;.,]\d{1,3})?[\])]?(?:\s*(?:-+>?|–|—|to)?\s*"
                    r"[\[(]?\d{1,2}:\d{2}(?::\d{2})?(?:[:;.,]\d{1,3})?[\])]?)?$")  # fmt: skip
_PAGE = re.compile(r"^(?:-\s*\d{1,4}\s*-|page \d{1,4}(?: of \d{1,4})?)$", re.IGNORECASE)
_HASH_HEADING = re.compile(r"^#{1,6}\s+\S")
_NUMBERED = re.compile(r"^\(?(\d{1,4})[.):]\s+(?=\S)")
_WIDEST_WRAP = 100
"""Characters: text with longer lines was not wrapped by its author."""
_LONGEST_ASIDE = 12
"""Rows over which a bracket may go."""


def parse_plain_text(text: str) -> Script:
    """Read a plain text script.

    ``NAME:`` prefixes and lone names become the speaker; ALL-CAPS headings, scene slugs, times and brackets are kept,
    unspoken. Text that was wrapped at a fixed width is joined into its paragraphs; numbers of rows are left out.

    Raises:
        EmptyScript: when no line is spoken.
    """
    return read_rows(_without_numbers(_rows(text)))


def read_rows(rows: Sequence[Row]) -> Script:
    """Read lines by the rules of plain text. Raises EmptyScript."""
    reader = _Reader(_whole_brackets(rows))
    for row in reader.rows:
        reader.read(row)
    return numbered(reader.lines)


class _Reader:
    """Goes through the rows, and knows who speaks."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.lines: list[ScriptLine] = []
        self._people = people_in(rows)
        free = [row for row in rows if row.kind is None and not (all_caps(row.text) and is_cue(row))]
        loud = sum(all_caps(row.text) for row in free)
        # Names and headings are in capitals in every script; one that has hardly a row besides is all in capitals.
        self._shouted = loud > 3 * (len(free) - loud)
        cues = sum(all_caps(row.text) and is_cue(row) for row in rows)
        self._staged = cues > 1 and any(_SLUG.match(row.text) for row in rows)
        """A screenplay: what stands under nobody's name is seen and not heard."""
        self._speaker: str | None = None
        self._named_above = False
        """Whether the speaker's name stands above this row, with nothing but speech between."""

    def read(self, row: Row) -> None:
        """Append what the row holds to the lines."""
        if row.kind is not None and row.kind != "dialogue":
            aside = row.kind == "parenthetical"
            self.lines.append(ScriptLine(row.text, row.kind, row.number, self._speaker if aside else None))
            self._speaker, self._named_above = (self._speaker, self._named_above) if aside else (None, False)
            return
        if row.after_blank:
            self._speaker, self._named_above = None, False
        if name := self._people.cue(row):
            self._speaker, self._named_above = name, True
            return
        text = row.text if _marked(row.text) else behind_asides(row.text)
        said = None if _marked(text) else self._people.said(text)
        if said and not is_sound(said.name):
            self._speaker, self._named_above = said.name, False
        if text != row.text:
            _asides(row.text, row.number, self._speaker, self.lines)
        if said and is_sound(said.name):
            self.lines.append(ScriptLine(text, "action", row.number))
        else:
            self._speech(row, said.rest if said else text, named=said is not None)

    def _speech(self, row: Row, text: str, *, named: bool) -> None:
        """What is left of a row behind its asides and its name."""
        kind = _marked(text) if text else None
        if kind is None and not named and not self._shouted and all_caps(text) and not self._is_loud_speech(text):
            kind = "heading"
            if is_cue(row) and text == row.text:
                self._speaker, self._named_above = speaker_of(text.strip(" .")), True
                return
        if kind is None and self._staged and self._speaker is None:
            kind = "action"
        begin = _asides(text, row.number, self._speaker, self.lines) if kind is None else 0
        if text:
            speaker = self._speaker if kind != "heading" else None
            self.lines.append(ScriptLine(text[begin:], kind or "dialogue", row.number, speaker))

    def _is_loud_speech(self, text: str) -> bool:
        """Whether words in capitals are shouted by whoever's name stands above them."""
        return self._named_above and (text[-1:] in "!?.…\"”'" or self._speaker in self._people.above)


def _marked(text: str) -> Kind | None:
    """What a row is that is not spoken, by its marks alone."""
    if text[:1] in BRACKETS and behind_aside(text) == len(text):
        return "parenthetical" if text[0] in "(（" else "action"
    if _SLUG.match(text) or _HASH_HEADING.match(text) or not any(char.isalnum() for char in text):
        return "heading"
    if _TRANSITION.match(text) or _ACT.match(text) or _NAMED_ACT.match(text):
        return "heading"
    return "action" if _TIMES.match(text) or _PAGE.match(text) else None


def _whole_brackets(rows: Sequence[Row]) -> list[Row]:
    """Rows with those joined over which a bracket goes: what is in it is one aside, however it was broken."""
    whole: list[Row] = []
    at = 0
    while at < len(rows):
        end = _closed(rows, at) if rows[at].kind is None else at
        text = " ".join(row.text for row in rows[at : end + 1])
        whole.append(replace(rows[at], text=text, before_text=rows[end].before_text))
        at = end + 1
    return whole


def _closed(rows: Sequence[Row], at: int) -> int:
    """The row of the same paragraph in which the brackets are closed that are open at the end of one; else itself."""
    for first, last in BRACKETS.items():
        open_ = rows[at].text.count(first) - rows[at].text.count(last)
        for end in range(at + 1, min(at + 1 + _LONGEST_ASIDE, len(rows)) if open_ > 0 else 0):
            if rows[end].after_blank or rows[end].kind is not None:
                break
            open_ += rows[end].text.count(first) - rows[end].text.count(last)
            if open_ <= 0:
                return end
    return at


def _without_numbers(rows: list[Row]) -> list[Row]:
    """Without the numbers of a list that the whole script is: ``1. Hello.``, ``2. Bye.``."""
    found = [_NUMBERED.match(row.text) for row in rows]
    numbers = [int(one[1]) for one in found if one]
    if len(numbers) < 3 or len(numbers) * 5 < len(rows) * 4 or any(b != a + 1 for a, b in pairwise(numbers)):
        return rows
    return [replace(row, text=row.text[one.end() :]) if one else row for row, one in zip(rows, found, strict=True)]


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
    said = None if speaker else prefixed(text)
    if said and (all_caps(said.name) or said.name in names):
        if is_sound(said.name):
            return [ScriptLine(text, "action", number)]
        speaker, text = said
    lines: list[ScriptLine] = []
    kind = _marked(text) if text else None
    begin = _asides(text, number, speaker, lines) if kind is None else 0
    if text:
        lines.append(ScriptLine(text[begin:], "action" if kind == "heading" else kind or "dialogue", number, speaker))
    return lines


def _asides(text: str, number: int, speaker: str | None, lines: list[ScriptLine]) -> int:
    """Append the brackets that stand before the speech; returns where it begins."""
    begin = 0
    while begin < (end := behind_aside(text, begin)) < len(text):
        lines.append(ScriptLine(text[begin:end].strip(), "parenthetical", number, speaker))
        begin = end
    return begin
