"""Text as words that can be looked for: the same cut for what was said, what was written and what is asked.

We cut, not PostgreSQL's parser: so the n-th word of a passage is the n-th position of its index, which gives each
found word its place in the text and its second in the film.
"""

import re
import unicodedata
from dataclasses import dataclass

__all__ = ["LANGUAGES", "Token", "dictionary_of", "plain", "tokens_of"]

LANGUAGES = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "et": "estonian", "eu": "basque", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian",
    "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian", "nb": "norwegian", "ne": "nepali",
    "nl": "dutch", "nn": "norwegian", "no": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian",
    "ru": "russian", "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
"""Languages whose endings a dictionary of PostgreSQL may know (which of them depends on its version)."""

_LONGEST = 64
"""Letters of a word that count."""
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Scripts that put no spaces between words: each character is one, and several in a row are a phrase."""
_JOINED = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u0900-\u0963\u0966-\u0dff"
)
"""Marks that belong to the letter before, and letters of India with theirs."""
_LETTER = rf"(?:(?![{_UNSPACED}])[^\W_]|[{_JOINED}])"
_WORD = re.compile(rf"[{_UNSPACED}]|{_LETTER}+(?:['’ʼ](?:t|re|ll|d|m|ve|s)\b)?", re.IGNORECASE)
_POSSESSIVE = re.compile(r"['’ʼ]s$")
_APOSTROPHE = re.compile(r"['’ʼ]")
_STRIPPED = re.compile("[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670]")


@dataclass(frozen=True, slots=True)
class Token:
    """A word and where in the text it stands."""

    word: str
    """In lower case, with its accents."""
    offset: int
    length: int

    @property
    def end(self) -> int:
        """Behind its last character."""
        return self.offset + self.length


def tokens_of(text: str) -> list[Token]:
    """The words of a text in their order: ``Marcius's`` is ``marcius``, ``don't`` is ``dont``, ``l'amour`` are two."""
    found = []
    for match in _WORD.finditer(text):
        word = match.group()
        word = word.lower() if word.isascii() and word.isalnum() else _normal(word)
        word = word[:_LONGEST]
        if word:
            found.append(Token(word, match.start(), match.end() - match.start()))
    return found


def _normal(word: str) -> str:
    whole = unicodedata.normalize("NFKC", _APOSTROPHE.sub("", _POSSESSIVE.sub("", word))).casefold()
    # Some characters come apart when they are normalised; what is left must be one word without spaces.
    return "".join(character for character in whole if not character.isspace())


def plain(word: str) -> str:
    """Without accents, as people type it: ``café`` and ``cafe`` are the same."""
    if word.isascii():
        return word
    apart = _STRIPPED.sub("", unicodedata.normalize("NFD", word))
    return unicodedata.normalize("NFC", apart) or word


def dictionary_of(language: str) -> str | None:
    """PostgreSQL's dictionary for the endings of a language; None where none is known."""
    name = LANGUAGES.get(language)
    return None if name is None else f"{name}_stem"
