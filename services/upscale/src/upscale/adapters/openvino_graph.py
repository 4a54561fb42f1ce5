"""The network as an OpenVINO model for one size of picture: bytes in, bytes out."""

from typing import Any

import numpy as np
import openvino as ov
import openvino.opset13 as op
from numpy.typing import NDArray

from upscale.adapters.int8 import Integers, Rounded
from upscale.adapters.ncnn import PReLU
from upscale.adapters.srvgg import DETAIL, TONE_RADIUS, Network

__all__ = ["graph_of"]


def graph_of(network: Network, height: int, width: int, *, deep: bool, integers: Integers | None = None) -> Any:
    """``(1, 3, height, width)`` to ``(1, 3, height * scale, width * scale)``.

    uint8 both ways, or with ``deep`` float32 from 0 to 1. With ``integers`` the inner convolutions are marked for
    8-bit integers; the first and the last stay exact, since the picture itself passes through them.
    """
    source = op.parameter([1, 3, height, width], np.float32 if deep else np.uint8, name="picture")
    picture = source if deep else op.multiply(op.convert(source, np.float32), _number(1 / 255))
    parts = _convolved(picture, network, integers)
    sharp = op.clamp(op.add(parts, _everywhere(picture, _repeating(network.scale))), 0, 1)
    result = op.clamp(op.add(sharp, _tone(picture, sharp, network.scale)), 0, 1)
    if not deep:
        result = op.convert(op.round(op.multiply(result, _number(255)), "half_to_even"), np.uint8)
    return ov.Model([op.depth_to_space(result, "depth_first", network.scale)], [source])


def _convolved(picture: Any, network: Network, integers: Integers | None) -> Any:
    layers = network.layers if integers is None else integers.layers(network.layers)
    last = len(layers) - 1
    node = picture
    for place, layer in enumerate(layers):
        if isinstance(layer, PReLU):
            node = op.prelu(node, op.constant(layer.slope))
        elif integers is None or place in (0, last):
            node = convolution(node, layer.weight, layer.bias)
        else:
            rounded = integers.rounded[place]
            marked_node = marked(node, integers.ranges.limit(place))
            node = _biased(op.convolution(marked_node, _steps(rounded), *_PLAIN), rounded.bias)
    return node


_PLAIN = ([1, 1], [1, 1], [1, 1], [1, 1])


def convolution(node: Any, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> Any:
    """3x3, padded by 1."""
    return _biased(op.convolution(node, op.constant(weight), *_PLAIN), bias)


def _biased(node: Any, bias: NDArray[np.float32]) -> Any:
    return op.add(node, op.constant(bias.reshape(1, -1, 1, 1)))


def marked(node: Any, limit: float) -> Any:
    """Values as one of 256 steps around 0."""
    low, high = _number(-limit * 128 / 127), _number(limit)
    return op.fake_quantize(node, low, high, low, high, 256)


def _steps(layer: Rounded) -> Any:
    limit = (127 * layer.step).reshape(-1, 1, 1, 1)
    low, high = op.constant(-limit), op.constant(limit)
    return op.fake_quantize(op.constant(layer.convolution.weight), low, high, low, high, 255)


def _tone(picture: Any, sharp: Any, scale: int) -> Any:
    """What must be added so that the result stays the source's picture; see ``DETAIL``.

    ``sharp`` and what comes out are ``scale * scale`` channels for each of three, one for each part of a source pixel.
    """
    missing = op.subtract(picture, _everywhere(sharp, _averaging(scale)))
    reach, side = [TONE_RADIUS, TONE_RADIUS], 2 * TONE_RADIUS + 1
    mean = op.avg_pool(missing, [1, 1], reach, reach, [side, side], True)
    kept = op.add(op.multiply(mean, _number(1 - DETAIL)), op.multiply(missing, _number(DETAIL)))
    around = op.constant(np.array([0, 0, 1, 1]))
    return op.convolution(
        op.pad(kept, around, around, "edge"), op.constant(_enlarging(scale)), [1, 1], [0, 0], [0, 0], [1, 1]
    )


def _everywhere(node: Any, matrix: NDArray[np.float32]) -> Any:
    """Channels mixed, the same way in every pixel."""
    return op.convolution(node, op.constant(matrix[:, :, None, None]), [1, 1], [0, 0], [0, 0], [1, 1])


def _repeating(scale: int) -> NDArray[np.float32]:
    return np.kron(np.eye(3), np.ones((scale**2, 1))).astype(np.float32)


def _averaging(scale: int) -> NDArray[np.float32]:
    return (np.kron(np.eye(3), np.ones((1, scale**2))) / scale**2).astype(np.float32)


def _enlarging(scale: int) -> NDArray[np.float32]:
    """Linear interpolation at the centres of the parts of a pixel, from the 3x3 pixels around it."""
    centres = (np.arange(scale) + 0.5) / scale - 0.5
    along = np.clip(1 - np.abs(centres[:, None] - np.arange(-1, 2)), 0, 1)
    one = np.einsum("iy,jx->ijyx", along, along).reshape(scale**2, 1, 3, 3)
    return np.kron(np.eye(3)[:, :, None, None], one).astype(np.float32)


def _number(value: float) -> Any:
    return op.constant(np.float32(value))
