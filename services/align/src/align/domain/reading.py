"""From the bytes of a script to its lines, whatever its author called the format."""

from typing import Literal

from align.domain.fountain import looks_like_fountain, parse_fountain
from align.domain.plain_text import parse_plain_text
from align.domain.script import EmptyScript, Script, decode_script

__all__ = ["read_script"]


def read_script(raw: bytes, guess: Literal["text", "fountain"] = "text") -> Script:
    """Decode and parse a script; ``guess`` is by its name, and its content may overrule it.

    Raises:
        UnreadableScript: when the bytes are no text.
        EmptyScript: when nobody speaks.
    """
    text = decode_script(raw)
    if guess == "fountain":
        try:
            return parse_fountain(text)
        except EmptyScript:
            return parse_plain_text(text)
    if looks_like_fountain(text):
        return parse_fountain(text)
    return parse_plain_text(text)
