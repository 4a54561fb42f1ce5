"""Pieces become words, and their times can be relied on."""

import random

from support.heard_words import heard
from transcribe.domain.onsets import starting_with_sound
from transcribe.domain.whole_words import whole_words
from transcribe.domain.word_times import in_order


def test_pieces_without_a_blank_between_them_are_one_word() -> None:
    pieces = [heard(" 42", 1, 1.5, 0.9), heard("-line", 1.5, 2, 0.6), heard(" i", 2, 2.1), heard(".e.", 2.1, 2.3)]

    words = whole_words(pieces, language="en")

    assert words == [heard(" 42-line", 1, 2, 0.6), heard(" i.e.", 2, 2.3)]


def test_languages_written_without_blanks_keep_their_pieces() -> None:
    pieces = [heard("你好", 0, 0.5), heard("世界", 0.5, 1)]

    words = whole_words(pieces, language="zh")

    assert words == pieces


def test_a_first_piece_without_a_blank_stands_alone() -> None:
    assert whole_words([heard("Hello", 0, 1)], language="en") == [heard("Hello", 0, 1)]


def test_words_are_stripped_rounded_and_never_empty() -> None:
    words = in_order([heard(" Hello ", 0.12345, 0.98765), heard("  ", 1, 2), heard(" you", 1.0004, 1.5)], duration=10)

    assert [(word.text, word.start, word.end) for word in words] == [("Hello", 0.123, 0.988), ("you", 1.0, 1.5)]


def test_times_lie_in_the_file_and_never_run_backwards_whatever_comes_in() -> None:
    chance = random.Random(7)
    wild = [heard(f"w{i}", chance.uniform(-5, 15), chance.uniform(-5, 15), chance.uniform(-1, 2)) for i in range(500)]

    words = in_order(wild, duration=10)

    times = [time for word in words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= 10
    assert len(words) == 500


def test_a_word_that_starts_in_the_silence_before_it_starts_with_the_sound() -> None:
    words = starting_with_sound([heard("so", 1.0, 2.0), heard("what", 2.0, 2.5)], [(0.8, 1.6)])

    assert [word.start for word in words] == [1.6, 2.0]


def test_the_last_words_sound_may_linger_into_the_next_word() -> None:
    words = starting_with_sound([heard("what", 2.0, 3.0)], [(2.2, 2.7)])

    assert words[0].start == 2.7


def test_a_stop_in_the_middle_of_a_long_word_moves_nothing() -> None:
    words = starting_with_sound([heard("extraordinary", 2.0, 3.0)], [(2.5, 2.65)])

    assert words[0].start == 2.0


def test_a_word_heard_in_pure_silence_keeps_its_time() -> None:
    words = starting_with_sound([heard("hm", 2.0, 2.2)], [(1.0, 5.0)])

    assert words[0].start == 2.0
