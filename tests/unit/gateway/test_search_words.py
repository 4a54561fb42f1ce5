"""How text becomes words and passages, and questions become what PostgreSQL is asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from contracts.documents import Transcript
from contracts.documents.transcript import Word
from gateway.domain.refusals import InvalidRequest
from gateway.domain.search.asking import Term, understand
from gateway.domain.search.language import language_of
from gateway.domain.search.passages import passages_of_script, passages_of_transcript
from gateway.domain.search.queries import Lexicon, Mark, marked, tsquery, tsvector
from gateway.domain.search.spelling import apart, tolerance
from gateway.domain.search.words import plain, tokens_of


def words(text: str) -> list[str]:
    return [token.word for token in tokens_of(text)]


def said(text: str, *, pace_s: float = 0.4, start: float = 0.0) -> list[Word]:
    """A word every ``pace_s``."""
    return [
        Word(text=word, start=start + n * pace_s, end=start + n * pace_s + 0.3, probability=1.0)
        for n, word in enumerate(text.split())
    ]


def a_transcript(*spoken: Word) -> Transcript:
    return Transcript(language="en", duration=3600.0, words=spoken, segments=())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Hear me speak.", ["hear", "me", "speak"]),
        ("Marcius's don't we'll", ["marcius", "dont", "well"]),
        ("l’amour d'été", ["l", "amour", "d", "été"]),
        ("well-known 3.5 under_score", ["well", "known", "3", "5", "under", "score"]),
        ("GROẞ Straße ﬁn", ["gross", "strasse", "fin"]),
        ("東京タワー and 서울", ["東", "京", "タ", "ワ", "ー", "and", "서울"]),
        ("हिन्दी किताब", ["हिन्दी", "किताब"]),
        ("… — ''", []),
    ],
)
def test_text_is_cut_into_words(text: str, found: list[str]) -> None:
    assert words(text) == found


@given(some.text())
def test_every_word_says_where_it_stands(text: str) -> None:
    tokens = tokens_of(text)

    for before, token in zip([None, *tokens], tokens, strict=False):
        assert token.word
        assert not any(character.isspace() for character in token.word)
        assert 0 <= token.offset < token.end <= len(text)
        assert before is None or before.end <= token.offset


@pytest.mark.parametrize(
    ("word", "typed"), [("café", "cafe"), ("ångström", "angstrom"), ("й", "и"), ("हिन्दी", "हिन्दी")]
)
def test_accents_need_not_be_typed(word: str, typed: str) -> None:
    assert plain(word) == typed


def test_a_transcript_is_cut_at_the_ends_of_sentences() -> None:
    sentence = "this is a sentence of ten words and an end. "

    passages = passages_of_transcript(a_transcript(*said(sentence * 9)))

    assert [len(passage.words) for passage in passages] == [30, 30, 30]
    assert [passage.start for passage in passages] == [0.0, 12.0, 24.0]
    assert passages[0].ahead == tuple(words("this is a sentence of ten words and"))
    assert passages[-1].ahead == ()


def test_a_transcript_is_cut_where_nobody_speaks_for_long_and_nothing_reaches_over_it() -> None:
    first, second = said("before the pause"), said("behind it", start=60.0)

    passages = passages_of_transcript(a_transcript(*first, *second))

    assert [(passage.text, passage.ahead) for passage in passages] == [("before the pause", ()), ("behind it", ())]


def test_no_passage_is_long_however_people_speak() -> None:
    fast = passages_of_transcript(a_transcript(*said("word " * 500, pace_s=0.1)))
    slow = passages_of_transcript(a_transcript(*said("word " * 500, pace_s=2.0)))

    assert max(len(passage.words) for passage in fast) == 60
    assert all((passage.end or 0) - (passage.start or 0) <= 20 for passage in slow)
    assert sum(len(passage.words) for passage in slow) == 500


def test_every_word_of_a_passage_has_the_time_it_was_said_at() -> None:
    spoken = [
        Word(text="well-known", start=1.0, end=1.5, probability=1),
        Word(text="—", start=1.5, end=1.6, probability=1),
        Word(text="Rome.", start=1.6, end=2.0, probability=1),
    ]

    [passage] = passages_of_transcript(a_transcript(*spoken))

    assert passage.words == ("well", "known", "rome")
    assert passage.times == ((1.0, 1.5), (1.0, 1.5), (1.6, 2.0))


SCRIPT = """INT. ROME - DAY

MENENIUS (V.O.)
I shall tell you
a pretty tale.

First Citizen:
Well, I'll hear it, sir.

They leave.
"""


def test_a_script_is_cut_into_paragraphs_with_who_speaks() -> None:
    passages = passages_of_script(SCRIPT)

    assert [(passage.line, passage.speaker) for passage in passages] == [
        (1, None),
        (3, "MENENIUS"),
        (7, "First Citizen"),
        (10, None),
    ]
    assert passages[1].text == "MENENIUS (V.O.)\nI shall tell you\na pretty tale."


def test_an_endless_line_of_a_script_is_cut_too() -> None:
    passages = passages_of_script("lorem ipsum dolor. " * 1000 + "語" * 5000)

    assert max(len(passage.words) for passage in passages) <= 61
    assert sum(len(passage.words) for passage in passages) == 8000
    assert {passage.line for passage in passages} == {1}


@given(some.text())
def test_no_word_of_a_script_is_lost(text: str) -> None:
    found = [word for passage in passages_of_script(text) for word in passage.words]

    assert found == words(text.removeprefix("\ufeff"))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is it that you do to the people of this city, and why do they hate you for it?", "en"),
        ("Ich weiß nicht, was soll es bedeuten, dass ich so traurig bin; das ist ein Märchen aus alten Zeiten.", "de"),
        (
            "Longtemps, je me suis couché de bonne heure. Parfois, à peine ma bougie éteinte, mes yeux se fermaient.",
            "fr",
        ),
        (
            "En un lugar de la Mancha, de cuyo nombre no quiero acordarme, no ha mucho tiempo que vivía un hidalgo.",
            "es",
        ),
        ("Все счастливые семьи похожи друг на друга, и каждая несчастливая семья несчастлива по-своему, как он.", "ru"),
        ("COMINIUS, LARTIUS, VOLUMNIA, VIRGILIA", ""),
        ("", ""),
    ],
)
def test_the_language_of_a_script_is_known_by_its_small_words(text: str, language: str) -> None:
    assert language_of(words(text)) == language


def test_a_question_is_understood() -> None:
    question = understand('Rome "hear me speak" -Menenius corio* war OR peace well-known "Tarquin"')

    assert question.wanted == (
        (Term(("rome",)),),
        (Term(("hear", "me", "speak"), quoted=True),),
        (Term(("corio",), beginning=True),),
        (Term(("war",)), Term(("peace",))),
        (Term(("well", "known")),),
        (Term(("tarquin",), quoted=True),),
    )
    assert question.unwanted == (Term(("menenius",)),)


@pytest.mark.parametrize("asked", ["", "...", "-only", '""', "a*", "OR", " ".join("abcdefghijklmnopq"), "a-" * 40])
def test_a_question_that_names_nothing_or_too_much_is_refused(asked: str) -> None:
    with pytest.raises(InvalidRequest):
        understand(asked)


@given(some.text(max_size=256))
def test_whatever_is_typed_is_understood_or_refused(asked: str) -> None:
    try:
        question = understand(asked)
    except InvalidRequest:
        return
    assert all(word for term in question.terms for word in term.words)


def test_what_postgresql_is_asked() -> None:
    question = understand('running "hear me" -dogs')
    english = Lexicon("en", {"running": "run", "dogs": "dog"})
    german = Lexicon("de", {})

    asked = tsquery(question, [english, german], kinds=["script"])

    assert asked == (
        "(('=en' & 'run':A & ('hear':A <-> 'me') & !'dog':A)"
        " | ('=de' & 'running':A & ('hear':A <-> 'me') & !'dogs':A)) & ('=script')"
    )


def test_what_postgresql_is_given_to_index() -> None:
    assert tsvector(["it", "s", "it"], ["o'b"], ["=en"]) == "'=en' 'it':1A,3A 's':2A 'o''b':4"


def test_a_phrase_is_marked_where_it_stands_whole() -> None:
    tokens = tokens_of("Me hear! Hear me, hear.")
    places = {"hear": [2, 3, 5], "me": [1, 4]}

    phrase = marked(understand('"hear me"'), [Lexicon("en", {})], places, tokens)
    both = marked(understand("hear"), [Lexicon("en", {})], places, tokens)

    assert phrase == [Mark(2, 3)]
    assert both == [Mark(1, 1), Mark(2, 2), Mark(4, 4)]


@pytest.mark.parametrize(
    ("one", "other", "slips"),
    [("coriolanis", "coriolanus", 1), ("huose", "house", 1), ("a", "abc", 2), ("same", "same", 0), ("abcd", "dcba", 3)],
)
def test_slips_are_counted(one: str, other: str, slips: int) -> None:
    assert apart(one, other, most=2) == slips


@given(some.text("abc", max_size=8), some.text("abc", max_size=8))
def test_slips_are_the_same_from_both_sides(one: str, other: str) -> None:
    assert apart(one, other, most=9) == apart(other, one, most=9)


def test_short_words_and_numbers_are_taken_as_they_are() -> None:
    assert [tolerance(word) for word in ("war", "rome", "senators", "2026", "r2d2")] == [0, 1, 2, 0, 0]


@pytest.mark.parametrize(
    "text",
    ["word " + "." * 30_000, "a" * 30_000, "word\n" + "...\n" * 10_000, "one " + "!?&<" * 5_000 + " two", "x" * 2_001],
)
def test_no_passage_is_endless_however_few_its_words_are(text: str) -> None:
    passages = passages_of_script(text)

    assert passages
    assert all(len(passage.text) <= 2_000 + 1 for passage in passages)
    assert all(passage.words == tuple(token.word for token in tokens_of(passage.text)) for passage in passages)
