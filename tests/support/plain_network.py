"""Real-ESRGAN's video network in plain numpy: slow, and nothing to be mistaken about."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upscale.adapters.ncnn import Layer, PReLU

Array = NDArray[Any]


def run_layers(layers: Sequence[Layer], picture: Array) -> Array:
    """``(3, height, width)`` through convolutions and activations, one after the other."""
    node = picture
    for layer in layers:
        if isinstance(layer, PReLU):
            node = np.where(node < 0, node * layer.slope.reshape(-1, 1, 1), node)
            continue
        framed = np.pad(node, ((0, 0), (1, 1), (1, 1)))
        height, width = node.shape[1:]
        node = layer.bias.reshape(-1, 1, 1) + sum(
            np.einsum("oc,chw->ohw", layer.weight[:, :, y, x], framed[:, y : y + height, x : x + width])
            for y in range(3)
            for x in range(3)
        )
    return node


def sharpened(layers: Sequence[Layer], picture: Array, *, scale: int) -> Array:
    """A uint8 picture made larger by the unshrunk network for 4, then shrunk to ``scale``; float64 from 0 to 1."""
    source = picture.astype(np.float64) / 255
    channels = run_layers(layers, source)
    _, height, width = source.shape
    blocks = channels.reshape(3, 4, 4, height, width).transpose(0, 3, 1, 4, 2).reshape(3, 4 * height, 4 * width)
    large = (blocks + source.repeat(4, 1).repeat(4, 2)).repeat(scale, 1).repeat(scale, 2)
    enlarged: Array = np.clip(large.reshape(3, scale * height, 4, scale * width, 4).mean(axis=(2, 4)), 0, 1)
    return enlarged


def tone_kept(source: Array, large: Array, *, scale: int, radius: int, detail: float) -> Array:
    """``large`` with the local means of ``source``, both float from 0 to 1, and a share of what is finer."""
    _, height, width = source.shape
    missing = source - large.reshape(3, height, scale, width, scale).mean(axis=(2, 4))
    mean = np.empty_like(missing)
    for y in range(height):
        for x in range(width):
            rows, columns = slice(max(0, y - radius), y + radius + 1), slice(max(0, x - radius), x + radius + 1)
            mean[:, y, x] = missing[:, rows, columns].mean(axis=(1, 2))
    wanted = mean + detail * (missing - mean)
    kept: Array = np.clip(large + _between(_between(wanted, scale, 1), scale, 2), 0, 1)
    return kept


def _between(values: Array, scale: int, axis: int) -> Array:
    """Linear interpolation at the centres of ``scale`` parts of every pixel."""
    size = values.shape[axis]
    at = np.clip((np.arange(size * scale) + 0.5) / scale - 0.5, 0, size - 1)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, size - 1)
    shape = [1, 1, 1]
    shape[axis] = -1
    share = (at - low).reshape(shape)
    mixed: Array = values.take(low, axis) * (1 - share) + values.take(high, axis) * share
    return mixed
