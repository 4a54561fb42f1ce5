"""One decoding pass over a film, for scenes, key frames and marks. Runs in the child process."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from chassis.child import progress
from chassis.models import ModelStore
from contracts.documents import Scene, Scenes
from contracts.steps import Step
from vision.adapters.film import Film, Picture
from vision.adapters.known_logos import logo_picture
from vision.adapters.marking import Reel, find_marks
from vision.adapters.samples import SampleStore
from vision.adapters.weights import TEXT_READER, TRANSNET
from vision.domain.pictures import Pictures, shrink
from vision.domain.shots import Shot, keyframe_of, shots_between
from vision.domain.steps import DECODED
from vision.ports import Eyes, Order, SceneDetector, Sight

__all__ = ["look"]

_SAMPLE_S = 0.2
_MOST_SAMPLES = 12_000
"""Six hours a sample every 1.8 s: half a gigabyte on disk."""
_MOST_JUMPS = 3_000
_KEYFRAME_QUALITY = 85


@dataclass
class _Pass:
    """What is kept of a film while it goes by."""

    samples: SampleStore
    jumps: SampleStore
    """Frames before and after every sudden change, in pairs."""
    times: list[float] = field(default_factory=list)
    tiny: list[NDArray[np.uint8]] = field(default_factory=list)
    displayed: tuple[int, int] = (0, 0)


def look(eyes: Eyes, original: Path, order: Order, folder: Path) -> Sight:
    """Look at the film once; key frames go to ``folder``. Raises UnreadableVideo, ModelUnavailable."""
    cv2.setNumThreads(eyes.threads)
    detector, digest = _detector(eyes, order)
    with (
        tempfile.TemporaryDirectory() as scratch,
        SampleStore(Path(scratch) / "samples") as samples,
        SampleStore(Path(scratch) / "jumps") as jumps,
    ):
        passed = _Pass(samples, jumps)
        _watch(eyes, original, order, detector, passed)
        times, end = np.array(passed.times), max(order.duration_s, passed.times[-1])
        shots = shots_between(detector.boundaries(Pictures.of(np.concatenate(passed.tiny))), times, end)
        progress(DECODED, f"{len(shots)} scenes")
        scenes, watermarks = None, None
        if Step.SCENES in order.steps:
            scenes = _document(shots, _write_keyframes(shots, passed, folder), detector.engine)
        if Step.WATERMARKS in order.steps:
            reel = Reel(samples, jumps, shots, times, end, passed.displayed)
            read = (logo_picture(logo.id, logo.name, logo.path) for logo in order.logos)
            logos = [picture for picture in read if picture is not None]
            share = 1 - DECODED
            watermarks = find_marks(eyes, reel, logos, lambda fraction: progress(DECODED + share * fraction, "marks"))
    return Sight(
        scenes=scenes,
        watermarks=watermarks,
        keyframes=tuple(scene.keyframe for scene in scenes.scenes if scene.keyframe) if scenes else (),
        scenes_model_sha256=digest,
        watermarks_model_sha256=TEXT_READER.sha256 if watermarks and watermarks.marks else None,
    )


def _detector(eyes: Eyes, order: Order) -> tuple[SceneDetector, str | None]:
    """The scene detector and its model's digest. Marks alone need no more than the fast one."""
    if order.detector == "fast" or Step.SCENES not in order.steps:
        from vision.adapters.adaptive import AdaptiveSceneDetector

        return AdaptiveSceneDetector(), None
    from vision.adapters.transnet import TransNetDetector

    weights = ModelStore(eyes.models_dir, eyes.cache_dir).ensure(TRANSNET) / TRANSNET.files[0].name
    return TransNetDetector(weights, threads=eyes.threads), TRANSNET.sha256


def _watch(eyes: Eyes, original: Path, order: Order, detector: SceneDetector, passed: _Pass) -> None:
    """Decode every frame once and keep what the rest needs."""
    film = Film(original, longest=eyes.longest)
    interval = max(_SAMPLE_S, order.duration_s / _MOST_SAMPLES)
    due, block, changes = 0.0, list[NDArray[np.uint8]](), [0.0]
    previous: Picture | None = None
    try:
        for picture in film.pictures():
            detector.see(picture.small)
            block.append(picture.small)
            passed.times.append(picture.time)
            if picture.time >= due - 1e-6:
                passed.samples.append(picture.number, film.still(picture.frame))
                due = max(due + interval, picture.time + 0.5 * interval)
            if previous is not None and _is_jump(previous, picture, changes) and len(passed.jumps) < 2 * _MOST_JUMPS:
                _keep(passed.jumps, film, (previous.number, previous.frame), (picture.number, picture.frame))
            if not passed.displayed[0]:
                passed.displayed = (order.width, order.height) if order.width else film.displayed(picture.frame)
            if len(block) == 256:
                passed.tiny.append(shrink(np.stack(block)))
                block.clear()
                progress(DECODED * min(1.0, picture.number / max(1, order.frames)), f"frame {picture.number}")
            previous = picture
    finally:
        film.close()
    if block:
        passed.tiny.append(shrink(np.stack(block)))


def _is_jump(previous: Picture, picture: Picture, changes: list[float]) -> bool:
    """Whether the picture changes much more than it did just before."""
    a, b = (item.small[::2, ::2].astype(np.int16) for item in (previous, picture))
    change = float(np.abs(a - b).mean())
    usual = median(changes)
    changes.append(change)
    del changes[:-9]
    return change >= 5 and change >= 2.5 * (usual + 1)


def _keep(jumps: SampleStore, film: Film, *frames: tuple[int, VideoFrame]) -> None:
    for number, frame in frames:
        jumps.append(number, film.still(frame))


def _write_keyframes(shots: list[Shot], passed: _Pass, folder: Path) -> list[str]:
    """A JPEG for each shot; returns their names."""
    stored = [(frame, passed.samples, place) for place, frame in enumerate(passed.samples.frames)]
    stored += [(frame, passed.jumps, place) for place, frame in enumerate(passed.jumps.frames)]
    stored.sort(key=lambda item: item[0])
    frames = [frame for frame, _, _ in stored]
    (folder / "keyframes").mkdir(parents=True, exist_ok=True)
    names = []
    for index, shot in enumerate(shots):
        _, store, place = stored[keyframe_of(shot, frames)]
        name = f"keyframes/{index:04d}.jpg"
        encoded = cv2.imencode(".jpg", store.still(place), [cv2.IMWRITE_JPEG_QUALITY, _KEYFRAME_QUALITY])[1]
        (folder / name).write_bytes(encoded.tobytes())
        names.append(name)
    return names


def _document(shots: list[Shot], keyframes: list[str], engine: str) -> Scenes:
    scenes = tuple(
        Scene(
            index=index,
            start_frame=shot.start_frame,
            end_frame=shot.end_frame,
            start=shot.start,
            end=shot.end,
            transition=shot.transition,
            score=round(shot.score, 3),
            keyframe=keyframe,
        )
        for index, (shot, keyframe) in enumerate(zip(shots, keyframes, strict=True))
    )
    return Scenes(scenes=scenes, engine=engine)
