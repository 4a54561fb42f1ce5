"""Ears that cost nothing, for tests of who hears what and when; a child process can import them."""

from pathlib import Path

from transcribe.adapters.failures import UnreadableAudio
from transcribe.domain.heard import Heard, HeardWord, Hearing, Passage, Survey
from transcribe.domain.pieces import Piece
from transcribe.ports import Ears

__all__ = ["SECONDS", "one_word_a_piece", "three_pieces"]

SECONDS = 44.0


def three_pieces(ears: Ears, _model: str, _audio: Path, _language: str | None, _longest_s: float) -> Survey:
    """Stands in for looking the recording over; with a file called ``moved`` in its folder, the first cut is another.

    As it may be on another machine, whose arithmetic rounds otherwise.
    """
    first = 15.0 if ears.cache_dir is not None and (ears.cache_dir / "moved").exists() else 12.0
    parts = [(0.0, first), (first, 30.0), (30.0, SECONDS)]
    return Survey(tuple(Piece(*part, *part, speech=(part,)) for part in parts), "en", None, SECONDS)


def one_word_a_piece(ears: Ears, _model: str, _audio: Path, language: str | None, piece: Piece | None) -> Hearing:
    """Stands in for hearing, and says which hints it was told.

    While a file called ``broken`` is in its folder, the middle of the recording cannot be heard.
    """
    assert piece is not None
    assert ears.cache_dir is not None
    if piece.start == 12 and (ears.cache_dir / "broken").exists():
        raise UnreadableAudio("the middle is missing. Submit the video again.")
    words = [HeardWord(f" from{piece.start:.0f}", piece.start + 1, piece.start + 2, 0.9)]
    if ears.hints:
        words.append(HeardWord(f" told:{'+'.join(ears.hints)}", piece.start + 2, piece.start + 3, 0.9))
    return Hearing(Heard((Passage(tuple(words)),), language, None, SECONDS), "ears of a test", "ab" * 32)
