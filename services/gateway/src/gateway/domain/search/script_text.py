"""The words of a script for the index, whatever its format. What its lines mean is another service's business."""

import io
import re
import xml.etree.ElementTree as ET
import zipfile
import zlib
from collections.abc import Iterator

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

__all__ = ["UnreadableText", "text_of_script"]

_LARGEST_PART = 8 * 2**20
"""Bytes of a document, unpacked: a thousand pages, and no bomb."""
_MAIN = re.compile(r"word/document\d*\.xml")
_BLANKS = b"\xef\xbb\xbf\xff\xfe \t\r\n"
_TIMES = re.compile(r"\d[.,]\d{1,3}[ \t]*-->[ \t]*\d")
_SUBTITLE_ROW = re.compile(r"^\s*(?:\d{1,9}|[\d:.,]{4,20}\s*-->.*|WEBVTT.*)\s*$")
_TOGETHER = ("Dialogue", "Parenthetical", "Lyrics")
"""Paragraphs of Final Draft that stand under the one before them."""
_HIDDEN = ("ScriptNote", "del", "moveFrom", "Fallback", "instrText")


class UnreadableText(ValueError):
    """The script is nothing that words can be taken from."""


def text_of_script(content: bytes) -> str:
    """What is written in a script. Raises UnreadableText."""
    if content.startswith(b"PK\x03\x04"):
        return _word_document(content)
    if content.lstrip(_BLANKS).startswith(b"<") and b"<FinalDraft" in content[:4096].replace(b"\x00", b""):
        return "\n".join(_paragraphs(_parsed(content), "Text"))
    text = _decoded(content).replace("\x00", " ")
    if _TIMES.search(text, 0, 2000):
        return "\n".join("" if _SUBTITLE_ROW.match(row) else row for row in text.splitlines())
    return text


def _decoded(content: bytes) -> str:
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if wide else ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableText("the script is in no encoding that is known")


def _word_document(content: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            main = next((name for name in sorted(package.namelist()) if _MAIN.fullmatch(name)), None)
            if main is None:
                raise UnreadableText("the script is a zipped file, but no Word document")
            with package.open(main) as part:
                xml = part.read(_LARGEST_PART + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise UnreadableText(f"the Word document is damaged or locked: {error}") from error
    if len(xml) > _LARGEST_PART:
        raise UnreadableText("the Word document unfolds to more than any script")
    return "\n".join(_paragraphs(_parsed(xml), "t"))


def _parsed(content: bytes) -> ET.Element:
    try:
        root: ET.Element = fromstring(content, forbid_dtd=True)
    except (ET.ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise UnreadableText(f"the script is no XML that can be read: {type(error).__name__}") from error
    return root


def _paragraphs(root: ET.Element, text: str) -> Iterator[str]:
    """Paragraphs as rows, with an empty row before each that does not belong to the one before it."""
    row: list[str] = []
    waiting = [root]
    while waiting:
        one = waiting.pop()
        name = _name(one)
        if name in ("p", "Paragraph"):
            yield " ".join("".join(row).split())
            row = []
            if one.get("Type") not in _TOGETHER:
                yield ""
        elif name == text:
            row.append("".join(one.itertext()))
        elif name in ("br", "tab", "cr"):
            row.append(" ")
        waiting += [child for child in reversed(one) if _name(child) not in _HIDDEN]
    yield " ".join("".join(row).split())


def _name(one: ET.Element) -> str:
    return one.tag.rpartition("}")[2] if isinstance(one.tag, str) else ""
