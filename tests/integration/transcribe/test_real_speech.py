"""Whisper hears real people, and hears nothing where nobody speaks."""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np
import pytest

from chassis.models import ModelStore
from contracts.documents import Transcript
from support.speech import RATE, TWO_CITIES, audioeval_clip, decoded, two_cities, write_wav
from support.transcript_scores import TimedWord, normalised_words, word_error_rate, word_start_errors
from transcribe.adapters.sphinx import timed_in
from transcribe.adapters.weights import model_named
from transcribe.adapters.whisper import WhisperRecognizer
from transcribe.domain.transcripts import transcript_of


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> WhisperRecognizer:
    folder = ModelStore(None, tmp_path_factory.mktemp("models")).ensure(model_named("whisper-base"))
    return WhisperRecognizer(folder, "whisper-base")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> WhisperRecognizer:
    folder = ModelStore(None, tmp_path_factory.mktemp("models")).ensure(model_named("whisper-tiny.en"))
    return WhisperRecognizer(folder, "whisper-tiny.en")


def transcribed(recognizer: WhisperRecognizer, audio: Path, language: str | None = None) -> Transcript:
    heard = recognizer.recognize(audio, language=language, progress=lambda _: None)
    if heard.language == "en":
        heard = timed_in(audio, heard)
    return transcript_of(heard, pause_s=0.6, longest_segment_s=12, engine=recognizer.engine)


def text_of(transcript: Transcript) -> str:
    return " ".join(word.text for word in transcript.words)


@pytest.fixture(scope="session")
def demo(evaluation_data: Path, base: WhisperRecognizer, tmp_path_factory: pytest.TempPathFactory) -> Transcript:
    """The transcript of the recording session with retakes, false starts and ad-libs."""
    audio = write_wav(tmp_path_factory.mktemp("demo") / "a.wav", decoded(evaluation_data / "main" / "demo_a.mp4"))
    return transcribed(base, audio)


@pytest.fixture(scope="session")
def truth(evaluation_data: Path) -> dict[str, Any]:
    speech: dict[str, Any] = json.loads((evaluation_data / "main" / "demo_a.truth.json").read_text())["speech"]
    return speech


def test_a_recording_session_is_written_down_almost_without_error(demo: Transcript, truth: dict[str, Any]) -> None:
    said = " ".join(word["word"] for word in truth["words"])

    assert word_error_rate(said, text_of(demo)) <= 0.05
    assert demo.language == "en"


def test_repeated_takes_and_false_starts_are_all_written_down(demo: Transcript, truth: dict[str, Any]) -> None:
    lines = {line["id"]: line for line in truth["lines"]}

    takes = [take for line in ("L03", "L05") for take in lines[line]["takes"]]
    heard = [
        " ".join(word.text for word in demo.words if take["start"] - 0.5 < (word.start + word.end) / 2 < take["end"])
        for take in takes
    ]

    assert len(takes) == 4
    assert [word_error_rate(take["spoken_text"], text) <= 0.15 for take, text in zip(takes, heard, strict=True)] == [
        True
    ] * 4


def test_words_of_the_recording_session_are_where_they_were_said(demo: Transcript, truth: dict[str, Any]) -> None:
    said = [TimedWord(word["word"], word["start"]) for word in truth["words"]]
    heard = [TimedWord(word.text, word.start) for word in demo.words]

    errors = [abs(error) for error in word_start_errors(said, heard)]

    assert median(errors) <= 0.02
    assert quantiles(errors, n=20)[-1] <= 0.12


def test_the_times_of_a_transcript_can_be_relied_on(demo: Transcript) -> None:
    times = [time for word in demo.words for time in (word.start, word.end)]

    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] <= demo.duration
    assert all(word.text == word.text.strip() != "" for word in demo.words)
    assert [segment.first_word for segment in demo.segments[1:]] == [each.last_word + 1 for each in demo.segments[:-1]]


@pytest.mark.parametrize("model", ["base", "tiny"])
def test_a_reading_of_dickens_is_written_down(model: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    audio = write_wav(tmp_path / "a.wav", decoded(two_cities()))

    transcript = transcribed(request.getfixturevalue(model), audio)

    opening = len(normalised_words(TWO_CITIES))
    heard = " ".join(normalised_words(text_of(transcript))[:opening])
    assert word_error_rate(TWO_CITIES, heard) <= 0.05


def test_a_long_recording_is_heard_in_blocks_as_well_as_at_once(base: WhisperRecognizer, tmp_path: Path) -> None:
    speech = decoded(two_cities())
    audio = write_wav(tmp_path / "a.wav", np.concatenate([speech, np.zeros(RATE * 20), speech]))
    in_blocks = WhisperRecognizer(base.model, base.name, window_s=30)
    fractions: list[float] = []

    heard = in_blocks.recognize(audio, language=None, progress=fractions.append)

    transcript = transcript_of(heard, pause_s=0.6, longest_segment_s=12, engine="")
    starts = [word.start for word in transcript.words]
    again = len(speech) / RATE + 20
    assert text_of(transcript).count("best of times") == 2
    assert min(start for start in starts if start > 50) == pytest.approx(again + starts[0], abs=0.5)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


@pytest.mark.parametrize(
    ("language", "clip"),
    [
        ("en", "counting"),
        ("es", "pangrama"),
        ("fr", "pangrama"),
        ("it", "pangrama"),
        ("ja", "pangrama"),
        ("zh", "jishu"),
    ],
)
def test_the_language_is_recognized(base: WhisperRecognizer, tmp_path: Path, language: str, clip: str) -> None:
    path, _ = audioeval_clip(language, clip)

    transcript = transcribed(base, write_wav(tmp_path / "a.wav", decoded(path)))

    assert transcript.language == language
    assert (transcript.language_probability or 0) > 0.5


def test_a_language_that_was_named_is_taken(base: WhisperRecognizer, tmp_path: Path) -> None:
    path, said = audioeval_clip("fr", "bonjour_monde")

    transcript = transcribed(base, write_wav(tmp_path / "a.wav", decoded(path)), language="fr")

    assert (transcript.language, transcript.language_probability) == ("fr", None)
    assert word_error_rate(said, text_of(transcript)) == 0


def test_hearing_the_same_twice_gives_the_same(tiny: WhisperRecognizer, tmp_path: Path) -> None:
    audio = write_wav(tmp_path / "a.wav", decoded(audioeval_clip("en", "quick_brown_fox")[0]))

    assert transcribed(tiny, audio) == transcribed(tiny, audio)


def silence(_: np.random.Generator, count: int) -> np.ndarray:
    return np.zeros(count)


def hiss(chance: np.random.Generator, count: int) -> np.ndarray:
    return chance.normal(0, 0.05, count)


def hum(_: np.random.Generator, count: int) -> np.ndarray:
    return 0.2 * np.sin(2 * np.pi * 50 * np.arange(count) / RATE)


def knocks(chance: np.random.Generator, count: int) -> np.ndarray:
    sound = chance.normal(0, 0.002, count)
    for start in range(RATE, count - RATE, RATE):
        sound[start : start + 400] += chance.normal(0, 0.5, 400) * np.exp(-np.arange(400) / 60)
    return sound


def chords(_: np.random.Generator, count: int) -> np.ndarray:
    time = np.arange(count) / RATE
    return sum(0.1 * np.sin(2 * np.pi * pitch * time) for pitch in (262, 330, 392)) * (1 + np.sin(2 * np.pi * time))


@pytest.mark.parametrize("sound", [silence, hiss, hum, knocks, chords])
@pytest.mark.parametrize("model", ["base", "tiny"])
def test_where_nobody_speaks_nothing_is_written(
    model: str, sound: Any, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    audio = write_wav(tmp_path / "a.wav", sound(np.random.default_rng(3), RATE * 20))

    transcript = transcribed(request.getfixturevalue(model), audio)

    assert text_of(transcript) == ""
    assert transcript.language is None
    assert transcript.duration == 20.0


def test_a_video_with_a_silent_track_has_no_words(
    base: WhisperRecognizer, evaluation_data: Path, tmp_path: Path
) -> None:
    audio = write_wav(tmp_path / "a.wav", decoded(evaluation_data / "nasty" / "silent_audio.mp4"))

    assert transcribed(base, audio).words == ()


def test_audio_without_a_single_sample_has_no_words(base: WhisperRecognizer, tmp_path: Path) -> None:
    assert transcribed(base, write_wav(tmp_path / "a.wav", np.zeros(0))).words == ()


def test_the_idle_service_imports_no_engine() -> None:
    engines = ("faster_whisper", "ctranslate2", "onnxruntime", "av", "numpy", "torch", "whisperx", "huggingface_hub")
    code = f"import sys, transcribe.main; print([name for name in {engines!r} if name in sys.modules])"

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert printed.strip() == "[]"
