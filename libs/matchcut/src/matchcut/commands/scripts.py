"""``matchcut script list|show|text|add``: what films are shot from."""

from itertools import islice
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from matchcut.client import Script
from matchcut.commands.choices import AsJson, Data, Newest
from matchcut.connection import connect
from matchcut.console import Console
from matchcut.exits import EPILOG, UsageFault, exit_codes
from matchcut.launcher import DataFolder
from matchcut.tables import Record, Rows, minute, moment, size

__all__ = ["app"]

app = typer.Typer(help="Scripts that were handed in.", no_args_is_help=True, epilog=EPILOG)
ScriptId = Annotated[UUID, typer.Argument(help="Id of the script.")]


@app.command("list", epilog=EPILOG)
def list_scripts(limit: Newest = 20, data: Data = None, as_json: AsJson = False) -> None:
    """The newest scripts."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        found = list(islice(client.scripts(), limit))
        rows = [(str(one.id), minute(one.created_at), one.format, size(one.size_bytes), one.filename) for one in found]
        heading = ("script", "handed in", "format", "size", "name")
        table = Rows(heading, rows, cut={"name": "tail"}, right=("size",))
        console.show([one.model_dump(mode="json") for one in found], table if found else "no scripts yet")


@app.command("show", epilog=EPILOG)
def show(script_id: ScriptId, data: Data = None, as_json: AsJson = False) -> None:
    """One script; `text` prints what is in it."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        _show(console, client.script(script_id))


@app.command("text", epilog=EPILOG)
def text(script_id: ScriptId, data: Data = None) -> None:
    """What is in it, as it was handed in."""
    console = Console()
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        typer.echo(client.script_text(script_id), nl=False)


@app.command("add", epilog=EPILOG)
def add(
    file: Annotated[Path, typer.Argument(help="Plain text or Fountain, in UTF-8.")],
    format: Annotated[str | None, typer.Option(help="text or fountain.", show_default="by its name")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Hand in a script."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        if not file.is_file():
            raise UsageFault(f"there is no file {file}")
        try:
            _show(console, client.add_script(file, format=format))
        except UnicodeDecodeError as fault:
            raise UsageFault(f"{file} is not UTF-8 text ({fault.reason} at byte {fault.start})") from fault


def _show(console: Console, script: Script) -> None:
    pairs = [
        ("script", str(script.id)),
        ("name", script.filename),
        ("format", script.format),
        ("handed in", moment(script.created_at)),
        ("size", size(script.size_bytes)),
        ("sha256", script.sha256),
    ]
    console.show(script.model_dump(mode="json"), Record(pairs))
