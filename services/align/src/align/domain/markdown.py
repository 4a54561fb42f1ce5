"""Markdown scripts: plain text once the marks are gone; what only a page shows is kept out of the speech."""

import re

from align.domain.columns import Columns, guessed, lines_of_table
from align.domain.emphasis import without_emphasis
from align.domain.plain_text import read_rows
from align.domain.script import EmptyScript, Kind, Script, ScriptLine, numbered
from align.domain.speakers import Row

__all__ = ["parse_markdown"]

_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
_RULE = re.compile(r"^(?:(?:\*\s*){3,}|(?:-\s*){3,}|(?:_\s*){3,})$")
_UNDERLINE = re.compile(r"^(?:=+|-+)$")
_FENCE = re.compile(r"^(?:`{3,}|~{3,})")
_LISTED = re.compile(r"^(?:[-*+]|\d{1,9}[.)])\s+(?:\[[ xX]\]\s+)?")
_QUOTED = re.compile(r"^(?:>\s?)+")
_LINK = re.compile(r"(!?)\[([^\[\]]{0,500})\](?:\([^()\s]{0,2000}(?:\s\"[^\"]{0,500}\")?\)|\[[^\[\]]{0,200}\])")
_DIVIDER = re.compile(r"^\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?$")
_TAG = re.compile(r"<(?:/?[a-zA-Z][^<>]{0,200}|https?://[^<>\s]{0,500})>")
_BREAK = re.compile(r"<br\s?/?>", re.IGNORECASE)
_ESCAPED = re.compile(r"\\([\\!\"#$%&'()+,\-./:;<=>?@\[\]^`{|}~])")


def parse_markdown(text: str) -> Script:
    """Read a script in Markdown (CommonMark, with tables).

    Headings are headings; quotes and lists lose their marks and are speech; code, comments, front matter, pictures and
    rules are not. A table whose head says what its columns hold is read as one.

    Raises:
        EmptyScript: when no line is spoken.
    """
    source = _without_front_matter(_without_comments(text)).split("\n")
    if table := _table(source):
        return table
    kept: list[tuple[int, str, Kind | None]] = []
    fenced = ""
    for number, raw in enumerate(source, 1):
        row = raw.strip()
        fence = _FENCE.match(row)
        if fence and (not fenced or row.startswith(fenced)):
            fenced = "" if fenced else fence.group()
            kept.append((number, "", None))
        elif fenced:
            kept.append((number, row, "action" if row else None))
        elif row and set(row) <= set("=-") and _UNDERLINE.match(row) and _is_paragraph(kept):
            kept[-1] = (kept[-1][0], kept[-1][1], "heading")
            kept.append((number, "", None))
        else:
            kept.append((number, *_read(row)))
    return read_rows(_rows(kept))


def _is_paragraph(kept: list[tuple[int, str, Kind | None]]) -> bool:
    return bool(kept) and bool(kept[-1][1]) and kept[-1][2] is None


def _read(row: str) -> tuple[str, Kind | None]:
    """A row's text, and what it is if its marks say so."""
    if not row or _RULE.match(row):
        return "", None
    if heading := _HEADING.match(row):
        text = _plain(heading.group(1))
        return text, "heading" if text else None
    row = _QUOTED.sub("", row)
    row = _LISTED.sub("", row)
    text = _plain(row.removesuffix("\\"))
    return text, None


def _plain(text: str) -> str:
    shown = _LINK.sub(lambda link: "" if link[1] else link[2], text)
    shown = _TAG.sub("", shown).replace("`", "")
    return _ESCAPED.sub(r"\1", without_emphasis(shown)).strip()


def _rows(kept: list[tuple[int, str, Kind | None]]) -> list[Row]:
    rows = []
    for at, (number, text, kind) in enumerate(kept):
        if text:
            before = kept[at - 1] if at else (0, "", None)
            after = kept[at + 1] if at + 1 < len(kept) else (0, "", None)
            # A heading stands alone, whatever is close to it.
            apart = not before[1] or before[2] == "heading"
            rows.append(Row(number, " ".join(text.split()), apart, bool(after[1]) and after[2] is None, kind))
    return rows


def _without_comments(text: str) -> str:
    """Without ``<!-- comments -->``; rows keep their numbers."""
    pieces, at = [], 0
    while (start := text.find("<!--", at)) >= 0:
        end = text.find("-->", start + 4)
        end = len(text) if end < 0 else end + 3
        pieces.append(text[at:start] + "\n" * text.count("\n", start, end))
        at = end
    return "".join([*pieces, text[at:]])


def _without_front_matter(text: str) -> str:
    rows = text.split("\n")
    if rows[0].strip() != "---":
        return text
    end = next((at for at, row in enumerate(rows[1:100], 1) if row.strip() in ("---", "...")), 0)
    return "\n".join([*[""] * (end + 1), *rows[end + 1 :]]) if end else text


def _table(source: list[str]) -> Script | None:
    """A table, if one has a column of speech: then the whole script is in tables, and the rest is about it."""
    lines: list[ScriptLine] = []
    columns: Columns | None = None
    for number, raw in enumerate(source, 1):
        row = raw.strip()
        following = source[number].strip() if number < len(source) else ""
        if "|" in row and _DIVIDER.match(following):
            columns = guessed(_cells(row))
        elif columns and "|" in row and not _DIVIDER.match(row):
            lines += lines_of_table(_cells(row), columns, number)
        elif not row:
            columns = None
    try:
        return numbered(lines) if lines else None
    except EmptyScript:
        return None


def _cells(row: str) -> list[str]:
    cells = row.strip().removeprefix("|").removesuffix("|").split("|")
    return ["\n".join(map(_plain, _BREAK.split(cell))) for cell in cells]
