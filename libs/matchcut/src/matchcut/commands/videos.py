"""``matchcut video list|show|add|download|held|delete``: what was handed in, and what there is of it."""

from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from matchcut.client import HeldClass, HeldKind, Matchcut, Video
from matchcut.commands.choices import AsJson, Data, Newest
from matchcut.commands.compliance import Sure, must_be_meant, tell_erasure
from matchcut.connection import connect
from matchcut.console import Console
from matchcut.exits import EPILOG, UsageFault, exit_codes
from matchcut.launcher import DataFolder
from matchcut.tables import Cell, Record, Rows, clock, minute, moment, painted, size

__all__ = ["app"]

app = typer.Typer(help="Videos that were handed in.", no_args_is_help=True, epilog=EPILOG)
VideoId = Annotated[UUID, typer.Argument(help="Id of the video.")]
_COLOUR = {"ready": "green", "rejected": "red", "importing": "cyan", "ingesting": "cyan"}


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
        heading = ("video", "state", "length", "handed in", "name")
        rows = [
            (str(one.id), painted(one.state, _COLOUR), _length(one), minute(one.created_at), _name(one))
            for one in found
        ]
        table = Rows(heading, rows, cut={"name": "head"}, right=("length",))
        shown = [video.model_dump(mode="json") for video in found]
        console.show(shown, table if found else "no videos yet: `matchcut process FILE`")


@app.command("show", epilog=EPILOG)
def show(video_id: VideoId, data: Data = None, as_json: AsJson = False) -> None:
    """One video: its state, its measures, and why it was rejected, if it was."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        _show(console, client.video(video_id))


@app.command("add", epilog=EPILOG)
def add(
    source: Annotated[str, typer.Argument(help="A file, or where one is: https://…, gs://…, drive://….")],
    title: Annotated[str | None, typer.Option(help="For people.", show_default="the file's name")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Hand in a film, or have one fetched, and ask for nothing yet."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        _show(console, _added(client, source, title))


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
        console.show({"path": str(path), "size_bytes": path.stat().st_size}, Record([("written to", str(path))]))


@app.command("held", epilog=EPILOG)
def show_held(video_id: VideoId, data: Data = None, as_json: AsJson = False) -> None:
    """What there is of a video, class by class: how much, until when, and what was deleted."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        held = client.held(video_id)
        heading = ("what", "how much", "the oldest", "goes", "deleted", "why")
        table = Rows(heading, [_held(one) for one in held.items], right=("how much",))
        console.show(held.model_dump(mode="json", exclude={"etag"}), table)


@app.command("delete", epilog=EPILOG)
def delete_held(
    video_id: VideoId,
    kind: Annotated[HeldKind, typer.Argument(help="What of it: see `matchcut video held`.")],
    yes: Sure = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Delete one class of what there is of a video, in every service, and get a receipt. The video stays."""
    console = Console(as_json=as_json)
    with exit_codes(console), connect(DataFolder.at(data)) as client:
        held = client.held(video_id)
        [one] = [one for one in held.items if one.kind == kind]
        must_be_meant(f"{one.count} {kind} of video {video_id}", yes)
        tell_erasure(console, client.delete_held(video_id, kind, etag=held.etag))


def _added(client: Matchcut, source: str, title: str | None) -> Video:
    if "://" in source:
        return client.import_video(source, title=title)
    if not Path(source).is_file():
        raise UsageFault(f"there is no file {source}")
    return client.add_video(Path(source), title=title)


def _show(console: Console, video: Video) -> None:
    rejection = video.rejection
    known: list[tuple[str, Cell | None]] = [
        ("video", str(video.id)),
        ("state", painted(video.state, _COLOUR)),
        ("name", _name(video)),
        ("why", f"{rejection.reason}: {rejection.detail}" if rejection else None),
        ("same bytes as", str(video.duplicate_of) if video.duplicate_of else None),
        ("handed in", moment(video.created_at)),
        ("size", size(video.size_bytes)),
        ("original", f"deleted {moment(video.original_deleted_at)}" if video.original_deleted_at else None),
        ("copies", f"deleted {moment(video.copies_deleted_at)}" if video.copies_deleted_at else None),
        ("sha256", video.sha256),
    ]
    measured: list[tuple[str, Cell | None]] = [
        (name.replace("_", " "), str(value))
        for name, value in (video.media or {}).items()
        if isinstance(value, str | int | float) and name not in ("sha256", "size_bytes")
    ]
    console.show(video.model_dump(mode="json"), Record([*known, *measured]))


def _name(video: Video) -> str:
    return video.title or video.filename


def _held(one: HeldClass) -> tuple[Cell, ...]:
    goes = f"{one.goes_at:%F}" if one.goes_at else "never" if one.count else ""
    return one.kind, str(one.count), _day(one.oldest_at), goes, _day(one.deleted_at), one.reason or ""


def _day(at: datetime | None) -> str:
    return f"{at:%F}" if at else ""


def _length(video: Video) -> str:
    seconds = (video.media or {}).get("duration")
    return clock(float(seconds)) if isinstance(seconds, int | float) else ""
