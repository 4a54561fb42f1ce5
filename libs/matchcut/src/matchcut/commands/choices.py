"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["AsJson", "Data"]

Data = Annotated[
    Path | None,
    typer.Option("--data", help="Data folder.", envvar="MATCHCUT_HOME", show_default=".matchcut", file_okay=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout and nothing else there.")]
