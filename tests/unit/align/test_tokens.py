"""Digits, abbreviations and typography come down to what is said, with the way back to what was written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from align.adapters.letters import pronounce
from align.domain.numbers import readings
from align.domain.similarity import Emissions, sounds_like
from align.domain.tokens import Vocabulary, pieces_of, tokens_of, written_words


def said(text: str, other: str = "") -> str:
    return " ".join(token.text for token in tokens_of(pieces_of(text), Vocabulary([pieces_of(other)])))


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("42-line Bible", "forty two line bible"),
        ("about 1455,", "about fourteen fifty five"),
        ("in 1905 and 1900", "in nineteen oh five and nineteen hundred"),
        ("in 2004", "in two thousand four"),
        ("1,455 men", "one thousand four hundred fifty five men"),
        ("the 21st and 3rd", "the twenty first and third"),
        ("the 1990s", "the nineteen nineties"),
        ("$5.50", "five dollars fifty cents"),
        ("50% at 10:30", "fifty percent at ten thirty"),
        ("3.14", "three point one four"),
        ("Mr. Smith & Dr. Jones", "mister smith and doctor jones"),
        ("i.e. the letter, etc.", "i e the letter et cetera"),
        ("ne-plus-ultra", "ne plus ultra"),
        ("It’s John’s; they won't", "it is johns they will not"),
        ("runnin' ’em", "running them"),
        ("ﬁne “café”", "fine cafe"),
        ("No. 5", "number five"),
        ("[laughs] Yes", "yes"),
    ],
)
def test_what_is_written_is_read_aloud(written: str, spoken: str) -> None:
    assert said(written) == spoken


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        ("in 1462", "fourteen sixty-two"),
        ("in 1462", "one thousand four hundred sixty-two"),
        ("room 101", "room one oh one"),
        ("the woodcutters", "the wood cutters"),
        ("2050", "two thousand fifty"),
    ],
)
def test_both_sides_meet_whichever_of_them_uses_digits_or_compounds(written: str, heard: str) -> None:
    ours, theirs = pieces_of(written), pieces_of(heard)

    assert said(written, heard).split()[-2:] == [t.text for t in tokens_of(theirs, Vocabulary([ours]))][-2:]


def test_inline_parentheses_may_be_spoken_or_not() -> None:
    tokens = tokens_of(pieces_of("the first Bible (printed at Mainz) imitates"))

    assert [token.text for token in tokens if token.optional] == ["printed", "at", "mainz"]


def test_scripts_without_spaces_are_read_character_by_character() -> None:
    assert written_words("你好，世界。") == ["你", "好，", "世", "界。"]
    assert [token.text for token in tokens_of(pieces_of("你好，世界。", english=False))] == ["你", "好", "世", "界"]


@given(text=st.text(max_size=80), english=st.booleans())
def test_every_token_knows_a_word_of_the_authors_text(text: str, *, english: bool) -> None:
    words = written_words(text)

    tokens = tokens_of(pieces_of(text, english=english))

    assert "".join(words) == "".join(text.split())
    assert [token.word for token in tokens] == sorted(token.word for token in tokens)
    assert all(0 <= token.word < len(words) and token.text for token in tokens)


@given(value=st.integers(min_value=0, max_value=10**15 - 1))
def test_every_number_is_read_in_letters_alone(value: int) -> None:
    assert all(word.isalpha() for way in readings(str(value)) for word in way)


@pytest.mark.parametrize(("one", "other"), [("missal", "missile"), ("psalters", "salters"), ("phone", "fone")])
def test_words_that_sound_alike_are_alike(one: str, other: str) -> None:
    assert sounds_like(one) == sounds_like(other)

    emissions = Emissions([other], [one])
    assert emissions.likeness(0, 0) >= 0.7


@pytest.mark.parametrize("word", ["schoeffer", "pannartz", "x", "bbc", "œuvre", "quay", "a"])
def test_unknown_words_can_be_said(word: str) -> None:
    assert pronounce(word)


def test_what_has_no_latin_letter_cannot_be_said() -> None:
    assert pronounce("日本") == ""
