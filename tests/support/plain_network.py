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


def sharpened(layers: Sequence[Layer], picture: Array) -> Array:
    """A uint8 picture made 4 times as large by the unshrunk network; float64 from 0 to 1."""
    source = picture.astype(np.float64) / 255
    channels = run_layers(layers, source)
    _, height, width = source.shape
    blocks = channels.reshape(3, 4, 4, height, width).transpose(0, 3, 1, 4, 2).reshape(3, 4 * height, 4 * width)
    enlarged: Array = np.clip(blocks + source.repeat(4, 1).repeat(4, 2), 0, 1)
    return enlarged
