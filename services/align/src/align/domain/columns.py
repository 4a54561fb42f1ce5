"""Scripts as tables (CSV, TSV): which column holds what is told by the user, or by the table's head."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from align.domain.plain_text import lines_of_speech
from align.domain.script import Kind, Script, ScriptLine, UnreadableScript, numbered
from align.domain.speakers import all_caps, is_sound, prefixed, speaker_of

__all__ = ["ROLES", "Columns", "UnknownColumns", "guessed", "lines_of_table", "parse_table"]

ROLES = ("text", "speaker", "kind", "parenthetical", "action", "heading")
_HEADS = {
    "text": (
        "dialogue", "dialog", "dialogues", "spokentext", "spoken", "speech", "text", "narration", "voiceover", "vo",
        "audio", "transcript", "caption", "subtitle", "words", "sentence", "satz", "sprechtext", "dialogtext", "texte",
        "réplique", "texto", "diálogo", "diálogos", "testo", "dialogo", "battuta", "dialoog", "tekst", "台词", "台詞",
        "セリフ", "copy", "line", "lines", "zeile", "línea", "content", "script",
    ),
    "speaker": (
        "speaker", "character", "char", "role", "voice", "talent", "actor", "cast", "who", "person", "name", "sprecher",
        "figur", "rolle", "charakter", "wer", "personnage", "rôle", "personaje", "personaggio", "personagem", "角色",
        "役名",
    ),
    "kind": ("kind", "type", "element", "category", "art", "typ"),
    "parenthetical": ("parenthetical", "delivery", "tone", "emotion"),
    "action": (
        "action", "video", "visual", "visuals", "picture", "description", "stagedirection", "stagedirections", "bild",
    ),
    "heading": (
        "sceneheading", "heading", "slugline", "slug", "scene", "section", "location", "szene", "scène", "escena",
    ),
}  # fmt: skip
"""What people call their columns: of several that would do, the first named here."""
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("", "dialogue", "dialog", "line", "speech", "spoken", "vo", "voiceover", "narration", "lyrics",
                     "text"), "dialogue"),
    **dict.fromkeys(("heading", "sceneheading", "scene", "slug", "slugline", "title", "act", "section"), "heading"),
    **dict.fromkeys(("parenthetical", "delivery"), "parenthetical"),
}  # fmt: skip
_DELIMITERS = (",", ";", "\t", "|")
_TOLD = re.compile(r"^sep=(.)$")
_SAMPLE = 200
_NOT_LETTERS = re.compile(r"[\W_]+")


class UnknownColumns(UnreadableScript):
    """Nobody said which column holds the speech, and the head does not tell."""

    reason = "unknown_columns"


@dataclass(frozen=True)
class Columns:
    """Places of columns, from 0; None where the table has no such column."""

    text: int
    speaker: int | None = None
    kind: int | None = None
    parenthetical: int | None = None
    action: int | None = None
    heading: int | None = None


def parse_table(text: str, told: Mapping[str, str]) -> Script:
    """Read a table with one row for each line of the script.

    ``told`` names a column by its head, or by its number from 1, for each of ``ROLES`` that the table has; what it
    leaves out is guessed by the head if it tells nothing at all.

    Raises:
        UnknownColumns: when no column is known to hold the speech.
        UnreadableScript: when it is no table.
        EmptyScript: when no line is spoken.
    """
    rows = _rows(text)
    first = next(rows, None)
    if first is None:
        return numbered([])
    number, head = first
    columns = _told(head, told) if told else guessed(head)
    if columns is None and len(head) == 1:  # a list of lines, without a head
        columns, told = Columns(0), {"text": "1"}
    if columns is None:
        raise UnknownColumns(f'{_columns_are(head)} Say which one holds the speech: columns = {{"text": "…"}}.')
    lines: list[ScriptLine] = []
    if told and all(value.strip().isdecimal() for value in told.values()) and guessed(head) is None:
        lines += lines_of_table(head, columns, number)  # it has no head
    for number, cells in rows:
        lines += lines_of_table(cells, columns, number)
    return numbered(lines)


def guessed(head: Sequence[str]) -> Columns | None:
    """Which column holds what, by the names people give them; None where none seems to hold speech."""
    names = [_letters(name) for name in head]
    places = {role: next((names.index(one) for one in known if one in names), None) for role, known in _HEADS.items()}
    text = places.pop("text")
    return None if text is None else Columns(text, **places)


def lines_of_table(cells: Sequence[str], columns: Columns, number: int) -> Iterator[ScriptLine]:
    """The lines of one row, which is in line ``number`` of the file."""
    speaker = speaker_of(_cell(cells, columns.speaker)) or None
    places: tuple[tuple[int | None, Kind], ...] = (
        (columns.heading, "heading"), (columns.action, "action"), (columns.parenthetical, "parenthetical"),
    )  # fmt: skip
    for place, kind in places:
        if text := _cell(cells, place):
            yield ScriptLine(text, kind, number, speaker if kind == "parenthetical" else None)
    text = _cell(cells, columns.text)
    if not text:
        return
    kind_of_row = _KINDS.get(_letters(_cell(cells, columns.kind)), "action")
    if kind_of_row == "dialogue":
        for said in _speeches(cells[columns.text]):
            yield from lines_of_speech(said, speaker, number)
    else:
        yield ScriptLine(text, kind_of_row, number, speaker if kind_of_row == "parenthetical" else None)


def _cell(cells: Sequence[str], place: int | None) -> str:
    return " ".join(cells[place].split()) if place is not None and place < len(cells) else ""


def _speeches(cell: str) -> list[str]:
    """A cell that holds several speeches, each with its name on a row of its own; else all of it as one."""
    speeches: list[str] = []
    for row in filter(None, (" ".join(row.split()) for row in cell.splitlines())):
        said = prefixed(row)
        if speeches and not (said and (all_caps(said.name) or is_sound(said.name))):
            speeches[-1] += f" {row}"
        else:
            speeches.append(row)
    return speeches


def _told(head: Sequence[str], told: Mapping[str, str]) -> Columns:
    unknown = sorted(set(told) - set(ROLES))
    if unknown or "text" not in told:
        raise UnknownColumns(f"Columns are told for {', '.join(ROLES)}; text must be among them. {_columns_are(head)}")
    return Columns(**{role: _place(head, name) for role, name in told.items()})


def _place(head: Sequence[str], name: str) -> int:
    names = [one.strip().casefold() for one in head]
    if name.strip().casefold() in names:
        return names.index(name.strip().casefold())
    if name.strip().isdecimal() and len(name.strip()) <= 5 and 1 <= int(name) <= max(len(head), 1):
        return int(name) - 1
    raise UnknownColumns(
        f"There is no column {name[:80]!r}. {_columns_are(head)} Correct the mapping and send it again."
    )


def _columns_are(head: Sequence[str]) -> str:
    return "The table has the columns " + ", ".join(repr(one.strip()[:40]) for one in head[:30]) + "."


def _letters(name: str) -> str:
    return _NOT_LETTERS.sub("", name[:60]).casefold()


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that hold something, with the line each begins in."""
    told = _TOLD.match(text.split("\n", 1)[0].strip())
    delimiter = told[1] if told else _sniffed(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    begins = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row) and not (told and begins == 1):
                yield begins, row
            begins = reader.line_num + 1
    except csv.Error as error:
        raise UnreadableScript(
            f"The table cannot be read ({error} in line {begins}). Save it as CSV (UTF-8) again and send it again."
        ) from error


def _sniffed(text: str) -> str:
    """The delimiter that parts the first rows into the same number of cells, and into the most."""

    def score(delimiter: str) -> tuple[int, int]:
        widths: list[int] = []
        try:
            sample = csv.reader(io.StringIO(text[:100_000], newline=""), delimiter=delimiter)
            widths += [len(row) for row in islice(sample, _SAMPLE) if row]
        except csv.Error:
            pass
        if not widths or widths[0] < 2:
            return 0, 0
        return sum(width == widths[0] for width in widths), widths[0]

    return max(_DELIMITERS, key=score)
