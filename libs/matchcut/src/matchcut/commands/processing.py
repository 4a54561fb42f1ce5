"""``matchcut process``."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any

import typer

from contracts.steps import Step
from matchcut.client import Job
from matchcut.commands.choices import AsJson, Data
from matchcut.commands.jobs import job_table, state_code
from matchcut.commands.script_choices import Columns, Export, Language, ScriptFile, StartTimecode, Steps
from matchcut.commands.sharpening import (
    Codec,
    Container,
    Crf,
    Deinterlace,
    Dispatch,
    Lines,
    Network,
    Only,
    Preset,
    Range,
    Scenes,
    Sharpening,
    Upscale,
    one_of,
)
from matchcut.commands.usage import estimate_table
from matchcut.connection import connect_or_launch
from matchcut.console import Console
from matchcut.errand import Errand, Rejected, run_errand
from matchcut.exits import Exit, UsageFault, exit_codes
from matchcut.exports import columns_of, exports_wanted
from matchcut.launcher import DataFolder
from matchcut.measuring import Unmeasurable, measure
from matchcut.outputs import write_outputs
from matchcut.progress import JobProgress

__all__ = ["process"]

_STEPS = tuple(step.value for step in Step if step is not Step.INGEST)
_PRIORITIES = ("urgent", "normal", "bulk")
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what it would take and cost, and do nothing.")]
_TIMECODE = re.compile(r"\d\d:\d\d:\d\d[:;]\d\d")


def process(
    film: Annotated[Path, typer.Argument(help="The video.", metavar="FILE")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.", file_okay=False)],
    script: ScriptFile = None,
    columns: Columns = None,
    export: Export = None,
    start_timecode: StartTimecode = None,
    upscale: Upscale = None,
    range_: Range = None,
    scenes: Scenes = None,
    lines: Lines = None,
    only: Only = False,
    deinterlace: Deinterlace = False,
    steps: Steps = None,
    language: Language = None,
    recognizer: Annotated[str | None, typer.Option(help="fast or accurate.", show_default="accurate")] = None,
    scene_detector: Annotated[str | None, typer.Option(help="fast or accurate.", show_default="accurate")] = None,
    codec: Codec = None,
    crf: Crf = None,
    preset: Preset = None,
    container: Container = None,
    dispatch: Dispatch = "gpu",
    model: Network = None,
    priority: Annotated[str, typer.Option(help="urgent, normal or bulk.")] = "normal",
    title: Annotated[str | None, typer.Option(help="Title of the report.", show_default="the file's name")] = None,
    dry_run: _DryRun = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Take a video through Matchcut and write the results into a folder.

    Uses the Matchcut that runs here (or at MATCHCUT_URL); when there is none, one is started for this run.
    """
    console = Console(as_json=as_json)
    with exit_codes(console):
        _check_files(film, script, out)
        exports = exports_wanted(export or ())
        words = (upscale, range_, scenes, lines, only, deinterlace, codec, crf, preset, container, dispatch, model)
        options = _options(Sharpening(*words), language, recognizer, scene_detector, script=script is not None)
        options |= _timecode(start_timecode)
        wanted = _steps(steps, script=script is not None, upscale=upscale is not None)
        urgency = one_of(priority, _PRIORITIES, "--priority")
        errand = Errand(film, wanted, script, title, options, urgency, columns_of(columns))
        if dry_run:
            _estimate(console, DataFolder.at(data), errand)
            return
        code = _run(console, DataFolder.at(data), errand, out, exports)
    if code:
        raise typer.Exit(int(code))


def _estimate(console: Console, folder: DataFolder, errand: Errand) -> None:
    """By the file's own measures: nothing is uploaded."""
    try:
        media = measure(errand.film)
    except Unmeasurable as fault:
        raise UsageFault(str(fault)) from fault
    with connect_or_launch(folder, console) as client:
        estimate = client.usage.estimate(steps=errand.steps, media=media, options=errand.options)
    console.show(estimate.model_dump(mode="json"), estimate_table(estimate))


def _run(console: Console, folder: DataFolder, errand: Errand, out: Path, exports: Collection[str]) -> Exit:
    with connect_or_launch(folder, console) as client:
        rejection: Rejected | None = None
        with JobProgress(console) as progress:
            try:
                job = run_errand(client, errand, progress)
            except Rejected as turned_away:
                rejection, job = turned_away, turned_away.job
        title = errand.title or errand.film.stem
        files = write_outputs(client, job, out, title=title, film=errand.film, exports=exports)
    _finish(console, job, out, files, rejection)
    return Exit.REJECTED if rejection else state_code(job)


def _finish(console: Console, job: Job, out: Path, files: list[Path], rejection: Rejected | None) -> None:
    names = [path.relative_to(out).as_posix() for path in files]
    value: dict[str, Any] = {"out": str(out.resolve()), "files": names, "job": job.model_dump(mode="json")}
    if rejection:
        value["rejection"] = rejection.video.rejection.model_dump() if rejection.video.rejection else {}
        console.say(f"[bold red]✕[/] {rejection}")
    console.show(value, job_table(job))
    if not console.as_json:
        console.say(f"[bold]report:[/] {(out / 'report.html').resolve()}")


def _check_files(film: Path, script: Path | None, out: Path) -> None:
    for path in (film, script):
        if path and not path.is_file():
            raise UsageFault(f"there is no file {path}")
    if out.exists() and not out.is_dir():
        raise UsageFault(f"{out} is not a folder")


def _timecode(told: str | None) -> dict[str, str]:
    if told is not None and not _TIMECODE.fullmatch(told):
        raise UsageFault(f"--start-timecode is like 01:00:00:00 or, drop-frame, 01:00:00;00, not {told!r}")
    return {"start_timecode": told} if told else {}


def _steps(asked: str | None, *, script: bool, upscale: bool) -> tuple[str, ...]:
    able = ["scenes", "watermarks", "transcript"] + ["alignment"] * script + ["upscale"] * upscale
    if asked is None:
        return tuple(able)
    chosen = [step.strip() for step in asked.split(",") if step.strip()]
    if unknown := [step for step in chosen if step not in _STEPS]:
        raise UsageFault(f"there is no step {unknown[0]!r}: choose from {', '.join(_STEPS)}")
    if "alignment" in chosen and not script:
        raise UsageFault("the step alignment needs --script")
    return tuple(dict.fromkeys(chosen))


def _options(
    sharpening: Sharpening,
    language: str | None,
    recognizer: str | None,
    scene_detector: str | None,
    *,
    script: bool,
) -> dict[str, Any]:
    quality = ("fast", "accurate")
    options: dict[str, Any] = {
        "language": language,
        "recognizer": one_of(recognizer, quality, "--recognizer"),
        "scene_detector": one_of(scene_detector, quality, "--scene-detector"),
        "upscale": sharpening.options(script=script),
    }
    return {name: value for name, value in options.items() if value is not None}
