"""Writing a finished job into a folder: exactly the files of the outputs specification, each whole or not at all."""

import json
import os
import shutil
from collections.abc import Callable, Collection, Sequence
from pathlib import Path, PurePosixPath
from uuid import UUID

from contracts.documents import JobReport
from matchcut.client import Job, Matchcut, NotFound
from matchcut.exports import EXPORTS, exports_wanted
from matchcut.report import CheckRow, render_report

__all__ = ["KNOWN", "write_outputs", "write_report"]

KNOWN = (
    "media.json",
    "scenes.json",
    "transcript.json",
    "ledger.json",
    "watermarks.json",
    "rendition.mp4",
    "rendition.mkv",
    "qc.json",
    "qc.html",
    *EXPORTS.values(),
    "report.html",
    "job.json",
)
"""The files of a result folder; beside them only ``keyframes/``."""
_KEYFRAMES = "keyframes"


def write_outputs(
    client: Matchcut,
    job: Job,
    out: Path,
    *,
    title: str,
    film: Path | None = None,
    checks: Sequence[CheckRow] = (),
    credits: Sequence[tuple[str, str]] = (),
    exports: Collection[str] = exports_wanted(()),
    on_file: Callable[[int, int], None] = lambda _done, _all: None,
) -> list[Path]:
    """Fetch everything and put it into ``out``; what an earlier run left there under these names goes away.

    ``film`` is the original, for the pictures of the report; ``exports`` are names of files.
    Returns the files. Files of other names are not touched.
    """
    out.mkdir(parents=True, exist_ok=True)
    scratch = out / f".incoming-{os.getpid()}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        _fetch(client, job, scratch, exports, on_file)
        _name_keyframes(scratch)
        write_report(scratch, title=title, film=film, checks=checks, credits=credits)
        return _move_in(scratch, out)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def write_report(
    folder: Path,
    *,
    title: str,
    film: Path | None = None,
    checks: Sequence[CheckRow] = (),
    credits: Sequence[tuple[str, str]] = (),
) -> Path:
    """``report.html`` from the documents in ``folder``, replaced whole."""
    page = render_report(folder, title=title, film=film, checks=checks, credits=credits)
    new = folder / ".report.html.new"
    new.write_text(page, encoding="utf-8")
    new.replace(folder / "report.html")
    return folder / "report.html"


def _fetch(
    client: Matchcut, job: Job, scratch: Path, exports: Collection[str], on_file: Callable[[int, int], None]
) -> None:
    results = [result for result in client.results(job.id) if _is_wanted(result.name, exports)]
    for done, result in enumerate(results):
        on_file(done, len(results))
        client.download(result.url, scratch / result.name)
    if not (scratch / "media.json").exists():
        _fetch_media(client, job.video_id, scratch)
    report = JobReport.model_validate(job.model_dump())
    (scratch / "job.json").write_text(report.model_dump_json(indent=2), encoding="utf-8")
    on_file(len(results), len(results))


def _fetch_media(client: Matchcut, video_id: UUID, scratch: Path) -> None:
    try:
        client.download(f"/v1/videos/{video_id}/media", scratch / "media.json")
    except NotFound:
        return  # rejected, or not measured yet


def _is_wanted(name: str, exports: Collection[str]) -> bool:
    """Only names we know: a path from the net must not choose where we write."""
    path = PurePosixPath(name)
    frame = len(path.parts) == 2 and path.parts[0] == _KEYFRAMES and path.suffix == ".jpg" and path.stem.isalnum()
    ours = name in ("report.html", "job.json")
    return frame or (name in KNOWN and not ours and (name in exports or name not in EXPORTS.values()))


def _name_keyframes(folder: Path) -> None:
    """In a folder a key frame is a file name; a gateway may have written its address."""
    path = folder / "scenes.json"
    if not path.exists():
        return
    scenes = json.loads(path.read_text(encoding="utf-8"))
    for scene in scenes.get("scenes", []):
        if scene.get("keyframe"):
            scene["keyframe"] = f"{_KEYFRAMES}/{PurePosixPath(scene['keyframe']).name}"
    path.write_text(json.dumps(scenes, indent=2, ensure_ascii=False), encoding="utf-8")


def _move_in(scratch: Path, out: Path) -> list[Path]:
    new = {path.name for path in scratch.iterdir()}
    shutil.rmtree(out / _KEYFRAMES, ignore_errors=True)
    for name in KNOWN:
        if name not in new:
            (out / name).unlink(missing_ok=True)
    for name in sorted(new):
        (scratch / name).replace(out / name)
    return [out / name for name in KNOWN if name in new] + sorted((out / _KEYFRAMES).glob("*.jpg"))
