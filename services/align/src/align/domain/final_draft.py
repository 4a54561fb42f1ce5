"""Final Draft (.fdx): XML in which every paragraph says what it is."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from align.domain.plain_text import lines_of_speech
from align.domain.script import SAVE_AS, Kind, Script, ScriptLine, UnreadableScript, numbered
from align.domain.speakers import speaker_of
from align.domain.xml_parts import local_name, parsed

__all__ = ["looks_like_final_draft", "parse_final_draft"]

_KINDS: dict[str, Kind] = {
    "scene heading": "heading",
    "new act": "heading",
    "end of act": "heading",
    "act break": "heading",
    "transition": "heading",
    "shot": "heading",
    "parenthetical": "parenthetical",
    "dialogue": "dialogue",
    "lyrics": "dialogue",
    "singing": "dialogue",
}
"""By the names of its own elements; those that writers add are action, as General is."""


def looks_like_final_draft(raw: bytes) -> bool:
    """Whether the first element is its own."""
    start = raw[:4096].replace(b"\x00", b"")
    return b"<FinalDraft" in start and start.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<")


def parse_final_draft(raw: bytes) -> Script:
    """Read a Final Draft document. Notes, title page and what else is around the content are not in it.

    Raises:
        UnreadableScript: when it is no such document.
        EmptyScript: when nobody speaks.
    """
    root = parsed(raw, "Final Draft document")
    content = next((child for child in root if local_name(child) == "Content"), None)
    if local_name(root) != "FinalDraft" or content is None:
        raise UnreadableScript(f"The script is XML, but no Final Draft document. {SAVE_AS}")
    lines: list[ScriptLine] = []
    speaker: str | None = None
    for number, paragraph in enumerate(_paragraphs(content), 1):
        kind = (paragraph.get("Type") or "").strip().casefold()
        text = _text(paragraph)
        if kind == "character":
            speaker = speaker_of(text) or None
        elif text:
            speaker = _read(lines, _KINDS.get(kind, "action"), text, speaker, number)
    return numbered(lines)


def _read(lines: list[ScriptLine], kind: Kind, text: str, speaker: str | None, number: int) -> str | None:
    """Append what a paragraph holds; returns who speaks next."""
    if kind == "dialogue":
        lines += lines_of_speech(text, speaker, number)
        return speaker
    if kind == "parenthetical":
        lines.append(ScriptLine(text, kind, number, speaker))
        return speaker
    lines.append(ScriptLine(text, kind, number))
    return None


def _paragraphs(content: ET.Element) -> Iterator[ET.Element]:
    """Paragraphs in order; one with dual dialogue holds those of both speakers instead of a text."""
    waiting = list(reversed(content))
    while waiting:
        one = waiting.pop()
        name = local_name(one)
        if name == "DualDialogue":
            waiting += list(reversed(one))
        elif name == "Paragraph":
            dual = [child for child in one if local_name(child) == "DualDialogue"]
            if not dual:
                yield one
            waiting += reversed(dual)


def _text(paragraph: ET.Element) -> str:
    """Its own runs of text, one after the other: notes have paragraphs of their own."""
    runs = ("".join(child.itertext()) for child in paragraph if local_name(child) == "Text")
    return " ".join("".join(runs).split())
