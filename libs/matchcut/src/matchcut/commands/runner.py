"""``matchcut runner`` lends this machine; ``matchcut runners`` says who may lend theirs."""

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated
from uuid import UUID

import typer

from matchcut.client import Runner, Runners
from matchcut.commands.choices import AsJson, Data
from matchcut.connection import connect
from matchcut.console import Console
from matchcut.exits import EPILOG, UsageFault, exit_codes
from matchcut.launcher import DataFolder, read_state

__all__ = ["app", "lend"]

app = typer.Typer(help="Machines that take chunks to upscale.", no_args_is_help=True, epilog=EPILOG)
RunnerId = Annotated[UUID, typer.Argument(help="Id of the runner.")]
_TOKEN = "MATCHCUT_RUNNER_TOKEN"


def lend(
    context: typer.Context,
    url: Annotated[str | None, typer.Option(help="Address of the Matchcut; the one that runs here if absent.")] = None,
    token: Annotated[
        str | None, typer.Option(envvar=_TOKEN, help="Registration token, good once.", show_default=False)
    ] = None,
    data: Data = None,
) -> None:
    """Lend this machine: take chunks of films, make them, hand them in, until Ctrl-C. Further options: `-- --help`."""
    console = Console()
    with exit_codes(console):
        if importlib.util.find_spec("upscale") is None:
            where = f"{(url or _here(DataFolder.at(data))).rstrip('/')}/v1/runner/program"
            raise UsageFault(f"what makes chunks is not installed here; {where} names the file to pip install")
        address = url or _here(DataFolder.at(data))
        words = [sys.executable, "-m", "upscale.runner", "--url", address, *context.args]
        # The token goes by the environment: every user of the machine may read a command line.
        os.execve(sys.executable, words, {**os.environ, **({_TOKEN: token} if token else {})})


@app.command("invite", epilog=EPILOG)
def invite(
    shared: Annotated[
        bool, typer.Option("--shared", help="For everybody's films; the operator's tenant alone.")
    ] = False,
    label: Annotated[list[str] | None, typer.Option(help="For people; may be repeated.", show_default=False)] = None,
    valid_s: Annotated[int, typer.Option(help="Seconds until the token expires.")] = 3600,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Invite one machine. Its token is printed this once."""
    with _runners(data, as_json) as (console, runners):
        made = runners.invite(scope="shared" if shared else "tenant", labels=label or (), lifetime_s=valid_s)
        if console.as_json:
            console.print_json(made.model_dump(mode="json"))
        else:
            console.show_rows(("runner", "token, shown this once"), [(str(made.runner.id), made.token)], cut={})


@app.command("list", epilog=EPILOG)
def list_runners(data: Data = None, as_json: AsJson = False) -> None:
    """All runners, newest first."""
    with _runners(data, as_json) as (console, runners):
        _show(console, list(runners.list()))


@app.command("revoke", epilog=EPILOG)
def revoke(runner_id: RunnerId, data: Data = None, as_json: AsJson = False) -> None:
    """Make a machine, or its unused token, worthless. What it holds goes to others."""
    with _runners(data, as_json) as (console, runners):
        runners.revoke(runner_id)
        _show(console, [runners.get(runner_id)])


@app.command("release", epilog=EPILOG)
def release(runner_id: RunnerId, data: Data = None, as_json: AsJson = False) -> None:
    """Let a machine out of quarantine."""
    with _runners(data, as_json) as (console, runners):
        _show(console, [runners.release(runner_id)])


@app.command("rotate", epilog=EPILOG)
def rotate(runner_id: RunnerId, data: Data = None, as_json: AsJson = False) -> None:
    """Have a machine fetch another secret."""
    with _runners(data, as_json) as (console, runners):
        _show(console, [runners.rotate(runner_id)])


@app.command("pause", epilog=EPILOG)
def pause(runner_id: RunnerId, data: Data = None, as_json: AsJson = False) -> None:
    """Have a machine hold still: it keeps the chunk it has and gets no other."""
    with _runners(data, as_json) as (console, runners):
        _show(console, [runners.pause(runner_id)])


@app.command("drain", epilog=EPILOG)
def drain(runner_id: RunnerId, data: Data = None, as_json: AsJson = False) -> None:
    """Have a machine hand in the frames that are done, give the rest back, and leave."""
    with _runners(data, as_json) as (console, runners):
        _show(console, [runners.drain(runner_id)])


@app.command("resume", epilog=EPILOG)
def resume(runner_id: RunnerId, data: Data = None, as_json: AsJson = False) -> None:
    """Let a machine that was paused or drained work again."""
    with _runners(data, as_json) as (console, runners):
        _show(console, [runners.resume(runner_id)])


def _show(console: Console, found: list[Runner]) -> None:
    if console.as_json:
        console.print_json([runner.model_dump(mode="json") for runner in found])
        return
    if not found:
        console.out.print("there is no runner")
        return
    heading = ("runner", "name", "state", "told", "chunks", "machine", "why")
    console.show_rows(heading, [_row(runner) for runner in found], cut={"machine": "head", "why": "head"})


def _row(runner: Runner) -> tuple[str, ...]:
    shared = " (shared)" if runner.scope == "shared" else ""
    name = f"{runner.name or '-'}{shared}"
    told = "" if runner.wish == "work" else runner.wish
    return str(runner.id), name, runner.state, told, str(runner.chunks_done), runner.machine, runner.reason


def _here(folder: DataFolder) -> str:
    state = read_state(folder.state)
    if state is None or not state.ready:
        raise UsageFault(f"no Matchcut runs in {folder.root}: name one with --url")
    return state.url


@contextmanager
def _runners(data: Data, as_json: bool) -> Iterator[tuple[Console, Runners]]:
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        yield console, client.runners
