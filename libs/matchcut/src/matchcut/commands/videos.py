"""``matchcut video list|show|download``: what was handed in."""

from itertools import islice
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.markup import escape
from rich.table import Table

from matchcut.client import Video
from matchcut.commands.choices import AsJson, Data, Newest
from matchcut.connection import connect
from matchcut.console import Console
from matchcut.exits import EPILOG, exit_codes
from matchcut.launcher import DataFolder

__all__ = ["app"]

app = typer.Typer(help="Videos that were handed in.", no_args_is_help=True, epilog=EPILOG)
VideoId = Annotated[UUID, typer.Argument(help="Id of the video.")]
_COLOUR = {"ready": "green", "rejected": "red", "erased": "dim", "importing": "cyan", "ingesting": "cyan"}


@app.command("list", epilog=EPILOG)
def list_videos(
    limit: Newest = 20,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """The newest videos."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        found = list(islice(client.videos(), limit))
        table = Table("video", "state", "length", "name", "handed in")
        table.columns[2].justify = "right"
        for video in found:
            at = "" if video.created_at is None else f"{video.created_at:%F %T}"
            name = escape(video.title or video.filename)
            table.add_row(str(video.id), _state(video), _length(video), name, at)
        shown = [video.model_dump(mode="json") for video in found]
        console.show(shown, table if found else "no videos yet: `matchcut process FILE`")


@app.command("show", epilog=EPILOG)
def show(video_id: VideoId, data: Data = None, as_json: AsJson = False) -> None:
    """One video: its state, its measures, and why it was rejected, if it was."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        video = client.video(video_id)
        table = Table(show_header=False, box=None, pad_edge=False)
        table.add_row("video", str(video.id))
        table.add_row("state", _state(video))
        table.add_row("name", escape(video.title or video.filename))
        if video.rejection is not None:
            table.add_row("why", escape(f"{video.rejection.reason}: {video.rejection.detail}"))
        for name, value in (video.media or {}).items():
            if isinstance(value, str | int | float):
                table.add_row(name.replace("_", " "), escape(str(value)))
        console.show(video.model_dump(mode="json"), table)


@app.command("download", epilog=EPILOG)
def download(
    video_id: VideoId,
    target: Annotated[Path, typer.Argument(help="Where to put it.", dir_okay=False)],
    proxy: Annotated[bool, typer.Option("--proxy", help="As every browser plays it, not as handed in.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """The film itself; what arrived is not fetched again after a break."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        fetch = client.download_proxy if proxy else client.download_original
        path = fetch(video_id, target)
        console.show({"path": str(path), "size_bytes": path.stat().st_size}, f"{path}")


def _state(video: Video) -> str:
    return f"[{_COLOUR.get(video.state, 'dim')}]{video.state}[/]"


def _length(video: Video) -> str:
    seconds = (video.media or {}).get("duration")
    return f"{float(seconds) // 60:.0f}:{float(seconds) % 60:04.1f}" if isinstance(seconds, int | float) else ""
