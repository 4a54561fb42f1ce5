"""Engines that follow a script: a few milliseconds each, valid documents, and trouble where the film says so.

A film of the chaos suite is a line of JSON that names its fate at each engine, and so is the first line of a script:
``{"film": 7, "ingest": "ok", "look": "flaky", "listen": "long", "upscale": "ok"}``. Fates:

``ok``        done, in the service's own process
``child``     done, in a real child process
``long``      done in a real child process that takes longer than a lease
``flaky``     every other call fails in a way that another try may cure
``moody``     every other call fails for good, with a typed reason
``hopeless``  every call fails for good, with a typed reason

This module is imported by the services and by their children, so it imports next to nothing; each function loads what
it needs.
"""

import hashlib
import json
import os
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from align.ports import Aligned, FilmOrder
    from contracts.documents import Media
    from ingest.ports import Order as IngestOrder
    from transcribe.domain.heard import Hearing
    from transcribe.domain.pieces import Piece
    from transcribe.ports import Ears
    from upscale.domain.plan import Plan
    from upscale.ports import Assembled, AssemblyOrder, ChunkMade, ChunkOrder, PlanOrder
    from vision.ports import Eyes, Order, Sight

__all__ = [
    "FATES",
    "TROUBLE",
    "TYPED",
    "ScriptedTrouble",
    "align",
    "assemble",
    "draw",
    "draws",
    "examine",
    "fate_of",
    "listen",
    "look",
    "make",
]

FATES = ("ok", "child", "long", "flaky", "moody", "hopeless")
TYPED = {
    "ingest": "no_video",
    "scenes": "unreadable_video",
    "watermarks": "unreadable_video",
    "transcript": "unreadable_audio",
    "alignment": "empty_script",
    "upscale": "unsupported_video",
}
"""The reason each step fails for at once if its film or script is moody or hopeless."""
TROUBLE = "scripted_trouble"
"""The reason any step fails for if its film or script was flaky once too often."""
draws = random.Random(os.environ.get("CHAOS_DRAWS", "chaos"))
"""Every start of every process draws its own."""
_LONG_S = float(os.environ.get("CHAOS_LONG_S", "5"))
_ENGINE = "scripted"


class ScriptedTrouble(RuntimeError):
    """What the script calls trouble that passes."""

    reason = TROUBLE


def fate_of(engine: str, args: tuple[Any, ...]) -> str:
    """What the film or script among the arguments says of an engine."""
    part = {"draw": "upscale", "make": "upscale", "assemble": "upscale"}.get(engine, engine)
    for arg in args:
        path = arg if isinstance(arg, Path) else getattr(arg, "source", None)
        if isinstance(path, Path):
            return _read(path.read_bytes()).get("ingest" if part == "examine" else part, "ok")
        if engine == "align":
            return _read(arg.script).get("align", "ok")
    return "ok"


def _read(content: bytes) -> dict[str, str]:
    line: dict[str, str] = json.loads(content.split(b"\n", 1)[0])
    return line


def _suffer(engine: str, args: tuple[Any, ...], hopeless: Exception) -> None:
    """Take the time, and raise the trouble, that the script asks for."""
    fate = fate_of(engine, args)
    if fate == "long":
        time.sleep(_LONG_S)
    luck = draws.random() < 0.5
    if fate == "flaky" and not luck:
        raise ScriptedTrouble("the script wants another try")
    if fate == "hopeless" or (fate == "moody" and not luck):
        raise hopeless


def examine(order: "IngestOrder") -> "Media":
    """For ingest."""
    from contracts.documents import AudioTrack, Color, Media
    from contracts.ingest import RejectionReason
    from ingest.domain.refusal import Refused

    _suffer("examine", (order,), Refused(RejectionReason.NO_VIDEO, "the script says so"))
    content = order.source.read_bytes()
    media = Media(
        sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content), container="json", duration=2.0,
        width=640, height=360, coded_width=640, coded_height=360, frame_rate="25/1", frames=50, video_codec="script",
        audio=(AudioTrack(index=1, codec="script", sample_rate=16000, channels=1),),
        color=Color(pixel_format="yuv420p"),
    )  # fmt: skip
    (order.folder / "media.json").write_text(media.model_dump_json())
    for name in ("audio.wav", "proxy.mp4", "poster.jpg"):
        (order.folder / name).write_bytes(content)
    (order.folder / "thumbnails.jpg").write_bytes(b"thumbnails")
    return media


def look(eyes: "Eyes", original: Path, order: "Order", folder: Path) -> "Sight":
    """For vision: two shots, one mark."""
    from contracts.documents import Mark, Scene, Scenes, Watermarks
    from contracts.steps import Step
    from vision.domain.failures import UnreadableVideo
    from vision.ports import Sight

    _suffer("look", (original,), UnreadableVideo("the script says so"))
    half = order.frames // 2
    shots = (
        Scene(index=0, start_frame=0, end_frame=half, start=0, end=1, transition="start", score=1, keyframe="0.jpg"),
        Scene(index=1, start_frame=half, end_frame=order.frames, start=1, end=2, transition="cut", score=1),
    )
    (folder / "0.jpg").write_bytes(b"a picture")
    mark = Mark(kind="logo", start=0, end=2, start_frame=0, end_frame=order.frames, confidence=0.9, box=(1, 2, 30, 40))
    scenes, marks = Step.SCENES in order.steps, Step.WATERMARKS in order.steps
    return Sight(
        scenes=Scenes(scenes=shots, engine=_ENGINE) if scenes else None,
        watermarks=Watermarks(marks=(mark,), engine=_ENGINE) if marks else None,
        keyframes=("0.jpg",) if scenes else (),
    )


def listen(ears: "Ears", model: str, audio: Path, language: str | None, piece: "Piece | None") -> "Hearing":
    """For transcribe: three words."""
    from transcribe.adapters.failures import UnreadableAudio
    from transcribe.domain.heard import Heard, HeardWord, Hearing, Passage

    _suffer("listen", (audio,), UnreadableAudio("the script says so"))
    words = tuple(HeardWord(text, at * 0.5, at * 0.5 + 0.4, 0.9) for at, text in enumerate(("what", "he", "said")))
    return Hearing(Heard((Passage(words),), language or "en", 1.0, 2.0), _ENGINE, "0" * 64)


def align(order: "FilmOrder") -> "Aligned":
    """For align: one line, spoken."""
    from align.domain.script import EmptyScript
    from align.ports import Aligned
    from contracts.documents import Ledger, LedgerLine, LineStatus, Take

    _suffer("align", (order,), EmptyScript("the script says so"))
    take = Take(start=0, end=1, chosen=True, complete=True, score_text=1)
    line = LedgerLine(
        line_id="l1", number=1, text="what he said", kind="dialogue", status=LineStatus.SPOKEN, takes=(take,)
    )
    ledger = Ledger(script_matches="yes", coverage=1.0, lines=(line,), engine=_ENGINE)
    return Aligned(ledger, {"srt": ("lines.srt", b"1\n"), "vtt": ("lines.vtt", b"WEBVTT\n")}, "0" * 64)


def draw(order: "PlanOrder") -> "Plan":
    """For upscale: three frames in two chunks."""
    from support.upscale_plans import a_plan

    _suffer("draw", (order,), _unsupported())
    return a_plan(source_sha256=order.source_sha256, encoding=order.encoding)


def make(order: "ChunkOrder") -> "ChunkMade":
    """For upscale: one chunk."""
    from upscale.ports import ChunkMade

    _suffer("make", (order,), _unsupported())
    content = f"chunk {order.index}".encode()
    order.target.write_bytes(content)
    frames = order.plan.chunks[order.index].frames
    return ChunkMade(frames, hashlib.sha256(content).hexdigest(), _ENGINE, "nowhere", 0.01)


def assemble(order: "AssemblyOrder") -> "Assembled":
    """For upscale: the rendition."""
    from contracts.documents import QualityReport
    from upscale.ports import Assembled

    _suffer("assemble", (order,), _unsupported())
    order.target.write_bytes(b"".join(path.read_bytes() for path, _ in order.chunks))
    plan = order.plan
    width, height = plan.size
    report = QualityReport(
        frames_in=plan.frames, frames_out=plan.frames, pts_equal=True, color_equal=True, av_drift_ms=0,
        width=width, height=height, model=plan.model, model_sha256=plan.model_sha256,
        source_sha256=plan.source_sha256, chunks=tuple(report for _, report in order.chunks), passed=True,
    )  # fmt: skip
    return Assembled(report, 0.01)


def _unsupported() -> Exception:
    from upscale.domain.refusals import UnsupportedVideo

    return UnsupportedVideo("the script says so")
