"""Real speech beside what people would use otherwise: words against the bare engine, a session's ledger, verdicts."""

import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from faster_whisper import WhisperModel
from numpy.typing import NDArray

from align.adapters.film import align_film
from align.domain.exports.film import Source
from align.domain.heard import HeardWord
from align.ports import FilmOrder, Tools
from support.ledger_peers import by_difflib, samples, whole_file
from support.ledger_scores import score_ledger
from support.speech import write_wav
from support.transcript_scores import TimedWord, word_error_rate, word_start_errors
from support.translated_scripts import FRENCH, GERMAN
from transcribe.adapters.whisper import WhisperRecognizer
from transcribe.domain.heard import Heard
from transcribe.domain.hints import hint_words

__all__ = [
    "Recording",
    "bare_engine",
    "compared",
    "heard_words",
    "hinted",
    "percentile",
    "real_verdicts",
    "word_scores",
]


@dataclass(frozen=True)
class Recording:
    """Real speech, what was really said, and what Matchcut made of it."""

    name: str
    sound: NDArray[np.float32]
    said: Sequence[TimedWord]
    lines: Sequence[str]
    """Of its script, or of the text that was read."""
    transcript: bytes
    """``transcript.json`` as a user gets it."""
    ledger: Mapping[str, Any] | None
    speech: Mapping[str, Any] | None
    """The truth of its lines, where it is known."""

    @property
    def heard(self) -> list[HeardWord]:
        """Matchcut's words."""
        return heard_words(self.transcript)


def heard_words(transcript: bytes) -> list[HeardWord]:
    """The words of a ``transcript.json``."""
    words = json.loads(transcript)["words"]
    return [HeardWord(word["text"], word["start"], word["end"], word["probability"]) for word in words]


def percentile(values: Sequence[float], share: float) -> float | None:
    """Nearest-rank percentile of absolute errors."""
    ranked = sorted(abs(value) for value in values)
    return round(ranked[min(len(ranked) - 1, int(share * len(ranked)))], 3) if ranked else None


def word_scores(said: Sequence[TimedWord], heard: Sequence[HeardWord]) -> dict[str, Any]:
    """Word error rate, and errors of word starts in seconds."""
    errors = word_start_errors(said, [TimedWord(word.text, word.start) for word in heard])
    return {
        "wer": word_error_rate(" ".join(word.text for word in said), " ".join(word.text for word in heard)),
        "start_median_s": percentile(errors, 0.5),
        "start_p95_s": percentile(errors, 0.95),
    }


def bare_engine(whisper: WhisperModel, sound: NDArray[np.float32]) -> list[HeardWord]:
    """Words as the documentation of faster-whisper has one get them."""
    segments, _ = whisper.transcribe(sound, beam_size=5, word_timestamps=True, vad_filter=True)
    words = [word for segment in segments for word in segment.words or ()]
    return [HeardWord(word.word.strip(), word.start, word.end, word.probability) for word in words]


def compared(recording: Recording, bare: Sequence[HeardWord]) -> list[dict[str, Any]]:
    """The ledger of a session by us, by difflib on the bare engine's words, and by one alignment of the whole file."""
    assert recording.speech is not None
    assert recording.ledger is not None
    ways = {
        "Matchcut": recording.ledger,
        "faster-whisper words + difflib": by_difflib(recording.lines, bare),
        "whole-file forced alignment": whole_file(recording.lines, samples(recording.sound)),
    }
    return [{"way": name} | _row(score_ledger(recording.speech, ledger)) for name, ledger in ways.items()]


def _row(scores: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "status_accuracy": scores["status_accuracy"],
        "macro_f1": scores["f1"]["macro"],
        "takes_right": scores["takes_right"],
        "chosen_right": scores["chosen_right"],
        "edges_within_0.3s": scores["edges_within_0.3s"],
        "edge_median_s": scores["edge_median_s"],
        "ad_lib_recall": scores["ad_libs"]["recall"],
        "ad_lib_precision": scores["ad_libs"]["precision"],
    }


def real_verdicts(recordings: Sequence[Recording], models: Path) -> dict[str, Counter[str]]:
    """How often a script was called a recording's own (yes, partly, no), by what kind of script it was."""
    told: dict[str, Counter[str]] = {}
    for recording in recordings:
        others = [other.lines for other in recordings if other.name != recording.name]
        for kind, scripts in _scripts(recording, others).items():
            for lines in scripts:
                told.setdefault(kind, Counter())[_verdict(recording, lines, models)] += 1
    return told


def hinted(recordings: Sequence[Recording], folder: Path, model: Path) -> list[dict[str, Any]]:
    """Word error rates without a script, with the recording's own, and with those of the others."""
    rows = []
    for recording in recordings:
        audio = write_wav(folder / "audio.wav", recording.sound)
        bare = WhisperRecognizer(model, "whisper-base", beam=5)
        heard = bare.recognize(audio, language="en", progress=lambda _: None)
        own = hint_words("\n".join(recording.lines).encode())
        others = [line for other in recordings if other.name != recording.name for line in other.lines]
        foreign = hint_words("\n".join(others).encode())
        row: dict[str, Any] = {"file": recording.name}
        for name, hints in {"no script": (), "its own script": own, "scripts of all the others": foreign}.items():
            row[name] = _wer(recording, replace(bare, hints=hints).hear_again(audio, heard))
        rows.append(row)
    return rows


def _wer(recording: Recording, heard: Heard) -> float:
    said = " ".join(word.text for word in recording.said)
    return word_error_rate(said, " ".join(word.text for one in heard.passages for word in one.words))


_FEW = 4
"""Lines of a script that has halves and an order."""


def _scripts(recording: Recording, others: Sequence[Sequence[str]]) -> dict[str, list[Sequence[str]]]:
    lines = list(recording.lines)
    scripts: dict[str, list[Sequence[str]]] = {"its own": [lines], "of another recording": list(others)}
    if len(lines) >= _FEW:
        chance = random.Random(recording.name)
        scripts["its own, lines shuffled"] = [chance.sample(lines, len(lines))]
        scripts["its own, half of the lines"] = [lines[: len(lines) // 2], lines[len(lines) // 2 :]]
    if recording.speech is not None:
        scripts["its own, translated"] = [text.splitlines() for text in (GERMAN, FRENCH)]
    return scripts


def _verdict(recording: Recording, lines: Sequence[str], models: Path) -> str:
    order = FilmOrder(
        script="\n".join(lines).encode(),
        script_format="text",
        title=recording.name,
        transcript=recording.transcript,
        scenes=None,
        audio=None,
        source=Source(),
        tools=Tools(models_dir=None, cache_dir=models, threads=1),
    )
    return align_film(order).ledger.script_matches
