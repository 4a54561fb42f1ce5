"""Everything in its place on the page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from contracts.documents import LedgerLine, Mark
from matchcut.report.documents import Documents, read_documents
from matchcut.report.pictures import as_data_uri, compare, frame_at, thumbnail
from matchcut.report.timeline import draw
from matchcut.report.wording import STATUS_MEANING, clock, count, differences, status_counts

__all__ = ["CheckRow", "render_report"]

_MOST_SCENES = 160
"""Key frames on the page: more would make it slow to open; all of them are in the folder."""
_MOST_MARKS = 12


@dataclass(frozen=True)
class CheckRow:
    """Something that was checked against a known truth."""

    name: str
    measured: str
    wanted: str
    passed: bool


@dataclass(frozen=True)
class _MarkPicture:
    mark: Mark
    frame: str | None
    detail: str | None
    percent: tuple[float, float, float, float] = field(default=(0, 0, 0, 0))
    """The box as left, top, width and height in percent of the frame."""


def render_report(
    folder: Path,
    *,
    title: str,
    film: Path | None = None,
    checks: Sequence[CheckRow] = (),
    credits: Sequence[tuple[str, str]] = (),
    made_at: datetime | None = None,
) -> str:
    """The page for the result folder ``folder``. ``film`` is the original (or its proxy), for pictures of marks and
    of what upscaling changed; without it those are left out. ``credits`` are names and attributions."""
    documents = read_documents(folder)
    paragraphs = _paragraphs(documents)
    small = _key_frames(documents, width=200, most=60)
    return (
        _templates()
        .get_template("report.html.j2")
        .render(
            title=title,
            documents=documents,
            timeline=draw(documents, small),
            key_frames=_key_frames(documents, width=360, most=_MOST_SCENES),
            facts=_facts(documents),
            checks=checks,
            credits=credits,
            made_at=made_at or datetime.now().astimezone(),
            meanings=STATUS_MEANING,
            counts=status_counts(documents.ledger) if documents.ledger else [],
            changes=_changes,
            paragraphs=paragraphs,
            unsure_words=any(unsure for _, runs in paragraphs for _, unsure in runs),
            marks=_marks(documents, film),
            comparisons=_comparisons(documents, film),
            quality_page=(documents.folder / "qc.html").exists(),
            count=count,
        )
    )


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("matchcut.report", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"clock": clock, "short": lambda digest: str(digest)[:12]}
    return environment


def _facts(documents: Documents) -> list[tuple[str, str, str]]:
    """The headline figures: number, what it counts, a remark."""
    facts = []
    if documents.media:
        media = documents.media
        rate = f"{documents.frame_rate:g} frames a second"
        facts.append((clock(media.duration), f"of film, {media.width} × {media.height}", rate))
    if documents.scenes:
        number = len(documents.scenes.scenes)
        facts.append((str(number), "scene" if number == 1 else "scenes", "each with a key frame"))
    if documents.transcript:
        language = documents.transcript.language or "no speech"
        facts.append((f"{len(documents.transcript.words):,}", "words heard", f"language: {language}"))
    if documents.ledger:
        facts.append((f"{documents.ledger.coverage:.0%}", "of the script heard", _said(documents)))
    if documents.watermarks:
        number = len(documents.watermarks.marks)
        facts.append((str(number), "watermark" if number == 1 else "watermarks", _seen(documents)))
    if documents.quality:
        quality = documents.quality
        verdict = "all checks passed" if quality.passed else "with faults, see below"
        sharp = quality.frames_out if quality.sharpened_frames is None else quality.sharpened_frames
        facts.append((f"{sharp:,}", f"frames upscaled to {quality.width} × {quality.height}", verdict))
    return facts


def _said(documents: Documents) -> str:
    matches = documents.ledger.script_matches if documents.ledger else "no"
    return {"yes": "this is its script", "partly": "the script fits in part", "no": "this is another script"}[matches]


def _seen(documents: Documents) -> str:
    found = documents.watermarks
    if found and found.inconclusive:
        return "parts could not be judged"
    return "found and boxed" if found and found.marks else "none was found"


def _key_frames(documents: Documents, *, width: int, most: int) -> dict[int, str]:
    scenes = documents.scenes.scenes if documents.scenes else ()
    pictures = {}
    for scene in scenes[:most]:
        uri = thumbnail(documents.folder / scene.keyframe, width=width) if scene.keyframe else None
        if uri:
            pictures[scene.index] = uri
    return pictures


def _changes(line: LedgerLine) -> Any:
    """The line and what was said instead, when that is not the same."""
    chosen = next((take for take in line.takes if take.chosen), None)
    if chosen is None or not chosen.spoken_text or line.status not in ("paraphrased", "partial"):
        return None
    return differences(line.text, chosen.spoken_text)


def _paragraphs(documents: Documents) -> list[tuple[float, list[tuple[str, bool]]]]:
    """Segments as runs of words: text, and whether the recognizer was unsure of it."""
    transcript = documents.transcript
    if not transcript:
        return []
    paragraphs = []
    for segment in transcript.segments:
        runs: list[tuple[str, bool]] = []
        for word in transcript.words[segment.first_word : segment.last_word + 1]:
            unsure = word.probability < 0.5
            if runs and runs[-1][1] == unsure:
                runs[-1] = (f"{runs[-1][0]} {word.text.strip()}", unsure)
            else:
                runs.append((word.text.strip(), unsure))
        paragraphs.append((segment.start, runs or [(segment.text, False)]))
    return paragraphs


def _marks(documents: Documents, film: Path | None) -> list[_MarkPicture]:
    found = documents.watermarks.marks if documents.watermarks else ()
    return [_mark_picture(mark, documents, film) for mark in found[:_MOST_MARKS]]


def _mark_picture(mark: Mark, documents: Documents, film: Path | None) -> _MarkPicture:
    moment, box = (mark.start + mark.end) / 2, mark.box
    if mark.track:
        point = min(mark.track, key=lambda point: abs(point.time - moment))
        moment, box = point.time, point.box
    frame = frame_at(film, moment, documents.media) if film else None
    if frame is None:
        return _MarkPicture(mark, None, None)
    x, y, width, height = box
    margin = max(8, height // 3)
    detail = frame.crop((x - margin, y - margin, x + width + margin, y + height + margin))
    detail = detail.resize((480, max(1, round(480 * detail.height / detail.width))), Image.Resampling.BICUBIC)
    shares = (x / frame.width, y / frame.height, width / frame.width, height / frame.height)
    shown = frame.resize((640, round(640 * frame.height / frame.width)), Image.Resampling.BICUBIC)
    left, top, wide, high = (round(100 * share, 2) for share in shares)
    return _MarkPicture(mark, as_data_uri(shown), as_data_uri(detail), (left, top, wide, high))


def _comparisons(documents: Documents, film: Path | None) -> Any:
    found = [documents.folder / f"rendition.{kind}" for kind in ("mp4", "mkv")]
    rendition = next((path for path in found if path.exists()), None)
    if not documents.quality or not film or rendition is None:
        return []
    return compare(film, rendition, documents.quality, documents.media, documents.frame_rate)
