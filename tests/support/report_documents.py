"""A result folder as the services would leave it, made from the truth about the demo clip."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import av
from PIL import Image

from contracts.documents import (
    AdLib,
    ChunkReport,
    Color,
    JobReport,
    Ledger,
    LedgerLine,
    LineStatus,
    Mark,
    Media,
    QualityReport,
    Scene,
    Scenes,
    Segment,
    StepReport,
    Take,
    Transcript,
    Watermarks,
    Word,
)

__all__ = ["write_result_folder"]

HASH = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"


def write_result_folder(folder: Path, truth: dict[str, Any], film: Path | None = None) -> Path:
    """Every document, as good as the truth; key frames and a rendition only when the ``film`` is given."""
    folder.mkdir(parents=True, exist_ok=True)
    documents = {
        "media.json": _media(truth),
        "scenes.json": _scenes(truth),
        "transcript.json": _transcript(truth),
        "ledger.json": _ledger(truth),
        "watermarks.json": _watermarks(truth),
        "qc.json": _quality(),
        "job.json": _job(),
    }
    for name, document in documents.items():
        (folder / name).write_text(document.model_dump_json(indent=1))
    if film:
        _pictures(folder, film, documents["scenes.json"])
    return folder


def _media(truth: dict[str, Any]) -> Media:
    return Media(
        sha256=HASH,
        size_bytes=1,
        container="mp4",
        duration=truth["duration"],
        width=truth["width"],
        height=truth["height"],
        coded_width=truth["width"],
        coded_height=truth["height"],
        frame_rate=f"{truth['fps']}/1",
        frames=truth["n_frames"],
        video_codec="h264",
        color=Color(pixel_format="yuv420p"),
    )


def _scenes(truth: dict[str, Any]) -> Scenes:
    starts = [0, *(change["frame"] for change in truth["transitions"])]
    ends = [*starts[1:], truth["n_frames"]]
    fps = truth["fps"]
    return Scenes(
        scenes=tuple(
            Scene(
                index=index,
                start_frame=start,
                end_frame=end,
                start=start / fps,
                end=end / fps,
                transition="cut" if index else "start",
                score=0.98,
                keyframe=f"keyframes/{index:04}.jpg",
            )
            for index, (start, end) in enumerate(zip(starts, ends, strict=True))
        ),
        engine="transnetv2",
    )


def _transcript(truth: dict[str, Any]) -> Transcript:
    words: list[Word] = []
    segments = []
    for spoken in truth["speech"]["segments"]:
        texts = spoken["text"].split()
        step = (spoken["end"] - spoken["start"]) / len(texts)
        first = len(words)
        for index, text in enumerate(texts):
            start = spoken["start"] + index * step
            words.append(
                Word(text=text, start=start, end=start + step, probability=0.4 if text == "noisiest" else 0.97)
            )
        segments.append(
            Segment(
                text=spoken["text"],
                start=spoken["start"],
                end=spoken["end"],
                first_word=first,
                last_word=len(words) - 1,
            )
        )
    return Transcript(language="en", duration=truth["duration"], words=tuple(words), segments=tuple(segments))


def _ledger(truth: dict[str, Any]) -> Ledger:
    lines = [
        LedgerLine(line_id="H1", number=0, text="A TALE OF TWO CITIES", kind="heading"),
        LedgerLine(line_id="A1", number=0, text="[A reader at a table.]", kind="action"),
    ]
    for line in truth["speech"]["lines"]:
        takes = tuple(
            Take(
                start=take["start"],
                end=take["end"],
                chosen=take["take"] == line["best_take"],
                complete=take["complete"],
                score_text=0.95,
                spoken_text=take["spoken_text"],
            )
            for take in line["takes"]
        )
        lines.append(
            LedgerLine(
                line_id=line["id"],
                number=line["number"],
                text=line["text"],
                kind="dialogue",
                status=LineStatus(line["status"]),
                confidence=0.93,
                scene_ids=(0, 1),
                takes=takes,
            )
        )
    ad_libs = tuple(AdLib(start=s["start"], end=s["end"], text=s["text"]) for s in truth["speech"]["adlibs"])
    return Ledger(
        script_matches="yes", coverage=0.78, lines=tuple(lines), ad_libs=ad_libs, ad_lib_seconds=5.1, omitted_words=20
    )


def _watermarks(truth: dict[str, Any]) -> Watermarks:
    fps = truth["fps"]
    return Watermarks(
        marks=tuple(
            Mark(
                kind=mark["kind"],
                start=mark["start_frame"] / fps,
                end=mark["end_frame"] / fps,
                start_frame=mark["start_frame"],
                end_frame=mark["end_frame"],
                confidence=0.9,
                box=tuple(mark["box"]),
            )
            for mark in truth["watermarks"]
        )
    )


def _quality() -> QualityReport:
    return QualityReport(
        frames_in=50,
        frames_out=50,
        pts_equal=True,
        color_equal=True,
        av_drift_ms=0.4,
        width=1280,
        height=720,
        start_frame=325,
        end_frame=375,
        model="realesr-animevideov3",
        model_sha256=HASH,
        source_sha256=HASH,
        chunks=(ChunkReport(index=0, frames=50, machine="worker-1", attempts=1, seconds=17.2, sha256=HASH),),
        passed=True,
    )


def _job() -> JobReport:
    now = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    steps = ("ingest", "scenes", "watermarks", "transcript", "alignment", "upscale")
    return JobReport(
        id=UUID(int=1),
        video_id=UUID(int=2),
        state="succeeded",
        fraction=1,
        steps=tuple(
            StepReport.model_validate(
                {"step": step, "state": "succeeded", "fraction": 1, "seconds": 4.2, "engine": "e", "model_sha256": HASH}
            )
            for step in steps
        ),
        created_at=now,
        finished_at=now,
    )


def _pictures(folder: Path, film: Path, scenes: Any) -> None:
    (folder / "keyframes").mkdir(exist_ok=True)
    wanted = {(scene.start_frame + scene.end_frame) // 2: scene.keyframe for scene in scenes.scenes}
    with av.open(str(film)) as container, av.open(str(folder / "rendition.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for number, frame in enumerate(container.decode(video=0)):
            if number in wanted:
                Image.fromarray(frame.to_ndarray(format="rgb24")).save(folder / wanted[number])
            if 325 <= number < 375:
                out.mux(stream.encode(frame.reformat(1280, 720, interpolation="LANCZOS")))
        out.mux(stream.encode(None))


def truth_from(path: Path) -> dict[str, Any]:
    """The truth file beside a film."""
    truth: dict[str, Any] = json.loads(path.read_text())
    return truth
