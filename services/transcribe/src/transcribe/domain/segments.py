"""Where a transcript breaks into pieces that a person can read."""

from collections.abc import Sequence

from contracts.documents import Segment, Word
from transcribe.domain.whole_words import WRITTEN_WITHOUT_BLANKS

__all__ = ["cut_into_segments"]

_SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？", "।", "؟")
_CLOSERS = "\"'”’»)]"
_ABBREVIATIONS = frozenset({"mr.", "mrs.", "ms.", "dr.", "prof.", "st.", "vs.", "no.", "jr.", "sr."})


def cut_into_segments(
    words: Sequence[Word], *, pause_s: float, longest_s: float, language: str | None = None
) -> list[Segment]:
    """Start a new segment where the speaker pauses, where a sentence ends, or where it would become too long.

    Args:
        words: in order of time.
        pause_s: a silence between two words at least this long ends a segment.
        longest_s: no segment lasts longer, unless one word does.
        language: ISO 639-1 code; decides whether words are joined with blanks.
    """
    glue = "" if language in WRITTEN_WITHOUT_BLANKS else " "
    segments: list[Segment] = []
    first = 0
    for index, word in enumerate(words):
        following = words[index + 1] if index + 1 < len(words) else None
        if following is not None and not _breaks(words[first], word, following, pause_s, longest_s):
            continue
        spoken = words[first : index + 1]
        segments.append(
            Segment(
                text=glue.join(each.text for each in spoken),
                start=spoken[0].start,
                end=spoken[-1].end,
                first_word=first,
                last_word=index,
            )
        )
        first = index + 1
    return segments


def _breaks(first: Word, word: Word, following: Word, pause_s: float, longest_s: float) -> bool:
    return (
        _ends_sentence(word.text)
        or round(following.start - word.end, 3) >= pause_s
        or following.end - first.start > longest_s
    )


def _ends_sentence(text: str) -> bool:
    bare = text.rstrip(_CLOSERS)
    if not bare.endswith(_SENTENCE_ENDS):
        return False
    # "Mr." and "i.e." end in a full stop and no sentence.
    return bare.casefold() not in _ABBREVIATIONS and "." not in bare[:-1].strip(".")
