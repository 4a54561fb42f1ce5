"""``matchcut audit``: who did what."""

from datetime import datetime
from itertools import islice
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from matchcut.client.compliance import Outcome
from matchcut.commands.choices import AsJson, Data
from matchcut.connection import connect
from matchcut.console import Console
from matchcut.exits import exit_codes
from matchcut.launcher import DataFolder

__all__ = ["audit"]

_COLOUR = {"done": "green", "refused": "yellow", "failed": "red"}


def audit(
    action: Annotated[str | None, typer.Option(help="Only this operation, such as erase_video.")] = None,
    user: Annotated[UUID | None, typer.Option(help="Only what this user did.")] = None,
    resource: Annotated[UUID | None, typer.Option(help="Only what was done to this.")] = None,
    outcome: Annotated[Outcome | None, typer.Option(help="Only what ended so.")] = None,
    since: Annotated[datetime | None, typer.Option(help="At or after this moment, local time.")] = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1)] = 20,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Who did what, when, from where, and what came of it; the newest first."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        found = client.audit(
            user_id=user,
            action=action,
            resource_id=resource,
            outcome=outcome,
            since=since.astimezone() if since else None,
        )
        entries = list(islice(found, limit))
        table = Table("when", "what", "to", "outcome", "who", "from")
        for entry in entries:
            ended = f"[{_COLOUR[entry.outcome]}]{entry.outcome}[/]" + (f" {entry.status}" if entry.status else "")
            who = str(entry.key_id or entry.user_id or "")
            table.add_row(f"{entry.at:%F %T}", entry.action, entry.resource, ended, who, entry.address)
        console.show([entry.model_dump(mode="json") for entry in entries], table)
