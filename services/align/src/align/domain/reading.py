"""From the bytes of a script to its lines, whatever its author called the format."""

from collections.abc import Callable, Mapping

from align.domain.columns import parse_table
from align.domain.final_draft import looks_like_final_draft, parse_final_draft
from align.domain.fountain import looks_like_fountain, parse_fountain
from align.domain.markdown import parse_markdown
from align.domain.plain_text import parse_plain_text
from align.domain.script import SAVE_AS, EmptyScript, Format, Script, UnreadableScript, decode_script
from align.domain.subtitles import looks_like_subtitles, parse_subtitles
from align.domain.word_document import parse_word_document

__all__ = ["read_script"]

_ENDINGS: dict[str, Format] = {
    ".fountain": "fountain",
    ".spmd": "fountain",
    ".md": "markdown",
    ".markdown": "markdown",
    ".srt": "srt",
    ".vtt": "vtt",
    ".csv": "csv",
    ".tsv": "csv",
}
_MARKUP = ("<?xml", "<!doctype", "<html")
_ZIP = b"PK\x03\x04"
_READERS: dict[Format, Callable[[str], Script]] = {
    "text": parse_plain_text,
    "markdown": parse_markdown,
    "fountain": parse_fountain,
    "srt": parse_subtitles,
    "vtt": parse_subtitles,
}


def read_script(
    raw: bytes, guess: Format | None = None, *, name: str = "", columns: Mapping[str, str] | None = None
) -> Script:
    """Decode and parse a script.

    Args:
        raw: the file.
        guess: what somebody says it is; its content may overrule it, for people name files as they like.
        name: of the file, asked where nobody said more than that it is text.
        columns: which column of a table holds what; see ``align.domain.columns``.

    Raises:
        UnreadableScript: when the bytes are nothing we read.
        EmptyScript: when nobody speaks.
    """
    if raw.startswith(_ZIP):
        return parse_word_document(raw)
    if looks_like_final_draft(raw) or name.casefold().endswith(".fdx"):
        return parse_final_draft(raw)
    text = decode_script(raw)
    if text.lstrip("\ufeff \n\t")[:9].casefold().startswith(_MARKUP):
        raise UnreadableScript(f"The script is a page or document in markup. {SAVE_AS}")
    form = _form(text, guess, name, columns)
    if form == "csv":
        return parse_table(text, columns or {})
    if form == "fountain":
        try:
            return parse_fountain(text)
        except EmptyScript:
            return parse_plain_text(text)
    try:
        return _READERS.get(form, parse_plain_text)(text)
    except UnreadableScript:
        if form in ("srt", "vtt"):  # called so, and no such thing
            return parse_plain_text(text)
        raise


def _form(text: str, guess: Format | None, name: str, columns: Mapping[str, str] | None) -> Format:
    """What a text is: by its content where that is plain to see, else by what is said of it."""
    if looks_like_subtitles(text):
        return "vtt" if text.lstrip("\ufeff").startswith("WEBVTT") else "srt"
    if columns:
        return "csv"
    if guess in (None, "text", "docx", "fdx"):
        ending = f".{name.rpartition('.')[2].casefold()}" if "." in name else ""
        guess = _ENDINGS.get(ending)
    if guess not in ("fountain", "csv", "markdown") and looks_like_fountain(text):
        return "fountain"
    return guess or "text"
