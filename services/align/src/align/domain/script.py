"""What a script is once it has been read: lines in order, each with its kind, its speaker and its place in the file."""

from dataclasses import dataclass, replace
from typing import Literal

__all__ = [
    "SAVE_AS",
    "EmptyScript",
    "Format",
    "Kind",
    "Script",
    "ScriptLine",
    "UnreadableScript",
    "decode_script",
    "numbered",
]

Kind = Literal["dialogue", "action", "heading", "parenthetical"]
Format = Literal["text", "markdown", "fountain", "fdx", "docx", "srt", "vtt", "csv"]


class UnreadableScript(ValueError):
    """Nothing that we read: a PDF, an old word processor's file, or damage. The message says what to send instead."""

    reason = "unreadable_script"


class EmptyScript(ValueError):
    """The script holds no line that anybody speaks, so there is nothing to align."""

    reason = "empty_script"


@dataclass(frozen=True)
class ScriptLine:
    """One line as its author wrote it. Only ``dialogue`` is spoken."""

    text: str
    kind: Kind
    source_line: int
    """1-based line of the file where it begins; in Word and Final Draft, its paragraph."""
    speaker: str | None = None
    line_id: str = ""
    number: int = 0
    """1-based among the spoken lines; 0 for the other kinds."""


@dataclass(frozen=True)
class Script:
    """All lines in the order of the page."""

    lines: tuple[ScriptLine, ...]

    @property
    def spoken(self) -> tuple[ScriptLine, ...]:
        """The lines that are to be heard."""
        return tuple(line for line in self.lines if line.kind == "dialogue")


def numbered(lines: list[ScriptLine]) -> Script:
    """Give spoken lines ``L01``, ``L02``…, and the others an id that cannot be taken for one (``H001``, ``A002``…).

    Raises:
        EmptyScript: when no line is spoken.
    """
    spoken = sum(line.kind == "dialogue" for line in lines)
    if not spoken:
        raise EmptyScript("The script has no spoken line. Send one with dialogue.")
    width = max(2, len(str(spoken)))
    count = 0
    done = []
    for place, line in enumerate(lines, 1):
        if line.kind == "dialogue":
            count += 1
            done.append(replace(line, line_id=f"L{count:0{width}d}", number=count))
        else:
            done.append(replace(line, line_id=f"{line.kind[0].upper()}{place:03d}", number=0))
    return Script(tuple(done))


SAVE_AS = "Save it as .docx, .fdx, Fountain or UTF-8 plain text and send it again."
_FOREIGN = {
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old word processor's file",
    b"{\\rtf": "an RTF document",
}
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_WIDE = ((1, "utf-16-le"), (0, "utf-16-be"))
"""Which byte of each pair is 0 in Latin text of these."""


def decode_script(raw: bytes) -> str:
    """Turn bytes into text: UTF-8, UTF-16 with a byte order mark, or else Windows-1252.

    Raises:
        UnreadableScript: when the bytes are not text in any of these.
        EmptyScript: when there is nothing but white space.
    """
    for magic, what in _FOREIGN.items():
        if raw.startswith(magic):
            raise UnreadableScript(f"The script is {what}. {SAVE_AS}")
    text = _decoded(raw)
    control = sum(ord(char) < 32 and char not in "\t\n\r\f\v" for char in text)
    if control > len(text) // 50 or "\x00" in text:
        raise UnreadableScript(f"The script is not text. {SAVE_AS}")
    if not text.strip():
        raise EmptyScript("The script is empty. Send one with at least one spoken line.")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n").replace("\v", "\n")


def _decoded(raw: bytes) -> str:
    encodings = [name for mark, name in _BOMS if raw.startswith(mark)] or [*_unmarked(raw), "utf-8", "cp1252"]
    for encoding in encodings:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableScript(f"The script is not valid {' or '.join(encodings)}. Save it as UTF-8 and send it again.")


def _unmarked(raw: bytes) -> list[str]:
    """UTF-16 without its mark: every other byte of Latin text is 0, which no other text has a single one of."""
    start = raw[:2000]
    if len(start) < 4 or len(raw) % 2:
        return []
    return [name for at, name in _WIDE if start[at::2].count(0) * 4 > len(start) and not start[1 - at :: 2].count(0)]
