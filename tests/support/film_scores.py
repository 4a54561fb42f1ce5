"""How good a film is beside the true large one: VMAF, PSNR and SSIM of its frames, and how steady they are.

A frame is its planes: luma, blue, red at 4:2:0, 8 bits.
"""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, Literal

import av
import cv2
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

__all__ = ["Frame", "Motion", "Scores", "enlarged", "motion_in", "read_frames", "score", "trembling", "unsteadiness"]

Array = NDArray[Any]
Frame = tuple[Array, Array, Array]
_MODELS = r"version=vmaf_v0.6.1\\:name=vmaf|version=vmaf_v0.6.1neg\\:name=vmaf_neg"
_ASTRAY = 1.0
"""Pixels by which going forth and back may miss; more means that the place was covered or uncovered."""


@dataclass(frozen=True)
class Scores:
    """Means over all frames; PSNR and SSIM are those of luma."""

    vmaf: float
    vmaf_neg: float
    """VMAF that gives nothing for contrast alone ("no enhancement gain")."""
    psnr_db: float
    ssim: float


def read_frames(path: Path, *, first: int = 0, count: int | None = None) -> list[av.VideoFrame]:
    """Frames of a film, as decoded."""
    with av.open(f"file:{path}") as container:
        return list(islice(container.decode(video=0), first, None if count is None else first + count))


def enlarged(
    frames: Sequence[av.VideoFrame], size: tuple[int, int], method: Literal["BICUBIC", "LANCZOS", "AREA"]
) -> list[Frame]:
    """Frames brought to a size by FFmpeg's scaler; those that have it stay as they are."""
    return [_planes(frame.reformat(*size, "yuv420p", interpolation=method)) for frame in frames]


def score(frames: Sequence[Frame], reference: Sequence[Frame]) -> Scores:
    """What libvmaf says."""
    if len(frames) != len(reference) or frames[0][0].shape != reference[0][0].shape:
        raise ValueError("a film can only be compared with one of its length and size")
    height, width = reference[0][0].shape
    raw = ["-f", "rawvideo", "-pixel_format", "yuv420p", "-video_size", f"{width}x{height}", "-framerate", "25"]
    with tempfile.TemporaryDirectory(prefix="scores-") as name:
        folder = Path(name)
        for file, film in (("film", frames), ("truth", reference)):
            (folder / file).write_bytes(b"".join(plane.tobytes() for frame in film for plane in frame))
        compared = f"libvmaf=model={_MODELS}:feature=name=psnr|name=float_ssim:log_fmt=json:log_path=log"
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error"]
        command += [*raw, "-i", "film", *raw, "-i", "truth", "-lavfi", compared, "-f", "null", "-"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
        pooled = json.loads((folder / "log").read_text())["pooled_metrics"]
    names = ("vmaf", "vmaf_neg", "psnr_y", "float_ssim")
    return Scores(*(float(pooled[metric]["mean"]) for metric in names))


@dataclass(frozen=True)
class Motion:
    """Where each pixel of a frame was in the frame before, and which pixels were to be seen there."""

    x: Array
    y: Array
    seen: Array


def motion_in(frames: Sequence[Frame]) -> list[Motion]:
    """How a film moves from each frame to the next (dense inverse search, Kroeger et al. 2016)."""
    search = partial(cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc, flow=None)
    height, width = frames[0][0].shape
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    motions = []
    for (before, *_), (after, *_) in pairwise(frames):
        back, forth = search(after, before), search(before, after)
        x, y = columns + back[..., 0], rows + back[..., 1]
        returned = np.stack([_looked_up(np.ascontiguousarray(forth[..., axis]), x, y) for axis in (0, 1)], axis=-1)
        inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
        motions.append(Motion(x, y, inside & (np.abs(back + returned).max(axis=-1) < _ASTRAY)))
    return motions


def unsteadiness(frames: Sequence[Frame], motion: Sequence[Motion]) -> float:
    """The warped error: how much luma changes along the motion, in code values (root of the mean square)."""
    squares = [
        np.square(after.astype(np.float32) - _looked_up(before.astype(np.float32), step.x, step.y))[step.seen].mean()
        for ((before, *_), (after, *_)), step in zip(pairwise(frames), motion, strict=True)
    ]
    return float(np.sqrt(np.mean(squares)))


def trembling(frames: Sequence[Frame], motion: Sequence[Motion]) -> float:
    """The warped error as pixels of trembling that would cause it: divided by how steep the picture is.

    A sharper picture has a larger warped error for the same error of motion; this one it does not make larger.
    """
    steep = [
        sum(float(np.square(np.diff(luma.astype(np.float32), axis=axis)).mean()) for axis in (0, 1))
        for luma, *_ in frames
    ]
    return unsteadiness(frames, motion) / float(np.sqrt(np.mean(steep)))


def _looked_up(plane: Array, x: Array, y: Array) -> Array:
    values: Array = cv2.remap(plane, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return values


def _planes(frame: av.VideoFrame) -> Frame:
    luma, blue, red = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width].copy()
        for plane in frame.planes
    )
    return luma, blue, red
