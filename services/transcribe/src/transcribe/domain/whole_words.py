"""Words as people count them: a recognizer's pieces, put together."""

from collections.abc import Iterable
from dataclasses import replace

from transcribe.domain.heard import HeardWord

__all__ = ["WRITTEN_WITHOUT_BLANKS", "whole_words"]

WRITTEN_WITHOUT_BLANKS = frozenset({"zh", "ja", "th", "lo", "my", "km", "yue"})
"""Languages whose words no blank separates, ISO 639-1 or -3."""


def whole_words(pieces: Iterable[HeardWord], *, language: str | None) -> list[HeardWord]:
    """Join a piece to the one before it unless a blank stands between them: ``42`` and ``-line`` are one word.

    The whole is as probable as its least probable piece. In languages written without blanks every piece stays.
    """
    if language in WRITTEN_WITHOUT_BLANKS:
        return list(pieces)
    words: list[HeardWord] = []
    for piece in pieces:
        if words and not piece.text[:1].isspace() and not words[-1].text[-1:].isspace():
            whole = words[-1]
            words[-1] = replace(
                whole,
                text=whole.text + piece.text,
                end=piece.end,
                probability=min(whole.probability, piece.probability),
            )
        else:
            words.append(piece)
    return words
