"""Options that several commands share."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["AsJson", "Data", "DryRun", "Every", "Job", "Limit", "OnlyService", "Tenant", "narrows", "said"]

Data = Annotated[
    Path | None,
    typer.Option("--data", help="Data folder.", envvar="MATCHCUT_HOME", show_default=".matchcut", file_okay=False),
]
OnlyService = Annotated[str | None, typer.Option("--service", "-s", help="Only this service.", show_default="all")]
Tenant = Annotated[str | None, typer.Option(help="Of this tenant.", show_default="any")]
Job = Annotated[str | None, typer.Option(help="Of this job.", show_default="any")]
Every = Annotated[bool, typer.Option("--all", help="No filter: every one.")]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many of each service.", show_default="")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout and nothing else there.")]


def said(given: Mapping[str, str | int | Sequence[str] | None]) -> list[str]:
    """The options that were given, as the command line of a service takes them."""
    words: list[str] = []
    for name, value in given.items():
        each = value if isinstance(value, list) else [] if value is None else [value]
        words += [word for one in each for word in (name, str(one))]
    return words


def narrows(words: Sequence[str]) -> bool:
    """Whether any of these options (name, value, name, ...) says which are meant; ``--limit`` and ``--why`` do not."""
    return any(name not in ("--limit", "--why") for name in words[::2])
