"""What hearing in pieces costs, in time and in words, beside the bare engine that hears the file at once.

    python tests/bench/pieces.py [--data DIR] [--times 3] [--piece-s 180] [--rounds 3]

The recording session of the evaluation data, said several times over, is heard in turns by faster-whisper as its
documentation shows (voice detection, word times, and our beam and shortest silence), in a process of its own; and as
the service does it: looked over, cut, each piece in a process of its own, put together. Ratios are of seconds, and of
seconds of a core, within a round: the latter say the same on a busy machine.
"""

import argparse
import asyncio
import json
import resource
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from chassis.child.runner import run_in_child
from chassis.models import ModelStore
from support.pieces_yardstick import bare_words
from support.speech import decoded, write_wav
from support.transcript_scores import word_error_rate
from transcribe.adapters.listening import listen, survey
from transcribe.adapters.weights import model_named
from transcribe.domain.heard import Heard, Hearing, Survey
from transcribe.domain.seams import joined
from transcribe.domain.transcripts import transcript_of
from transcribe.ports import Ears

MODEL, BEAM, THREADS = "whisper-base", 5, 2


def _cpu_s() -> float:
    """Seconds of a core that all children used that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def _ignored(_fraction: float, _message: str) -> None:
    """Nobody watches."""


async def in_pieces(ears: Ears, audio: Path, piece_s: float) -> tuple[str, int]:
    """The text, and into how many pieces it was cut."""
    found: Survey = await run_in_child(survey, ears, MODEL, audio, None, piece_s, on_progress=_ignored)
    heard: list[Hearing] = [
        await run_in_child(listen, ears, MODEL, audio, found.language, piece, on_progress=_ignored)
        for piece in found.pieces
    ]
    passages = joined([(piece, hearing.heard.passages) for piece, hearing in zip(found.pieces, heard, strict=True)])
    whole = Heard(passages, found.language, found.language_probability, found.duration)
    transcript = transcript_of(whole, pause_s=0.6, longest_segment_s=12, engine="")
    return " ".join(word.text for word in transcript.words), len(found.pieces)


async def play(data: Path, *, times: int, piece_s: float, rounds: int) -> dict[str, Any]:
    """All rounds."""
    truth = json.loads((data / "main" / "demo_a.truth.json").read_text())["speech"]["words"]
    said = " ".join(word["word"] for word in truth * times)
    rows: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as name:
        audio = write_wav(Path(name) / "long.wav", np.tile(decoded(data / "main" / "demo_a.mp4"), times))
        folder = ModelStore(None, Path(name) / "models").ensure(model_named(MODEL))
        ears = Ears("whisper", None, Path(name) / "models", BEAM, THREADS, "cpu", "int8", None)
        for _ in range(rounds):
            began, cpu = time.monotonic(), [_cpu_s()]
            bare = await run_in_child(bare_words, folder, audio, BEAM, THREADS, on_progress=_ignored)
            middle = time.monotonic()
            cpu.append(_cpu_s())
            ours, pieces = await in_pieces(ears, audio, piece_s)
            took = (middle - began, time.monotonic() - middle)
            used = (cpu[1] - cpu[0], _cpu_s() - cpu[1])
            row = {"bare_s": took[0], "ours_s": took[1], "ratio": took[1] / took[0], "pieces": pieces}
            row |= {"bare_cpu_s": used[0], "our_cpu_s": used[1], "cpu_ratio": used[1] / used[0]}
            rows.append(row | {"bare_wer": word_error_rate(said, bare), "our_wer": word_error_rate(said, ours)})
    return {name: median(row[name] for row in rows) for name in rows[0]} | {
        "ratios": [round(row["ratio"], 3) for row in rows],
        "cpu_ratios": [round(row["cpu_ratio"], 3) for row in rows],
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[3] / "shared" / "data")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--piece-s", type=float, default=180.0)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    told = asyncio.run(play(asked.data, times=asked.times, piece_s=asked.piece_s, rounds=asked.rounds))
    print(json.dumps({name: round(value, 3) if isinstance(value, float) else value for name, value in told.items()}))


if __name__ == "__main__":
    main()
