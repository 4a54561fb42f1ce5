"""How right is Matchcut? Scores scenes, words, line statuses, marks and admission against ground truth.

    python tests/bench/accuracy.py [--data DIR] [--json | --markdown] [--only main,cuts]

``DIR`` holds folders with media and ``*.truth.json`` beside them, as ``shared/data`` does (its MANIFEST.md says what
the truth means). Every file goes the way a user's file goes: through the REST API of the six services, started
privately for the run. Files without a picture get a black one, because Matchcut takes videos.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import imageio_ffmpeg
from rich.console import Console
from rich.table import Table

from matchcut.client import Job, Matchcut, Video
from matchcut.launcher import DataFolder, running
from support.ledger_scores import score_ledger
from support.story_films import finished
from support.transcript_scores import TimedWord, word_error_rate, word_start_errors
from support.vision_scores import score_cuts, score_marks

REPOSITORY = Path(__file__).resolve().parents[2]
AUDIO_ONLY = {".flac", ".wav", ".mp3", ".m4a", ".ogg"}


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
    """The figures of one file."""
    found = {item.name: item.url for item in matchcut.results(job.id)}

    def document(name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(matchcut.read_bytes(found[name]))
        return content

    scores: dict[str, Any] = {"state": job.state, "seconds": {s.step.value: s.seconds for s in job.steps if s.seconds}}
    if "scenes.json" in found and "scenes" in case.steps:
        scores["scenes"] = score_cuts(case.truth["transitions"], document("scenes.json")["scenes"])
    if "watermarks.json" in found:
        marks, rate = document("watermarks.json")["marks"], float(case.truth["fps"])
        scores["marks"] = score_marks(case.truth.get("watermarks", []), marks, frame_rate=rate)
    if "transcript.json" in found and case.words:
        heard = document("transcript.json")["words"]
        said = [word["word"] for word in case.words]
        errors = word_start_errors(
            [TimedWord(word["word"], word["start"]) for word in case.words],
            [TimedWord(word["text"], word["start"]) for word in heard],
        )
        scores["words"] = {
            "wer": word_error_rate(" ".join(said), " ".join(word["text"] for word in heard)),
            "start_median_s": percentile(errors, 0.5),
            "start_p95_s": percentile(errors, 0.95),
        }
    if "ledger.json" in found:
        scores["lines"] = score_ledger(case.truth["speech"], document("ledger.json"))
    return scores


def percentile(values: list[float], share: float) -> float | None:
    """Nearest-rank percentile of absolute errors."""
    ranked = sorted(abs(value) for value in values)
    return round(ranked[min(len(ranked) - 1, int(share * len(ranked)))], 3) if ranked else None


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
    """Title, columns and rows of every part that was scored."""
    for part, title in PARTS.items():
        rows = {name: scores[part] for name, scores in figures.items() if part in scores}
        if rows:
            columns = [key for key, value in next(iter(rows.values())).items() if not isinstance(value, list | dict)]
            yield (
                title,
                ["file", *columns],
                [[name, *(shown(row.get(c)) for c in columns)] for name, row in rows.items()],
            )


def show(figures: dict[str, Any], console: Console) -> None:
    """The tables people read."""
    for title, columns, rows in tables(figures):
        table = Table(*columns, title=title, title_justify="left", header_style="bold")
        for row in rows:
            table.add_row(*row)
        console.print(table)


def markdown(figures: dict[str, Any]) -> str:
    """The same tables for docs/accuracy.md."""
    lines: list[str] = []
    for title, columns, rows in tables(figures):
        lines += [f"## {title}", "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
        lines += [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
        lines.append("")
    return "\n".join(lines)


def shown(value: object) -> str:
    """A figure with three digits behind the point; nothing for nothing."""
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


def main() -> int:
    """Exit code 1 when a job failed or an odd file met the wrong fate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=REPOSITORY.parent / "shared" / "data", help="folder of */*.truth.json"
    )
    parser.add_argument("--only", default="", help="comma-separated folders")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--markdown", action="store_true", help="print the tables of docs/accuracy.md")
    chosen = parser.parse_args()
    if not any(cases(chosen.data, set())):
        parser.error(f"{chosen.data} holds no */*.truth.json with media beside it")
    figures = run(chosen.data, {name for name in chosen.only.split(",") if name}, Console(stderr=True))
    if chosen.markdown:
        print(markdown(figures))
    elif chosen.json:
        print(json.dumps({"files": figures, "mean": averages(figures)}, indent=1))
    else:
        show(figures, Console(width=140))
        Console().print_json(json.dumps(averages(figures)))
    wrong = [
        n for n, s in figures.items() if s.get("state") == "failed" or s.get("admission", {}).get("right") is False
    ]
    for name in wrong:
        print(f"not as it should be: {name}", file=sys.stderr)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
