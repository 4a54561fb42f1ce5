"""Small films, each with one thing going wrong: what the ledger makes of it."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from align.domain.heard import HeardWord
from align.domain.ledger import tell_ledger
from align.domain.matching import match_script
from align.domain.order import out_of_order
from align.domain.script import ScriptLine, numbered
from align.domain.takes import recognized_times
from contracts.documents import Ledger, Scene

A = "The harbour was quiet before the storm came in."
B = "Nobody had seen the lighthouse keeper since Tuesday morning."
C = "His boat was still tied to the long wooden pier."
D = "Somewhere behind the dunes a dog began to bark."
SCRIPT = (A, B, C, D)


def by_shared_topic(sentences: Sequence[str]) -> NDArray[np.float32]:
    """Stands in for the embedder: sentences are near when they share a topic word."""
    topics = ("boat ship vessel", "keeper guard", "dog hound", "storm weather")
    rows = [[float(any(w in text.lower() for w in topic.split())) for topic in topics] + [0.05] for text in sentences]
    vectors = np.array(rows, dtype=np.float32)
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def film(*said: str, pause_s: float = 0.6) -> list[HeardWord]:
    words: list[HeardWord] = []
    clock = 0.0
    for text in said:
        for word in text.split():
            words.append(HeardWord(word, round(clock, 2), round(clock + 0.25, 2), 0.9))
            clock += 0.3
        clock += pause_s
    return words


def ledger(words: list[HeardWord], script: Sequence[str] = SCRIPT, scenes: Sequence[Scene] = ()) -> Ledger:
    lines = numbered([ScriptLine(text, "dialogue", at + 1) for at, text in enumerate(script)])
    matching = match_script(script, words, by_shared_topic)
    return tell_ledger(lines, matching, words, recognized_times(matching, words), scenes)


def statuses(told: Ledger) -> list[str]:
    return [str(line.status.value) for line in told.lines if line.status]


def test_a_film_that_keeps_to_its_script_has_every_line_spoken() -> None:
    told = ledger(film(*SCRIPT))

    assert statuses(told) == ["spoken"] * 4
    assert (told.script_matches, told.coverage, told.ad_libs) == ("yes", 1.0, ())


def test_a_line_nobody_says_is_omitted() -> None:
    assert statuses(ledger(film(A, C, D))) == ["spoken", "omitted", "spoken", "spoken"]


def test_a_line_said_twice_is_repeated_and_its_last_take_is_chosen() -> None:
    told = ledger(film(A, B, B, C, D))

    assert statuses(told)[1] == "repeated"
    assert [take.chosen for take in told.lines[1].takes] == [False, True]


def test_a_false_start_is_a_take_that_is_not_complete() -> None:
    told = ledger(film(A, "Nobody had seen the lighthouse", B, C, D))

    assert statuses(told)[1] == "spoken"
    assert [(take.complete, take.chosen) for take in told.lines[1].takes] == [(False, False), (True, True)]


def test_a_complete_take_is_chosen_over_a_later_one_that_breaks_off() -> None:
    told = ledger(film(A, B, "Nobody had seen the lighthouse", C, D))

    assert [take.chosen for take in told.lines[1].takes] == [True, False]


def test_a_line_that_breaks_off_is_partial_and_only_its_said_words_have_times() -> None:
    told = ledger(film(A, "Nobody had seen the lighthouse keeper", C, D))

    assert statuses(told)[1] == "partial"
    assert [word.text for word in told.lines[1].takes[0].words] == B.split()[:6]


def test_two_lines_that_trade_places_are_both_moved() -> None:
    assert statuses(ledger(film(A, C, B, D))) == ["spoken", "moved", "moved", "spoken"]


def test_one_line_taken_far_away_is_moved_alone() -> None:
    assert statuses(ledger(film(B, C, D, A))) == ["moved", "spoken", "spoken", "spoken"]


def test_a_line_in_other_words_is_paraphrased_with_the_words_that_were_said() -> None:
    told = ledger(film(A, B, "That old ship lay by the jetty as ever.", D))

    assert statuses(told)[2] == "paraphrased"
    assert told.lines[2].takes[0].spoken_text == "That old ship lay by the jetty as ever."


def test_speech_in_no_line_is_one_ad_lib() -> None:
    told = ledger(film(A, B, "Sorry, may we go again from the top?", C, D))

    assert [one.text for one in told.ad_libs] == ["Sorry, may we go again from the top?"]
    assert told.ad_lib_seconds == pytest.approx(2.35)


def test_a_stray_word_between_lines_is_no_ad_lib() -> None:
    assert ledger(film(A, "um", B, C, D, pause_s=0.1)).ad_libs == ()


def test_misheard_words_do_not_make_a_line_anything_but_spoken() -> None:
    told = ledger(
        film("The harbor was quite before a storm came in.", B, "His boat vas still died to the long pier.", D)
    )

    assert statuses(told) == ["spoken"] * 4


def test_digits_in_the_script_meet_words_in_the_film() -> None:
    told = ledger(
        film("It is the forty-two line Bible of about fourteen fifty-five."), ["It is the 42-line Bible of about 1455."]
    )

    assert [word.text for word in told.lines[0].takes[0].words] == [
        "It",
        "is",
        "the",
        "42-line",
        "Bible",
        "of",
        "about",
        "1455.",
    ]


def test_a_stage_direction_inside_of_a_line_need_not_be_heard() -> None:
    told = ledger(film("Come in and shut the door.", A), ["Come in (she waves him nearer) and shut the door.", A])

    assert statuses(told) == ["spoken", "spoken"]


def test_a_script_of_another_film_does_not_match_and_has_no_times() -> None:
    other = film(
        "We hold these truths to be self evident.", "Four score and seven years ago our fathers came.",
        "Ask not what your country can do for you.", "The only thing we have to fear is fear itself.",
    )  # fmt: skip

    told = ledger(other)

    assert (told.script_matches, told.coverage) == ("no", 0.0)
    assert statuses(told) == ["omitted"] * 4
    assert not any(line.takes for line in told.lines)


def test_a_clip_of_a_long_script_matches_partly() -> None:
    long = [*SCRIPT, *(f"Number {n} of the {n}th chapter tells of kings and cabbages." for n in range(20, 50))]

    told = ledger(film(A, B), long)

    assert told.script_matches == "partly"
    assert statuses(told)[:3] == ["spoken", "spoken", "omitted"]


def test_a_silent_film_matches_no_script() -> None:
    assert ledger([]).script_matches == "no"


def test_a_line_plays_in_every_scene_it_touches() -> None:
    scenes = [
        Scene(
            index=n,
            start_frame=n * 50,
            end_frame=n * 50 + 50,
            start=n * 2.0,
            end=n * 2.0 + 2,
            transition="cut",
            score=1,
        )
        for n in range(9)
    ]

    told = ledger(film(*SCRIPT), scenes=scenes)

    assert told.lines[0].scene_ids == (0, 1)


def test_confidence_is_less_where_speech_in_no_line_stands_in_the_place_of_an_omitted_one() -> None:
    silent, talkative = ledger(film(A, C, D)), ledger(film(A, "Is the camera still rolling or did it stop", C, D))

    assert talkative.lines[1].confidence < silent.lines[1].confidence


@pytest.mark.parametrize(
    ("times", "moved"),
    [
        ({0: [1], 1: [2], 2: [3]}, set()),
        ({0: [1], 1: [3], 2: [2], 3: [4]}, {1, 2}),
        ({0: [9], 1: [2], 2: [3], 3: [4]}, {0}),
        ({0: [1], 1: [2, 9], 2: [3], 3: [4]}, set()),
        ({0: [2], 1: [1]}, {0, 1}),
        ({}, set()),
    ],
)
def test_lines_that_can_be_left_out_of_the_longest_order_are_moved(
    times: dict[int, list[float]], moved: set[int]
) -> None:
    assert out_of_order(times) == moved
