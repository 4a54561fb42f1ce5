"""``matchcut logo list|add|download|remove``: pictures of our own that jobs look for."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from matchcut.client import Logo
from matchcut.commands.choices import AsJson, Data
from matchcut.connection import connect
from matchcut.console import Console
from matchcut.exits import EPILOG, UsageFault, exit_codes
from matchcut.launcher import DataFolder
from matchcut.tables import Record, Rows, minute, size

__all__ = ["app"]

app = typer.Typer(help="Pictures of our own that the step watermarks looks for.", no_args_is_help=True, epilog=EPILOG)
LogoId = Annotated[UUID, typer.Argument(help="Id of the logo.")]


@app.command("list", epilog=EPILOG)
def list_logos(data: Data = None, as_json: AsJson = False) -> None:
    """All logos, newest first."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        found = list(client.logos.list())
        console.show([one.model_dump(mode="json") for one in found], _table(found) if found else "there is no logo")


@app.command("add", epilog=EPILOG)
def add(
    file: Annotated[Path, typer.Argument(help="A PNG, JPEG or WebP; best with a transparent ground.")],
    name: Annotated[str | None, typer.Option(help="What findings call it.", show_default="the file's name")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Hand in a picture. The same picture again is the same logo."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        if not file.is_file():
            raise UsageFault(f"there is no file {file}")
        logo = client.logos.add(file, name=name)
        console.show(logo.model_dump(mode="json"), _table([logo]))


@app.command("download", epilog=EPILOG)
def download(
    logo_id: LogoId,
    target: Annotated[Path, typer.Argument(help="Where to put it.", dir_okay=False)],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """The picture, as it was handed in."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        target.write_bytes(client.logos.content(logo_id))
        written = {"path": str(target), "size_bytes": target.stat().st_size}
        console.show(written, Record([("written to", str(target))]))


@app.command("remove", epilog=EPILOG)
def remove(logo_id: LogoId, data: Data = None, as_json: AsJson = False) -> None:
    """Forget a logo. Jobs that name it go without."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        client.logos.remove(logo_id)
        console.show({"removed": str(logo_id)}, f"removed {logo_id}")


def _table(found: list[Logo]) -> Rows:
    rows = [
        (str(one.id), minute(one.created_at), f"{one.width}x{one.height}", size(one.size_bytes), one.name)
        for one in found
    ]
    return Rows(("logo", "handed in", "pixels", "size", "name"), rows, cut={"name": "head"}, right=("pixels", "size"))
