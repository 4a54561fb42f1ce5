"""``matchcut scenes|transcript|watermarks|rendition``: what jobs found, in lists and whole."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.text import Text

from matchcut.client import Item, Matchcut
from matchcut.client.findings import Collection
from matchcut.commands.choices import AsJson, Data, Newest
from matchcut.connection import connect
from matchcut.console import Console
from matchcut.exits import EPILOG, Exit, exit_codes
from matchcut.launcher import DataFolder
from matchcut.tables import Cell, Record, Rows, clock, minute

__all__ = ["OfVideo", "items_table", "renditions", "scenes", "transcripts", "watermarks"]

scenes = typer.Typer(help="The shots of videos.", no_args_is_help=True, epilog=EPILOG)
transcripts = typer.Typer(
    help="What is said in videos, with the time of every word.", no_args_is_help=True, epilog=EPILOG
)
watermarks = typer.Typer(help="Watermarks and logos in videos.", no_args_is_help=True, epilog=EPILOG)
renditions = typer.Typer(
    help="Upscaled videos, and the proof that nothing was lost.", no_args_is_help=True, epilog=EPILOG
)

Of = Annotated[UUID, typer.Argument(help="Its id, or its job's.")]
OfVideo = Annotated[UUID | None, typer.Option("--video", help="Only of this video.", show_default="any")]


@scenes.command("list", epilog=EPILOG)
def list_scenes(video: OfVideo = None, limit: Newest = 20, data: Data = None, as_json: AsJson = False) -> None:
    """The newest ones."""
    with _client(data, as_json) as (console, client):
        _list(console, client.scenes, video, limit, lambda one: f"{one.count} shots")


@scenes.command("show", epilog=EPILOG)
def show_scenes(of: Of, data: Data = None, as_json: AsJson = False) -> None:
    """Each shot, exact to the frame."""
    with _client(data, as_json) as (console, client):
        found = client.scenes.get(of)
        rows = [
            (
                str(shot.index),
                clock(shot.start),
                clock(shot.end),
                str(shot.start_frame),
                str(shot.end_frame),
                shot.transition,
            )
            for shot in found.scenes
        ]
        heading = ("shot", "from", "to", "first frame", "end frame", "begins by")
        console.show(found.model_dump(mode="json"), Rows(heading, rows, right=heading[:5]))


@transcripts.command("list", epilog=EPILOG)
def list_transcripts(video: OfVideo = None, limit: Newest = 20, data: Data = None, as_json: AsJson = False) -> None:
    """The newest ones."""
    with _client(data, as_json) as (console, client):
        _list(console, client.transcripts, video, limit, lambda one: f"{one.word_count} words, {one.language or '?'}")


@transcripts.command("show", epilog=EPILOG)
def show_transcript(of: Of, data: Data = None, as_json: AsJson = False) -> None:
    """What is said when. With --json every word and its time."""
    with _client(data, as_json) as (console, client):
        found = client.transcripts.get(of)
        rows = [(clock(said.start), clock(said.end), said.text.strip()) for said in found.segments]
        table = Rows(("from", "to", "said"), rows, cut={"said": "wrap"}, right=("from", "to"))
        console.show(found.model_dump(mode="json"), table if rows else "nothing is said in it")


@watermarks.command("list", epilog=EPILOG)
def list_watermarks(video: OfVideo = None, limit: Newest = 20, data: Data = None, as_json: AsJson = False) -> None:
    """The newest ones."""
    with _client(data, as_json) as (console, client):
        _list(console, client.watermarks, video, limit, lambda one: f"{one.count} marks")


@watermarks.command("show", epilog=EPILOG)
def show_watermarks(of: Of, data: Data = None, as_json: AsJson = False) -> None:
    """Each mark: where, from when to when, and what it is."""
    with _client(data, as_json) as (console, client):
        found = client.watermarks.get(of)
        rows = [
            (
                mark.kind,
                clock(mark.start),
                clock(mark.end),
                "{}x{} at {},{}".format(*mark.box[2:], *mark.box[:2]) + (" (moving)" if mark.moving else ""),
                f"{mark.confidence:.0%}",
                mark.logo or mark.text or "",
            )
            for mark in found.marks
        ]
        heading = ("kind", "from", "to", "where", "sure", "what")
        table = Rows(heading, rows, cut={"what": "wrap"}, right=("from", "to", "sure"))
        console.show(found.model_dump(mode="json"), table if rows else "no mark was found")
        if found.inconclusive and not as_json:
            spans = ", ".join(f"{clock(start)} to {clock(end)}" for start, end in found.inconclusive)
            console.say(f"[yellow]a mark cannot be told from the scene here: {spans}[/]")


@renditions.command("list", epilog=EPILOG)
def list_renditions(video: OfVideo = None, limit: Newest = 20, data: Data = None, as_json: AsJson = False) -> None:
    """The newest ones."""

    def what(one: Any) -> str:
        return f"{one.width}x{one.height}, {'nothing lost' if one.passed else 'failed its checks'}"

    with _client(data, as_json) as (console, client):
        _list(console, client.renditions, video, limit, what)


@renditions.command("show", epilog=EPILOG)
def show_rendition(of: Of, data: Data = None, as_json: AsJson = False) -> None:
    """What was checked of it, by decoding it. The exit code tells one that failed (1)."""
    with _client(data, as_json) as (console, client):
        found = client.renditions.get(of)
        verdict = Text("passed", "green") if found.passed else Text("failed", "red")
        pairs: list[tuple[str, Cell | None]] = [
            ("rendition", str(found.id)),
            ("checks", verdict),
            ("pixels", f"{found.width}x{found.height}"),
            ("frames", f"{found.frames_out} of {found.frames_in}"),
            ("each at its time", "yes" if found.pts_equal else "no"),
            ("same colours", "yes" if found.color_equal else "no"),
            ("sound drifts", f"{found.av_drift_ms:.1f} ms"),
            ("model", found.model),
            ("chunks", str(len(found.chunks))),
            *(("wrong", Text(said, "red")) for said in found.failures),
            *(("mind", Text(said, "yellow")) for said in found.warnings),
        ]
        console.show(found.model_dump(mode="json"), Record(pairs))
        if not found.passed:
            raise typer.Exit(int(Exit.FAILED))


@renditions.command("download", epilog=EPILOG)
def download(
    of: Of,
    target: Annotated[Path, typer.Argument(help="Where to put it.", dir_okay=False)],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """The upscaled film itself; what arrived is not fetched again after a break."""
    with _client(data, as_json) as (console, client):
        path = client.renditions.download(of, target)
        console.show({"path": str(path), "size_bytes": path.stat().st_size}, Record([("written to", str(path))]))


def items_table(found: Sequence[Item], what: Callable[[Any], str], heading: str = "what") -> Rows:
    """A list of findings: by the job, whose id leads to the finding as well."""
    rows = [(str(one.job_id), minute(one.created_at), what(one), one.engine) for one in found]
    return Rows(("job", "found", heading, "by"), rows, cut={heading: "head", "by": "head"})


def _list(
    console: Console,
    collection: Collection[Any, Any],
    video: UUID | None,
    limit: int,
    what: Callable[[Any], str],
) -> None:
    found = list(islice(collection.list(video_id=video), limit))
    shown = [one.model_dump(mode="json") for one in found]
    console.show(shown, items_table(found, what) if found else "no job has found any yet")


@contextmanager
def _client(data: Path | None, as_json: bool) -> Iterator[tuple[Console, Matchcut]]:
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        yield console, client
