"""Real speech: word times by its sound, and the ledger of the demonstration film from what is really heard in it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest

from align.adapters.film import align_film
from align.adapters.sound import Sound
from align.adapters.sphinx import SphinxAligner
from align.domain.exports.film import Source
from align.ports import FilmOrder, Tools
from contracts.documents import Ledger
from support.ledger_scores import score_ledger
from support.speech import decoded, write_wav
from transcribe.adapters.listening import listen
from transcribe.domain.transcripts import transcript_of
from transcribe.ports import Ears


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def heard(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], tuple[Path, bytes]]:
    """A media file's sound and its transcript, made by the transcribe service's own recognizer."""
    folder = tmp_path_factory.mktemp("heard")
    ears = Ears(
        recognizer="whisper", models_dir=None, cache_dir=models, beam=1, threads=2, device="cpu", compute_type="int8",
        align_model=None,
    )  # fmt: skip

    def hear(media: Path) -> tuple[Path, bytes]:
        audio, words = folder / f"{media.stem}.wav", folder / f"{media.stem}.json"
        if not words.exists():
            write_wav(audio, decoded(media))
            hearing = listen(ears, "whisper-base", audio, None)
            transcript = transcript_of(hearing.heard, pause_s=0.6, longest_segment_s=12.0, engine=hearing.engine)
            words.write_text(transcript.model_dump_json())
        return audio, words.read_bytes()

    return hear


def an_order(script: str, audio: Path, transcript: bytes, models: Path) -> FilmOrder:
    return FilmOrder(
        script=script.encode(), script_format="text", title="film", transcript=transcript, scenes=None, audio=audio,
        source=Source(frame_rate="25/1"), tools=Tools(models_dir=None, cache_dir=models, threads=1),
    )  # fmt: skip


@pytest.mark.parametrize("name", ["jfk.flac", "sonnet1.flac", "sonnet2.flac", "sonnet3.flac", "acoustic_corpus.wav"])
def test_words_of_known_text_are_found_within_a_tenth_of_a_second(
    evaluation_data: Path, tmp_path: Path, name: str
) -> None:
    truth = json.loads((evaluation_data / "speech/speech_a.truth.json").read_text())
    words = next(file for file in truth["files"] if file["file"] == name)["words"]
    audio = write_wav(tmp_path / "audio.wav", decoded(evaluation_data / "speech" / name))
    begin, end = max(0.0, words[0]["start"] - 0.2), words[-1]["end"] + 0.2

    with Sound(audio) as sound:
        times = SphinxAligner()(sound(begin, end), [word["word"] for word in words])

    errors = [abs(time.start + begin - word["start"]) for time, word in zip(times, words, strict=True) if time]
    assert len(errors) == len(words)
    assert median(errors) <= 0.1
    assert float(np.quantile(errors, 0.9)) <= 0.15


def test_text_that_was_not_said_fits_the_sound_badly(evaluation_data: Path, tmp_path: Path) -> None:
    audio = write_wav(tmp_path / "audio.wav", decoded(evaluation_data / "speech/jfk.flac"))
    right = [
        "and",
        "so",
        "my",
        "fellow",
        "americans",
        "ask",
        "not",
        "what",
        "your",
        "country",
        "can",
        "do",
        "for",
        "you",
    ]
    wrong = ["the", "quick", "brown", "fox", "jumps", "over", "some", "lazy", "dogs", "before", "it", "goes", "home"]

    with Sound(audio) as sound:
        fits = [[time.score for time in SphinxAligner()(sound(0.2, 8.0), words) if time] for words in (right, wrong)]

    means = [float(np.mean([score for score in scores if score is not None])) for scores in fits]
    assert means[0] > 0.7
    assert means[1] < means[0] - 0.3


@pytest.fixture(scope="session")
def demo(evaluation_data: Path, heard: Callable[[Path], tuple[Path, bytes]], models: Path) -> tuple[Ledger, Any]:
    audio, transcript = heard(evaluation_data / "main/demo_a.mp4")
    script = (evaluation_data / "main/script_a.txt").read_text()
    truth = json.loads((evaluation_data / "main/demo_a.truth.json").read_text())
    return align_film(an_order(script, audio, transcript, models)).ledger, truth


def test_every_line_of_the_demonstration_film_has_its_true_status_takes_and_times(demo: tuple[Ledger, Any]) -> None:
    ledger, truth = demo

    scores = score_ledger(truth, ledger.model_dump(mode="json"))

    assert scores["wrong"] == {}
    assert (scores["chosen_right"], scores["takes_right"], scores["edges_within_0.3s"]) == (1.0, 1.0, 1.0)
    assert scores["words"]["median_s"] <= 0.05
    assert (scores["ad_libs"]["recall"], scores["ad_libs"]["precision"]) == (1.0, 1.0)


def test_a_script_of_another_recording_does_not_match(
    evaluation_data: Path, heard: Callable[[Path], tuple[Path, bytes]], models: Path
) -> None:
    audio, transcript = heard(evaluation_data / "speech/sonnet2.flac")
    truth = json.loads((evaluation_data / "speech/speech_a.truth.json").read_text())
    scripts = {
        file["file"]: "\n".join(line["text"] for line in file["lines"])
        for file in truth["files"]
        if file["file"].startswith("sonnet")
    }

    told = {name: align_film(an_order(text, audio, transcript, models)).ledger for name, text in scripts.items()}

    assert {name: ledger.script_matches for name, ledger in told.items()} == {
        "sonnet1.flac": "no", "sonnet2.flac": "yes", "sonnet3.flac": "no",
    }  # fmt: skip
    assert not any(line.takes for line in told["sonnet1.flac"].lines)
    assert {line.status for line in told["sonnet2.flac"].lines} == {"spoken"}


def test_a_damaged_mounted_model_is_passed_over_for_a_verified_one(models: Path, tmp_path: Path) -> None:
    mounted = tmp_path / "mounted" / "minilm-l6-v2-int8"
    mounted.mkdir(parents=True)
    (mounted / "model.onnx").write_bytes(b"not the weights")
    order = an_order(
        "One line of speech.", tmp_path / "none.wav", b'{"language":null,"duration":1,"words":[],"segments":[]}', models
    )
    tools = Tools(models_dir=tmp_path / "mounted", cache_dir=tmp_path / "cache", threads=1)

    aligned = align_film(FilmOrder(**{**vars(order), "tools": tools}))

    assert aligned.ledger.script_matches == "no"
    shutil.rmtree(tmp_path / "cache")
