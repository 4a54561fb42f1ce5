"""Nobody may find words in a transcript that were never spoken, nor miss one that was."""

from support.heard_words import a_passage, heard
from transcribe.domain.hallucinations import spoken_words, without_loops


def texts(words: list) -> str:  # type: ignore[type-arg]
    return " ".join(word.text.strip() for word in words)


def test_a_passage_the_recognizer_takes_for_silence_and_guesses_at_is_dropped() -> None:
    guess = a_passage("Thanks for watching!", no_speech=0.8, log_probability=-1.3)
    speech = a_passage("Good evening.", start=5)

    words = spoken_words([guess, speech])

    assert texts(words) == "Good evening."


def test_a_quiet_passage_that_was_heard_clearly_stays() -> None:
    whisper = a_passage("Do not wake them.", no_speech=0.9, log_probability=-0.3)

    words = spoken_words([whisper])

    assert texts(words) == "Do not wake them."


def test_a_passage_that_compresses_like_a_loop_and_is_doubtful_is_dropped() -> None:
    loop = a_passage("la la la la la la la la", compression=4.0, probability=0.2)

    words = spoken_words([loop])

    assert words == []


def test_a_line_spoken_five_times_over_stays_five_times() -> None:
    takes = a_passage("It was you all along. " * 5, words_per_second=3)

    words = spoken_words([takes])

    assert len(words) == 25


def test_a_loop_faster_than_speech_is_cut_to_its_first_round() -> None:
    loop = [heard("the", i * 0.1, i * 0.1 + 0.05) if i % 2 == 0 else heard("end", i * 0.1, i * 0.1) for i in range(20)]
    speech = [heard("Then", 5, 5.4), heard("silence.", 5.4, 6)]

    words = without_loops([*loop, *speech])

    assert texts(words) == "the end Then silence."


def test_a_doubtful_loop_is_cut_to_its_first_round() -> None:
    loop = a_passage("you know " * 6, probability=0.2)

    words = without_loops(loop.words)

    assert texts(words) == "you know"


def test_no_no_no_said_clearly_stays() -> None:
    outcry = a_passage("No no no no no!")

    words = without_loops(outcry.words)

    assert len(words) == 5


def test_nothing_heard_is_nothing_spoken() -> None:
    assert spoken_words([]) == []
