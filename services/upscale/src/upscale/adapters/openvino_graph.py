"""The network as an OpenVINO model for one size of picture: bytes in, bytes out."""

from typing import Any

import numpy as np
import openvino as ov
import openvino.opset13 as op

from upscale.adapters.int8 import Ranges, equalized
from upscale.adapters.ncnn import Convolution, PReLU
from upscale.adapters.srvgg import TONE_RADIUS, Network

__all__ = ["graph_of"]


def graph_of(network: Network, height: int, width: int, *, deep: bool, ranges: Ranges | None = None) -> Any:
    """``(1, 3, height, width)`` to ``(1, 3, height * scale, width * scale)``.

    uint8 both ways, or with ``deep`` float32 from 0 to 1. With ``ranges`` the inner convolutions are marked for
    8-bit integers; the first and the last stay exact, since the picture itself passes through them.
    """
    source = op.parameter([1, 3, height, width], np.float32 if deep else np.uint8, name="picture")
    picture = source if deep else op.multiply(op.convert(source, np.float32), _number(1 / 255))
    sharp = op.depth_to_space(_convolved(picture, network, ranges), "depth_first", network.scale)
    result = op.clamp(op.add(sharp, _repeated(picture, network.scale)), 0, 1)
    result = op.clamp(op.add(result, _tone(picture, result, network.scale)), 0, 1)
    if not deep:
        result = op.convert(op.round(op.multiply(result, _number(255)), "half_to_even"), np.uint8)
    return ov.Model([result], [source])


def _convolved(picture: Any, network: Network, ranges: Ranges | None) -> Any:
    layers = network.layers if ranges is None else equalized(network.layers, ranges)
    last = len(layers) - 1
    node = picture
    for place, layer in enumerate(layers):
        if isinstance(layer, PReLU):
            node = op.prelu(node, op.constant(layer.slope))
        elif ranges is None or place in (0, last):
            node = _convolution(node, op.constant(layer.weight), layer)
        else:
            node = _convolution(_marked(node, ranges.limit(place)), _marked_weight(layer), layer)
    return node


def _convolution(node: Any, weight: Any, layer: Convolution) -> Any:
    convolved = op.convolution(node, weight, [1, 1], [1, 1], [1, 1], [1, 1])
    return op.add(convolved, op.constant(layer.bias.reshape(1, -1, 1, 1)))


def _marked(node: Any, limit: float) -> Any:
    """Values as one of 256 steps around 0."""
    low, high = _number(-limit * 128 / 127), _number(limit)
    return op.fake_quantize(node, low, high, low, high, 256)


def _marked_weight(layer: Convolution) -> Any:
    limit = np.abs(layer.weight).max(axis=(1, 2, 3), keepdims=True)
    low, high = op.constant(-limit), op.constant(limit)
    return op.fake_quantize(op.constant(layer.weight), low, high, low, high, 255)


def _tone(picture: Any, result: Any, scale: int) -> Any:
    """What must be added so that the result keeps the source's local means; see ``TONE_RADIUS``."""
    shrunk = op.avg_pool(result, [scale, scale], [0, 0], [0, 0], [scale, scale], True)
    reach, side = [TONE_RADIUS, TONE_RADIUS], 2 * TONE_RADIUS + 1
    missing = op.avg_pool(op.subtract(picture, shrunk), [1, 1], reach, reach, [side, side], True)
    return _enlarged(missing, scale, "linear_onnx", coordinate_transformation_mode="half_pixel")


def _repeated(picture: Any, scale: int) -> Any:
    return _enlarged(picture, scale, "nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")


def _enlarged(node: Any, scale: int, mode: str, **options: str) -> Any:
    factors, axes = op.constant(np.array([scale, scale], np.float32)), op.constant(np.array([2, 3], np.int64))
    return op.interpolate(node, factors, mode, "scales", axes=axes, **options)


def _number(value: float) -> Any:
    return op.constant(np.float32(value))
