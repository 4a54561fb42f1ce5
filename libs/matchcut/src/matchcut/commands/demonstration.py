"""``matchcut demo``."""

import json
import shutil
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from matchcut.client import Job, Matchcut
from matchcut.commands.choices import AsJson, Data
from matchcut.commands.jobs import job_table
from matchcut.console import Console
from matchcut.demo.checks import Check, check_all
from matchcut.demo.clip import DemoClip, clip_in
from matchcut.demo.edit import UPSCALE
from matchcut.demo.sources import SOURCES
from matchcut.errand import Errand, run_errand
from matchcut.exits import Exit, exit_codes
from matchcut.launcher import DataFolder, running
from matchcut.outputs import write_outputs, write_report
from matchcut.progress import JobProgress
from matchcut.tables import Rows

__all__ = ["demo"]

_TITLE = "A Tale of Two Cities, recut"
_STEPS = ("scenes", "watermarks", "transcript", "alignment", "upscale")


def demo(
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for the results.", show_default=".matchcut/demo/out")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start with empty databases and compose the clip anew.")
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Compose a film with a script, take it through the whole product, and check the result against the truth.

    The film is made of real footage and real speech that installed packages carry. Everything is started for this and
    stopped again. Exit code 1 when a check fails.
    """
    console = Console(as_json=as_json)
    began = time.monotonic()
    with exit_codes(console):
        folder = DataFolder.at(data).inside("demo")
        if fresh:
            shutil.rmtree(folder.root, ignore_errors=True)
        folder.make()
        target = out or folder.root / "out"
        with JobProgress(console) as progress:
            clip = _compose(folder, progress)
            job, checks = _run(console, folder, clip, target, progress)
        seconds = time.monotonic() - began
        _show(console, job, checks, clip, target, seconds)
    if job.state != "succeeded" or not all(check.passed for check in checks):
        raise typer.Exit(Exit.FAILED)


def _compose(folder: DataFolder, progress: JobProgress) -> DemoClip:
    progress.part("clip", 0.0, "composing")
    clip = clip_in(
        folder.root / "clip", lambda done, every: progress.part("clip", min(0.99, done / every), "composing")
    )
    progress.part("clip", 1.0, f"{clip.film.name}, {clip.film.stat().st_size / 1e6:.1f} MB")
    return clip


def _run(
    console: Console, folder: DataFolder, clip: DemoClip, out: Path, progress: JobProgress
) -> tuple[Job, list[Check]]:
    stages = ["starting PostgreSQL and Redis", "preparing the databases", "starting six services"]

    def on_stage(stage: str) -> None:
        progress.part("start", stages.index(stage) / len(stages) if stage in stages else 0.5, stage)

    with (
        running(folder, on_stage=on_stage) as launcher,
        Matchcut(launcher.url, launcher.credentials) as client,
    ):
        progress.part("start", 1.0, launcher.url)
        _call_off_leftovers(client)
        options = {"language": "en", "upscale": {"scale": 2, "start": UPSCALE[0], "end": UPSCALE[1], "only": True}}
        job = run_errand(client, Errand(clip.film, _STEPS, clip.script, _TITLE, options), progress)
        credits = [(source.name, source.credit) for source in SOURCES]
        write_outputs(client, job, out, title=_TITLE, film=clip.film, credits=credits)
    if job.state != "succeeded":
        return job, []
    truth = json.loads(clip.truth.read_text(encoding="utf-8"))
    checks = check_all(out, truth, clip.film, UPSCALE)
    write_report(out, title=_TITLE, film=clip.film, checks=[check.row for check in checks], credits=credits)
    return job, checks


def _call_off_leftovers(client: Matchcut) -> None:
    """A demo that was killed left a job behind, which the services have taken up again: nobody waits for it."""
    for job in client.jobs():
        if not job.finished:
            client.cancel(job.id)


def _show(console: Console, job: Job, checks: list[Check], clip: DemoClip, out: Path, seconds: float) -> None:
    report = (out / "report.html").resolve()
    value: dict[str, Any] = {
        "passed": job.state == "succeeded" and all(check.passed for check in checks),
        "seconds": round(seconds, 1),
        "checks": {check.name: {"passed": check.passed, **check.figures} for check in checks},
        "job": job.model_dump(mode="json"),
        "film": str(clip.film.resolve()),
        "script": str(clip.script.resolve()),
        "report": str(report),
    }
    rows = [
        (Text("✓", "green") if check.passed else Text("✕", "red"), check.name, check.measured, check.wanted)
        for check in checks
    ]
    cut = {"measured": "wrap", "wanted": "wrap"}
    table = Rows(("", "checked against the truth", "measured", "wanted"), rows, cut=cut)
    console.show(value, table if checks else job_table(job))
    for source in SOURCES:
        console.say(f"[dim]{source.name}: {source.credit}[/]")
    console.say(f"\n[bold]done in {seconds:.0f} s. The report:[/] {report}")
