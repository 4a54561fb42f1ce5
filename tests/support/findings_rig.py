"""What services say when a step of a job is done, with small documents stored where the facts say."""

from io import BytesIO
from typing import Any
from uuid import UUID

import httpx
from PIL import Image

from contracts.align import AlignmentReady, AlignmentRevised
from contracts.documents import (
    AdLib,
    Ledger,
    LedgerLine,
    LineStatus,
    QualityReport,
    Scene,
    Scenes,
    Take,
    TakeWord,
    Transcript,
    Watermarks,
)
from contracts.transcribe import TranscriptReady
from contracts.upscale import VideoUpscaled
from contracts.vision import ScenesDetected, WatermarksDetected
from support.gateway_rig import Gateway

__all__ = [
    "ALL_STEPS",
    "EXPORTS",
    "MOVIE",
    "a_ledger",
    "a_line",
    "a_picture",
    "a_take",
    "aligned",
    "everything_found",
    "revised",
]

ALL_STEPS = ("scenes", "watermarks", "transcript", "alignment", "upscale")
EXPORTS = {"srt": "script.srt", "vtt": "script.vtt", "otio": "timeline.otio"}
MOVIE = bytes(range(256)) * 10


def a_picture(format_: str = "PNG", size: tuple[int, int] = (32, 16), colour: str = "red") -> bytes:
    """A picture of one colour."""
    into = BytesIO()
    Image.new("RGB", size, colour).save(into, format_)
    return into.getvalue()


def a_take(text: str, start: float, *, chosen: bool = True, complete: bool = True) -> Take:
    """A take that says ``text`` at two words a second."""
    words = tuple(
        TakeWord(text=word, start=start + at / 2, end=start + at / 2 + 0.4, score=0.9, source="aligned")
        for at, word in enumerate(text.split())
    )
    return Take(
        start=start,
        end=words[-1].end,
        chosen=chosen,
        complete=complete,
        score_text=0.9,
        spoken_text=text,
        words=words,
    )


def a_line(number: int, text: str, *takes: Take, status: LineStatus | None = None) -> LedgerLine:
    """A spoken line."""
    known = status or (LineStatus.SPOKEN if takes else LineStatus.OMITTED)
    return LedgerLine(
        line_id=f"L{number:02d}", number=number, text=text, kind="dialogue", speaker="ANNA", status=known, takes=takes
    )


def a_ledger() -> Ledger:
    """One line spoken, one spoken twice, one left out; one ad-lib."""
    once, again = "Hello there.", "Come in, please."
    return Ledger(
        script_matches="yes",
        coverage=0.7,
        omitted_words=2,
        ad_lib_seconds=1.0,
        lines=(
            LedgerLine(line_id="H001", number=0, text="INT. KITCHEN - DAY", kind="heading"),
            a_line(1, once, a_take(once, 1.0)),
            a_line(2, again, a_take(again, 4.0, chosen=False), a_take(again, 8.0), status=LineStatus.REPEATED),
            a_line(3, "Good bye."),
        ),
        ad_libs=(AdLib(start=12.0, end=13.0, text="Sorry, once more."),),
        engine="test",
    )


def _scenes() -> Scenes:
    edges = ((0, 150), (150, 400))
    return Scenes(
        scenes=tuple(
            Scene(
                index=at, start_frame=a, end_frame=b, start=a / 25, end=b / 25, transition="cut" if at else "start",
                score=1.0, keyframe=f"keyframes/{at:04d}.jpg",
            )
            for at, (a, b) in enumerate(edges)
        ),
        engine="TransNetV2",
    )  # fmt: skip


async def everything_found(
    gateway: Gateway, client: httpx.AsyncClient, *, ledger: Ledger | None = None
) -> dict[str, Any]:
    """A job of all steps, all done."""
    video, script = await gateway.ingested(client), await gateway.script(client)
    job = await gateway.job(client, video["id"], ALL_STEPS, script_id=script["id"])
    blobs, folder, video_id = gateway.harness.blobs, f"derived/t/{job['id']}", UUID(video["id"])
    documents = {
        "scenes-1/scenes.json": _scenes(),
        "transcript-1/transcript.json": Transcript(language="en", duration=16, words=(), segments=(), engine="whisper"),
        "watermarks-1/watermarks.json": Watermarks(marks=(), engine="median"),
        "upscale-1/qc.json": _quality(),
    }
    for name, document in documents.items():
        await blobs.put_bytes(f"{folder}/{name}", document.model_dump_json().encode())
    for number in range(2):
        await blobs.put_bytes(f"{folder}/scenes-1/keyframes/{number:04d}.jpg", b"\xff\xd8" + bytes([number]))
    await blobs.put_bytes(f"{folder}/upscale-1/rendition.mp4", MOVIE)
    common: dict[str, Any] = {"video_id": video_id, "run": 1, "engine": "test", "seconds": 1.0}
    digest = "ab" * 32
    for fact in (
        ScenesDetected(**common, key=f"{folder}/scenes-1/scenes.json", scenes=2),
        TranscriptReady(
            **common, key=f"{folder}/transcript-1/transcript.json", audio_key=None, language="en", words=0,
            model_sha256=digest,
        ),
        WatermarksDetected(**common, key=f"{folder}/watermarks-1/watermarks.json", marks=0),
        VideoUpscaled(
            **common, rendition_key=f"{folder}/upscale-1/rendition.mp4", qc_key=f"{folder}/upscale-1/qc.json",
            width=2560, height=1440, frames=10, passed=True, model_sha256=digest,
        ),
    ):  # fmt: skip
        await gateway.hear(client, fact, subject=video["id"], job=job)
    await aligned(gateway, client, job, ledger or a_ledger())
    return job


async def aligned(
    gateway: Gateway, client: httpx.AsyncClient, job: dict[str, Any], ledger: Ledger, **more: Any
) -> AlignmentReady:
    """What align says when a ledger stands."""
    folder = f"derived/t/{job['id']}/alignment-1"
    await gateway.harness.blobs.put_bytes(f"{folder}/ledger.json", ledger.model_dump_json().encode())
    for format_, name in EXPORTS.items():
        await gateway.harness.blobs.put_bytes(f"{folder}/{name}", f"{format_} of the machine".encode())
    fact = AlignmentReady(
        video_id=UUID(job["video_id"]),
        script_id=UUID(job["script_id"]),
        run=1,
        key=f"{folder}/ledger.json",
        exports={format_: f"{folder}/{name}" for format_, name in EXPORTS.items()},
        script_matches=ledger.script_matches,
        coverage=ledger.coverage,
        lines=sum(line.number > 0 for line in ledger.lines),
        engine="test",
        seconds=1.0,
        **more,
    )
    await gateway.hear(client, fact, subject=job["video_id"], job=job)
    return fact


async def revised(gateway: Gateway, client: httpx.AsyncClient, job: dict[str, Any], revision: int) -> None:
    """What align says when corrections are written into the exports."""
    folder = f"derived/t/{job['id']}/alignment-1/revision-{revision}"
    await gateway.harness.blobs.put_bytes(f"{folder}/ledger.json", b"{}")
    for format_, name in EXPORTS.items():
        await gateway.harness.blobs.put_bytes(f"{folder}/{name}", f"{format_} at revision {revision}".encode())
    fact = AlignmentRevised(
        video_id=UUID(job["video_id"]),
        script_id=UUID(job["script_id"]),
        run=1,
        revision=revision,
        key=f"{folder}/ledger.json",
        exports={format_: f"{folder}/{name}" for format_, name in EXPORTS.items()},
    )
    await gateway.hear(client, fact, subject=job["video_id"], job=job)


def _quality() -> QualityReport:
    return QualityReport(
        frames_in=10,
        frames_out=10,
        pts_equal=True,
        color_equal=True,
        av_drift_ms=0.0,
        width=2560,
        height=1440,
        model="animevideov3",
        model_sha256="ab" * 32,
        source_sha256="cd" * 32,
        chunks=(),
        passed=True,
    )
