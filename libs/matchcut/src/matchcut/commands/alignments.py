"""``matchcut alignment list|show|correct|ad-lib|undo|history|export``: what became of scripts, and what people say."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.text import Text

from contracts.documents import Correction, LedgerLine, LineStatus
from matchcut.client import Alignment, AlignmentItem, Matchcut, Revision
from matchcut.commands.choices import AsJson, Data, Newest
from matchcut.commands.found import OfVideo, items_table
from matchcut.connection import connect
from matchcut.console import Console
from matchcut.exits import EPILOG, UsageFault, exit_codes
from matchcut.exports import EXPORTS
from matchcut.launcher import DataFolder
from matchcut.tables import Cell, Record, Rows, clock, moment

__all__ = ["app"]

app = typer.Typer(help="What became of each line of a script.", no_args_is_help=True, epilog=EPILOG)
Of = Annotated[UUID, typer.Argument(help="Its id, or its job's.")]
Note = Annotated[str | None, typer.Option(help="For whoever looks next.", show_default=False)]

_COLOUR = {
    "spoken": "green",
    "paraphrased": "yellow",
    "partial": "yellow",
    "repeated": "cyan",
    "moved": "cyan",
    "omitted": "red",
}
_FORGET = ("status", "chosen_take", "start", "end", "ad_lib", "confirmed", "note")
"""What can be said of a line, all of which null takes back."""


@app.command("list", epilog=EPILOG)
def list_alignments(video: OfVideo = None, limit: Newest = 20, data: Data = None, as_json: AsJson = False) -> None:
    """The newest ones."""
    with _client(data, as_json) as (console, client):
        found = list(islice(client.alignments.list(video_id=video), limit))
        shown = [one.model_dump(mode="json") for one in found]
        console.show(shown, items_table(found, _what, "script matches") if found else "no job has aligned a script yet")


@app.command("show", epilog=EPILOG)
def show(
    of: Of,
    status: Annotated[list[LineStatus] | None, typer.Option(help="Only such lines; may be repeated.")] = None,
    unreviewed: Annotated[bool, typer.Option("--open", help="Only lines nobody has confirmed or corrected.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Each line that is to be spoken, and what became of it."""
    with _client(data, as_json) as (console, client):
        _show(console, client.alignments.get(of), status or (), unreviewed)


@app.command("correct", epilog=EPILOG)
def correct(
    of: Of,
    lines: Annotated[list[str], typer.Argument(help="Ids of lines, as `show` tells them.", metavar="LINE...")],
    status: Annotated[LineStatus | None, typer.Option(help="What became of them.", show_default=False)] = None,
    take: Annotated[int | None, typer.Option(help="The take to use, from 1 on.", min=1, show_default=False)] = None,
    start: Annotated[float | None, typer.Option(help="When it begins, in seconds.", show_default=False)] = None,
    end: Annotated[float | None, typer.Option(help="When it ends.", show_default=False)] = None,
    ad_lib: Annotated[bool | None, typer.Option("--ad-lib/--no-ad-lib", help="It is an ad-lib, not this line.")] = None,
    confirm: Annotated[bool, typer.Option("--confirm", help="It is right as it is.")] = False,
    note: Note = None,
    forget: Annotated[bool, typer.Option("--forget", help="Take back all that people said of them.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Say what became of lines. It holds for later alignments of this script in this video too."""
    taken = None if take is None else take - 1
    said = {"status": status, "chosen_take": taken, "start": start, "end": end, "ad_lib": ad_lib, "note": note}
    change: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
    change |= {"confirmed": True} if confirm else {}
    with _client(data, as_json) as (console, client):
        if bool(change) == forget:
            raise UsageFault("say what became of them, by --status, --take, --confirm …; or --forget what was said")
        change = dict.fromkeys(_FORGET) if forget else change
        read = client.alignments.get(of)
        corrected = client.alignments.correct(read, lines=[{"line_id": line, **change} for line in lines])
        _show(console, corrected, only=frozenset(lines))


@app.command("ad-lib", epilog=EPILOG)
def ad_lib(
    of: Of,
    start: Annotated[float, typer.Argument(help="When it begins, in seconds, as `show` tells it.")],
    is_none: Annotated[bool, typer.Option("--none/--one", help="It is none; or it is one after all.")] = True,
    note: Note = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Say that what was taken for an ad-lib is none."""
    with _client(data, as_json) as (console, client):
        said = {"start": start, "ad_lib": not is_none, **({} if note is None else {"note": note})}
        corrected = client.alignments.correct(client.alignments.get(of), ad_libs=[said])
        _show(console, corrected, only=frozenset())


@app.command("undo", epilog=EPILOG)
def undo(of: Of, data: Data = None, as_json: AsJson = False) -> None:
    """Take back the newest change that stands; again, the one before it."""
    with _client(data, as_json) as (console, client):
        revision = client.alignments.undo(client.alignments.get(of))
        console.show(revision.model_dump(mode="json"), _revisions([revision]))


@app.command("history", epilog=EPILOG)
def history(of: Of, limit: Newest = 20, data: Data = None, as_json: AsJson = False) -> None:
    """Who changed what, newest first."""
    with _client(data, as_json) as (console, client):
        found = list(islice(client.alignments.history(of), limit))
        shown = [one.model_dump(mode="json") for one in found]
        console.show(shown, _revisions(found) if found else "nobody has changed anything")


@app.command("export", epilog=EPILOG)
def export(
    of: Of,
    format: Annotated[str, typer.Option(help=f"One of its exports: json, {', '.join(EXPORTS)}.")],
    to: Annotated[Path | None, typer.Option(help="The file to write.", show_default="stdout")] = None,
    data: Data = None,
) -> None:
    """Subtitles, a timeline for editing programs and more, with all corrections in it."""
    with _client(data, False) as (console, client):
        content = client.alignments.export(of, format)
        if to is None:
            typer.echo(content, nl=False)
        else:
            to.write_bytes(content)
            console.say(f"[dim]written to {to}[/]")


def _what(item: AlignmentItem) -> str:
    heard = "" if item.coverage is None else f", {item.coverage:.0%} heard"
    return f"{item.script_matches or '?'}{heard}"


def _show(
    console: Console,
    found: Alignment,
    status: "list[LineStatus] | tuple[()]" = (),
    unreviewed: bool = False,
    *,
    only: frozenset[str] | None = None,
) -> None:
    heard = f"{found.coverage:.0%} of its words are heard, {found.omitted_words} are not"
    about = Record(
        [
            ("alignment", str(found.id)),
            ("script matches", f"{found.script_matches}: {heard}"),
            ("corrections", f"{len(found.corrections)} in revision {found.revision}"),
            ("without a place", f"{len(found.conflicts)}" if found.conflicts else None),
        ]
    )
    spoken = [line for line in found.lines if line.kind == "dialogue"]
    wanted = [
        line
        for line in spoken
        if (only is None or line.line_id in only)
        and (not status or line.status in status)
        and (not unreviewed or line.review == "open")
    ]
    heading = ("line", "became", "from", "to", "takes", "review", "who", "text")
    lines = Rows(heading, map(_line, wanted), cut={"who": "head", "text": "wrap"}, right=("from", "to", "takes"))
    ad_libs = [(clock(one.start), clock(one.end), f"{one.start:.3f}", one.text) for one in found.ad_libs]
    loose = Rows(("from", "to", "start", "said, and in no line"), ad_libs, cut={"said, and in no line": "wrap"})
    tables = [lines] if wanted else []
    tables += [loose] if ad_libs and not (status or unreviewed or only) else []
    console.show(found.model_dump(mode="json"), about, *tables)


def _line(line: LedgerLine) -> tuple[Cell, ...]:
    chosen = next((take for take in line.takes if take.chosen), None)
    became = Text(line.status or "", _COLOUR.get(line.status or "", ""))
    times = (clock(chosen.start), clock(chosen.end)) if chosen else ("", "")
    review = "" if line.review == "open" else line.review
    takes = str(len(line.takes)) if len(line.takes) > 1 else ""
    return line.line_id, became, *times, takes, review, line.speaker or "", line.text


def _revisions(found: list[Revision]) -> Rows:
    rows: list[tuple[Cell, ...]] = []
    for one in found:
        kind = one.kind if one.undoes is None else f"undo of {one.undoes}"
        said = "; ".join(_said(change.after) for change in one.changes)
        rows.append((str(one.revision), moment(one.created_at), kind, str(one.user_id), said))
    return Rows(
        ("revision", "when", "what", "who", "said"), rows, cut={"who": "tail", "said": "wrap"}, right=("revision",)
    )


def _said(correction: Correction) -> str:
    """``L03 spoken, take at 0:12.0, confirmed``."""
    said = [
        correction.status,
        correction.take and f"the take at {clock(correction.take.start)}",
        correction.times and f"{clock(correction.times.start)} to {clock(correction.times.end)}",
        None if correction.ad_lib is None else "an ad-lib" if correction.ad_lib else "no ad-lib",
        "confirmed" if correction.confirmed else None,
        correction.note and f"“{correction.note}”",
    ]
    words = ", ".join(str(one) for one in said if one) or "nothing"
    return f"{correction.line_id or correction.text}: {words}"


@contextmanager
def _client(data: Path | None, as_json: bool) -> Iterator[tuple[Console, Matchcut]]:
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        yield console, client
