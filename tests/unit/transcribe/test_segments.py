"""A transcript breaks where a reader would break it."""

import pytest

from contracts.documents import Word
from transcribe.domain.segments import cut_into_segments


def spoken(text: str, *, at: float = 0.0, pace: float = 0.4) -> list[Word]:
    return [
        Word(text=each, start=at + index * pace, end=at + (index + 1) * pace, probability=0.9)
        for index, each in enumerate(text.split())
    ]


def cut(words: list[Word], language: str = "en") -> list[str]:
    return [each.text for each in cut_into_segments(words, pause_s=0.6, longest_s=12, language=language)]


def test_a_sentence_ends_a_segment() -> None:
    assert cut(spoken("It rains. It pours!")) == ["It rains.", "It pours!"]


def test_a_pause_ends_a_segment() -> None:
    assert cut(spoken("to be") + spoken("or not", at=1.4)) == ["to be", "or not"]


def test_a_breath_ends_none() -> None:
    assert cut(spoken("to be") + spoken("or not", at=1.39)) == ["to be or not"]


@pytest.mark.parametrize("text", ["Mr. Smith came", "by type, i.e. the letter", "Dr. No"])
def test_an_abbreviation_is_no_end(text: str) -> None:
    assert cut(spoken(text)) == [text]


@pytest.mark.parametrize("text", ["“Stop.” He ran", "Why?) He ran", "Well... He ran"])
def test_a_sentence_may_end_in_quotes_brackets_or_dots(text: str) -> None:
    assert cut(spoken(text))[1:] == ["He ran"]


def test_no_segment_lasts_longer_than_asked() -> None:
    segments = cut_into_segments(spoken("word " * 100), pause_s=0.6, longest_s=12)

    assert max(each.end - each.start for each in segments) <= 12
    assert [segments[0].first_word, segments[-1].last_word] == [0, 99]


def test_every_word_is_in_exactly_one_segment() -> None:
    words = spoken("One. Two three. Four five six seven. Eight.")

    segments = cut_into_segments(words, pause_s=0.6, longest_s=12)

    inside = [index for each in segments for index in range(each.first_word, each.last_word + 1)]
    assert inside == list(range(len(words)))


def test_japanese_is_joined_without_blanks() -> None:
    assert cut(spoken("こんにちは 世界"), language="ja") == ["こんにちは世界"]


def test_no_words_make_no_segments() -> None:
    assert cut([]) == []
