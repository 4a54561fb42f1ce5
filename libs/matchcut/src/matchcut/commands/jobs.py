"""``matchcut job list|show|watch|cancel|retry``."""

from itertools import islice
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from matchcut.client import Job
from matchcut.commands.choices import AsJson, Data, Newest
from matchcut.connection import connect
from matchcut.console import Console
from matchcut.exits import EPILOG, Exit, exit_codes
from matchcut.launcher import DataFolder
from matchcut.progress import JobProgress

__all__ = ["app", "job_table", "state_code"]

app = typer.Typer(help="Jobs of a running Matchcut.", no_args_is_help=True, epilog=EPILOG)
JobId = Annotated[UUID, typer.Argument(help="Id of the job.")]

_COLOUR = {"succeeded": "green", "failed": "red", "cancelled": "yellow", "running": "cyan"}


@app.command("list", epilog=EPILOG)
def list_jobs(
    limit: Newest = 20,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """The newest jobs."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        jobs = list(islice(client.jobs(), limit))
        table = Table("job", "state", "done", "steps", "asked for")
        for job in jobs:
            steps = " ".join(f"[{_COLOUR.get(step.state, 'dim')}]{step.step}[/]" for step in job.steps)
            table.add_row(str(job.id), _coloured(job.state), f"{job.fraction:.0%}", steps, f"{job.created_at:%F %T}")
        console.show([job.model_dump(mode="json") for job in jobs], table)


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


def job_table(job: Job) -> Table:
    """A job's steps for people."""
    table = Table(
        "step", "state", "seconds", "engine", "remark", title=f"job {job.id}: {job.state}", title_justify="left"
    )
    for step in job.steps:
        seconds = f"{step.seconds:.1f}" if step.seconds is not None else ""
        remark = f"{step.reason}: {step.detail}" if step.reason else step.message
        table.add_row(str(step.step), _coloured(step.state), seconds, step.engine or "", remark)
    return table


def state_code(job: Job) -> Exit:
    """The exit code of a command that ends with this job."""
    return Exit.DONE if job.state not in ("failed", "cancelled") else Exit.FAILED


def _end(console: Console, job: Job) -> None:
    console.show(job.model_dump(mode="json"), job_table(job))
    if code := state_code(job):
        raise typer.Exit(int(code))


def _coloured(state: str) -> str:
    return f"[{_COLOUR.get(state, 'dim')}]{state}[/]"
