"""How right is Matchcut? Scores scenes, words, line statuses, marks and admission against ground truth.

    python tests/bench/accuracy.py [--data DIR] [--only main,cuts] [--parts files,speech,stress,growth]
                                   [--json | --markdown] [--write docs/accuracy.md]

``DIR`` holds folders with media and ``*.truth.json`` beside them, as ``shared/data`` does (its MANIFEST.md says what
the truth means). The parts:

- ``files``: every file goes the way a user's file goes: through the REST API of the six services, started privately for
  the run. Files without a picture get a black one, because Matchcut takes videos.
- ``speech``: the recordings among them beside the bare engine, difflib and whole-file alignment; wrong scripts. With
  what the last ``files`` heard.
- ``stress``: films that never were, with every mistake of actors and recognizers.
- ``growth``: films of up to six hours.

Figures are kept in .cache/accuracy/, and with ``--write`` the page gets the newest of each part.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import imageio_ffmpeg
from rich.console import Console
from rich.table import Table

from chassis.models import ModelStore
from matchcut.client import Job, Matchcut, Video
from matchcut.launcher import DataFolder, running
from support.accuracy_page import shown, write_blocks
from support.accuracy_report import blocks, picture
from support.ledger_growth import growth
from support.ledger_scores import score_ledger
from support.speech import decoded
from support.speech_trials import Recording, heard_words, word_scores
from support.story_films import finished
from support.transcript_scores import TimedWord
from support.vision_scores import score_cuts, score_marks

REPOSITORY = Path(__file__).resolve().parents[2]
KEPT = REPOSITORY / ".cache" / "accuracy"
FIGURES = KEPT / "figures.json"
PICTURE = REPOSITORY / "docs" / "images" / "ledger-stress.svg"
RUN = ("files", "speech", "stress", "growth")
AUDIO_ONLY = {".flac", ".wav", ".mp3", ".m4a", ".ogg"}
DOCUMENTS = {"scenes.json", "watermarks.json", "transcript.json", "ledger.json"}


@dataclass(frozen=True)
class Case:
    """One media file and what is known about it."""

    media: Path
    truth: dict[str, Any]

    @property
    def name(self) -> str:
        """Folder and file, as the table shows them."""
        return f"{self.media.parent.name}/{self.media.name}"

    @property
    def words(self) -> list[dict[str, Any]] | None:
        """Spoken words with times, where they are known."""
        words: list[dict[str, Any]] | None = self.truth.get("words") or self.truth.get("speech", {}).get("words")
        return words

    @property
    def script(self) -> Path | None:
        """The script the file was shot from."""
        name = self.truth.get("speech", {}).get("script_file")
        return self.media.parent / name if name else None

    @property
    def said(self) -> list[TimedWord]:
        """The same, as scores take them."""
        return [TimedWord(word["word"], word["start"]) for word in self.words or ()]

    @property
    def lines(self) -> list[str]:
        """Of the script, or of the text that was read."""
        if self.script is not None:
            return self.script.read_text().splitlines()
        return [line["text"] for line in self.truth.get("lines") or ()]

    @property
    def steps(self) -> list[str]:
        """What there is truth for."""
        known = {
            "scenes": "transitions" in self.truth,
            "watermarks": "watermarks" in self.truth or "has_watermark" in self.truth,
            "transcript": bool(self.words),
            "alignment": self.script is not None,
        }
        return [step for step, wanted in known.items() if wanted]


def cases(data: Path, only: set[str]) -> Iterator[Case]:
    """Every file that a truth file of the folder speaks of."""
    for path in sorted(data.glob("*/*.truth.json")):
        if only and path.parent.name not in only:
            continue
        truth = json.loads(path.read_text())
        for entry in [truth] if "file" in truth else truth.get("films") or truth.get("clips") or truth.get("files"):
            if "file" in entry:
                yield Case(path.parent / entry["file"], entry)


def with_picture(media: Path, folder: Path) -> Path:
    """The file itself, or a black film that sounds like it."""
    if media.suffix not in AUDIO_ONLY:
        return media
    film = folder / f"{media.stem}.mkv"
    ffmpeg = shutil.which("ffmpeg") or imageio_ffmpeg.get_ffmpeg_exe()
    command = [ffmpeg, "-v", "error", "-y", "-f", "lavfi", "-i", "color=black:s=320x180:r=25", "-i", str(media)]
    subprocess.run(
        [*command, "-shortest", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "flac", str(film)], check=True
    )
    return film


def settled(matchcut: Matchcut, video: Video) -> Video:
    """The video once it was taken in or turned away: a job without steps of its own shows it."""
    finished(matchcut, matchcut.start_job(video.id, steps=["scenes"]))
    return matchcut.video(video.id)


def admission(case: Case, matchcut: Matchcut, video: Video) -> dict[str, Any]:
    """Whether a broken or odd file met the fate it should have."""
    expected = case.truth["expected"]
    state = settled(matchcut, video)
    rejected = state.state == "rejected"
    right = rejected if expected.startswith("reject") else (not rejected or "reject" in expected or "audio" in expected)
    reason = state.rejection.reason if state.rejection else ""
    return {"expected": expected, "got": f"rejected: {reason}" if rejected else state.state, "right": right}


def score(case: Case, job: Job, matchcut: Matchcut) -> dict[str, Any]:
    """The figures of one file. Its documents are kept."""
    found = {item.name: matchcut.read_bytes(item.url) for item in matchcut.results(job.id) if item.name in DOCUMENTS}
    keep_documents(case, found)
    scores: dict[str, Any] = {"state": job.state, "seconds": {s.step.value: s.seconds for s in job.steps if s.seconds}}
    if "scenes.json" in found and "scenes" in case.steps:
        scores["scenes"] = score_cuts(case.truth["transitions"], json.loads(found["scenes.json"])["scenes"])
    if "watermarks.json" in found:
        marks, rate = json.loads(found["watermarks.json"])["marks"], float(case.truth["fps"])
        scores["marks"] = score_marks(case.truth.get("watermarks", []), marks, frame_rate=rate)
    if "transcript.json" in found and case.words:
        scores["words"] = word_scores(case.said, heard_words(found["transcript.json"]))
    if "ledger.json" in found:
        lines = score_ledger(case.truth["speech"], json.loads(found["ledger.json"]))
        ad_libs = {f"ad_lib_{name}": lines["ad_libs"][name] for name in ("recall", "precision")}
        scores["lines"] = lines | {"macro_f1": lines["f1"]["macro"]} | ad_libs
    return scores


def keep_documents(case: Case, found: dict[str, bytes]) -> None:
    """For ``speech``, which may be run on another day."""
    folder = KEPT / case.name
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in found.items():
        (folder / name).write_bytes(content)


def recordings(data: Path, only: set[str]) -> list[Recording]:
    """The files whose words are known, with what the last run heard in them."""
    heard = []
    for case in cases(data, only):
        folder = KEPT / case.name
        if case.words and (folder / "transcript.json").exists():
            ledger = folder / "ledger.json"
            heard.append(
                Recording(
                    name=case.name,
                    sound=decoded(case.media),
                    said=case.said,
                    lines=case.lines,
                    transcript=(folder / "transcript.json").read_bytes(),
                    ledger=json.loads(ledger.read_text()) if ledger.exists() else None,
                    speech=case.truth.get("speech"),
                )
            )
    if not heard:
        raise SystemExit("nothing was heard yet: run the part `files` first")
    return heard


def run(data: Path, only: set[str], log: Console) -> dict[str, Any]:
    """Every case through a private Matchcut."""
    figures: dict[str, Any] = {}
    with (
        tempfile.TemporaryDirectory(prefix="matchcut-accuracy-", ignore_cleanup_errors=True) as folder,
        running(DataFolder.at(Path(folder) / "data")) as launcher,
        Matchcut(launcher.url, launcher.credentials) as matchcut,
    ):
        for case in cases(data, only):
            log.print(f"[dim]{case.name}[/dim]", highlight=False)
            odd = "expected" in case.truth
            video = matchcut.add_video(case.media if odd else with_picture(case.media, Path(folder)))
            if odd:
                figures[case.name] = {"admission": admission(case, matchcut, video)}
                continue
            if not case.steps:
                continue
            script = matchcut.add_script(case.script).id if case.script else None
            job = finished(matchcut, matchcut.start_job(video.id, steps=case.steps, script_id=script))
            figures[case.name] = score(case, job, matchcut)
    return figures


def speech(recorded: list[Recording], models: Path) -> Iterator[dict[str, Any]]:
    """The recordings beside what people would use otherwise."""
    from faster_whisper import WhisperModel

    from support.speech_trials import bare_engine, compared, hinted, real_verdicts
    from transcribe.adapters.weights import model_named

    folder = ModelStore(None, models).ensure(model_named("whisper-base"))
    whisper = WhisperModel(str(folder), device="cpu", compute_type="int8", local_files_only=True)
    words, ways = [], []
    for one in recorded:
        bare = bare_engine(whisper, one.sound)
        ours, theirs = word_scores(one.said, one.heard), word_scores(one.said, bare)
        named = {f"bare_{name}": value for name, value in theirs.items()}
        words.append({"file": one.name, "words": len(one.said)} | ours | named)
        if one.ledger is not None and one.speech is not None:
            ways += compared(one, bare)
        yield {"words": words, "compared": ways}
    yield {"hinted": hinted(recorded, models, folder)}
    yield {"verdicts": real_verdicts(recorded, models)}


def stress(models: Path) -> Iterator[dict[str, Any]]:
    """Films that never were."""
    from align.adapters.minilm import MiniLm
    from align.adapters.weights import MINILM
    from support.ledger_trials import calibration, trials, verdicts

    embed = MiniLm(ModelStore(None, models).ensure(MINILM), threads=2)
    ours, peers = trials(embed)
    yield {
        "ours": [{"misheard": one.rate} | one.figures for one in ours],
        "difflib": [{"misheard": one.rate} | one.figures for one in peers],
        "calibration": calibration([sure for one in ours for sure in one.sure]),
    }
    yield {"verdicts": verdicts(embed)}


def measured(parts: set[str], data: Path, only: set[str], log: Console) -> dict[str, Any]:
    """The figures of the parts that were asked for, each kept as soon as it is known."""
    with tempfile.TemporaryDirectory(prefix="matchcut-accuracy-models-") as name:
        ways: dict[str, Callable[[], Iterable[dict[str, Any]]]] = {
            "files": lambda: [run(data, only, log)],
            "speech": lambda: speech(recordings(data, only), Path(name)),
            "stress": lambda: stress(Path(name)),
            "growth": lambda: [{"rows": growth(Path(name))}],
        }
        figures: dict[str, Any] = {}
        for part in [part for part in RUN if part in parts]:
            log.print(f"[dim]{part}[/dim]", highlight=False)
            for told in ways[part]():
                figures[part] = figures.get(part, {}) | told
                keep(figures)
    return figures


def keep(figures: dict[str, Any]) -> dict[str, Any]:
    """Lay figures beside those of former runs; returns the newest of each."""
    kept = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    merged = {part: kept.get(part, {}) | figures.get(part, {}) for part in kept.keys() | figures.keys()}
    FIGURES.write_text(json.dumps(merged, indent=1))
    newest: dict[str, Any] = json.loads(FIGURES.read_text())
    return newest


def averages(figures: dict[str, Any]) -> dict[str, float]:
    """Means over files of every figure that is a number."""
    gathered: dict[str, list[float]] = {}
    for scores in figures.values():
        for part in ("scenes", "marks", "words", "lines", "admission"):
            for name, value in scores.get(part, {}).items():
                if isinstance(value, int | float):
                    gathered.setdefault(f"{part}.{name}", []).append(float(value))
    return {name: round(mean(values), 4) for name, values in gathered.items()}


PARTS = {
    "scenes": "Scenes",
    "marks": "Watermarks",
    "words": "Words",
    "lines": "Script lines",
    "admission": "Odd files",
}


def tables(figures: dict[str, Any]) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Part, columns and rows of every part that was scored."""
    for part in PARTS:
        rows = {name: scores[part] for name, scores in figures.items() if part in scores}
        if rows:
            columns = [key for key, value in next(iter(rows.values())).items() if not isinstance(value, list | dict)]
            told = [[name, *(shown(row.get(column)) for column in columns)] for name, row in rows.items()]
            yield part, ["file", *columns], told


def show(figures: dict[str, Any], console: Console) -> None:
    """The tables people read."""
    for part, columns, rows in tables(figures):
        table = Table(*columns, title=PARTS[part], title_justify="left", header_style="bold")
        for row in rows:
            table.add_row(*row)
        console.print(table)


def as_markdown(figures: dict[str, Any]) -> dict[str, str]:
    """Every table of docs/accuracy.md by the name of its place there."""
    files = {part: _markdown(columns, rows) for part, columns, rows in tables(figures.get("files", {}))}
    files.pop("words", None)  # they are in the table beside the bare engine
    return files | blocks(figures)


def _markdown(columns: list[str], rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    lines += [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return "\n".join(lines)


def write(page: Path, figures: dict[str, Any]) -> None:
    """Put the newest figures of each part where they belong."""
    kept = keep(figures)
    if "stress" in kept:
        PICTURE.write_text(picture(kept["stress"]))
    write_blocks(page, as_markdown(kept))


def asked() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=REPOSITORY.parent / "shared" / "data", help="folder of */*.truth.json"
    )
    parser.add_argument("--only", default="", help="comma-separated folders")
    parser.add_argument("--parts", default=",".join(RUN), help="comma-separated parts of a run")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--markdown", action="store_true", help="print the tables of docs/accuracy.md")
    parser.add_argument("--write", type=Path, help="a page like docs/accuracy.md to fill in")
    chosen = parser.parse_args()
    chosen.parts = {name for name in chosen.parts.split(",") if name}
    if unknown := chosen.parts - set(RUN):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if chosen.parts & {"files", "speech"} and not any(cases(chosen.data, set())):
        parser.error(f"{chosen.data} holds no */*.truth.json with media beside it")
    return chosen


def main() -> int:
    """Exit code 1 when a job failed or an odd file met the wrong fate."""
    chosen = asked()
    only = {name for name in chosen.only.split(",") if name}
    figures = measured(chosen.parts, chosen.data, only, Console(stderr=True))
    files = figures.get("files", {})
    if chosen.json:
        print(json.dumps(figures | {"mean": averages(files)}, indent=1))
    elif chosen.markdown:
        print("\n\n".join(as_markdown(figures).values()))
    else:
        show(files, Console(width=140))
        for name, content in blocks(figures).items():
            print(f"\n{name}\n{content}")
        Console().print_json(json.dumps(averages(files)))
    if chosen.write:
        write(chosen.write, figures)
    wrong = [n for n, s in files.items() if s.get("state") == "failed" or s.get("admission", {}).get("right") is False]
    for name in wrong:
        print(f"not as it should be: {name}", file=sys.stderr)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
