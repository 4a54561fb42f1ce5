"""``matchcut script list|show|text|add``: what films are shot from."""

import sys
from itertools import islice
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.markup import escape

from matchcut.client import Script
from matchcut.commands.choices import AsJson, Data, Newest
from matchcut.commands.script_choices import Columns
from matchcut.commands.sharpening import one_of
from matchcut.connection import connect
from matchcut.console import Console
from matchcut.exits import EPILOG, UsageFault, exit_codes
from matchcut.exports import columns_of
from matchcut.launcher import DataFolder
from matchcut.tables import Record, Rows, minute, moment, size

__all__ = ["app"]

app = typer.Typer(help="Scripts that were handed in.", no_args_is_help=True, epilog=EPILOG)
_FORMATS = ("text", "markdown", "fountain", "fdx", "docx", "srt", "vtt", "csv")
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
def text(
    script_id: ScriptId,
    to: Annotated[Path | None, typer.Option(help="The file to write.", show_default="stdout", dir_okay=False)] = None,
    data: Data = None,
) -> None:
    """What is in it, as it was handed in: byte for byte. A Word document needs `--to`, or a pipe."""
    console = Console()
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        content = client.script_content(script_id)
        if to is None and b"\x00" in content and sys.stdout.isatty():
            raise UsageFault(f"this script is not text but {client.script(script_id).format}: add --to FILE")
        if to is None:
            typer.echo(content, nl=False)
        else:
            to.write_bytes(content)
            console.say(f"[dim]written to {escape(str(to))}[/]")


@app.command("add", epilog=EPILOG)
def add(
    file: Annotated[Path, typer.Argument(help="Text, Markdown, Fountain, .fdx, .docx, .srt, .vtt or .csv.")],
    format: Annotated[str | None, typer.Option(help=f"One of {', '.join(_FORMATS)}.", show_default="guessed")] = None,
    columns: Columns = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Hand in a script."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        if not file.is_file():
            raise UsageFault(f"there is no file {file}")
        chosen = one_of(format, _FORMATS, "--format")
        _show(console, client.add_script(file, format=chosen, columns=columns_of(columns)))


def _show(console: Console, script: Script) -> None:
    pairs = [
        ("script", str(script.id)),
        ("name", script.filename),
        ("format", script.format),
        *([("columns", ", ".join(f"{role}={name}" for role, name in script.columns.items()))] * bool(script.columns)),
        ("handed in", moment(script.created_at)),
        ("size", size(script.size_bytes)),
        ("sha256", script.sha256),
    ]
    console.show(script.model_dump(mode="json"), Record(pairs))
