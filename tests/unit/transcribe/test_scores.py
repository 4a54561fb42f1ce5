"""The yardstick itself: only errors of hearing count."""

import pytest

from support.transcript_scores import TimedWord, normalised_words, word_error_rate, word_start_errors


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("in fourteen sixty-five", "In 1465,"),
        ("about fourteen fifty-five", "about 1455"),
        ("the fifteenth century", "the 15th century"),
        ("forty-two line", "42-line"),
        ("one two three four five", "1, 2, 3, 4, 5."),
        ("ten eleven twelve", "10, 11, 12"),
        ("one hundred twenty-three", "123"),
        ("two thousand", "2,000"),
        ("that is, i.e. the letter", "That is, i.e., the letter"),
        ("psalters, etc.", "psalters, et cetera"),
        ("it's fifty percent", "It’s 50%"),
    ],
)
def test_writing_is_not_hearing(said: str, written: str) -> None:
    assert word_error_rate(said, written) == 0
    assert normalised_words(said) == normalised_words(written)


def test_each_wrong_missing_or_added_word_counts_once() -> None:
    assert word_error_rate("the quick brown fox", "a quick fox now") == pytest.approx(3 / 4)


def test_nothing_said_and_nothing_written_is_no_error() -> None:
    assert word_error_rate("", "") == 0
    assert word_error_rate("", "Thank you.") == 1


def test_start_errors_are_taken_where_both_heard_the_same_word() -> None:
    said = [TimedWord("The", 1.0), TimedWord("quick", 1.5), TimedWord("fox", 2.0)]
    heard = [TimedWord("the", 1.1), TimedWord("thick", 1.5), TimedWord("fox.", 1.9)]

    assert word_start_errors(said, heard) == pytest.approx([0.1, -0.1])
