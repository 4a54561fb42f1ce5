"""``matchcut events``: what happens, told live, and what was missed."""

from itertools import islice
from typing import Annotated
from uuid import UUID

import typer
from rich.markup import escape

from matchcut.client import LiveEvent
from matchcut.commands.choices import AsJson, Data
from matchcut.connection import connect
from matchcut.console import Console
from matchcut.exits import exit_codes
from matchcut.launcher import DataFolder

__all__ = ["events"]


def events(
    types: Annotated[
        list[str] | None, typer.Option("--type", "-t", help="Only these: job.finished. Repeat it.", show_default="all")
    ] = None,
    job: Annotated[UUID | None, typer.Option(help="Only of this job.", show_default="any")] = None,
    video: Annotated[UUID | None, typer.Option(help="Only of this video.", show_default="any")] = None,
    after: Annotated[
        str | None, typer.Option(help="Behind this event; 0: all that is kept.", show_default="from now on")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", help="End after so many.", min=1, show_default="never")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """What happens, as it happens, until Ctrl-C. With --json a line each."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        told = client.events(after=after, types=types or (), job_id=job, video_id=video)
        for event in islice(told, limit):
            if as_json:
                print(event.model_dump_json(), flush=True)
            else:
                console.out.print(_line(event), soft_wrap=True)


def _line(event: LiveEvent) -> str:
    at = "" if event.timestamp is None else f"{event.timestamp:%F %T}"
    plain = (f"{name}={value}" for name, value in event.data.items() if isinstance(value, str | int | float))
    said = escape(" ".join(plain))
    return f"[dim]{event.id}  {at}[/]  [cyan]{escape(event.type)}[/]  {said}"
