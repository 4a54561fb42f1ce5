"""Which language, and which model."""

import pytest

from transcribe.domain.languages import decide_language, model_for
from transcribe.domain.missing_times import between_neighbours

MODELS = {"fast": "whisper-tiny.en", "accurate": "whisper-base"}


def test_the_language_is_the_most_probable_over_all_opinions() -> None:
    language, probability = decide_language([{"en": 0.6, "de": 0.4}, {"de": 0.9, "en": 0.1}])

    assert language == "de"
    assert probability == pytest.approx(0.65)


def test_without_an_opinion_there_is_no_language() -> None:
    assert decide_language([]) == (None, None)


@pytest.mark.parametrize(
    ("quality", "language", "model"),
    [
        (None, None, "whisper-base"),
        ("accurate", "en", "whisper-base"),
        ("fast", "en", "whisper-tiny.en"),
        ("fast", None, "whisper-tiny.en"),
        ("fast", "de", "whisper-base"),
    ],
)
def test_the_fast_model_is_taken_when_asked_for_and_able(quality: str | None, language: str | None, model: str) -> None:
    assert model_for(quality=quality, language=language, models=MODELS) == model


def test_a_multilingual_fast_model_takes_every_language() -> None:
    models = {"fast": "whisper-small", "accurate": "whisper-large-v2"}

    assert model_for(quality="fast", language="de", models=models) == "whisper-small"


def test_words_that_could_not_be_placed_share_the_gap_between_their_neighbours() -> None:
    times = between_neighbours([None, (2, 3), None, None, (5, 6), None], start=1, end=8)

    assert times == [(1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 8)]


def test_when_no_word_could_be_placed_they_share_the_passage() -> None:
    assert between_neighbours([None, None], start=4, end=6) == [(4, 5), (5, 6)]
