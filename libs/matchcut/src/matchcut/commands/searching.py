"""``matchcut search``: what was said and written, found by its words."""

from itertools import islice
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.markup import escape
from rich.text import Text

from matchcut.client import SearchHit
from matchcut.commands.choices import AsJson, Data
from matchcut.connection import connect
from matchcut.console import Console
from matchcut.exits import exit_codes
from matchcut.launcher import DataFolder
from matchcut.tables import Cell, Rows

__all__ = ["search"]

Words = Annotated[list[str], typer.Argument(help='Words; "a phrase", -without, begin*, this OR that.')]
_ONE_PAGE = 100


def search(
    words: Words,
    scripts: Annotated[bool, typer.Option("--scripts", help="Only in scripts.")] = False,
    transcripts: Annotated[bool, typer.Option("--transcripts", help="Only in what is said.")] = False,
    video: Annotated[UUID | None, typer.Option(help="Only in this video.", show_default="any")] = None,
    language: Annotated[str | None, typer.Option(help="Only in this language: en.", show_default="any")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", help="How many at most.", min=1)] = 20,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Find passages of transcripts and scripts. Slips of the pen are forgiven, except in quotation marks."""
    console = Console(as_json=as_json)
    # What the shell took apart is a phrase if it came as one argument with spaces, as "hear me speak" does.
    asked = " ".join(f'"{word}"' if " " in word and '"' not in word and len(words) > 1 else word for word in words)
    kinds = [name for name, wanted in (("transcripts", transcripts), ("scripts", scripts)) if wanted]
    where: dict[str, Any] = {"kinds": kinds, "video_id": video, "language": language}
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        first = client.search.page(asked, limit=min(limit, _ONE_PAGE), **where)
        hits = list(first.items)
        if limit > _ONE_PAGE and first.next_cursor:
            hits = list(islice(client.search(asked, limit=_ONE_PAGE, **where), limit))
        for one in first.corrections:
            console.say(f"[dim]{escape(one.word)}: looked for {escape(', '.join(one.searched_for))} too[/]")
        found = {"items": hits, "corrections": first.corrections}
        as_values = {name: [one.model_dump(mode="json") for one in each] for name, each in found.items()}
        console.show(as_values, _table(hits) if hits else "nothing found")


def _table(hits: list[SearchHit]) -> Rows:
    rows: list[tuple[Cell, ...]] = []
    for hit in hits:
        at = f"line {hit.line}" if hit.start is None else _clock(hit.start)
        rows.append((at, Text(hit.title, "cyan"), hit.speaker or "", _marked(hit)))
    cut = {"where": "head", "what": "wrap"}
    return Rows(("at", "where", "who", "what"), rows, cut=cut, right=("at",))


def _marked(hit: SearchHit) -> Text:
    said = Text()
    for text, found in hit.pieces():
        said.append(text.replace("\n", " "), "bold yellow" if found else "")
    return said


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
