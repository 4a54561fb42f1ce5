"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["AsJson", "Data", "DryRun", "Every", "Limit", "OnlyService"]

Data = Annotated[
    Path | None,
    typer.Option("--data", help="Data folder.", envvar="MATCHCUT_HOME", show_default=".matchcut", file_okay=False),
]
OnlyService = Annotated[str | None, typer.Option("--service", "-s", help="Only this service.", show_default="all")]
Every = Annotated[bool, typer.Option("--all", help="No filter: every one.")]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many of each service.", show_default="")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout and nothing else there.")]
