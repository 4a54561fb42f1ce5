"""Facts that the align service hears, and blobs it reads."""

from collections.abc import Sequence
from itertools import pairwise
from uuid import UUID

from chassis.testing import Harness
from contracts.documents import Scene, Scenes, Transcript, Word
from contracts.gateway import JobRequested, ScriptSubmitted
from contracts.ingest import VideoIngested
from contracts.steps import Step
from contracts.transcribe import TranscriptReady
from contracts.vision import ScenesDetected

__all__ = ["a_job", "a_script", "a_transcript", "a_video", "scenes_of", "words_of"]


def words_of(*said: str, pace_s: float = 0.3) -> tuple[Word, ...]:
    """Each text word by word at an even pace, with half a second between texts."""
    words: list[Word] = []
    clock = 0.5
    for text in said:
        for word in text.split():
            words.append(Word(text=word, start=clock, end=clock + pace_s - 0.05, probability=0.95))
            clock += pace_s
        clock += 0.5
    return tuple(words)


def a_job(video_id: UUID, script_id: UUID | None, *steps: Step, run: int = 1) -> JobRequested:
    """A job that wants a transcript and an alignment, or ``steps``."""
    return JobRequested(
        video_id=video_id, script_id=script_id, steps=steps or (Step.TRANSCRIPT, Step.ALIGNMENT), run=run
    )


async def a_script(service: Harness, script_id: UUID, text: str | bytes, name: str = "script.txt") -> ScriptSubmitted:
    """A script, its bytes stored where the fact says."""
    raw = text if isinstance(text, bytes) else text.encode()
    key = f"original/t/{script_id}"
    await service.blobs.put_bytes(key, raw)
    form = "fountain" if name.endswith(".fountain") else "text"
    return ScriptSubmitted(script_id=script_id, key=key, filename=name, format=form, sha256="0" * 64)


async def a_transcript(
    service: Harness, video_id: UUID, words: Sequence[Word], *, audio_key: str | None = None, run: int = 1
) -> TranscriptReady:
    """A transcript of these words, stored where the fact says."""
    document = Transcript(
        language="en", duration=(words[-1].end if words else 0.0) + 1, words=tuple(words), segments=()
    )
    key = f"derived/t/{video_id}/transcript-{run}/transcript.json"
    await service.blobs.put_bytes(key, document.model_dump_json().encode())
    return TranscriptReady(
        video_id=video_id, run=run, key=key, audio_key=audio_key, language="en", words=len(words), engine="test",
        model_sha256="0" * 64, seconds=0.1,
    )  # fmt: skip


async def scenes_of(service: Harness, video_id: UUID, *cuts: int, end: int, run: int = 1) -> ScenesDetected:
    """Shots at 25 frames a second that begin at frame 0 and at each of ``cuts``."""
    edges = [0, *cuts, end]
    shots = tuple(
        Scene(
            index=at, start_frame=a, end_frame=b, start=a / 25, end=b / 25,
            transition="cut" if at else "start", score=1.0,
        )
        for at, (a, b) in enumerate(pairwise(edges))
    )  # fmt: skip
    key = f"derived/t/{video_id}/scenes-{run}/scenes.json"
    await service.blobs.put_bytes(key, Scenes(scenes=shots).model_dump_json().encode())
    return ScenesDetected(video_id=video_id, run=run, key=key, scenes=len(shots), engine="test", seconds=0.1)


def a_video(video_id: UUID, *, frame_rate: str = "25/1") -> VideoIngested:
    """A video's measures."""
    return VideoIngested(
        video_id=video_id, sha256="0" * 64, original_key="original/x", media_key="derived/media.json", audio_key=None,
        proxy_key="derived/proxy.mp4", poster_key="derived/poster.jpg", duration_s=30.0, width=320, height=180,
        frames=750, frame_rate=frame_rate,
    )  # fmt: skip
