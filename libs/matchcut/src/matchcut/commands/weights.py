"""``matchcut models list|verify``."""

from typing import Any

import typer
from rich.text import Text

from matchcut.commands.asking import ask, some_environments
from matchcut.commands.choices import AsJson, Data
from matchcut.console import Console
from matchcut.exits import EPILOG, Exit, exit_codes
from matchcut.launcher import DataFolder
from matchcut.tables import Cell, Rows

__all__ = ["app"]

app = typer.Typer(help="The models the services use.", no_args_is_help=True, epilog=EPILOG)


@app.command("list", epilog=EPILOG)
def list_models(data: Data = None, as_json: AsJson = False) -> None:
    """Every model with its hash and licence."""
    _models(["models"], data, as_json)


@app.command("verify", epilog=EPILOG)
def verify(data: Data = None, as_json: AsJson = False) -> None:
    """Get every model and compare its hash; exit code 1 when one is missing or another one than named."""
    _models(["models", "--fetch"], data, as_json)


def _models(words: list[str], data: Data, as_json: bool) -> None:
    console = Console(as_json=as_json)
    with exit_codes(console):
        rows: list[dict[str, Any]] = []
        failed = False
        for service, answer, code in ask(some_environments(DataFolder.at(data)), words):
            failed |= code != 0
            found = answer if isinstance(answer, list) else [{"name": "?", "problem": answer.get("error", "")}]
            rows += [{"service": service, **model} for model in found]
        heading = ("service", "model", "licence", "sha256", "where, or what is wrong")
        table = Rows(heading, [_row(row) for row in rows], cut={"where, or what is wrong": "wrap"})
        console.show(rows, table)
        if failed:
            raise typer.Exit(Exit.FAILED)


def _row(row: dict[str, Any]) -> tuple[Cell, ...]:
    where = str(row.get("path", row.get("about", "")))
    said = Text(row["problem"], style="red") if "problem" in row else where
    return row["service"], row["name"], row.get("licence", ""), str(row.get("sha256", ""))[:12], said
