"""What a recognizer heard becomes a document."""

from support.heard_words import a_passage
from transcribe.domain.heard import Heard
from transcribe.domain.transcripts import silent, transcript_of


def transcribed(heard: Heard):  # type: ignore[no-untyped-def]
    return transcript_of(heard, pause_s=0.6, longest_segment_s=12, engine="ears 1.0")


def test_words_become_a_transcript_with_its_language() -> None:
    passages = (a_passage("Good evening. Who is there?"),)

    transcript = transcribed(Heard(passages, "en", 0.98765, 4.0))

    assert [word.text for word in transcript.words] == ["Good", "evening.", "Who", "is", "there?"]
    assert [segment.text for segment in transcript.segments] == ["Good evening.", "Who is there?"]
    assert (transcript.language, transcript.language_probability) == ("en", 0.988)
    assert transcript.engine == "ears 1.0"


def test_without_words_there_is_no_language() -> None:
    imagined = a_passage("Thank you.", no_speech=0.9, log_probability=-2)

    transcript = transcribed(Heard((imagined,), "en", 0.9, 4.0))

    assert transcript == silent(4.0, engine="ears 1.0")
    assert transcript.language is None
    assert transcript.words == transcript.segments == ()
