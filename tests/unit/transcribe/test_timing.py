"""Words are where their sound is: how they are said, and when what an aligner found is believed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from support.heard_words import heard
from transcribe.domain.heard import Heard, HeardWord, Passage
from transcribe.domain.sayings import sayings
from transcribe.domain.sounds import sounds_of
from transcribe.domain.timing import timed_by_sound


def spoken(*words: HeardWord) -> Heard:
    return Heard((Passage(words),), "en", None, 60.0)


@dataclass
class Asked:
    """An aligner that finds nothing, or the same again, and remembers what it was asked."""

    found: Sequence[tuple[float, float]] = ()
    stretches: list[tuple[float, float, list[str]]] = field(default_factory=list)

    def __call__(self, start: float, end: float, words: Sequence[str]) -> Sequence[tuple[float, float] | None]:
        self.stretches.append((round(start, 2), round(end, 2), list(words)))
        return self.found or [None] * len(words)


def words_of(heard_: Heard) -> list[HeardWord]:
    return [word for passage in heard_.passages for word in passage.words]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Hello,", ["hello"]),
        ("42-line", ["forty two line"]),
        ("1455.", ["fourteen fifty five", "one thousand four hundred fifty five"]),
        ("1906", ["nineteen oh six", "one thousand nine hundred six"]),
        ("2000", ["two thousand"]),
        ("1,000,000", ["one million"]),
        ("$5", ["five dollars"]),
        ("3.5%", ["three point five percent"]),
        ("15th", ["fifteenth"]),
        ("21st", ["twenty first"]),
        ("30th", ["thirtieth"]),
        ("'90s", ["nineties"]),
        ("007", ["zero zero seven"]),
        ("Mr.", ["mister"]),
        ("don’t", ["don't"]),
        ("R&D", ["r and d"]),
        ("—", []),
        ("9" * 40, [" ".join(["nine"] * 40)]),
    ],
)
def test_what_is_written_in_digits_and_symbols_is_read_aloud(written: str, said: list[str]) -> None:
    ways = sayings(written)

    assert [" ".join(way) for way in ways] == said


def test_any_text_can_be_read_aloud_or_is_passed_over() -> None:
    chance = random.Random(5)
    alphabet = "abcxyzéßñ你好0123456789.,'’$%&-–—¾١ \t"

    for _ in range(3000):
        written = "".join(chance.choices(alphabet, k=chance.randint(0, 14)))
        for way in sayings(written):
            assert all(part and not any(char in "0123456789" for char in part) for part in way)
            assert all(isinstance(sounds_of(part), tuple) for part in way)


def test_a_name_in_no_dictionary_has_sounds() -> None:
    assert sounds_of("Schoeffer") == ("SH", "OW", "F", "ER")
    assert sounds_of("Subiaco") == ("S", "AH", "B", "IH", "AE", "K", "AA")
    assert sounds_of("你好") == ()


def test_words_get_the_times_of_their_sound() -> None:
    told = spoken(heard("one", 1.0, 1.4), heard("two", 1.4, 1.9))

    timed = timed_by_sound(told, lambda start, end, words: [(1.1, 1.3), (1.6, 1.8)])

    assert words_of(timed) == [heard("one", 1.1, 1.3), heard("two", 1.6, 1.8)]


def test_a_stretch_ends_at_a_long_pause_and_takes_half_of_it_along() -> None:
    told = spoken(heard("one", 1.0, 2.0), heard("two", 2.2, 3.0), heard("three", 4.2, 5.0), heard("four", 9.0, 9.5))
    asked = Asked()

    timed_by_sound(told, asked)

    assert asked.stretches == [
        (0.5, 3.5, ["one", "two"]), (3.7, 5.5, ["three"]), (8.5, 10.0, ["four"]),
    ]  # fmt: skip


def test_speech_without_pauses_is_cut_where_it_pauses_most() -> None:
    told = spoken(*[heard(f"w{at}", at * 0.5 + (0.1 if at == 30 else 0), at * 0.5 + 0.45) for at in range(60)])
    asked = Asked()

    timed_by_sound(told, asked)

    assert [len(words) for _, _, words in asked.stretches] == [30, 30]


def test_a_stretch_that_the_aligner_puts_elsewhere_keeps_the_recognizer_s_times() -> None:
    told = spoken(*[heard(f"w{at}", at * 0.5, at * 0.5 + 0.4) for at in range(10)])

    timed = timed_by_sound(told, lambda start, end, words: [(at * 0.5 + 3, at * 0.5 + 3.4) for at in range(10)])

    assert timed == told


def test_a_word_that_swallowed_speech_nobody_heard_keeps_its_time() -> None:
    told = spoken(*[heard(f"w{at}", float(at), at + 0.5) for at in range(5)])
    found = [(0.1, 0.4), (1.1, 1.4), (2.1, 5.4), (3.1, 3.4), (4.1, 4.4)]

    timed = timed_by_sound(told, lambda start, end, words: [found[int(word[1:])] for word in words])

    assert [word.start for word in words_of(timed)] == [0.1, 1.1, 2.0, 3.1, 4.1]


def test_what_was_imagined_is_not_looked_for_in_the_sound() -> None:
    dream = Passage((heard("Thanks", 0, 1), heard("for", 1, 2)), no_speech=0.9, log_probability=-1.5)
    told = Heard((dream, Passage((heard("really", 5, 6),))), "en", None, 60.0)
    asked = Asked([(5.2, 5.8)])

    timed = timed_by_sound(told, asked)

    assert [words for _, _, words in asked.stretches] == [["really"]]
    assert timed.passages == (dream, Passage((heard("really", 5.2, 5.8),)))


def test_silence_stays_silence() -> None:
    told = Heard((), None, None, 3.0)

    assert timed_by_sound(told, lambda start, end, words: []) == told
