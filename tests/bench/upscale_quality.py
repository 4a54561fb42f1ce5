"""How good are the enlarged films? VMAF, PSNR, SSIM and steadiness beside bicubic and Lanczos.

Run it by ``make bench-upscale-quality``.

    python tests/bench/upscale_quality.py [--data FOLDER] [--frames 16] [--precision auto] [--save FOLDER]

Every low-resolution film of the evaluation data goes the whole way: decoded, enhanced, encoded with the default
settings, joined, decoded again. It is compared with the true large film; bicubic and Lanczos (FFmpeg's scaler, from the
same decoded frames, not encoded again) are the floor. ``NEG`` is VMAF that gives nothing for contrast alone.

``warped`` is the warped error: how much luma changes along the motion of the true film, in code values. What stands
still or only moves should not change at all; what flickers does. The source's is that of the source enlarged by
Lanczos, in the same places; the truth has one as well, since motion is estimated. It grows with sharpness, so that the
true film's would be larger than that of its blurred self: ``tremble px`` is it divided by how steep the picture is, the
pixels of trembling that would cause it.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.pop(0)  # in this folder a file is called upscale
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import av
import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from support.film_scores import Frame, Motion, enlarged, motion_in, read_frames, score, trembling, unsteadiness
from support.upscale_films import upscaled, workshop
from upscale.adapters.engines import enhancer_for
from upscale.adapters.weights import ANIME_VIDEO
from upscale.domain.plan import Encoding

COLUMNS = ("film", "made by", "VMAF", "NEG", "PSNR dB", "SSIM", "warped", "tremble px")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = Path(__file__).resolve().parents[3] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("MATCHCUT_DATA") or shared))
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--save", type=Path, help="keep one frame of each film here, as PNG")
    chosen = parser.parse_args()
    folder = chosen.data / "upscale"
    table = Table(*COLUMNS, title=f"{chosen.frames} frames of each film, {chosen.precision}")
    for clip in json.loads((folder / "upscale_a.truth.json").read_text())["clips"]:
        for low in clip["lr"]:
            made = films_of(folder, clip, low, frames=chosen.frames, precision=chosen.precision)
            for row in rows_of(made):
                table.add_row(low["file"].removesuffix(".mp4"), *row)
            table.add_section()
            if chosen.save:
                keep(chosen.save, low["file"], made)
    Console(width=110).print(table)


def films_of(folder: Path, clip: dict[str, Any], low: dict[str, Any], *, frames: int, precision: str) -> dict[str, Any]:
    """The same frames: true, by bicubic, by Lanczos, and made by us."""
    size = clip["width"], clip["height"]
    source = read_frames(folder / low["file"], count=frames)
    with tempfile.TemporaryDirectory(prefix="quality-") as name:
        engine = enhancer_for(ANIME_VIDEO.name, scale=low["factor"], workshop=workshop(Path(name), precision=precision))
        end = frames / clip["fps"] - 0.001
        film = upscaled(
            folder / low["file"], Path(name), enhancer=engine, scale=low["factor"], end=end, encoding=Encoding()
        )
        ours = enlarged(read_frames(film.path), size, "BICUBIC")
    return {
        "truth": enlarged(read_frames(folder / clip["hr"], count=frames), size, "BICUBIC"),
        "bicubic": enlarged(source, size, "BICUBIC"),
        "Lanczos (the source)": enlarged(source, size, "LANCZOS"),
        "Matchcut": ours,
    }


def rows_of(made: dict[str, list[Frame]]) -> list[list[str]]:
    """One row for each way of making it."""
    truth = made["truth"]
    motion = motion_in(truth)
    rows = [["truth", "", "", "", "", *steadiness(truth, motion)]]
    for name, frames in made.items():
        if name != "truth":
            got = score(frames, truth)
            values = f"{got.vmaf:.1f}", f"{got.vmaf_neg:.1f}", f"{got.psnr_db:.2f}", f"{got.ssim:.4f}"
            rows.append([name, *values, *steadiness(frames, motion)])
    return rows


def steadiness(frames: list[Frame], motion: list[Motion]) -> tuple[str, str]:
    """Warped error, in code values and in pixels."""
    return f"{unsteadiness(frames, motion):.2f}", f"{trembling(frames, motion):.3f}"


def keep(folder: Path, name: str, made: dict[str, list[Frame]]) -> None:
    """The frame in the middle, all ways side by side, luma and colours."""
    folder.mkdir(parents=True, exist_ok=True)
    for way, frames in made.items():
        luma, blue, red = frames[len(frames) // 2]
        packed = np.concatenate([luma.ravel(), blue.ravel(), red.ravel()]).reshape(-1, luma.shape[1])
        picture = av.VideoFrame.from_ndarray(packed, format="yuv420p").to_ndarray(format="bgr24")
        cv2.imwrite(str(folder / f"{Path(name).stem}-{way.split()[0].lower()}.png"), picture)


if __name__ == "__main__":
    main()
