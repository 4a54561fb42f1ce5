"""``matchcut job start|list|show|watch|cancel|retry|results|download``."""

from itertools import islice
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.text import Text

from matchcut.client import Job
from matchcut.commands.choices import AsJson, Data, Newest
from matchcut.connection import connect
from matchcut.console import Console
from matchcut.exits import EPILOG, Exit, exit_codes
from matchcut.launcher import DataFolder
from matchcut.progress import JobProgress
from matchcut.tables import Record, Rows, minute, painted, size

__all__ = ["app", "job_table", "state_code"]

app = typer.Typer(help="Jobs of a running Matchcut.", no_args_is_help=True, epilog=EPILOG)
JobId = Annotated[UUID, typer.Argument(help="Id of the job.")]

_COLOUR = {"succeeded": "green", "failed": "red", "cancelled": "yellow", "running": "cyan"}


@app.command("start", epilog=EPILOG)
def start(
    video_id: Annotated[UUID, typer.Argument(help="Id of the video.")],
    steps: Annotated[str, typer.Option(help="With commas: scenes, transcript, alignment, watermarks.")],
    script: Annotated[UUID | None, typer.Option(help="Id of its script, for alignment.", show_default=False)] = None,
    priority: Annotated[str | None, typer.Option(help="urgent, normal or bulk.", show_default="normal")] = None,
    passthrough: Annotated[str | None, typer.Option(help="Comes back in every event.", show_default=False)] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Ask for steps of a video that was handed in; `matchcut process` does all of it at once."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        wanted = [step.strip() for step in steps.split(",") if step.strip()]
        job = client.start_job(video_id, steps=wanted, script_id=script, priority=priority, passthrough=passthrough)
        console.show(job.model_dump(mode="json"), job_table(job))


@app.command("list", epilog=EPILOG)
def list_jobs(
    state: Annotated[str | None, typer.Option(help="Only those that are so.", show_default="any")] = None,
    video: Annotated[UUID | None, typer.Option(help="Only of this video.", show_default="any")] = None,
    limit: Newest = 20,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """The newest jobs."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        jobs = list(islice(client.jobs(state=state, video_id=video), limit))
        heading = ("job", "state", "asked for", "steps")
        rows = [(str(job.id), _state(job), minute(job.created_at), _steps(job)) for job in jobs]
        table = Rows(heading, rows, cut={"steps": "head"})
        console.show([job.model_dump(mode="json") for job in jobs], table if jobs else "no job is like that")


@app.command("show", epilog=EPILOG)
def show(job_id: JobId, data: Data = None, as_json: AsJson = False) -> None:
    """One job with its steps. The exit code tells a failed one (1)."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        _end(console, client.job(job_id))


@app.command("watch", epilog=EPILOG)
def watch(job_id: JobId, data: Data = None, as_json: AsJson = False) -> None:
    """Follow a job until it is finished."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        job = None
        with JobProgress(console) as progress:
            for job in client.watch(job_id):
                progress.job(job)
        assert job is not None, "watching always yields the job once"
        _end(console, job)


@app.command("cancel", epilog=EPILOG)
def cancel(job_id: JobId, data: Data = None, as_json: AsJson = False) -> None:
    """Stop a job."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        job = client.cancel(job_id)
        console.show(job.model_dump(mode="json"), job_table(job))


@app.command("retry", epilog=EPILOG)
def retry(job_id: JobId, data: Data = None, as_json: AsJson = False) -> None:
    """Do the failed steps of a job once more."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        job = client.retry(job_id)
        console.show(job.model_dump(mode="json"), job_table(job))


@app.command("results", epilog=EPILOG)
def results(job_id: JobId, data: Data = None, as_json: AsJson = False) -> None:
    """The files a job has made so far."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        found = client.results(job_id)
        rows = [(one.name, size(one.size_bytes), one.content_type) for one in found]
        table = Rows(("name", "size", "type"), rows, cut={"type": "head"}, right=("size",))
        console.show([one.model_dump(mode="json") for one in found], table if found else "no file yet")


@app.command("download", epilog=EPILOG)
def download(
    job_id: JobId,
    name: Annotated[str, typer.Argument(help="As `results` names it: script.srt.")],
    target: Annotated[Path, typer.Argument(help="Where to put it.", dir_okay=False)],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """One file that a job made."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        path = client.download_result(job_id, name, target)
        console.show({"path": str(path), "size_bytes": path.stat().st_size}, Record([("written to", str(path))]))


def job_table(job: Job) -> Rows:
    """A job's steps for people."""
    rows = []
    for step in job.steps:
        seconds = f"{step.seconds:.1f}" if step.seconds is not None else ""
        remark = f"{step.reason}: {step.detail}" if step.reason else step.message
        rows.append((str(step.step), painted(step.state, _COLOUR), seconds, step.engine or "", remark or ""))
    heading = ("step", "state", "seconds", "engine", "remark")
    cut = {"engine": "head", "remark": "wrap"}
    return Rows(heading, rows, cut=cut, right=("seconds",), title=f"job {job.id}: {job.state}")


def state_code(job: Job) -> Exit:
    """The exit code of a command that ends with this job."""
    return Exit.DONE if job.state not in ("failed", "cancelled") else Exit.FAILED


def _end(console: Console, job: Job) -> None:
    console.show(job.model_dump(mode="json"), job_table(job))
    if code := state_code(job):
        raise typer.Exit(int(code))


def _state(job: Job) -> Text:
    done = f" {job.fraction:.0%}" if job.state == "running" else ""
    return Text(f"{job.state}{done}", _COLOUR.get(job.state, "dim"))


def _steps(job: Job) -> Text:
    return Text(" ").join(painted(step.step, {step.step: _COLOUR.get(step.state, "dim")}) for step in job.steps)
