"""Word documents (.docx): paragraphs by their style where it says what they are, else by the rules of text.

Only two parts of the package are opened, each up to a bound, so that no bomb unfolds.
"""

import io
import re
import xml.etree.ElementTree as ET
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from align.domain.columns import Columns, guessed, lines_of_table
from align.domain.fountain import looks_like_fountain, parse_fountain
from align.domain.plain_text import lines_of_speech, read_rows
from align.domain.script import SAVE_AS, Kind, Script, ScriptLine, UnreadableScript, numbered
from align.domain.speakers import Row, all_caps, speaker_of
from align.domain.xml_parts import local_name, parsed, within

__all__ = ["parse_word_document"]

_LARGEST_PART = 8 * 2**20
"""Bytes, unpacked: a thousand pages."""
_MOST_MEMBERS = 5000
_MAIN, _STYLES = re.compile(r"word/document\d*\.xml"), "word/styles.xml"
_SKIPPED = frozenset({"del", "moveFrom", "Fallback", "instrText", "footnoteReference", "sdtPr", "pPr", "rPr"})
"""Deleted text, second versions of drawings, and what is no text."""
_STYLED: dict[str, Kind | str] = {
    **dict.fromkeys(("character", "charactername", "cue", "speaker", "figur", "personnage"), "speaker"),
    **dict.fromkeys(("dialogue", "dialog", "speech", "lyrics"), "dialogue"),
    **dict.fromkeys(("parenthetical", "parentheses", "wryly"), "parenthetical"),
    **dict.fromkeys(("action", "description", "stagedirection", "stagedirections", "general"), "action"),
    **dict.fromkeys(("sceneheading", "slugline", "slug", "scene", "transition", "shot", "act", "title", "subtitle"),
                    "heading"),
    **{f"heading{level}": "heading" for level in range(1, 10)},
}  # fmt: skip
_NOT_LETTERS = re.compile(r"[^a-z0-9]")


@dataclass(frozen=True)
class _Paragraph:
    number: int
    text: str
    """With breaks where its author broke it."""
    style: str | None


def parse_word_document(raw: bytes) -> Script:
    """Read a Word document.

    Raises:
        UnreadableScript: when it is none, is locked, or would unfold to more than any script.
        EmptyScript: when nobody speaks.
    """
    main, styles = _parts(raw)
    body = next((one for one in within(parsed(main, "Word document")) if local_name(one) == "body"), None)
    if body is None:
        raise UnreadableScript(f"The script is a Word document without a text. {SAVE_AS}")
    names = _style_names(styles)
    if lines := _tables(body, names):
        return numbered(lines)
    paragraphs = list(_paragraphs(body, names))
    styled = [_STYLED.get(one.style or "") for one in paragraphs]
    if {"dialogue", "speaker"} <= set(styled):
        return _by_style(paragraphs)
    text = "\n".join(one.text for one in paragraphs)
    return parse_fountain(text) if looks_like_fountain(text) else read_rows(_rows(paragraphs))


def _parts(raw: bytes) -> tuple[bytes, bytes | None]:
    """The text and the styles."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as package:
            names = set(package.namelist())
            main = next((name for name in sorted(names) if _MAIN.fullmatch(name)), None)
            if len(names) > _MOST_MEMBERS or main is None:
                raise UnreadableScript(f"The script is a zipped file, but no Word document. {SAVE_AS}")
            return _unpacked(package, main), _unpacked(package, _STYLES) if _STYLES in names else None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        if isinstance(error, UnreadableScript):
            raise
        said = f"{type(error).__name__}: {error}"[:200]
        raise UnreadableScript(f"The Word document is damaged or locked ({said}). {SAVE_AS}") from error


def _unpacked(package: zipfile.ZipFile, name: str) -> bytes:
    """One part, by what it really holds and not by what the package says of it."""
    with package.open(name) as part:
        content = part.read(_LARGEST_PART + 1)
    if len(content) > _LARGEST_PART:
        raise UnreadableScript(f"The Word document unfolds to more than {_LARGEST_PART} bytes. {SAVE_AS}")
    return content


def _style_names(raw: bytes | None) -> Mapping[str, str]:
    """Names of styles by their ids, in letters alone."""
    if raw is None:
        return {}
    found: dict[str, str] = {}
    for style in parsed(raw, "Word document"):
        if local_name(style) == "style":
            name = next((_value(child) for child in style if local_name(child) == "name"), "")
            found[_attribute(style, "styleId")] = _letters(name)
    return found


def _paragraphs(root: ET.Element, names: Mapping[str, str]) -> Iterator[_Paragraph]:
    number = 0
    for one in within(root, but=_SKIPPED):
        if local_name(one) == "p":
            number += 1
            yield _Paragraph(number, _text(one), _style(one, names))


def _text(paragraph: ET.Element) -> str:
    """Runs of text; a break is one, and paragraphs inside of drawings are on their own."""
    pieces: list[str] = []
    for one in within(paragraph, but=_SKIPPED | {"p"}):
        name = local_name(one)
        if name == "t":
            pieces.append((one.text or "").replace("\n", " "))
        elif name in ("br", "cr"):
            pieces.append("\n")
        elif name in ("tab", "noBreakHyphen"):
            pieces.append(" " if name == "tab" else "-")
    rows = (" ".join(row.split()) for row in "".join(pieces).split("\n"))
    return "\n".join(rows).strip("\n")


def _style(paragraph: ET.Element, names: Mapping[str, str]) -> str | None:
    properties = next((child for child in paragraph if local_name(child) == "pPr"), ())
    id_ = next((_value(child) for child in properties if local_name(child) == "pStyle"), None)
    if id_ is None:
        return None
    name = names.get(id_, "")
    return name if name in _STYLED else _letters(id_)


def _by_style(paragraphs: list[_Paragraph]) -> Script:
    lines: list[ScriptLine] = []
    speaker: str | None = None
    for one in paragraphs:
        kind, text = _STYLED.get(one.style or "", "action"), " ".join(one.text.split())
        if not text:
            continue
        if kind == "speaker":
            speaker = speaker_of(text) or None
        elif kind == "dialogue":
            lines += lines_of_speech(text, speaker, one.number)
        elif kind == "parenthetical":
            lines.append(ScriptLine(text, "parenthetical", one.number, speaker))
        else:
            speaker = None
            lines.append(ScriptLine(text, "heading" if kind == "heading" else "action", one.number))
    return numbered(lines)


def _rows(paragraphs: list[_Paragraph]) -> list[Row]:
    """Lines of text. Where no paragraph is empty, the space between them is their style's: names stand apart."""
    spaced = any(not one.text for one in paragraphs)
    rows: list[Row] = []
    for at, one in enumerate(paragraphs):
        parts = [part for part in one.text.split("\n") if part]
        near = bool(paragraphs[at - 1].text) if spaced and at else not all_caps(one.text)
        more = at + 1 < len(paragraphs) and bool(paragraphs[at + 1].text)
        kind: Kind | None = "heading" if _STYLED.get(one.style or "") == "heading" else None
        for place, part in enumerate(parts):
            last = place + 1 == len(parts)
            rows.append(Row(one.number, part, not place and not near, more if last else True, kind))
    return rows


def _tables(body: ET.Element, names: Mapping[str, str]) -> list[ScriptLine]:
    """The lines of tables whose head says what their columns hold; none where there is no such table."""
    lines: list[ScriptLine] = []
    number = 0
    columns: Columns | None = None
    head: ET.Element | None = None
    for one in within(body, but=_SKIPPED):
        name = local_name(one)
        if name == "tbl":
            head = next((child for child in one if local_name(child) == "tr"), None)
            columns = guessed(_cells(head, names)) if head is not None else None
        elif name == "tr" and columns and one is not head:
            lines += lines_of_table(_cells(one, names), columns, number + 1)
        number += name == "p"
    return lines


def _cells(row: ET.Element, names: Mapping[str, str]) -> list[str]:
    return ["\n".join(one.text for one in _paragraphs(cell, names)) for cell in row if local_name(cell) == "tc"]


def _value(one: ET.Element) -> str:
    return _attribute(one, "val")


def _attribute(one: ET.Element, name: str) -> str:
    return next((value for key, value in one.attrib.items() if key.rpartition("}")[2] == name), "")


def _letters(name: str) -> str:
    return _NOT_LETTERS.sub("", name[:100].casefold())
